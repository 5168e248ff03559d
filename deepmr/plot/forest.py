"""Forest plot: the slope of every locus, the pooled slope and its prediction interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from deepmr.distributions import normal_quantile
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
    weights: Float64[np.ndarray, " weight"] | None = None,
    ends: tuple[Float64[np.ndarray, " locus"], Float64[np.ndarray, " locus"]] | None = None,
    unit: str = "",
    level: float = 0.95,
    max_rows: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw the loci's slopes with their intervals, sorted, above the pooled slope.

    PI is the prediction interval for a single locus.

    Up to ``max_rows`` loci each have a row with name, numbers and weight. With more, every
    interval is a thin line and the sorted effects are a curve; no locus is left out. The axis
    spans 98 % of the ends of the intervals; arrowheads mark intervals beyond it.

    Args:
        value: Effect of each locus; NaN is not drawn.
        se: Standard error of each effect.
        result: Pooled effect, without batch axes.
        names: Names of the loci, such as ``chr1:100-200``; by default (None) ``locus 1`` and so on.
        weights: Share of each locus in the pooled effect, shown beside its row and by the area of
            its square; by default (None) areas follow the precision, and no share is shown.
        ends: Lower and upper end of each locus's interval, NaN where it has none; by default
            (None) those of a normal distribution with ``se``.
        unit: Unit of the slopes; none by default.
        level: Coverage of all intervals, .95 by default.
        max_rows: Largest number of loci with a row each, 40 by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If ``result`` is a batch, or names, weights and loci differ in number.

    Example:
        >>> from deepmr.meta import random_effects
        >>> value, se = np.array([0.4, 0.6, 0.5]), np.array([0.1, 0.1, 0.2])
        >>> axes = forest(value, se, random_effects(value, se), names=["a", "b", "c"])
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['pooled', '95 % PI', 'a', 'c', 'b']
    """
    if result.pooled.value.ndim:
        raise ValueError(
            f"forest draws one pooled effect, got a batch of shape {result.pooled.value.shape}; "
            "index it first"
        )
    if names is not None and len(names) != len(value):
        raise ValueError(f"forest needs a name a locus, got {len(names)} for {len(value)} loci")
    if weights is not None and weights.shape != value.shape:
        raise ValueError(f"forest needs a weight a locus, got {len(weights)} for {len(value)} loci")
    kept = np.flatnonzero(np.isfinite(value) & np.isfinite(se))
    order = kept[np.argsort(value[kept], kind="stable")]
    few = len(order) <= max_rows
    height = 1.5 + 0.21 * len(order) if few else 6.0
    ax = new_axes(ax, width=7.2 if few else 6.2, height=height)
    centre, half = value[order], normal_quantile(0.5 + level / 2) * se[order]
    low, high = (centre - half, centre + half) if ends is None else (end[order] for end in ends)
    rows = np.arange(len(order), dtype=float)
    limits = _limits(low[np.isfinite(low)], high[np.isfinite(high)], result, level)
    if few:
        shares = None if weights is None else weights[order]
        _rows(ax, centre, (low, high), rows, limits, shares)
        labels = [f"locus {i + 1}" if names is None else names[i] for i in order]
    else:
        alpha = float(np.clip(250 / len(order), 0.12, 0.8))
        ax.hlines(
            *(rows, low, high),
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
    ax.set_yticks([*foot, *(rows if few else [])], ["pooled", f"{100 * level:g} % PI", *labels])
    ax.axvline(0.0, color=INK, linewidth=0.6, zorder=0)
    ax.axvline(float(result.pooled.value), color=_POOLED, linewidth=0.8, linestyle=":", zorder=1)
    ax.set_xlim(*limits)
    ax.set_ylim(foot[1] - 1.2 * step, len(order) + 0.6 if few else 1.01 * len(order))
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "right", "top"]].set_visible(False)
    if few:
        _numbers(ax, centre, (low, high), rows, None if weights is None else weights[order])
    ax.set_xlabel(f"Slope, {100 * level:g} % intervals" + (f" ({unit})" if unit else ""))
    if not few:
        ax.set_ylabel(f"{len(order):,} loci, sorted by slope", loc="center")
    ax.set_title(_caption(result, level), fontsize=9, fontweight="normal")
    return ax


