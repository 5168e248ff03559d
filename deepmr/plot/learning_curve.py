"""Learning curves: a metric by epoch, for every member of an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from deepmr.plot.style import COLOURS, INK, new_axes, style

__all__ = ["learning_curve"]


@style()
def learning_curve(
    metrics: Mapping[str, np.ndarray],
    *,
    metric: str = "loss",
    splits: Sequence[str] = ("train", "validation"),
    lower_is_better: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric by epoch, one line per member and one colour per split, with best epochs.

    Epochs are numbered from 1.

    Args:
        metrics: Columns of ``metrics.parquet``; rows of single tasks and without an epoch are
            left out.
        metric: Name of the metric, ``loss`` by default.
        splits: Names of the splits; the best epoch is that of the last one.
        lower_is_better: Whether the best epoch has the lowest value; True by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        LookupError: If the table has no such metric by epoch.
    """
    chosen = (metrics["metric"] == metric) & np.isfinite(metrics["epoch"].astype(float))
    chosen &= np.array([task is None for task in metrics["task"]], dtype=bool)
    if not chosen.any():
        known = ", ".join(sorted({str(name) for name in metrics["metric"]}))
        raise LookupError(f"the table has no {metric!r} by epoch; it has: {known}")
    ax = new_axes(ax)
    member = metrics["member"].astype(float)
    for split, colour in zip(splits, COLOURS, strict=False):
        rows = chosen & (metrics["split"] == split)
        for position, k in enumerate(np.unique(member[rows])):
            line = np.flatnonzero(rows & ((member == k) | (np.isnan(k) & np.isnan(member))))
            line = line[np.argsort(metrics["epoch"][line])]
            # The table counts epochs from 0, people and the terminal from 1.
            epoch, value = metrics["epoch"][line] + 1, metrics["value"][line]
            ax.plot(
                *(epoch, value),
                color=colour,
                alpha=0.75,
                marker="." if len(line) < 3 else "",
                label=split if position == 0 else "_nolegend_",
            )
            if split == splits[-1] and np.isfinite(value).any():
                best = np.nanargmin(value) if lower_is_better else np.nanargmax(value)
                ax.plot(epoch[best], value[best], "o", color=INK, markersize=4, zorder=4)
    ax.plot([], [], "o", color=INK, markersize=4, label="best epoch")
    ax.set(xlabel="Epoch", ylabel=metric.replace("_", " ").capitalize())
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return ax
