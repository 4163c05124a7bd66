"""Claims: what a theory says about SGD, put to the test, with a verdict.

`Claim`
    Base class; one subclass per file of ``validation/<paper>/`` is one claim.
`Comparison`
    One number the theory predicts, with its margin, the values of rival theories and of the
    control, and how it is measured.
`Data`
    Results of the tasks of a claim, by label.
`find_claims`, `find_claim`
    The claims there are.
`run`, `judge_stored`
    Compute what is missing and judge; judge what is stored, computing nothing.
`Judgement`, `Verdict`
    The outcome for one claim, and for one of its comparisons.
`write_report`
    One HTML page, the same as Markdown, figures and their data.

Inside: ``verdict`` has the rule by which a measurement decides, ``judgement`` what follows for a
claim, ``runner`` the way from tasks to outcomes. ``discovery`` finds the files of claims,
``authoring`` writes a template of a new one and says what a claim says, as data.
"""

from langevin_sgd.claims.claim import Claim as Claim
from langevin_sgd.claims.comparison import Comparison as Comparison
from langevin_sgd.claims.comparison import Data as Data
from langevin_sgd.claims.discovery import find_claim as find_claim
from langevin_sgd.claims.discovery import find_claims as find_claims
from langevin_sgd.claims.judgement import Judgement as Judgement
from langevin_sgd.claims.report import write_report as write_report
from langevin_sgd.claims.runner import judge_stored as judge_stored
from langevin_sgd.claims.runner import run as run
from langevin_sgd.claims.verdict import Verdict as Verdict
