"""Leave-one-out plot: the pooled effect without each of the loci that change it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["leave_one_out"]

_LONGEST_UNIT = 22  # letters that fit beside the label


@style()
def leave_one_out(
    value: Float64[np.ndarray, " locus"],
    weight: Float64[np.ndarray, " weight"],
    interval: tuple[float, float],
    *,
    names: Sequence[str] | None = None,
    n_shown: int = 15,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the weighted mean without each locus, those that change it most at the top.

    Weights are those of the pooling, kept as they are and scaled to sum to one without the locus.

    Args:
        value: Effect of each locus; NaN is left out.
        weight: Weight of each locus in the pooled effect, 0 or more.
        interval: 95 % interval of the pooled effect over all loci, shaded.
        names: Names of the loci; by default (None) ``locus 1`` and so on.
        n_shown: Number of loci shown, 15 by default.
        unit: Unit of the effects; none by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If values, weights and names differ in number, or fewer than 2 loci have an
            effect and a weight.

    Example:
        >>> axes = leave_one_out(np.array([0.4, 0.6, 2.0]), np.ones(3), (0.2, 1.8))
        >>> [label.get_text() for label in axes.get_yticklabels()]
        ['locus 3', 'locus 1', 'locus 2']
    """
    if value.shape != weight.shape or (names is not None and len(names) != len(value)):
        raise ValueError(
            f"leave_one_out needs a weight and a name a locus, got {len(weight)} weights for "
            f"{len(value)} loci"
        )
    kept = np.flatnonzero(np.isfinite(value) & (weight > 0))
    if kept.size < 2:
        raise ValueError(f"leave_one_out needs at least 2 loci with an effect, got {kept.size}")
    x, w = value[kept], weight[kept] / weight[kept].sum()
    mean = float(w @ x)
    without = (mean - w * x) / (1.0 - w)
    order = np.argsort(-np.abs(without - mean), kind="stable")[:n_shown]
    ax = new_axes(ax, width=5.4, height=1.0 + 0.2 * len(order))
    rows = np.arange(len(order))
    if np.isfinite(interval).all():
        ax.axvspan(*interval, color="#e8ebef", linewidth=0, zorder=0)
    ax.axvline(mean, color=COLOURS[1], linewidth=1.2, zorder=1)
    ax.hlines(rows, mean, without[order], color=FADED, linewidth=1.2)
    ax.plot(without[order], rows, "o", color=INK, markersize=4)
    labels = [f"locus {k + 1}" if names is None else names[k] for k in kept[order]]
    ax.set_yticks(rows, labels)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(_label(unit))
    ax.set_title(
        f"all {kept.size:,} loci {mean:.3g} (line), 95 % interval shaded",
        fontsize=8.5,
        fontweight="normal",
    )
    return ax


def _label(unit: str) -> str:
    """Return the label of the axis, on two lines where its unit is long."""
    label = "Pooled slope without the locus"
    return f"{label}{chr(10) if len(unit) > _LONGEST_UNIT else ' '}({unit})" if unit else label
