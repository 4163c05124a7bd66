"""Claims: what a theory says about SGD, put to the test, with a verdict.

`Claim`
    Base class; one subclass per file of ``validation/<paper>/`` is one claim.
`Comparison`
    One number the theory predicts, with its margin, the values of rival theories and of the
    control, and how it is measured.
`Data`
    Results of the tasks of a claim, by label.

This is what the file of a claim needs; the command ``langevin-sgd claims`` finds, runs and reports
them. Inside: ``discovery`` finds the files of claims, ``runner`` is the way from tasks to outcomes:
it computes what is missing and judges, or judges what is stored. ``verdict`` has the rule by which
a measurement decides, ``tolerance`` what it would have noticed, ``controls`` what must not pass,
``judgement`` what follows for a claim. ``criteria`` freezes what is judged by, ``history`` keeps
versions and outcomes, ``coverage`` what the papers say. ``report`` writes one HTML page, the
same as Markdown, figures and their data. ``authoring`` writes a template of a new claim and says
what a claim says, as data.
"""

from langevin_sgd.claims.claim import Claim as Claim
from langevin_sgd.claims.comparison import Comparison as Comparison
from langevin_sgd.claims.comparison import Data as Data
