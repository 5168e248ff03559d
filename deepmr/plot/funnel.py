"""Funnel plot: effects against their standard errors, with contours of significance."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.distributions import normal_quantile
from deepmr.meta import MetaAnalysisResult
from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["funnel"]

_CONTOURS = ((0.90, 0.95, "#e8ebef"), (0.95, 0.99, "#d5dae1"))


@style()
def funnel(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult,
    *,
    filled: Float64[np.ndarray, "2 added"] | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw effects against standard errors, precise loci on top.

    Without heterogeneity 95 % of the loci lie between the dashed lines around the pooled effect;
    with it, between the dotted ones. Shaded contours are p-values of single loci between .10 and
    .05, and between .05 and .01: a concentration there suggests selection by p-value.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect.
        result: Pooled effect, without batch axes.
        filled: Effects and standard errors that trim-and-fill added, drawn as open circles; none by
            default.
        unit: Unit of the slopes; none by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If ``result`` has batch axes, or there is no locus to draw.

    References:
        Peters et al. 2008, doi:10.1016/j.jclinepi.2007.11.010 (contour-enhanced funnel plots).
    """
    kept = np.isfinite(value) & np.isfinite(se)
    if result.pooled.value.ndim or not kept.any():
        raise ValueError(
            f"funnel draws one pooled effect over at least 1 locus, got a batch of shape "
            f"{result.pooled.value.shape} over {int(kept.sum())}"
        )
    ax = new_axes(ax, width=5.4, height=4.4)
    x, y = value[kept], se[kept]
    centre, tau2 = float(result.pooled.value), float(np.nan_to_num(result.tau2))
    many = len(x) > 300
    errors = y if filled is None else np.append(y, filled[1])
    bottom = 1.06 * float(np.quantile(errors, 0.995) if many else np.max(errors))
    _background(ax, centre, tau2, bottom)
    size, alpha = (5, float(np.clip(600 / len(x), 0.15, 0.6))) if many else (18, 0.75)
    ax.scatter(x, y, s=size, alpha=alpha, color=INK, linewidth=0, rasterized=many, zorder=3)
    if filled is not None:
        ax.scatter(*filled, s=max(size, 9), facecolor="none", edgecolor=COLOURS[1], zorder=3)
    everything = np.r_[x, centre, 0.0, [] if filled is None else filled[0]]
    low, high = np.min(everything), np.max(everything)
    if many:
        low, high = np.quantile(x, [0.002, 0.998])
        low, high = min(low, centre, 0.0), max(high, centre, 0.0)
    reach = normal_quantile(0.975) * np.sqrt(np.median(y) ** 2 + tau2)
    low, high = min(low, centre - reach), max(high, centre + reach)
    pad = 0.06 * max(high - low, 1e-12)
    ax.set_xlim(low - pad, high + pad)
    ax.set_ylim(bottom, 0.0)
    ax.set_xlabel("Slope" + (f" ({unit})" if unit else ""))
    ax.set_ylabel("Standard error of the slope")
    outside = int(np.sum((x < low - pad) | (x > high + pad) | (y > bottom)))
    note = f", {outside:,} beyond the axes" if outside else ""
    ax.set_title(
        f"{len(x):,} loci{note}; shaded: p of a locus from .10 to .05 to .01",
        fontsize=8.5,
        fontweight="normal",
        color=INK,
    )
    ax.tick_params(color=FADED)
    return ax


def _background(ax: Axes, centre: float, tau2: float, bottom: float) -> None:
    """Draw the contours of significance, the funnel with and without tau2, and the mean."""
    depth = np.linspace(0.0, bottom, 200)
    for inner, outer, colour in _CONTOURS:
        near, far = (normal_quantile(0.5 + level / 2) * depth for level in (inner, outer))
        for sign in (-1, 1):
            ax.fill_betweenx(depth, sign * near, sign * far, color=colour, linewidth=0, zorder=0)
    spreads = [(depth, "--")] + [(np.sqrt(depth**2 + tau2), ":")] * (tau2 > 0)
    for spread, line in spreads:
        for sign in (-1, 1):
            edge = centre + sign * normal_quantile(0.975) * spread
            ax.plot(edge, depth, line, color=COLOURS[0], linewidth=0.9)
    ax.axvline(centre, color=COLOURS[1], linewidth=1.2)
    ax.axvline(0.0, color=INK, linewidth=0.6)
