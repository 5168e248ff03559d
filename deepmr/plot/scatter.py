"""MR scatter plot: outcome against exposure effects at one locus, with estimated slopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64
from matplotlib.axes import Axes

from deepmr.effects import EffectSizes
from deepmr.mr import MREstimate
from deepmr.plot.style import COLOURS, FADED, INK, TRUTH, colour_of, new_axes, style

__all__ = ["mr_scatter"]

_MOST_POINTS = 150  # drawn as vectors; more are a picture within the figure


@style()
def mr_scatter(
    effects: EffectSizes,
    estimates: Sequence[MREstimate] = (),
    *,
    exposure: str = "exposure",
    outcome: str = "outcome",
    unit: str = "",
    units: tuple[str, str] | None = None,
    tried: Bool[np.ndarray, " variant"] | None = None,
    member_slopes: Float64[np.ndarray, " member"] | None = None,
    true_value: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw variant effects at one locus with the slope of each estimator.

    Bars are 95 % intervals of each effect. MR-Egger's line is drawn with its intercept on either
    side of zero, since the method orients every variant towards a higher exposure.

    Args:
        effects: Effects at one locus; its mask says which variants are instruments.
        estimates: Estimates of the same locus, without batch axes; none by default.
        exposure: Name of the exposure, for the axis.
        outcome: Name of the outcome, for the axis.
        unit: Unit of both tasks' effects, e.g. ``logit``; none by default.
        units: Units of exposure and outcome effects where they differ; None (the default) for
            ``unit``.
        tried: Variants that exist; those that are no instruments are drawn faintly. By default
            all that have finite effects.
        member_slopes: Slope of each member over the instruments, drawn as thin lines; none by
            default.
        true_value: Slope of a simulation's noiseless effects over the same variants, where known.
        title: Title; by default none.
        ax: Axes to draw into; by default those of a new figure.

    Raises:
        ValueError: If effects or estimates belong to more than one locus.

    Example:
        >>> from deepmr.mr import inverse_variance_weighted, ldl_chd
        >>> effects = ldl_chd()
        >>> axes = mr_scatter(effects, [inverse_variance_weighted(effects)], exposure="LDL")
        >>> axes.get_xlabel(), axes.get_legend().get_texts()[1].get_text()
        ('Effect on LDL', 'ivw 2.83')
    """
    if effects.beta_exposure.ndim != 1 or any(e.effect.value.ndim for e in estimates):
        raise ValueError(
            "mr_scatter draws one locus, got effects of shape "
            f"{effects.beta_exposure.shape}; pick a locus first"
        )
    ax = new_axes(ax, width=5.0, height=4.2)
    finite = np.isfinite(effects.beta_exposure) & np.isfinite(effects.beta_outcome)
    rest = finite & ~effects.mask & (finite if tried is None else tried)
    x, y = effects.beta_exposure, effects.beta_outcome
    ax.axhline(0, color=FADED, linewidth=0.6, zorder=0)
    ax.axvline(0, color=FADED, linewidth=0.6, zorder=0)
    if rest.any():
        ax.plot(
            *(x[rest], y[rest], "."),
            color=FADED,
            markersize=3,
            zorder=1,
            rasterized=int(rest.sum()) > _MOST_POINTS,
            label=f"not an instrument ({int(rest.sum())})",
        )
    used = effects.mask & finite
    ax.errorbar(
        *(x[used], y[used]),
        xerr=1.96 * effects.se_exposure[used],
        yerr=1.96 * effects.se_outcome[used],
        fmt="o",
        color=INK,
        ecolor=INK,
        elinewidth=0.5,
        alpha=_opacity(int(used.sum())),
        markersize=3.5,
        markeredgewidth=0,
        zorder=2,
        label=f"instrument ({int(used.sum())})",
    )
    _slopes(ax, x[used | rest], estimates, true_value)
    if member_slopes is not None:
        _members(ax, x[used], member_slopes)
    suffixes = [f" ({one})" if one else "" for one in units or (unit, unit)]
    ax.set(xlabel=f"Effect on {exposure}{suffixes[0]}", ylabel=f"Effect on {outcome}{suffixes[1]}")
    ax.set_title(title)
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: "instrument" not in labels[i])
    ax.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="best",
        handlelength=1.6,
        fontsize=7.5,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
    )
    return ax


def _members(
    ax: Axes, x: Float64[np.ndarray, " variant"], slopes: Float64[np.ndarray, " member"]
) -> None:
    """Draw each member's slope as a thin line over the range of the instruments."""
    ends = np.array([min(0.0, x.min(initial=0.0)), max(0.0, x.max(initial=0.0))])
    for k, slope in enumerate(slopes[np.isfinite(slopes)]):
        label = f"each network ({len(slopes)})" if k == 0 else "_nolegend_"
        ax.plot(ends, slope * ends, color=FADED, linewidth=0.8, zorder=1.5, label=label)


def _opacity(count: int) -> float:
    return float(np.clip(25.0 / max(count, 1), 0.25, 0.9))


def _slopes(
    ax: Axes,
    x: Float64[np.ndarray, " variant"],
    estimates: Sequence[MREstimate],
    true_value: float | None,
) -> None:
    low, high = min(0.0, x.min(initial=0.0)), max(0.0, x.max(initial=0.0))
    ax.set_ylim(ax.get_ylim())  # steep slopes must not squeeze the points
    if true_value is not None:
        ends = np.array([low, high])
        ax.plot(
            *(ends, true_value * ends),
            color=TRUTH,
            linestyle=(0, (1, 1.2)),
            linewidth=2.2,
            zorder=3,
            label=f"noiseless slope {true_value:.3g}",
        )
    for position, estimate in enumerate(estimates):
        value = float(estimate.effect.value)
        if not np.isfinite(value):
            continue
        intercept = 0.0 if estimate.pleiotropy is None else float(estimate.pleiotropy.value)
        # NaN breaks the line at zero, where the intercept changes its sign.
        ends = np.array([low, 0.0, np.nan, 0.0, high])
        heights = value * ends + intercept * np.array([-1.0, -1.0, np.nan, 1.0, 1.0])
        ax.plot(
            *(ends, heights),
            color=colour_of(estimate.method) if estimate.method else COLOURS[position],
            zorder=4,
            label=f"{estimate.method.replace('_', ' ')} {value:.3g}",
        )
