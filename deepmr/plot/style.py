"""Style of the figures: colours, fonts and sizes, set while a figure is drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import ScalarFormatter

from deepmr.plot.plain_ticks import plain_ticks

__all__ = ["COLOURS", "FADED", "INK", "TRUTH", "colour_of", "new_axes", "style", "to_png", "to_svg"]

INK = "#2b2f36"
FADED = "#a9b0ba"
TRUTH = "#000000"
# Okabe and Ito's palette, told apart by colour-blind readers (Wong 2011, doi:10.1038/nmeth.1618).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6f00", "#5b5b5b")
_SVG_DPI = 72
_LONGEST_LINE = 60  # letters; what is longer leaves no room for the figure
_LONGEST_LABEL = 36  # the same, beside the axes or within them
_FIRST = ("slope", "egger", "weighted_median", "concordant", "ivw")

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


def _shortened(text: str, longest: int = _LONGEST_LINE) -> str:
    """Cut endless words, such as names; a text of twice the length is cut as a whole."""
    if max(map(len, text.split("\n"))) <= longest:
        return text
    text = " ".join(_cut(word, longest) for word in text.split(" "))
    return textwrap.fill(_cut(text, 2 * longest), width=longest)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}...{text[-(longest // 3) :]}"


def _take_names_as_they_are(figure: Figure) -> None:
    """Draw ``$`` in a name as it is, not as the start of a formula, and shorten endless names.

    Powers of ten on a logarithmic axis are formulas of matplotlib's own, and stay.
    """
    for axis in (axis for axes in _all_axes(figure) for axis in (axes.xaxis, axes.yaxis)):
        if axis.get_scale() == "log" or isinstance(axis.get_major_formatter(), ScalarFormatter):
            continue  # numbers: neither long nor names, and dear to ask for
        labels = [label.get_text() for label in axis.get_ticklabels()]
        short = [_shortened(label, _LONGEST_LABEL) for label in labels]
        if short != labels:
            axis.set_ticklabels(short)
    legends = [
        *figure.legends,
        *(
            one
            for axes in _all_axes(figure)
            for one in axes.get_children()
            if isinstance(one, Legend)
        ),
    ]
    for legend in legends:
        for text in legend.get_texts():
            text.set_text(_shortened(text.get_text(), _LONGEST_LABEL))
    for text in _texts(figure, legends):
        if "\\mathdefault" not in text.get_text():
            text.set_parse_math(False)
            text.set_text(_shortened(text.get_text()))


def _all_axes(figure: Figure) -> list[Axes]:
    """Return the axes of a figure, those within others included."""
    return [one for axes in figure.axes for one in (axes, *axes.child_axes)]


def _texts(figure: Figure, legends: Sequence[Legend]) -> Iterator[Text]:
    """Return the texts of a figure but numbers beside its axes; `findobj` would make all ticks."""
    yield from (one for one in figure.get_children() if isinstance(one, Text))
    for legend in legends:
        yield from (legend.get_title(), *legend.get_texts())
    for axes in _all_axes(figure):
        yield from (one for one in axes.get_children() if isinstance(one, Text))
        for axis in (axes.xaxis, axes.yaxis):
            yield axis.label
            numbers = isinstance(axis.get_major_formatter(), ScalarFormatter)
            if not numbers and axis.get_scale() != "log":
                yield from axis.get_ticklabels()


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Lay the figure out as its SVG will have it, and keep matplotlib from doing so again.

    Matplotlib does so by a whole draw that is thrown away, which takes as long as the drawing.
    """
    engine, canvas, dpi = figure.get_layout_engine(), figure.canvas, figure.dpi
    if engine is None:
        yield
        return
    FigureCanvasSVG(figure)  # texts are as wide as in the file
    figure.set_dpi(_SVG_DPI)
    engine.execute(figure)
    figure.set_layout_engine(None)
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_dpi(dpi)
        figure.set_canvas(canvas)


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
    return _render(ax, "svg", _SVG_DPI)


def _render(ax: Axes, kind: str, dpi: int) -> bytes:
    figure = ax.figure.canvas.figure
    _take_names_as_they_are(figure)
    sink = BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with style(), ExitStack() as stack:
        if kind == "svg":
            stack.enter_context(_laid_out(figure))
            stack.enter_context(plain_ticks(figure))
        figure.savefig(sink, format=kind, dpi=dpi, metadata=metadata)
    return sink.getvalue()
