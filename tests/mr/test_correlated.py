"""Correlated instruments: identities that hold whatever the data."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import EffectSizes

RNG = np.random.default_rng(0)
X, SX = RNG.uniform(0.1, 0.3, (2, 6)), np.full((2, 6), 0.01)
Y, SY = 0.4 * X + RNG.normal(0, 0.02, (2, 6)), np.full((2, 6), 0.02)
FACTOR = RNG.uniform(-0.5, 0.5, (2, 6, 2))
ESTIMATORS = [mr.inverse_variance_weighted, mr.egger, mr.maximum_likelihood]


def correlation(factor: np.ndarray) -> np.ndarray:
    rho = factor @ np.swapaxes(factor, -1, -2)
    rho[..., np.arange(6), np.arange(6)] = 1.0
    return rho


def with_factor(mask: np.ndarray | None = None) -> EffectSizes:
    return EffectSizes(
        beta_exposure=X,
        se_exposure=SX,
        beta_outcome=Y,
        se_outcome=SY,
        mask=np.ones((2, 6), bool) if mask is None else mask,
        instrument_factor=FACTOR,
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_identity_correlation_changes_nothing(estimator) -> None:
    plain = estimator(EffectSizes.from_arrays(X, SX, Y, SY)).effect
    same = EffectSizes.from_arrays(
        X, SX, Y, SY, instrument_correlation=np.tile(np.eye(6), (2, 1, 1))
    )
    np.testing.assert_allclose(estimator(same).effect.value, plain.value, rtol=1e-9)
    np.testing.assert_allclose(estimator(same).effect.se, plain.se, rtol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_factor_equals_the_matrix_it_stands_for(estimator) -> None:
    dense = EffectSizes.from_arrays(X, SX, Y, SY, instrument_correlation=correlation(FACTOR))
    one, other = estimator(with_factor()).effect, estimator(dense).effect
    np.testing.assert_allclose(one.value, other.value, rtol=1e-9)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_masked_correlated_instruments_equal_absent_ones(estimator) -> None:
    mask = np.ones((2, 6), bool)
    mask[:, 2] = False
    kept = np.arange(6) != 2
    rho = correlation(FACTOR)[:, kept][:, :, kept]
    absent = EffectSizes.from_arrays(
        X[:, kept], SX[:, kept], Y[:, kept], SY[:, kept], instrument_correlation=rho
    )
    one, other = estimator(with_factor(mask)).effect, estimator(absent).effect
    np.testing.assert_allclose(one.value, other.value, rtol=1e-9)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-9)


def test_a_matrix_that_is_no_correlation_spoils_only_its_locus() -> None:
    rho = correlation(FACTOR)
    rho[0] = 1.0
    effects = EffectSizes.from_arrays(X, SX, Y, SY, instrument_correlation=rho)
    value = mr.inverse_variance_weighted(effects).effect.value
    assert np.isnan(value[0])
    assert np.isfinite(value[1])


def test_robust_is_refused_for_correlated_instruments() -> None:
    with pytest.raises(ValueError, match="no robust or penalized form"):
        mr.inverse_variance_weighted(with_factor(), robust=True)
