"""Modes of bootstrap draws: found near a known place, and the highest wherever they are."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.mr.numerics.drawn_modes import Cells, modes_near
from deepmr.mr.numerics.kernel_density import bandwidth


def density(at: np.ndarray, ratio: np.ndarray, weight: np.ndarray, h: np.ndarray) -> np.ndarray:
    z = (at[..., :, None] - ratio[..., None, :]) / h[..., None, None]
    return np.sum(np.exp(-0.5 * z**2) * weight[..., None, :], axis=-1)


def draws(kind: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    ratio = 0.5 + 0.2 * rng.standard_normal((20, 2, 60))
    if kind == "wild":
        ratio = 0.5 + 0.05 * rng.standard_t(1, ratio.shape)
    if kind == "two hills":  # of almost the same height
        ratio[..., 30:] += 1.5
    if kind == "far":  # of the place that is searched first
        ratio += 1e4
    if kind == "absent":
        ratio[:, 1, 40:] = np.nan
    return ratio


@pytest.mark.parametrize("kind", ["one hill", "wild", "two hills", "far", "absent"])
def test_no_point_of_a_fine_grid_is_higher_than_the_mode_of_a_draw(kind: str) -> None:
    ratio = draws(kind)
    here = ~np.isnan(ratio)
    weight = np.where(here, np.random.default_rng(4).uniform(0.2, 1.0, ratio.shape), 0.0)
    weight /= weight.sum(axis=-1, keepdims=True)
    h = bandwidth(ratio, here.sum(axis=-1), 0.5)
    found = modes_near(np.array([0.5, 0.5]), ratio, weight, h)
    filled = np.where(here, ratio, 0.0)
    steps = np.linspace(-2.0, 2.0, 41) * h[..., None, None]
    around = (filled[..., None] + steps).reshape(*h.shape, -1)  # no hill is farther from all ratios
    best = density(around, filled, weight, h).max(axis=-1)
    top = density(found[..., None], filled, weight, h)[..., 0]
    assert np.all(top >= best - 1e-12)  # rounding of sums of 60 terms below 1
    beside = density(found[..., None] + 1e-4 * h[..., None], filled, weight, h)[..., 0]
    assert np.all(top >= beside)  # and it is a top, not only higher than the grid


def test_a_density_without_width_has_no_mode() -> None:
    found = modes_near(
        np.array([1.0]), np.ones((3, 1, 4)), np.full((3, 1, 4), 0.25), np.zeros((3, 1))
    )
    assert np.isnan(found).all()


@pytest.mark.parametrize("moved", [0.02, 1e3])
def test_modes_by_other_weights_on_shared_cells_are_those_on_cells_of_their_own(
    moved: float,
) -> None:
    rng = np.random.default_rng(5)
    ratio = draws("two hills")
    one, other = rng.uniform(0.2, 1.0, (2, *ratio.shape))
    one, other = (w / w.sum(axis=-1, keepdims=True) for w in (one, other))
    h = bandwidth(ratio, np.full(ratio.shape[:-1], 60), 0.5)
    cells = Cells()
    modes_near(np.array([0.5, 0.5]), ratio, one, h, cells)
    centre = np.array([0.5, 0.5 + moved])
    shared = modes_near(centre, ratio, other, h, cells)
    alone = modes_near(centre, ratio, other, h)
    # A top is found to the cube of a thousandth of a bandwidth; ten times that.
    assert np.all(np.abs(shared - alone) <= 1e-8 * h)


def test_a_bandwidth_without_missing_ratios_is_that_with_a_missing_one_added() -> None:
    ratio = draws("wild")
    padded = np.concatenate([ratio, np.full((*ratio.shape[:-1], 1), np.nan)], axis=-1)
    count = np.full(ratio.shape[:-1], 60)
    found, expected = bandwidth(ratio, count, 1.0), bandwidth(padded, count, 1.0)
    assert found == pytest.approx(expected, rel=1e-12)  # rounding of sums of 60 squares
