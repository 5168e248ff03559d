"""Style of the figures: colours, fonts and sizes, set while a figure is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["COLOURS", "FADED", "INK", "TRUTH", "colour_of", "new_axes", "style", "to_png", "to_svg"]

INK = "#2b2f36"
FADED = "#a9b0ba"
TRUTH = "#000000"
# Okabe and Ito's palette, told apart by colour-blind readers (Wong 2011, doi:10.1038/nmeth.1618).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6f00", "#5b5b5b")
_FIRST = ("ivw", "egger", "weighted_median")

_SETTINGS: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "savefig.facecolor": "white",
    "svg.hashsalt": "deepmr",  # the same figure gives the same bytes
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": INK,
    "ytick.labelsize": 8.5,
}


@contextmanager
def style() -> Iterator[None]:
    """Context manager and decorator: draw in the project's style, then restore matplotlib's own.

    Example:
        >>> before = mpl.rcParams["axes.spines.top"]
        >>> with style():
        ...     inside = mpl.rcParams["axes.spines.top"]
        >>> inside, mpl.rcParams["axes.spines.top"] == before
        (False, True)
    """
    with mpl.rc_context(_SETTINGS):
        yield


def new_axes(ax: Axes | None = None, *, width: float = 5.2, height: float = 3.8) -> Axes:
    """Return the axes given, or those of a new figure that pyplot does not keep alive.

    Args:
        ax: Axes to return; None (the default) for those of a new figure.
        width: Width of a new figure in inches, 5.2 by default.
        height: Height of a new figure in inches, 3.8 by default.
    """
    if ax is not None:
        return ax
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def colour_of(method: str) -> str:
    """Return an estimator's colour: the same in every figure.

    Args:
        method: Short name of the estimator.

    Example:
        >>> colour_of("ivw") == colour_of("ivw") != colour_of("egger")
        True
    """
    if method in _FIRST:
        return COLOURS[_FIRST.index(method)]
    rest = COLOURS[len(_FIRST) :]
    return rest[sum(method.encode()) % len(rest)]


def to_png(ax: Axes, *, dpi: int = 200) -> bytes:
    """Return the figure that holds these axes as a PNG file.

    Args:
        ax: Axes of the figure.
        dpi: Resolution in dots per inch, 200 by default.
    """
    return _render(ax, "png", dpi)


def to_svg(ax: Axes) -> bytes:
    """Return the figure that holds these axes as an SVG file; the same figure, the same bytes.

    Args:
        ax: Axes of the figure.
    """
    return _render(ax, "svg", 72)


def _render(ax: Axes, kind: str, dpi: int) -> bytes:
    sink = BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with style():
        ax.figure.canvas.figure.savefig(sink, format=kind, dpi=dpi, metadata=metadata)
    return sink.getvalue()
