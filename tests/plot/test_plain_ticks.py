"""Numbers beside axes drawn without matplotlib's ticks: the same picture."""

from contextlib import nullcontext
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepmr.plot import style, to_svg
from deepmr.plot.plain_ticks import plain_ticks


def _ordinary(ax: Axes) -> None:
    ax.set(xlim=(-1.3, 2.0), ylim=(40, -1200), xlabel="Effect on X", ylabel="Effect on Y")
    ax.yaxis.set_major_locator(MaxNLocator(4))


def _label_set_by_hand(ax: Axes) -> None:
    ax.set(ylim=(0, 1e-3), ylabel="two\nlines")
    ax.ticklabel_format(axis="y", style="plain")
    ax.yaxis.set_label_coords(-0.2, 0.5)


def _numbers_below_hidden(ax: Axes) -> None:
    ax.tick_params(labelbottom=False)
    ax.set_xlabel("close to the axes")


def _offset(ax: Axes) -> None:
    ax.set(xlim=(1e9, 1e9 + 1), ylim=(0, 1e-7))


def _logarithmic(ax: Axes) -> None:
    ax.set(xscale="log", xlim=(1, 1e4), ylim=(3, 5))


def _names(ax: Axes) -> None:
    ax.set_yticks([0, 1], ["first", "second"])


def _other_looks(ax: Axes) -> None:
    ax.tick_params(axis="y", labelsize=5, length=0)
    ax.xaxis.tick_top()
    ax.grid(axis="y")


def _tick_just_beyond_the_end(ax: Axes) -> None:
    ax.set(xlim=(-0.1999, 1), ylim=(-7.499, 0))


_KINDS = (
    _ordinary,
    _label_set_by_hand,
    _numbers_below_hidden,
    _offset,
    _logarithmic,
    _names,
    _other_looks,
    _tick_just_beyond_the_end,
)


def _drawn(kind, *, plain: bool, layout: str | None) -> np.ndarray:
    with style():
        figure = Figure(figsize=(4, 3), layout=layout)
        kind(figure.add_subplot() if layout else figure.add_axes((0.25, 0.25, 0.7, 0.7)))
        if layout:
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        sink = BytesIO()
        with plain_ticks(figure) if plain else nullcontext():
            figure.savefig(sink, format="rgba")
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("kind", "layout"), [*((kind, None) for kind in _KINDS), (_ordinary, "constrained")]
)
def test_every_pixel_is_as_matplotlib_draws_it(kind, layout) -> None:
    ours, theirs = (_drawn(kind, plain=plain, layout=layout) for plain in (True, False))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("kind", "visible"),
    [(_ordinary, (False, False)), (_offset, (True, True)), (_logarithmic, (True, False))],
)
def test_axes_of_plain_numbers_alone_are_replaced(kind, visible) -> None:
    with style():
        ax = Figure().add_subplot()
        kind(ax)
        with plain_ticks(ax.figure):
            assert (ax.xaxis.get_visible(), ax.yaxis.get_visible()) == visible


def test_a_figure_is_as_it_was_also_after_an_error() -> None:
    with style():
        ax = Figure().add_subplot()
        before = ax.get_children()
        with pytest.raises(RuntimeError), plain_ticks(ax.figure):
            raise RuntimeError
    assert ax.get_children() == before
    assert ax.xaxis.get_visible()
    assert ax.yaxis.get_visible()


def test_a_file_has_no_ticks_of_matplotlib_and_is_the_same_twice() -> None:
    with style():
        ax = Figure().add_subplot()
        _ordinary(ax)
    first = to_svg(ax)
    assert b"xtick_" not in first
    assert first == to_svg(ax)
    assert mpl.rcParams["axes.spines.top"]
