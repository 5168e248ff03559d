"""Ticks of an axis of numbers drawn as one line and one text, not as five artists a tick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.lines import TICKDOWN, TICKLEFT, Line2D
from matplotlib.text import Text
from matplotlib.ticker import ScalarFormatter

__all__ = ["plain_ticks"]

_PLAIN = {"bottom", "left", "labelbottom", "labelleft"}  # settings of ticks that are kept
_CLOSE = 1e-10  # of an axis, beyond its end: matplotlib draws a tick that is rounded so far


@contextmanager
def plain_ticks(figure: Figure) -> Iterator[None]:
    """Draw a figure's numbers beside its axes without matplotlib's ticks, in the same places.

    Only linear axes of numbers at the left and at the bottom, in the style's own ticks; others are
    drawn by matplotlib. Afterwards the figure is as it was.

    Args:
        figure: Figure that is saved within the context; its axes have fixed places.

    Example:
        >>> figure = Figure()
        >>> ax = figure.add_subplot()
        >>> with plain_ticks(figure):
        ...     inside = ax.xaxis.get_visible()
        >>> inside, ax.xaxis.get_visible()
        (False, True)
    """
    replaced: list[tuple[Axis, Artist]] = []
    try:
        for ax in figure.axes:
            for axis in (ax.xaxis, ax.yaxis):
                if ax.axison and axis.get_visible() and _is_plain(axis):
                    replaced.append((axis, ax.add_artist(_PlainTicks(ax, axis))))
                    axis.set_visible(False)
        yield
    finally:
        for axis, artist in replaced:
            artist.remove()
            axis.set_visible(True)


def _is_plain(axis: Axis) -> bool:
    """Whether an axis is of numbers, at its usual side, without offset, grid or minor ticks."""
    settings, formatter = axis.get_tick_params(which="major"), axis.get_major_formatter()
    usual = ("bottom", "top") if isinstance(axis, XAxis) else ("left", "right")
    kept = {*_PLAIN, "top", "right", "labeltop", "labelright", "gridOn"}
    if (
        type(formatter) is not ScalarFormatter
        or axis.get_scale() != "linear"
        or axis.get_label_position() != usual[0]
        or not set(settings) <= kept
        or any(settings.get(key) for key in (usual[1], f"label{usual[1]}", "gridOn"))
        or not settings.get(usual[0])
        or len(axis.get_minorticklocs())
    ):
        return False
    if axis.label.get_text() and not settings.get(f"label{usual[0]}"):
        return False  # its label is where numbers would be
    formatter.format_ticks(axis.get_majorticklocs())
    return not formatter.get_offset()


class _PlainTicks(Artist):
    """Marks, numbers and label of an axis.

    Args:
        ax: Axes that have the axis.
        axis: The axis.
    """

    def __init__(self, ax: Axes, axis: Axis) -> None:
        super().__init__()
        self._ax, self._axis, self._along_x = ax, axis, isinstance(axis, XAxis)
        self._kind = "xtick" if self._along_x else "ytick"
        self.set_zorder(axis.get_zorder())
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Draw into the renderer of a figure that is saved."""
        axis, ax = self._axis, self._ax
        renderer.open_group("matplotlib.axis")
        at = np.asarray(axis.get_majorticklocs(), dtype=np.float64)
        words = axis.get_major_formatter().format_ticks(at)
        shape = np.zeros((at.size, 2))
        shape[:, 0 if self._along_x else 1] = at
        dots = ax.transData.transform(shape)[:, 0 if self._along_x else 1]
        low, high = sorted(axis.get_view_interval())
        close = _CLOSE * (high - low)
        shown = np.flatnonzero((at >= low - close) & (at <= high + close))
        edge = ax.bbox.y0 if self._along_x else ax.bbox.x0
        self._draw_marks(dots[shown], edge, renderer)
        side = "labelbottom" if self._along_x else "labelleft"
        if axis.get_tick_params(which="major").get(side):
            edge = self._draw_numbers(dots[shown], [words[k] for k in shown], edge, renderer)
        self._draw_label(edge, renderer)
        renderer.close_group("matplotlib.axis")

    def _artist(self, artist: Line2D | Text) -> Line2D | Text:
        artist.set_figure(self._ax.figure)
        return artist

    def _draw_marks(self, dots: np.ndarray, edge: float, renderer: Any) -> None:
        beside = np.full(dots.size, edge)
        places = (dots, beside) if self._along_x else (beside, dots)
        marks = Line2D(
            *places,
            linestyle="none",
            marker=TICKDOWN if self._along_x else TICKLEFT,
            color=mpl.rcParams[f"{self._kind}.color"],
            markersize=mpl.rcParams[f"{self._kind}.major.size"],
            markeredgewidth=mpl.rcParams[f"{self._kind}.major.width"],
        )
        self._artist(marks).draw(renderer)

    def _draw_numbers(
        self, dots: np.ndarray, words: list[str], edge: float, renderer: Any
    ) -> float:
        """Draw the numbers, and return where they end, away from the axes."""
        away = mpl.rcParams[f"{self._kind}.major.size"] + mpl.rcParams[f"{self._kind}.major.pad"]
        start = edge - renderer.points_to_pixels(away)
        text = Text(
            color=mpl.rcParams[f"{self._kind}.color"],
            fontsize=mpl.rcParams[f"{self._kind}.labelsize"],
            horizontalalignment="center" if self._along_x else "right",
            verticalalignment="top" if self._along_x else "center_baseline",
        )
        self._artist(text)
        measured = self._axis.label.get_transform() is not self._ax.transAxes  # not set by hand
        end = start
        for place, word in zip(dots, words, strict=True):
            text.set_text(word)
            text.set_position((place, start) if self._along_x else (start, place))
            if measured:
                box = text.get_window_extent(renderer)
                end = min(end, box.y0 if self._along_x else box.x0)
                measured = not self._along_x  # numbers are of one height
            text.draw(renderer)
        return end

    def _draw_label(self, edge: float, renderer: Any) -> None:
        label = self._axis.label
        if label.get_transform() is not self._ax.transAxes:
            x, y = label.get_position()
            beyond = edge - renderer.points_to_pixels(self._axis.labelpad)
            label.set_position((x, beyond) if self._along_x else (beyond, y))
        label.draw(renderer)
