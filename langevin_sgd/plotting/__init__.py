"""Figures from plain series of numbers; computes nothing and knows no physics.

`Series`
    One curve or set of points: measurement, theory, rival or guide.
`log_log`, `log_x`, `log_y`, `theory_and_runs`
    Panels on logarithmic axes; series of several cases, each named once.
`Map`
    Numbers over a plane as colours, behind the series of a panel.
`Panel`
    One set of axes with its series and map, labels and scales.
`draw`
    Panels to a Matplotlib figure.
`save`
    A figure to a file, its kind by the suffix: one of ``figure.FORMATS``.
`to_svg`
    A figure as SVG text, the same bytes every time.

``table`` has text in columns, for a terminal and for a notebook; ``panel`` writes the numbers of
panels as CSV.
"""

from langevin_sgd.plotting.figure import draw as draw
from langevin_sgd.plotting.figure import save as save
from langevin_sgd.plotting.figure import to_svg as to_svg
from langevin_sgd.plotting.panel import Map as Map
from langevin_sgd.plotting.panel import Panel as Panel
from langevin_sgd.plotting.panel import Series as Series
from langevin_sgd.plotting.standard import log_log as log_log
from langevin_sgd.plotting.standard import log_x as log_x
from langevin_sgd.plotting.standard import log_y as log_y
from langevin_sgd.plotting.standard import theory_and_runs as theory_and_runs
