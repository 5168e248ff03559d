"""Effects of a locus's variants on two tasks along the sequence, with instruments and motifs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.plot.effect_map import busiest_window
from deepmr.plot.sequence_logo import base_contributions, sequence_logo
from deepmr.plot.style import COLOURS, FADED, INK, style

__all__ = ["MotifSite", "locus_tracks"]

_LETTERS = 100  # bases a window whose letters can be read at the width of a page
_WIDTH = 7.4  # inches
_LEFT, _RIGHT = 0.95, 0.08
_MINUS = "\N{MINUS SIGN}"
_MOST_ROWS = 4  # of motif names; sites that overlap more often are drawn without a name


@dataclass(frozen=True, slots=True, kw_only=True)
class MotifSite:
    """A match of a motif in a locus.

    Args:
        name: Name of the motif.
        start: First base, from the locus's start, 0-based.
        end: One past the last base.
        strand: 1 where the motif reads along the sequence (default), -1 on the other strand.

    Example:
        >>> MotifSite(name="GATA1", start=10, end=21, strand=-1).label
        'GATA1 −'
    """

    name: str
    start: int
    end: int
    strand: int = 1

    @property
    def label(self) -> str:
        """Name and strand."""
        return f"{self.name} {'+' if self.strand > 0 else _MINUS}"


@style()
def locus_tracks(
    effects: MemberEffects,
    tasks: Sequence[str],
    *,
    instruments: Bool[np.ndarray, " variant"] | None = None,
    motifs: Sequence[MotifSite] = (),
    locus: Interval | None = None,
    units: Sequence[str] = (),
    window: tuple[int, int] | None = None,
) -> tuple[Axes, ...]:
    """Draw each task's effects along a locus: overview of the locus, then letters of a window.

    A letter is as high as its base contributes: minus the mean effect of the substitutions at its
    position (`base_contributions`). Listed variants other than substitutions are drawn as stems,
    as high as their effect. Triangles mark positions with an instrument.

    Args:
        effects: Effects at one locus.
        tasks: Names of exposure and outcome.
        instruments: Variants that are instruments for the exposure; none by default.
        motifs: Matches of motifs; none by default.
        locus: Place of the locus, for positions on its chromosome; by default (None) the axis
            shows offsets.
        units: Unit of each task's effects; none by default.
        window: First offset and end (half-open) drawn as letters; by default (None) the 100 bases
            with the largest effects.

    Returns:
        The axes from top to bottom.

    Raises:
        ValueError: If the effects belong to several loci.
        LookupError: If a task was not kept.

    Example:
        >>> effects = MemberEffects(
        ...     value=np.array([[[-2.0, -4.0, 1.0]]]), tasks=("X",), offset=np.array([0, 0, 1]),
        ...     ref=np.array([2, 2, 0]), alt=np.array([0, 1, 3]), mask=np.ones(3, dtype=bool))
        >>> site = MotifSite(name="GATA1", start=0, end=2)
        >>> axes = locus_tracks(effects, ["X"], instruments=np.array([True, False, False]),
        ...     motifs=[site])
        >>> [one.get_ylabel() for one in axes]
        ['', 'X']
    """
    tracks = [base_contributions(effects, task) for task in tasks]
    length = len(tracks[0][0])
    if locus is not None:
        length = max(length, locus.length)
    if window is None:
        substitutions = bool((effects.mask & (effects.alt >= 0)).any())
        window = busiest_window(effects, tasks, width=_LETTERS) if substitutions else (0, length)
    origin = 0 if locus is None else locus.start
    named = _named_rows([one for one in motifs if one.end > window[0] and one.start < window[1]])
    overview = length > window[1] - window[0]
    axes = _layout(len(tasks), n_motif_rows=len(named), overview=overview)
    rest = list(axes)
    if overview:
        _overview(rest.pop(0), tasks, tracks, window, origin, length)
    _marks(rest.pop(0), effects, instruments, named, window, origin)
    for ax, task, (base, height), unit in zip(
        rest, tasks, tracks, [*units, *[""] * len(tasks)], strict=False
    ):
        if (base >= 0).any():
            part = slice(*window)
            sequence_logo(base[part], height[part], first=origin + window[0], ax=ax)
        else:
            _stems(ax, effects, task, origin)
        ax.set_ylabel(f"{task}\n({unit})" if unit else task, fontsize=8)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.set_xlim(origin + window[0] - 0.7, origin + window[1] - 0.3)
        ax.tick_params(labelbottom=ax is rest[-1])
        ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    rest[-1].set_xlabel("Offset (bases)" if locus is None else f"Position on {locus.chrom} (bases)")
    return tuple(axes)


def _layout(n_tasks: int, *, n_motif_rows: int, overview: bool) -> list[Axes]:
    """Return axes at fixed places: a layout engine takes longer than all the drawing."""
    heights = [*([0.75] if overview else []), 0.2 + 0.17 * n_motif_rows, *[1.15] * n_tasks]
    gaps = [*([0.38] if overview else []), 0.04, *[0.2] * (n_tasks - 1)]
    bottom, top = 0.5, 0.1
    total = bottom + sum(heights) + sum(gaps) + top
    figure = Figure(figsize=(_WIDTH, total))
    FigureCanvasAgg(figure)
    axes, y = [], total - top
    for position, height in enumerate(heights):
        y -= height
        box = (_LEFT / _WIDTH, y / total, 1 - (_LEFT + _RIGHT) / _WIDTH, height / total)
        axes.append(figure.add_axes(box))
        y -= gaps[position] if position < len(gaps) else 0.0
    for ax in axes:  # two lines at the left edge, whatever the numbers beside the axis are
        ax.yaxis.set_label_coords(-(_LEFT - 0.33) / (_WIDTH - _LEFT - _RIGHT), 0.5)
    return axes


def _overview(
    ax: Axes,
    tasks: Sequence[str],
    tracks: Sequence[tuple[np.ndarray, np.ndarray]],
    window: tuple[int, int],
    origin: int,
    length: int,
) -> None:
    """Draw each task's contributions over the whole locus as a line, the window shaded."""
    ax.axvspan(origin + window[0] - 0.5, origin + window[1] - 0.5, color="#e8ebef", linewidth=0)
    for task, colour, (_, height) in zip(tasks, COLOURS, tracks, strict=False):
        largest = float(np.nanmax(np.abs(height), initial=0.0)) or 1.0
        x = origin + np.arange(len(height))
        ax.plot(x, height / largest, color=colour, linewidth=0.8, label=task)
    ax.axhline(0.0, color=FADED, linewidth=0.6, zorder=0)
    ax.set(xlim=(origin - 0.5, origin + length - 0.5), ylabel="share of\nlargest", ylim=(-1.1, 1.1))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, prune="upper"))  # none cut at the edge
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    ax.legend(loc="upper left", ncols=len(tasks), fontsize=7.5, handlelength=1.2, borderpad=0)


