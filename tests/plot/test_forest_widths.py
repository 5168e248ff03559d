"""Squares of a forest plot where intervals have no width."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from deepmr.plot.forest import _rows


def test_loci_of_exactly_no_effect_keep_their_squares() -> None:
    _, ax = plt.subplots()
    half = np.array([0.0, 0.0, 0.5])
    _rows(ax, np.zeros(3), (-half, half), np.arange(3.0), (-1.0, 1.0))
    sizes = ax.collections[1].get_sizes()
    assert sizes.tolist() == [60.0, 60.0, 14.0]
    plt.close("all")
