"""Predictive distributions of counts and signals: coverage without touching the prediction."""

import json

import numpy as np
import pytest

from deepmr.calibration import (
    Conformal,
    FittedIdentity,
    Quantile,
    Temperature,
    Variance,
    from_record,
)

ALL = [Variance(), Quantile(), Conformal()]


def draw(n=8000, seed=0, skewed=False):
    """A mean, a spread, and targets with variance 1 + 4 spread^2."""
    rng = np.random.default_rng(seed)
    mean, spread = rng.normal(10, 3, n), rng.gamma(2.0, 0.5, n)
    noise = rng.exponential(1.0, n) - 1.0 if skewed else rng.normal(0.0, 1.0, n)
    return mean, mean + noise * np.sqrt(1.0 + 4.0 * spread**2), spread


def test_variance_recovers_noise_and_scale():
    mean, target, spread = draw(40_000)
    fitted = Variance().fit(mean, target, spread=spread)
    # Relative error of a variance from 40,000 samples is sqrt(2 / n) = .7 %, here split in two.
    assert (fitted.noise, fitted.scale) == pytest.approx((1.0, 4.0), rel=0.06)


def test_variance_without_spread_is_the_mean_squared_residual():
    mean, target, _ = draw(100)
    fitted = Variance().fit(mean, target)
    assert fitted.noise == pytest.approx(np.mean((target - mean) ** 2), rel=1e-12)


@pytest.mark.parametrize("calibrator", ALL, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("with_spread", [True, False])
def test_the_95_interval_covers_new_observations(calibrator, with_spread):
    mean, target, spread = draw()
    fitted = calibrator.fit(mean, target, spread=spread if with_spread else None)
    mean, target, spread = draw(seed=1)
    low, high = fitted.interval(mean, spread if with_spread else None)
    covered = np.mean((low <= target) & (target <= high))
    # Two binomial errors of .0024 (fit and test), and without the spread a Gaussian is not the
    # right mixture: within 1.5 points either way.
    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("calibrator", [Quantile(), Conformal()], ids=lambda c: type(c).__name__)
def test_half_of_skewed_observations_fall_in_the_50_interval(calibrator):
    mean, target, spread = draw(skewed=True)
    gaussian = Variance().fit(mean, target, spread=spread)
    fitted = calibrator.fit(mean, target, spread=spread)
    mean, target, spread = draw(seed=1, skewed=True)

    def coverage(one):
        low, high = one.interval(mean, spread, level=0.5)
        return np.mean((low <= target) & (target <= high))

    assert abs(coverage(gaussian) - 0.5) > 0.05  # an exponential is no Gaussian
    assert coverage(fitted) == pytest.approx(0.5, abs=0.03)  # four errors of .008


def test_quantiles_are_finite_and_ordered_at_every_probability():
    mean, target, spread = draw(200)
    fitted = Quantile().fit(mean, target, spread=spread)
    at = [1e-300, 1e-6, 0.01, 0.3, 0.5, 0.9, 0.999, 1 - 1e-15]
    values = [fitted.quantile(mean, spread, probability=p)[0] for p in at]
    assert np.all(np.isfinite(values))
    assert np.all(np.diff(values) > 0)


def test_conformal_half_width_is_the_order_statistic_of_the_other_half():
    target = np.zeros(80)
    target[1::2] = np.arange(1, 41)  # residuals that set the width
    target[0::2] = 2.0  # residuals that set the shape: deviation 2
    fitted = Conformal(levels=[0.5]).fit(np.zeros(80), target)
    low, high = fitted.interval(np.zeros(1), level=0.5)
    # ceil(41 x .5) = 21st smallest of 1..40.
    assert (low[0], high[0]) == (-21.0, 21.0)


def test_conformal_leaves_out_a_level_it_has_too_few_samples_for():
    mean, target, _ = draw(60)
    fitted = Conformal(levels=(0.9, 0.99)).fit(mean, target)
    assert fitted.levels == (0.9,)
    with pytest.raises(ValueError, match=r"prepared at levels \(0\.9,\), got 0\.99"):
        fitted.interval(mean, level=0.99)


@pytest.mark.parametrize("calibrator", ALL, ids=lambda c: type(c).__name__)
def test_the_prediction_stays_and_the_record_restores_the_interval(calibrator):
    mean, target, spread = draw(500)
    fitted = calibrator.fit(mean, target, spread=spread)
    np.testing.assert_array_equal(fitted.transform(mean), mean)
    assert fitted.strictly_increasing
    restored = from_record(json.loads(json.dumps(fitted.to_record(), allow_nan=False)))
    np.testing.assert_array_equal(restored.interval(mean, spread), fitted.interval(mean, spread))


@pytest.mark.parametrize("calibrator", ALL, ids=lambda c: type(c).__name__)
def test_too_few_samples_leave_the_identity_with_its_reason(calibrator):
    fitted = calibrator.fit(np.zeros(12), np.ones(12))
    assert isinstance(fitted, FittedIdentity)
    assert "12 samples" in fitted.reason


def test_a_missing_spread_is_refused_where_one_was_fitted():
    mean, target, spread = draw(500)
    fitted = Variance().fit(mean, target, spread=spread)
    with pytest.raises(ValueError, match="pass spread"):
        fitted.interval(mean)


def test_a_count_is_no_binary_target():
    mean, target, _ = draw(50)
    with pytest.raises(ValueError, match="use variance, quantile or conformal"):
        Temperature().fit(mean, target)
