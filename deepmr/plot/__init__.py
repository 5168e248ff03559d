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
