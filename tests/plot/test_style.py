"""The look: set while drawing, gone afterwards, and reproducible."""

import matplotlib as mpl
import numpy as np
import pytest

from deepmr.plot import learning_curve, style, to_png, to_svg
from deepmr.plot.style import colour_of, new_axes


def test_settings_are_as_before_even_when_drawing_fails():
    before = dict(mpl.rcParams)
    with style(), pytest.raises(LookupError):
        learning_curve({name: np.array([]) for name in ("metric", "epoch", "task")})
    assert dict(mpl.rcParams) == before


def test_new_axes_are_not_kept_by_pyplot():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    new_axes()
    assert plt.get_fignums() == before


def test_axes_given_are_axes_returned():
    ax = new_axes()
    assert new_axes(ax) is ax


def test_the_same_figure_gives_the_same_bytes():
    def draw():
        with style():
            ax = new_axes()
            ax.plot([0, 1], [0, 1])
        return ax

    assert to_svg(draw()) == to_svg(draw())
    png = to_png(draw())
    assert png == to_png(draw())
    assert png.startswith(b"\x89PNG")


def test_the_three_usual_methods_differ_in_colour():
    assert len({colour_of(name) for name in ("ivw", "egger", "weighted_median")}) == 3


@pytest.mark.parametrize("name", ["$x_{1$", "a$b$c", "y" * 300, r"\frac{"])
def test_any_name_can_be_drawn(name: str) -> None:
    ax = new_axes()
    ax.plot([1, 2], [1, 2], label=name)
    ax.set(title=name, xlabel=name, yscale="log")
    ax.set_xticks([1, 2], [name, name])
    ax.legend()
    assert to_png(ax)
    assert to_svg(ax)
