"""Heat map of the effect of every substitution at a locus, base by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.plot.style import FADED, INK, style

__all__ = ["busiest_window", "effect_grid", "effect_map"]

_BASES = "ACGT"
_MOST_LETTERS = 120


def effect_grid(effects: MemberEffects, task: str) -> Float64[np.ndarray, "base offset"]:
    """Return the members' mean effect of each substitution at one locus, NaN where there is none.

    Args:
        effects: Effects at one locus, without batch axes.
        task: Name of the task.

    Raises:
        ValueError: If the effects have batch axes: a grid shows one locus.
        LookupError: If the task was not kept.
    """
    if effects.offset.ndim != 1:
        raise ValueError(
            f"an effect grid shows one locus, got effects of {effects.offset.shape[:-1]} loci"
        )
    known = effects.mask & (effects.alt >= 0)
    length = int(effects.offset[known].max(initial=-1)) + 1
    grid = np.full((4, length), np.nan)
    mean = effects.of(task).mean(axis=-2)
    grid[effects.alt[known], effects.offset[known]] = mean[known]
    return grid


def busiest_window(
    effects: MemberEffects, tasks: Sequence[str], *, width: int = 120
) -> tuple[int, int]:
    """Return the window of a locus with the largest sum of absolute effects on the tasks.

    Each task's absolute effects are divided by their sum, so that tasks have equal weights.

    Args:
        effects: Effects at one locus, without batch axes.
        tasks: Names of the tasks.
        width: Width of the window in bases, 120 by default.

    Returns:
        First offset and end (half-open) of the window.

    Raises:
        ValueError: If the effects have batch axes.
        LookupError: If a task was not kept.
    """
    total: Float64[np.ndarray, " offset"] = np.zeros(0)
    for task in tasks:
        size = np.nansum(np.abs(effect_grid(effects, task)), axis=0)
        total = size / (size.sum() or 1.0) + (total if total.size else 0.0)
    width = min(width, total.size)
    sums = np.convolve(total, np.ones(width), mode="valid")
    start = int(np.argmax(sums))
    return start, start + width


@style()
def effect_map(
    effects: MemberEffects,
    tasks: Sequence[str],
    *,
    locus: Interval | None = None,
    units: Sequence[str] = (),
    window: tuple[int, int] | None = None,
    axes: Sequence[Axes] | None = None,
) -> tuple[Axes, ...]:
    """Draw the effects of every substitution at a locus, one panel per task.

    Colours are symmetric around no effect, with a range of each task's own. The reference base is
    grey, with its letter in windows of up to 120 bases.

    Args:
        effects: Effects at one locus.
        tasks: Names of the tasks, such as exposure and outcome.
        locus: Place of the locus, for positions on its chromosome; by default (None) the axis
            shows offsets.
        units: Unit of each task's effects, for the colour bar; none by default.
        window: First offset and end (half-open) to draw; by default (None) the whole locus.
        axes: Axes to draw into, one per task; by default (None) those of a new figure.

    Raises:
        ValueError: If the effects belong to several loci, or there is not one of the axes per task.
        LookupError: If a task was not kept.
    """
    grids = [effect_grid(effects, task) for task in tasks]
    start, stop = window or (0, grids[0].shape[1])
    if axes is None:
        width = float(np.clip((stop - start) * 0.075, 6.0, 13.0))
        figure = Figure(figsize=(width, 0.5 + 1.3 * len(tasks)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(tasks), 1, sharex=True, squeeze=False)[:, 0].tolist()
    if len(axes) != len(tasks):
        raise ValueError(f"effect_map needs axes for {len(tasks)} tasks, got {len(axes)}")
    origin = 0 if locus is None else locus.start
    for position, (ax, task, grid) in enumerate(zip(axes, tasks, grids, strict=True)):
        unit = units[position] if position < len(units) else ""
        _panel(ax, grid[:, start:stop], origin + start, task, unit)
        if stop - start <= _MOST_LETTERS:
            _name_reference(ax, effects, origin, start, stop)
    where = "Offset (bases)" if locus is None else f"Position on {locus.chrom}"
    axes[-1].set_xlabel(where)
    return tuple(axes)


def _panel(ax: Axes, grid: np.ndarray, first: int, task: str, unit: str) -> None:
    limit = float(np.nanmax(np.abs(grid), initial=0.0)) or 1.0
    image = ax.imshow(
        grid,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
        extent=(first - 0.5, first + grid.shape[1] - 0.5, 3.5, -0.5),
    )
    ax.set_facecolor("#eceef1")
    ax.set_yticks(range(4), list(_BASES))
    ax.tick_params(length=0, axis="y")
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FADED)
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    ax.set_title(task)
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, aspect=8)
    bar.outline.set_visible(False)
    bar.set_label(f"Effect ({unit})" if unit else "Effect")


def _name_reference(ax: Axes, effects: MemberEffects, origin: int, start: int, stop: int) -> None:
    shown = (effects.offset >= start) & (effects.offset < stop) & (effects.ref >= 0) & effects.mask
    offset, first = np.unique(effects.offset[shown], return_index=True)
    ref = effects.ref[shown][first]
    for x, base in zip(origin + offset, ref, strict=True):
        ax.text(x, base, _BASES[base], ha="center", va="center", fontsize=5.5, color=INK)
