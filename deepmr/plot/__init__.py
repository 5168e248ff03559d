"""Figures: each a function that takes a result and returns its matplotlib axes.

Example:
    The pooled effect over loci, in the ways of a meta-analysis:

    >>> import numpy as np
    >>> from deepmr.meta import random_effects, trim_and_fill
    >>> value = np.array([0.42, 0.55, 0.31, 0.78, 0.40, 0.61, 0.93, 0.20])
    >>> se = np.array([0.10, 0.08, 0.12, 0.20, 0.06, 0.15, 0.25, 0.09])
    >>> pooled = random_effects(value, se)
    >>> axes = [draw(value, se, pooled) for draw in (forest, funnel, radial, baujat, prediction)]
    >>> axes[2].get_xlabel()
    'Precision, 1 / √(se² + τ²)'
    >>> to_png(axes[0])[1:4], to_svg(axes[1])[:5]
    (b'PNG', b'<?xml')

    Both directions, from the columns of ``meta.parquet``, and many pairs at once:

    >>> columns = {
    ...     "exposure": ["X", "Y"], "outcome": ["Y", "X"], "method": ["slope"] * 2,
    ...     "pooling": ["random_effects"] * 2, "value": [0.5, 0.1], "ci_lower": [0.4, -0.1],
    ...     "ci_upper": [0.6, 0.3], "prediction_lower": [0.2, -0.4],
    ...     "prediction_upper": [0.8, 0.6], "true_value": [0.5, np.nan],
    ... }
    >>> meta = {name: np.array(column) for name, column in columns.items()}
    >>> bars = directions(meta, exposure="X", outcome="Y")
    >>> slopes = np.array([[np.nan, 0.5], [0.1, np.nan]])
    >>> matrix = effect_matrix(
    ...     slopes, [["", "forward"], ["reverse", ""]], exposures=["X", "Y"], outcomes=["X", "Y"]
    ... )
    >>> import networkx
    >>> graph = networkx.DiGraph()
    >>> graph.add_edge("X", "Y", effect=0.5, kind="direct", caveats=())
    >>> arrows = causal_graph(graph)

    Effects along a locus:

    >>> from deepmr.effects import MemberEffects
    >>> at = np.repeat(np.arange(20), 3)
    >>> ref = at % 4
    >>> alt = (ref + 1 + np.arange(60) % 3) % 4
    >>> value = np.where((at > 4) & (at < 11), -1.0, 0.0) + np.zeros((2, 2, 60))
    >>> effects = MemberEffects(value=value, tasks=("X", "Y"), offset=at, ref=ref, alt=alt,
    ...                         mask=at >= 0)
    >>> effect_grid(effects, "X").shape, busiest_window(effects, ["X"], width=6)
    ((4, 20), (5, 11))
    >>> len(effect_map(effects, ["X", "Y"]))
    2

    Checks of a training, a calibrator and, in simulations, of slopes:

    >>> from deepmr.calibration import reliability_curve
    >>> from deepmr.estimate import Estimate
    >>> curve = reliability_curve(np.linspace(0.05, 0.95, 200), np.arange(200) % 3 % 2 * 1.0)
    >>> of_task = reliability({"raw": curve}, task="X")
    >>> slopes = Estimate(value=np.linspace(0, 1, 8), se=se)
    >>> of_slopes = true_versus_estimated(slopes, np.linspace(0.1, 0.9, 8))
    >>> metrics = {
    ...     "metric": np.array(["loss"] * 4), "epoch": np.array([0, 1, 0, 1]),
    ...     "task": np.array([None] * 4), "member": np.array([0, 0, 0, 0]),
    ...     "split": np.array(["train", "train", "validation", "validation"]),
    ...     "value": np.array([1.0, 0.5, 1.1, 0.8]),
    ... }
    >>> learning_curve(metrics).get_ylabel()
    'Loss'
"""

from deepmr.plot.baujat import baujat
from deepmr.plot.directions import directions
from deepmr.plot.dose_response import dose_response
from deepmr.plot.effect_map import busiest_window, effect_grid, effect_map
from deepmr.plot.forest import forest
from deepmr.plot.funnel import funnel
from deepmr.plot.graph import causal_graph
from deepmr.plot.learning_curve import learning_curve
from deepmr.plot.leave_one_out import leave_one_out
from deepmr.plot.locus_response import locus_response
from deepmr.plot.locus_tracks import MotifSite, locus_tracks
from deepmr.plot.matrix import effect_matrix, task_order
from deepmr.plot.prediction import prediction
from deepmr.plot.radial import radial
from deepmr.plot.reliability import reliability
from deepmr.plot.scatter import mr_scatter
from deepmr.plot.sequence_logo import base_contributions, sequence_logo
from deepmr.plot.style import style, to_png, to_svg
from deepmr.plot.threshold import threshold_curve
from deepmr.plot.truth import true_versus_estimated

__all__ = [
    "MotifSite",
    "base_contributions",
    "baujat",
    "busiest_window",
    "causal_graph",
    "directions",
    "dose_response",
    "effect_grid",
    "effect_map",
    "effect_matrix",
    "forest",
    "funnel",
    "learning_curve",
    "leave_one_out",
    "locus_response",
    "locus_tracks",
    "mr_scatter",
    "prediction",
    "radial",
    "reliability",
    "sequence_logo",
    "style",
    "task_order",
    "threshold_curve",
    "to_png",
    "to_svg",
    "true_versus_estimated",
]
