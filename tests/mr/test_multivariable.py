"""Several exposures: planted truths and identities."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import MultivariableEffectSizes

TRUE = np.array([0.5, -0.2])


def effects(noise: float = 1.0, *, loci: int = 3, seed: int = 0) -> MultivariableEffectSizes:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.2, (loci, 2, 30))
    sx, sy = np.full(x.shape, 0.01), np.full((loci, 30), 0.02)
    y = np.einsum("k,lkv->lv", TRUE, x) + noise * sy * rng.normal(0, 1, (loci, 30))
    mask = np.ones((loci, 30), bool)
    mask[:, 4] = False
    return MultivariableEffectSizes(
        beta_exposure=x, se_exposure=sx, beta_outcome=y, se_outcome=sy, mask=mask
    )


@pytest.mark.parametrize(
    "estimator", [mr.multivariable_ivw, mr.multivariable_egger, mr.multivariable_median]
)
def test_recovers_planted_effects_without_noise(estimator) -> None:
    found = estimator(effects(noise=0.0)).effect.value
    np.testing.assert_allclose(found, np.tile(TRUE, (3, 1)), rtol=1e-7)


def test_total_is_direct_plus_mediated() -> None:
    total, direct, mediated = mr.mediated_effect(effects())
    np.testing.assert_allclose(total.value, direct.value + mediated.value, rtol=1e-12)
    np.testing.assert_allclose(
        direct.value, mr.multivariable_ivw(effects()).effect.value[:, 0], rtol=1e-9
    )


def test_mediated_error_is_that_of_simulated_outcomes() -> None:
    many = effects(loci=1)
    rng = np.random.default_rng(5)
    x = np.broadcast_to(many.beta_exposure, (4000, 2, 30))
    y = np.einsum("k,lkv->lv", TRUE, x) + 0.02 * rng.normal(0, 1, (4000, 30))
    drawn = MultivariableEffectSizes(
        beta_exposure=x.copy(),
        se_exposure=np.full(x.shape, 0.01),
        beta_outcome=y,
        se_outcome=np.full(y.shape, 0.02),
        mask=np.broadcast_to(many.mask, y.shape).copy(),
    )
    mediated = mr.mediated_effect(drawn)[2]
    # The floored spread inflates errors by 4 % on average here; the rest is noise of 4,000 draws.
    assert np.std(mediated.value) == pytest.approx(np.mean(mediated.se), rel=0.08)


def test_collinear_exposures_are_missing() -> None:
    one = effects()
    x = one.beta_exposure.copy()
    x[0, 1] = 2 * x[0, 0]
    twisted = MultivariableEffectSizes(
        beta_exposure=x,
        se_exposure=one.se_exposure,
        beta_outcome=one.beta_outcome,
        se_outcome=one.se_outcome,
        mask=one.mask,
    )
    value = mr.multivariable_ivw(twisted).effect.value
    assert np.all(np.isnan(value[0]))
    assert np.all(np.isfinite(value[1:]))


def test_lasso_leaves_a_planted_outlier_out() -> None:
    one = effects(noise=0.5)
    y = one.beta_outcome.copy()
    y[:, 7] += 1.0
    spoiled = MultivariableEffectSizes(
        beta_exposure=one.beta_exposure,
        se_exposure=one.se_exposure,
        beta_outcome=y,
        se_outcome=one.se_outcome,
        mask=one.mask,
    )
    valid = mr.multivariable_lasso_selection(spoiled).valid
    assert not valid[:, 7].any()
    assert valid.sum() >= 3 * 24


def test_orienting_by_an_exposure_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="one of the 2 exposures"):
        mr.multivariable_egger(effects(), orient=2)
