"""Figures: each a function that takes a result and returns its axes."""

from deepmr.plot.directions import directions
from deepmr.plot.effect_map import busiest_window, effect_grid, effect_map
from deepmr.plot.forest import forest
from deepmr.plot.learning_curve import learning_curve
from deepmr.plot.reliability import reliability
from deepmr.plot.scatter import mr_scatter
from deepmr.plot.style import style, to_png, to_svg
from deepmr.plot.truth import true_versus_estimated

__all__ = [
    "busiest_window",
    "directions",
    "effect_grid",
    "effect_map",
    "forest",
    "learning_curve",
    "mr_scatter",
    "reliability",
    "style",
    "to_png",
    "to_svg",
    "true_versus_estimated",
]
