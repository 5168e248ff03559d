"""Estimated slopes against the slopes of a simulation's noiseless effects."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.estimate import Estimate
from deepmr.plot.style import COLOURS, FADED, TRUTH, new_axes, style

__all__ = ["true_versus_estimated"]


@style()
def true_versus_estimated(
    effect: Estimate,
    true_value: Float64[np.ndarray, " locus"],
    *,
    method: str = "",
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw each locus's slope with its 95 % interval against the slope of the noiseless effects.

    Intervals that miss the noiseless slope are drawn in another colour; the legend counts them.
    Loci without an estimate or without a noiseless slope are left out.

    Args:
        effect: Estimates with one batch axis, the loci.
        true_value: Slope of the simulation's noiseless effects over the same variants, per locus.
        method: Name of the method, for the title.
        unit: Unit of the effects.
        ax: Axes to draw into; by default those of a new figure.

    Raises:
        ValueError: If there is not one noiseless slope for each estimate.
    """
    if effect.value.shape != true_value.shape:
        raise ValueError(
            f"true_value must be one number for each of {effect.value.shape} estimates, "
            f"got {true_value.shape}"
        )
    ax = new_axes(ax, width=4.8, height=4.4)
    lower, upper = effect.interval()
    known = np.isfinite(effect.value) & np.isfinite(true_value) & np.isfinite(lower + upper)
    covered = known & (lower <= true_value) & (true_value <= upper)
    count, total = int(covered.sum()), int(known.sum())
    groups = (
        (covered, COLOURS[0], f"interval covers it ({count} of {total})"),
        (known & ~covered, COLOURS[1], f"interval misses it ({total - count})"),
    )
    opacity = float(np.clip(60.0 / max(total, 1), 0.15, 0.8))
    for chosen, colour, label in groups:
        x, y = true_value[chosen], effect.value[chosen]
        ax.vlines(
            *(x, lower[chosen], upper[chosen]),
            color=colour,
            linewidth=0.8,
            alpha=opacity,
            rasterized=total > 500,
        )
        ax.plot(*(x, y, "o"), color=colour, markersize=3, markeredgewidth=0, alpha=0.8, label=label)
    ax.axline((0, 0), slope=1, color=TRUTH, linestyle=(0, (1, 1.2)), linewidth=1.8, label="equal")
    if total:
        _limits(ax, true_value[known], effect.value[known])
    ax.axhline(0, color=FADED, linewidth=0.6, zorder=0)
    suffix = f" ({unit})" if unit else ""
    ax.set(xlabel=f"Noiseless slope{suffix}", ylabel=f"Estimated slope{suffix}")
    ax.set_title(f"Slope of each locus ({method.replace('_', ' ')})" if method else "")
    ax.legend(loc="upper left", handlelength=1.4, frameon=True, framealpha=0.85, edgecolor="none")
    return ax


def _limits(ax: Axes, truth: np.ndarray, value: np.ndarray) -> None:
    """Fit the axes to the points: one wide interval must not squeeze all others.

    Truths that hardly differ are not spread over the whole axis, which would flatten the diagonal.
    """
    both = np.concatenate([truth, value])
    height = float(np.ptp(both)) or 0.1 * abs(float(both[0])) or 1.0
    width = max(float(np.ptp(truth)), height / 8)
    middle = float(truth.min() + truth.max()) / 2
    ax.set_xlim(middle - 0.65 * width, middle + 0.65 * width)
    ax.set_ylim(float(both.min()) - 0.15 * height, float(both.max()) + 0.3 * height)
