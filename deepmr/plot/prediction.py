"""Predictive density of the effect at another locus, with the estimated local effects."""

from __future__ import annotations

import numpy as np
import scipy
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.meta import MetaAnalysisResult
from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["prediction"]


@style()
def prediction(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the predictive density of the true effect at another locus over the local effects.

    The histogram (ticks, below 15 loci) shows estimates, errors included, and is wider than the
    density of true effects where errors are large. The dark part of the density is the 95 %
    prediction interval; the bar under it is the pooled effect's confidence interval.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect; a locus without one is not drawn.
        result: Pooled effect with its prediction, without batch axes.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If ``result`` has batch axes or no prediction.
    """
    estimate = result.prediction
    if estimate.value.ndim or not np.isfinite(estimate.se):
        raise ValueError(
            "prediction draws one pooling that predicts, got a batch of shape "
            f"{estimate.value.shape} or a method without prediction ({result.method})"
        )
    ax = new_axes(ax, width=5.6, height=3.6)
    x = value[np.isfinite(value) & np.isfinite(se)]
    low, high = (float(end) for end in estimate.interval())
    centre, spread = float(estimate.value), max(float(estimate.se), 1e-300)
    df = float(estimate.df)
    law = scipy.stats.norm if np.isinf(df) else scipy.stats.t(df)
    left, right = _limits(x, low, high)
    grid = np.linspace(left, right, 600)
    density = law.pdf((grid - centre) / spread) / spread
    top = float(np.max(density))
    if len(x) >= 15:
        bins = int(np.clip(2 * len(x) ** (1 / 3), 8, 60))
        counts, edges = np.histogram(x, bins=bins, range=(left, right), density=True)
        ax.stairs(counts, edges, fill=True, color=FADED, alpha=0.45)
        top = max(top, float(np.max(counts)))
    else:
        ax.plot(x, np.full(len(x), -0.03 * top), "|", color=INK, markersize=9)
    ax.plot(grid, density, color=COLOURS[0])
    inside = (grid >= low) & (grid <= high)
    ax.fill_between(grid, density, where=inside, color=COLOURS[0], alpha=0.3, linewidth=0)
    ci = [float(end) for end in result.pooled.interval()]
    ax.plot(ci, [-0.08 * top] * 2, "-", color=COLOURS[1], linewidth=3, solid_capstyle="butt")
    ax.plot([float(result.pooled.value)], [-0.08 * top], "D", color=COLOURS[1], markersize=4)
    ax.axvline(0.0, color=INK, linewidth=0.6)
    below = float(law.cdf(-centre / spread))
    ax.set_xlim(left, right)
    ax.set_ylim(-0.14 * top, 1.06 * top)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("Slope")
    ax.set_title(
        f"95 % prediction interval {low:.3g} to {high:.3g}; below 0 with probability {below:.2g}",
        fontsize=8.5,
        fontweight="normal",
    )
    return ax


def _limits(x: Float64[np.ndarray, " locus"], low: float, high: float) -> tuple[float, float]:
    """Return an axis that holds the prediction interval and nearly all effects."""
    ends = [low, high, 0.0]
    if len(x):
        tail = 0.005 if len(x) > 100 else 0.0
        ends += [float(np.quantile(x, tail)), float(np.quantile(x, 1 - tail))]
    pad = 0.08 * max(max(ends) - min(ends), 1e-12)
    return min(ends) - pad, max(ends) + pad
