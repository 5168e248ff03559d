"""Pooled slopes of every pair of tasks as a matrix, similar tasks side by side, with verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.lines import Line2D
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from deepmr.plot.style import FADED, INK, new_axes, style

__all__ = ["MARKS", "effect_matrix", "task_order"]

MARKS = {
    "forward": ("$→$", "acts on (forward)"),
    "both": ("$⇄$", "each acts on the other"),
    "inseparable": ("$=$", "inseparable"),
    "shared": (".", "shared inputs"),
    "undecided": ("$?$", "undecided"),
}
"""Mark and meaning of a verdict's word; reverse and none have no mark."""

_LETTERS = {"forward": "→", "both": "⇄", "inseparable": "=", "shared": "·", "undecided": "?"}


def task_order(slope: Float64[np.ndarray, "task task"]) -> Int[np.ndarray, " task"]:
    """Return an order of tasks in which those with similar rows and columns are neighbours.

    Average linkage on one minus the correlation of tasks' rows and columns of slopes, leaves
    ordered; missing slopes count as 0.

    Args:
        slope: Pooled slope of each exposure (row) on each outcome (column); NaN where missing.

    Example:
        >>> slope = np.array([[np.nan, 0.0, 1.0], [0.0, np.nan, 0.1], [1.0, 0.1, np.nan]])
        >>> abs(int(np.diff(task_order(slope)[np.isin(task_order(slope), [0, 2])])[0]))
        2
    """
    n = len(slope)
    if n < 3:
        return np.arange(n)
    filled = np.nan_to_num(slope, posinf=0.0, neginf=0.0)
    np.fill_diagonal(filled, np.abs(filled).max(initial=1.0))
    profile = np.concatenate([filled, filled.T], axis=1)
    profile = profile - profile.mean(axis=1, keepdims=True)
    size = np.linalg.norm(profile, axis=1)
    unit = profile / np.where(size > 0, size, 1.0)[:, None]
    distance = np.clip(1.0 - unit @ unit.T, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    flat = squareform(0.5 * (distance + distance.T), checks=False)
    tree = optimal_leaf_ordering(linkage(flat, method="average"), flat)
    return np.asarray(leaves_list(tree), dtype=np.int64)


@style()
def effect_matrix(
    slope: Float64[np.ndarray, "exposure outcome"],
    structure: Sequence[Sequence[str]],
    *,
    exposures: Sequence[str],
    outcomes: Sequence[str],
    ax: Axes | None = None,
) -> Axes:
    """Draw pooled slopes as colours, with a mark for the verdict's word.

    A colour without an arrow is no effect: variants that two tasks share give a slope, too. White
    cells have no slope, or were not asked.

    Args:
        slope: Pooled slope of each exposure (row) on each outcome (column); NaN where there is
            none.
        structure: Word of the verdict, row to column; empty where none was asked.
        exposures: Names of the rows, in the order to draw them.
        outcomes: Names of the columns.
        ax: Axes to draw into; by default those of a new figure.

    Raises:
        ValueError: If names and numbers do not fit together.
    """
    shape = (len(exposures), len(outcomes))
    if slope.shape != shape or len(structure) != shape[0]:
        raise ValueError(f"effect_matrix needs slopes and words of shape {shape}")
    ax = new_axes(ax, width=2.6 + 0.36 * shape[1], height=2.2 + 0.32 * shape[0])
    known = np.abs(slope[np.isfinite(slope)])
    limit = float(np.quantile(known, 0.95)) if known.size and known.max() > 0 else 1.0
    limit = limit or float(known.max())
    image = ax.imshow(
        np.where(np.isfinite(slope), slope, np.nan),
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0.0, -limit, limit),
        aspect="auto",
    )
    for row, words in enumerate(structure):
        for column, word in enumerate(words):
            if word not in _LETTERS:
                continue
            strong = np.isfinite(slope[row, column]) and abs(slope[row, column]) > 0.65 * limit
            ax.text(
                column,
                row,
                _LETTERS[word],
                ha="center",
                va="center",
                fontsize=11 if word in ("forward", "both") else 8,
                fontweight="bold" if word in ("forward", "both") else "normal",
                color="white" if strong else INK,
            )
    ax.set_xticks(range(shape[1]), outcomes, rotation=60, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(shape[0]), exposures)
    ax.tick_params(length=0)
    ax.set(xlabel="Outcome", ylabel="Exposure")
    for side in ax.spines.values():
        side.set(visible=True, color=FADED)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02, extend="both")
    bar.set_label("Pooled slope")
    _legend(ax, {word for words in structure for word in words})
    return ax


def _legend(ax: Axes, words: set[str]) -> None:
    handles = [
        Line2D([], [], linestyle="", marker=mark, color=INK, markersize=7, label=meaning)
        for word, (mark, meaning) in MARKS.items()
        if word in words
    ]
    if handles:
        ax.figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 3))