def _rows(
    ax: Axes,
    centre: Float64[np.ndarray, " locus"],
    ends: tuple[Float64[np.ndarray, " locus"], Float64[np.ndarray, " locus"]],
    rows: Float64[np.ndarray, " locus"],
    limits: tuple[float, float],
    weights: Float64[np.ndarray, " locus"] | None = None,
) -> None:
    """Draw one row a locus: a square as large as its weight, its interval, arrows where cut."""
    low, high = ends
    half = (high - low) / 2
    ax.hlines(rows, low, high, color=FADED, linewidth=1.1)
    # Weights are by default 1 / half ** 2: loci of exactly no effect have intervals of width 0 and
    # the largest squares, loci without an interval the smallest.
    least = np.nanmin(half, initial=np.inf)
    share = np.divide(least, half, out=np.ones_like(half), where=half > 0)
    precision = np.where(np.isnan(half), 0.0, share) ** 2
    weight = precision if weights is None else weights
    area = 14 + 46 * np.nan_to_num(weight / np.nanmax(weight, initial=1e-300))
    ax.scatter(centre, rows, s=area, marker="s", color=INK, zorder=3, linewidth=0)
    for end, sign, marker in ((low, -1, "<"), (high, 1, ">")):
        edge = limits[0] if sign < 0 else limits[1]
        cut = sign * end > sign * edge
        ax.plot(
            np.full(cut.sum(), edge), rows[cut], marker, color=FADED, markersize=5, clip_on=False
        )


def _numbers(
    ax: Axes,
    centre: Float64[np.ndarray, " locus"],
    ends: tuple[Float64[np.ndarray, " locus"], Float64[np.ndarray, " locus"]],
    rows: Float64[np.ndarray, " locus"],
    weights: Float64[np.ndarray, " locus"] | None,
) -> None:
    """Write each locus's slope, interval and weight beside its row."""
    shares = [""] * len(rows) if weights is None else [f"{100 * w:.1f} %" for w in weights]
    for x, low, high, row, share in zip(centre, *ends, rows, shares, strict=True):
        _beside(ax, float(row), _slope_text(float(x), float(low), float(high)), share)
    if len(rows):
        _beside(ax, float(rows[-1]) + 0.95, "slope (interval)", "" if weights is None else "weight")


def _slope_text(value: float, low: float, high: float) -> str:
    """Return a slope with its interval, to the decimals that the interval supports."""
    texts = _to_decimals(value, low, high, least=2)
    return texts[0] if np.isnan(low + high) else f"{texts[0]} ({texts[1]} to {texts[2]})"


def _to_decimals(value: float, low: float, high: float, *, least: int = 0) -> list[str]:
    """Return three numbers to the decimals that half the interval's width supports."""
    half = (high - low) / 2
    supported = np.isfinite(half) and half > 0
    decimals = int(np.clip(1 - np.floor(np.log10(half)), least, 4)) if supported else 2
    texts = (f"{round(x, decimals) + 0.0:.{decimals}f}" for x in (value, low, high))
    return [text.replace("-", "\N{MINUS SIGN}") for text in texts]


def _beside(ax: Axes, row: float, text: str, share: str) -> None:
    """Write two columns to the right of a row, at distances that do not depend on the axes."""
    for words, distance in ((text, 108), (share, 150)):
        ax.annotate(
            words,
            (1.0, row),
            xycoords=ax.get_yaxis_transform(),
            xytext=(distance, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7.5,
            annotation_clip=False,
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
    texts = _to_decimals(value, low, high)
    interval = (
        f" ({100 * level:g} % interval {texts[1]} to {texts[2]})" if np.isfinite(low + high) else ""
    )
    i2 = float(result.heterogeneity.i2)  # of Q, as in the tables
    between = "" if np.isnan(i2) else f", I²\N{NO-BREAK SPACE}{100 * i2:.0f} %"
    tau = (
        ""
        if np.isnan(result.tau2)
        else f", τ\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{np.sqrt(float(result.tau2)):.2g}"
    )
    return f"pooled {texts[0]}{interval}, {n_loci:,} loci{tau}{between}"
