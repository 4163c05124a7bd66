"""Claims: what a theory says about SGD, put to the test, with a verdict.

`Claim`
    Base class; one subclass per file of ``validation/<paper>/`` is one claim.
`Comparison`
    One number the theory predicts, with its margin, the values of rival theories and of the
    control, and how it is measured.
`Data`
    Results of the tasks of a claim, by label.
`Verdict`, `judge`, `pull`, `worst`, `critical_value`
    The rule by which a measurement decides.
`find_claims`, `find_claim`, `claim_folders`
    The claims there are.
`describe`, `write_template`, `run_command`
    What a claim says, as data; a commented template of a new one, and the command that runs it.
`plan`, `run`, `judge_stored`
    Check a claim and ask for its tasks; compute what is missing and judge; judge what is stored,
    computing nothing.
`Judgement`
    The outcome for one claim.
`write_report`, `summary`, `pull_in_words`
    One HTML page, the same as Markdown, figures and their data; how many claims came out how; a
    pull as tables show it.
"""

from langevin_sgd.claims.authoring import describe as describe
from langevin_sgd.claims.authoring import run_command as run_command
from langevin_sgd.claims.authoring import write_template as write_template
from langevin_sgd.claims.claim import Claim as Claim
from langevin_sgd.claims.comparison import Comparison as Comparison
from langevin_sgd.claims.comparison import Data as Data
from langevin_sgd.claims.discovery import claim_folders as claim_folders
from langevin_sgd.claims.discovery import find_claim as find_claim
from langevin_sgd.claims.discovery import find_claims as find_claims
from langevin_sgd.claims.judgement import Judgement as Judgement
from langevin_sgd.claims.report import pull_in_words as pull_in_words
from langevin_sgd.claims.report import summary as summary
from langevin_sgd.claims.report import write_report as write_report
from langevin_sgd.claims.runner import judge_stored as judge_stored
from langevin_sgd.claims.runner import plan as plan
from langevin_sgd.claims.runner import run as run
from langevin_sgd.claims.verdict import Verdict as Verdict
from langevin_sgd.claims.verdict import critical_value as critical_value
from langevin_sgd.claims.verdict import judge as judge
from langevin_sgd.claims.verdict import pull as pull
from langevin_sgd.claims.verdict import worst as worst
