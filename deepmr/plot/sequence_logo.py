"""Sequence logo: the reference bases drawn as letters, each as high as a number says."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float64, Int
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from deepmr.effects import MemberEffects
from deepmr.plot.style import COLOURS, FADED, new_axes, style

__all__ = ["base_contributions", "sequence_logo"]

_BASES = "ACGT"
# Told apart by colour-blind readers; the letters' shapes carry the same information.
_BASE_COLOURS = (COLOURS[2], COLOURS[0], COLOURS[4], COLOURS[1])
_INVISIBLE = 0.004  # of the tallest letter: what is lower is no line's width high
_WIDTH = 0.92  # of a letter, in bases


@cache
def _glyph(base: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a letter's outline scaled to the unit square, and its path codes."""
    path = TextPath((0, 0), _BASES[base], size=1, prop=FontProperties(family="DejaVu Sans Mono"))
    vertices, codes = np.asarray(path.vertices, dtype=np.float64), np.asarray(path.codes)
    drawn = codes != Path.CLOSEPOLY  # its vertex is a placeholder
    low, high = vertices[drawn].min(axis=0), vertices[drawn].max(axis=0)
    return (vertices - low) / (high - low), codes


def base_contributions(
    effects: MemberEffects, task: str
) -> tuple[Int[np.ndarray, " position"], Float64[np.ndarray, " position"]]:
    """Return the reference base at each position of a locus, and its contribution to a task.

    The contribution is minus the mean effect of the position's substitutions: positive where the
    reference base raises the prediction, so that replacing it lowers the prediction.

    Args:
        effects: Effects at one locus, without batch axes; only substitutions are read.
        task: Name of the task.

    Returns:
        Base codes (0 to 3, -1 where nothing was measured) and contributions (NaN there), from the
        locus's first base to the last measured one.

    Raises:
        ValueError: If the effects have batch axes.
        LookupError: If the task was not kept.

    Example:
        >>> effects = MemberEffects(
        ...     value=np.array([[[-2.0, -4.0, 1.0]]]), tasks=("X",), offset=np.array([0, 0, 1]),
        ...     ref=np.array([2, 2, 0]), alt=np.array([0, 1, 3]), mask=np.ones(3, dtype=bool))
        >>> base, contribution = base_contributions(effects, "X")
        >>> base.tolist(), contribution.tolist()
        ([2, 0], [3.0, -1.0])
    """
    if effects.offset.ndim != 1:
        raise ValueError(
            f"base_contributions reads one locus, got effects of {effects.offset.shape[:-1]} loci"
        )
    mean = effects.of(task).mean(axis=-2)
    known = effects.mask & (effects.alt >= 0) & (effects.ref >= 0)
    offset = effects.offset[known].astype(np.int64)
    length = int(offset.max(initial=-1)) + 1
    count = np.bincount(offset, minlength=length)
    total = np.bincount(offset, weights=mean[known], minlength=length)
    base = np.full(length, -1, dtype=np.int64)
    base[offset] = effects.ref[known]
    return base, np.where(count > 0, -total / np.maximum(count, 1), np.nan)


@style()
def sequence_logo(
    base: Int[np.ndarray, " position"],
    height: Float64[np.ndarray, " position"],
    *,
    first: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw a letter a position, as high as its number; negative ones hang below zero, upside down.

    All letters of a base are one path, so that hundreds of positions are drawn at once.

    Args:
        base: Base codes, 0 to 3 for A, C, G, T; negative ones are not drawn.
        height: Height of each letter; NaN is not drawn.
        first: Position of the first letter on the axis, 0 by default.
        ax: Axes to draw into; by default (None) those of a new figure.

    Raises:
        ValueError: If bases and heights differ in number.

    Example:
        >>> axes = sequence_logo(np.array([0, 2, 3]), np.array([1.0, 2.0, -0.5]))
        >>> len(axes.patches)  # one path a base that occurs
        3
    """
    if base.shape != height.shape:
        raise ValueError(
            f"sequence_logo needs one height a base, got {height.shape} for {base.shape}"
        )
    ax = new_axes(ax, width=max(3.0, 0.075 * len(base)), height=1.4)
    ax.axhline(0.0, color=FADED, linewidth=0.6, zorder=0)
    least = _INVISIBLE * float(np.nanmax(np.abs(height), initial=0.0))
    for code, colour in enumerate(_BASE_COLOURS):
        at = np.flatnonzero((base == code) & (np.abs(height) > least))
        if not at.size:
            continue
        outline, codes = _glyph(code)
        x = first + at[:, None] - _WIDTH / 2 + _WIDTH * outline[:, 0]
        y = height[at, None] * outline[:, 1]
        vertices = np.stack([x, y], axis=-1).reshape(-1, 2)
        letters = Path(vertices, np.tile(codes, at.size))
        ax.add_artist(PathPatch(letters, color=colour, linewidth=0))  # limits are set below
    known = height[np.isfinite(height)]
    low, high = min(0.0, float(known.min(initial=0.0))), max(0.0, float(known.max(initial=0.0)))
    pad = 0.06 * (high - low) or 1.0
    ax.set_xlim(first - 0.7, first + len(base) - 0.3)
    ax.set_ylim(low - pad, high + pad)
    return ax