def _named_rows(motifs: Sequence[MotifSite]) -> list[list[MotifSite]]:
    """Put sites into rows in which neither sites nor names overlap."""
    rows: list[list[MotifSite]] = []
    for site in sorted(motifs, key=lambda one: (one.start, one.end)):
        for row in rows:
            last = row[-1]
            if site.start > max(last.end, last.start + 1.1 * len(last.label)) + 1:
                row.append(site)
                break
        else:
            if len(rows) < _MOST_ROWS:
                rows.append([site])
    return rows


def _marks(
    ax: Axes,
    effects: MemberEffects,
    instruments: np.ndarray | None,
    named: Sequence[Sequence[MotifSite]],
    window: tuple[int, int],
    origin: int,
) -> None:
    """Draw motif sites with their names, and a triangle at each position with an instrument."""
    ax.set(xlim=(origin + window[0] - 0.7, origin + window[1] - 0.3), ylim=(0, 1 + len(named)))
    ax.axis("off")
    for row, sites in enumerate(named):
        for site in sites:
            start = max(site.start, window[0])
            width = min(site.end, window[1]) - start
            ax.barh(
                row + 1.42, width, left=origin + start - 0.5, height=0.72, color=FADED, alpha=0.55
            )
            ax.text(origin + start - 0.2, row + 1.42, site.label, fontsize=7, va="center")
    if instruments is None:
        return
    used = instruments[: effects.mask.shape[-1]] & effects.mask
    at = np.unique(effects.offset[used])
    at = at[(at >= window[0]) & (at < window[1])]
    ax.plot(origin + at, np.full(at.size, 0.4), "v", color=INK, markersize=3.6, markeredgewidth=0)
    beside = {"transform": ax.get_yaxis_transform(), "fontsize": 7, "va": "center"}
    if at.size:
        ax.text(-0.008, 0.4, "instruments", ha="right", **beside)
    else:
        ax.text(0.005, 0.4, "no instrument here", ha="left", **beside)


def _stems(ax: Axes, effects: MemberEffects, task: str, origin: int) -> None:
    """Draw listed variants as stems, as high as their effect."""
    mean = effects.of(task).mean(axis=-2)
    x, y = origin + effects.offset[effects.mask], mean[effects.mask]
    ax.vlines(x, 0.0, y, color=INK, linewidth=1.0)
    ax.plot(x, y, "o", color=INK, markersize=3)
    ax.axhline(0.0, color=FADED, linewidth=0.6)
