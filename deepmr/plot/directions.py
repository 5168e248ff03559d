"""Pooled slopes of a pair of tasks in both directions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from deepmr.plot.style import COLOURS, FADED, INK, TRUTH, new_axes, style

__all__ = ["directions"]


@style()
def directions(
    meta: Mapping[str, np.ndarray],
    *,
    exposure: str,
    outcome: str,
    unit: str = "",
    notes: tuple[str, str] = ("", ""),
    ax: Axes | None = None,
) -> Axes:
    """Draw the pooled slopes of every method, in both directions.

    Thick bars are 95 % confidence intervals of the mean effect, thin ones 95 % prediction
    intervals for a single locus. Diamonds are slopes of a simulation's noiseless effects over the
    same variants, where they are known.

    Args:
        meta: Columns of ``meta.parquet``.
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        unit: Unit of the effects.
        notes: What the slopes of each direction stand for, shown under its name, such as "slope
            over the variants both share, not an effect"; by default nothing.
        ax: Axes to draw into; by default those of a new figure.

    Raises:
        LookupError: If the table has no pooled effect of this pair in either direction.
    """
    pairs = ((exposure, outcome), (outcome, exposure))
    rows = [
        np.flatnonzero((meta["exposure"] == cause) & (meta["outcome"] == effect))
        for cause, effect in pairs
    ]
    n_rows = sum(map(len, rows))
    if not n_rows:
        raise LookupError(f"the table has no pooled effect of {exposure} on {outcome}, or back")
    ax = new_axes(
        ax, width=6.0, height=1.2 + 0.3 * (n_rows + 1.2 * len(pairs) + 0.7 * sum(map(bool, notes)))
    )
    ax.axvline(0, color=FADED, linewidth=0.8, zorder=0)
    one_pooling = len(set(meta["pooling"][np.concatenate(rows)].tolist())) == 1
    height, ticks, labels = 0.0, [], []
    for (cause, effect), note, found, colour in zip(pairs, notes, rows, COLOURS, strict=False):
        ax.text(
            *(0.0, height, f"{cause} → {effect}"),
            transform=ax.get_yaxis_transform(),
            color=colour,
            fontweight="bold",
            va="center",
        )
        if note:
            height += 0.8
            words = ax.text(
                0.0,
                height,
                textwrap.fill(note, 48),
                transform=ax.get_yaxis_transform(),
                va="center",
            )
            words.set(color=colour, fontsize="small", in_layout=False)  # never narrows the axes
            words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
        for row in found.tolist():
            height += 1.0
            _bar(ax, meta, row, height, colour)
            ticks.append(height)
            labels.append(_label(meta, row, one_pooling=one_pooling))
        height += 1.4
    ax.set_ylim(height - 0.7, -0.7)
    ax.set_yticks(ticks, labels)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("Pooled slope" + (f" ({unit})" if unit else ""))
    _legend(ax, known=bool(np.isfinite(meta["true_value"][np.concatenate(rows)]).any()))
    return ax


def _label(meta: Mapping[str, np.ndarray], row: int, *, one_pooling: bool) -> str:
    method = str(meta["method"][row])
    return (method if one_pooling else f"{method}, {meta['pooling'][row]}").replace("_", " ")


def _bar(ax: Axes, meta: Mapping[str, np.ndarray], row: int, height: float, colour: str) -> None:
    value = meta["value"][row]
    if not np.isfinite(value):
        ax.text(0.5, height, "no estimate", transform=ax.get_yaxis_transform(), color=FADED)
        return
    ends = (("prediction_lower", "prediction_upper", 1.0), ("ci_lower", "ci_upper", 4.0))
    for lower, upper, width in ends:
        ax.hlines(height, meta[lower][row], meta[upper][row], color=colour, linewidth=width)
    ax.plot(value, height, "o", color="white", markeredgecolor=colour, markersize=5, zorder=4)
    ax.plot(meta["true_value"][row], height - 0.32, "D", color=TRUTH, markersize=3.5, zorder=5)


def _legend(ax: Axes, *, known: bool) -> None:
    circle = {"marker": "o", "markerfacecolor": "white", "markeredgecolor": INK}
    handles = [
        Line2D([], [], color=INK, linewidth=4, **circle, label="slope with its 95 % interval"),
        Line2D([], [], color=INK, linewidth=1, label="95 % prediction interval"),
    ]
    if known:
        handles.append(
            Line2D(
                [], [], color=TRUTH, marker="D", linestyle="", markersize=4, label="noiseless slope"
            )
        )
    ax.figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
