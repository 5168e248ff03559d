"""Radial (Galbraith) plot: each locus's z-score against its precision."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.meta import MetaAnalysisResult
from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["radial"]


@style()
def radial(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw z-scores against precisions: a locus's effect is the slope from the origin.

    Variances include the result's tau2; under its model 95 % of the loci lie in the band around
    the pooled slope, at every precision.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect.
        result: Pooled effect, without batch axes.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If ``result`` has batch axes, or there is no locus to draw.

    References:
        Galbraith 1988, doi:10.1002/sim.4780070807.
    """
    kept = np.isfinite(value) & np.isfinite(se) & (se > 0)
    if result.pooled.value.ndim or not kept.any():
        raise ValueError(
            f"radial draws one pooled effect over at least 1 locus, got a batch of shape "
            f"{result.pooled.value.shape} over {int(kept.sum())}"
        )
    ax = new_axes(ax, width=5.4, height=4.2)
    tau2 = float(np.nan_to_num(result.tau2))
    spread = np.sqrt(se[kept] ** 2 + tau2)
    x, y = 1.0 / spread, value[kept] / spread
    centre = float(result.pooled.value)
    right = 1.08 * float(np.max(x))
    ramp = np.array([0.0, right])
    ax.fill_between(ramp, centre * ramp - 1.96, centre * ramp + 1.96, color="#e8ebef", linewidth=0)
    low, high = (float(end) for end in result.pooled.interval())
    if np.isfinite(low) and np.isfinite(high):
        ax.fill_between(ramp, low * ramp, high * ramp, color=COLOURS[1], alpha=0.25, linewidth=0)
    ax.plot(ramp, centre * ramp, color=COLOURS[1], linewidth=1.3)
    ax.axhline(0.0, color=INK, linewidth=0.6)
    many = len(x) > 300
    size, alpha = (5, float(np.clip(600 / len(x), 0.15, 0.6))) if many else (18, 0.8)
    ax.scatter(x, y, s=size, alpha=alpha, color=INK, linewidth=0, rasterized=many, zorder=3)
    inside = np.mean(np.abs(y - centre * x) <= 1.96)
    ax.set_xlim(0.0, right)
    ax.set_xlabel("Precision, 1 / √(se² + τ²)" if tau2 > 0 else "Precision, 1 / se")
    ax.set_ylabel("Slope times precision")
    ax.set_title(
        f"{100 * inside:.0f} % of {len(x):,} loci in the 95 % band around slope {centre:.3g}",
        fontsize=8.5,
        fontweight="normal",
    )
    ax.tick_params(color=FADED)
    return ax
