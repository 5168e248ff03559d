"""The documented rules where R stops, returns nothing or disagrees with itself."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import EffectSizes


def few(n: int) -> EffectSizes:
    return EffectSizes.from_arrays(
        np.linspace(0.1, 0.3, n), np.full(n, 0.01), np.linspace(0.05, 0.16, n), np.full(n, 0.02)
    )


@pytest.mark.parametrize("estimator", [mr.egger, mr.weighted_median, mr.simple_median])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_instruments_give_a_flagged_missing_value(estimator, n: int) -> None:
    result = estimator(few(n))
    assert np.isnan(result.effect.value)
    assert np.isnan(result.effect.se)
    assert bool(result.flags["few_instruments"])
