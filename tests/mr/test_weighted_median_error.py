"""The sampling distribution of the weighted median against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import EffectSizes
from deepmr.mr.numerics.weighted_median import ratio_cdf


@pytest.mark.parametrize(
    ("x", "y", "psi"),
    [(0.1, 0.05, 0.0), (-0.2, 0.05, 0.5), (1.0, 0.5, -0.3), (0.001, 0.3, 0.4), (0.0, 0.3, 0.0)],
)
def test_ratio_distribution_equals_simulation(x: float, y: float, psi: float) -> None:
    z = np.random.default_rng(0).standard_normal((2, 400_000))
    ratio = (y + 0.2 * (psi * z[0] + np.sqrt(1 - psi**2) * z[1])) / (x + 0.1 * z[0])
    t = np.array([-2.0, -0.3, 0.0, 0.2, 0.5, 3.0])
    full = [np.full(6, v) for v in (x, 0.1, y, 0.2, psi)]
    wanted = [np.mean(ratio <= value) for value in t]
    # Four standard errors of a share in 400,000 draws.
    np.testing.assert_allclose(ratio_cdf(t, *full), wanted, atol=4 * 0.5 / np.sqrt(400_000))


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_sampling_error_equals_a_long_bootstrap(rho: float) -> None:
    rng = np.random.default_rng(1)
    shape = (8, 600)
    x = rng.normal(0.0, 0.1, shape)
    sx, sy = rng.uniform(0.01, 0.03, shape), rng.uniform(0.01, 0.03, shape)
    y = 0.5 * x + rng.normal(0.0, 0.03, shape)
    effects = EffectSizes.from_arrays(x, sx, y, sy, error_correlation=rho)
    quick = mr.weighted_median(effects, error="sampling_distribution").effect.se
    slow = mr.weighted_median(effects, error="bootstrap", iterations=2000).effect.se
    ratio = quick / slow
    # The bootstrap's own noise is 1.6 %; ratios that lie unevenly around the median add up to
    # 6 % at single loci, to either side: the mean over loci is what must be right.
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(ratio, 1.0, atol=0.1)


def test_auto_takes_the_bootstrap_for_few_instruments() -> None:
    effects = mr.ldl_chd()
    auto = mr.weighted_median(effects).effect.se
    assert float(auto) == float(mr.weighted_median(effects, error="bootstrap").effect.se)
