"""Medians of many draws by ordering few of their values."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import EffectSizes
from deepmr.mr.numerics.medians import medians


@pytest.mark.parametrize("count", [1, 2, 7, 600, 601])
def test_medians_of_draws_are_those_of_sorting_to_the_bit(count: int) -> None:
    values = np.random.default_rng(0).standard_normal((6, 2, count))
    ordered = np.sort(values, axis=-1)
    assert np.array_equal(medians(values), (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2)  # fmt: skip # noqa: E501


def test_a_row_that_is_unlike_the_first_has_its_own_median() -> None:
    values = np.random.default_rng(1).standard_normal((6, 1, 600))
    values[3] += 50.0
    values[4, :, :299] -= 50.0  # the two middle values lie at the edge of a gap
    assert np.array_equal(medians(values), np.median(values, axis=-1))


@pytest.mark.parametrize("invalid", [0, 6])
def test_presso_that_stops_early_decides_as_all_of_its_simulations(invalid: int) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0.0, 0.1, (12, 40))
    y = 0.5 * x + 0.02 * rng.standard_normal(x.shape)
    y[::2, :invalid] += 0.3
    error = np.full(x.shape, 0.02)
    effects = EffectSizes.from_arrays(x, 0.5 * error, y, error)
    tests = mr.presso_tests(effects, iterations=1000)
    found = mr.presso(effects, iterations=1000)
    corrected = np.isfinite(tests.corrected.value)
    assert corrected.any() == bool(invalid)
    best = np.where(corrected, tests.corrected.value, tests.raw.value)
    assert np.array_equal(found.effect.value, best)
    assert np.array_equal(found.flags["horizontal_pleiotropy"], tests.global_p < 0.05)
