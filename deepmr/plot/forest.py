"""Forest plot: the slope of every locus, the pooled slope and its prediction interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from scipy import stats

from deepmr.meta import MetaAnalysisResult
from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["forest"]

_POOLED, _PREDICTION = COLOURS[1], COLOURS[0]


@style()
def forest(
    value: Float64[np.ndarray, " locus"],
    se: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult,
    *,
    names: Sequence[str] | None = None,
    level: float = 0.95,
    max_rows: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw the loci's slopes with their intervals, sorted, above the pooled slope.

    PI is the prediction interval for a single locus.

    Up to ``max_rows`` loci each have a row and a name. With more, every interval is a thin line
    and the sorted effects are a curve; no locus is left out. Intervals of single loci are normal.
    The axis spans 98 % of the ends of the intervals; arrowheads mark intervals beyond it.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect.
        result: Pooled effect, without batch axes.
        names: Names of the loci, such as ``chr1:100-200``; by default (None) ``locus 1`` and so on.
        level: Coverage of all intervals, .95 by default.
        max_rows: Largest number of loci with a row each, 40 by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If ``result`` is a batch, or names and loci differ in number.
    """
    if result.pooled.value.ndim:
        raise ValueError(
            f"forest draws one pooled effect, got a batch of shape {result.pooled.value.shape}; "
            "index it first"
        )
    if names is not None and len(names) != len(value):
        raise ValueError(f"forest needs a name a locus, got {len(names)} for {len(value)} loci")
    kept = np.flatnonzero(np.isfinite(value) & np.isfinite(se))
    order = kept[np.argsort(value[kept], kind="stable")]
    few = len(order) <= max_rows
    height = 1.5 + 0.21 * len(order) if few else 6.0
    ax = new_axes(ax, width=6.2, height=height)
    centre, half = value[order], stats.norm.ppf(0.5 + level / 2) * se[order]
    rows = np.arange(len(order), dtype=float)
    limits = _limits(centre - half, centre + half, result, level)
    if few:
        _rows(ax, centre, half, rows, limits)
        labels = [f"locus {i + 1}" if names is None else names[i] for i in order]
    else:
        alpha = float(np.clip(250 / len(order), 0.12, 0.8))
        ax.hlines(
            rows,
            centre - half,
            centre + half,
            color=FADED,
            alpha=alpha,
            linewidth=0.5,
            rasterized=True,
        )
        ax.plot(centre, rows, color=INK, linewidth=1.4)
        labels = []
    step = max(1.0, 0.035 * len(order))
    foot = -np.array([1.6, 3.2]) * step
    _summary(ax, result, level, foot, step)
    ax.set_yticks([*foot, *(rows if few else [])], ["pooled", f"{level:.0%} PI", *labels])
    ax.axvline(0.0, color=INK, linewidth=0.6, zorder=0)
    ax.axvline(float(result.pooled.value), color=_POOLED, linewidth=0.8, linestyle=":", zorder=1)
    ax.set_xlim(*limits)
    ax.set_ylim(foot[1] - 1.2 * step, len(order) - 0.3 if few else 1.01 * len(order))
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.set_xlabel(f"slope, {level:.0%} intervals")
    if not few:
        ax.set_ylabel(f"{len(order):,} loci, sorted by slope", loc="center")
    ax.set_title(_caption(result, level), fontsize=9, fontweight="normal")
    return ax


def _rows(
    ax: Axes,
    centre: Float64[np.ndarray, " locus"],
    half: Float64[np.ndarray, " locus"],
    rows: Float64[np.ndarray, " locus"],
    limits: tuple[float, float],
) -> None:
    """Draw one row a locus: a square as large as its weight, its interval, arrows where cut."""
    low, high = centre - half, centre + half
    ax.hlines(rows, low, high, color=FADED, linewidth=1.1)
    bare = half <= 0  # without an interval, the smallest square
    weight = np.where(bare, 0.0, 1.0 / np.maximum(half, 1e-150) ** 2)
    area = 14 + 46 * weight / np.max(weight, initial=1e-300)
    ax.scatter(centre, rows, s=area, marker="s", color=INK, zorder=3, linewidth=0)
    for end, sign, marker in ((low, -1, "<"), (high, 1, ">")):
        edge = limits[0] if sign < 0 else limits[1]
        cut = sign * end > sign * edge
        ax.plot(
            np.full(cut.sum(), edge), rows[cut], marker, color=FADED, markersize=5, clip_on=False
        )


def _summary(
    ax: Axes,
    result: MetaAnalysisResult,
    level: float,
    foot: Float64[np.ndarray, " 2"],
    step: float,
) -> None:
    """Draw the pooled effect as a diamond, and the prediction interval as a bar."""
    centre = float(result.pooled.value)
    low, high = (float(end) for end in result.pooled.interval(level))
    corners = [(low, foot[0]), (centre, foot[0] + 0.5 * step), (high, foot[0])]
    ax.add_patch(
        Polygon([*corners, (centre, foot[0] - 0.5 * step)], closed=True, color=_POOLED, zorder=3)
    )
    ax.plot([centre], [foot[0]], "|", color=_POOLED, markersize=9, zorder=3)
    ends = [float(end) for end in result.prediction.interval(level)]
    ax.plot(ends, [foot[1], foot[1]], "|-", color=_PREDICTION, linewidth=3, markersize=8)


def _limits(
    low: Float64[np.ndarray, " locus"],
    high: Float64[np.ndarray, " locus"],
    result: MetaAnalysisResult,
    level: float,
) -> tuple[float, float]:
    """Return an axis that a few very uncertain loci do not blow up."""
    ends = [*result.pooled.interval(level), *result.prediction.interval(level), np.zeros(())]
    inside = np.asarray([float(end) for end in ends if np.isfinite(end)])
    if len(low):
        tail = 0.01 if len(low) > 4 else 0.0
        inside = np.r_[inside, np.quantile(low, tail), np.quantile(high, 1 - tail)]
    if not np.ptp(inside):
        return float(inside[0] - 1.0), float(inside[0] + 1.0)
    pad = 0.04 * float(np.ptp(inside))
    return float(inside.min() - pad), float(inside.max() + pad)


def _caption(result: MetaAnalysisResult, level: float) -> str:
    value, n_loci = float(result.pooled.value), int(result.n_loci)
    if not np.isfinite(value):
        return f"no pooled slope: {n_loci:,} loci with an estimate"
    low, high = (float(end) for end in result.pooled.interval(level))
    interval = f" ({level:.0%} interval {low:.3g} to {high:.3g})" if np.isfinite(low + high) else ""
    between = "" if np.isnan(result.i2) else f", I² {float(result.i2):.0%}"
    tau = "" if np.isnan(result.tau2) else f", τ {np.sqrt(float(result.tau2)):.2g}"
    return f"pooled {value:.3g}{interval}, {n_loci:,} loci{tau}{between}"
