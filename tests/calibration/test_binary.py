"""Calibrators of binary tasks: planted maps recovered, effects' contract kept."""

import json

import numpy as np
import pytest
from scipy import special

from deepmr.calibration import (
    Beta,
    FittedIdentity,
    Histogram,
    Identity,
    Isotonic,
    Platt,
    Prior,
    Temperature,
    Vector,
    from_record,
)
from deepmr.calibration.contract import check_pairs
from deepmr.calibration.logistic import cross_entropy

STRICT = [Temperature(), Vector(), Platt(), Beta(), Isotonic(), Prior(), Identity()]
STEPS = [Histogram(), Isotonic(strict=False)]


def draw(slope: float, shift: float, n: int = 40_000, seed: int = 0):
    """Raw logits whose true logit is slope x raw + shift."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0.0, 2.0, n)
    target = (rng.random(n) < special.expit(slope * raw + shift)).astype(float)
    return raw, target


def test_temperature_recovers_a_planted_temperature():
    raw, target = draw(0.5, 0.0)
    # The slope's information is about n x mean(p (1 - p) raw^2) = 40,000 x .7, an error of .006.
    assert Temperature().fit(raw, target).temperature == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("calibrator", [Vector(), Platt()])
def test_scale_and_shift_recover_a_planted_line(calibrator):
    fitted = calibrator.fit(*draw(0.5, -1.0))
    # Four standard errors of about .012 each.
    assert fitted.slope == pytest.approx(0.5, abs=0.05)
    assert fitted.intercept == pytest.approx(-1.0, abs=0.05)


def test_vector_is_the_maximum_of_the_likelihood():
    raw, target = draw(0.7, 0.3, n=500)
    fitted = Vector().fit(raw, target)
    best = cross_entropy(fitted.transform(raw), target).sum()
    for slope, shift in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)]:
        moved = (fitted.slope + slope) * raw + fitted.intercept + shift
        assert cross_entropy(moved, target).sum() > best


def test_platt_is_less_extreme_than_vector_where_positives_are_few():
    raw = np.array([-3.0, -2.0, -1.5, -1.0, 2.0, 3.0])
    target = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    assert Platt().fit(raw, target).slope < Vector().fit(raw, target).slope


def test_beta_recovers_different_slopes_at_the_two_ends():
    rng = np.random.default_rng(1)
    raw = rng.normal(0.0, 3.0, 60_000)
    truth = 0.5 * -np.logaddexp(0, -raw) + 1.5 * np.logaddexp(0, raw) + 0.2
    target = (rng.random(raw.size) < special.expit(truth)).astype(float)
    fitted = Beta().fit(raw, target)
    # Standard errors by the inverse information are below .04 at this size.
    assert (fitted.a, fitted.b, fitted.c) == pytest.approx((0.5, 1.5, 0.2), abs=0.15)


def test_beta_with_unit_slopes_is_the_identity():
    raw = np.linspace(-30, 30, 13)
    same = from_record({"type": "beta", "a": 1.0, "b": 1.0, "c": 0.0}).transform(raw)
    np.testing.assert_allclose(same, raw, rtol=0, atol=1e-12)  # rounding of two logarithms


def test_prior_makes_the_mean_prediction_the_prevalence():
    raw, target = draw(1.0, -3.0)
    fitted = Prior().fit(raw, target)
    assert fitted.slope == 1.0
    # Root finding stops at 2e-12 of the shift; the mean moves by less.
    assert special.expit(fitted.transform(raw)).mean() == pytest.approx(target.mean(), abs=1e-9)


def test_isotonic_passes_through_the_block_centres():
    raw = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    target = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    fitted = Isotonic().fit(raw, target)
    # Blocks by hand: {-2}: 0, {-1, 0}: 1/2, {1, 2, 3}: 1; the outer two clipped to 1/4 (half
    # of 1/2 is less than 1/3) and 4/5 (which is more than 3/4).
    assert fitted.raw == (-2.0, -0.5, 2.0)
    np.testing.assert_allclose(special.expit(fitted.calibrated), [0.25, 0.5, 0.8], rtol=1e-12)


@pytest.mark.parametrize("calibrator", STRICT, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("seed", range(5))
def test_a_strictly_increasing_calibrator_never_loses_an_effect(calibrator, seed):
    fitted = calibrator.fit(*draw(0.6, -1.0, n=300, seed=seed))
    grid = np.linspace(-20, 20, 4001)
    assert fitted.strictly_increasing
    assert np.all(np.diff(fitted.transform(grid)) > 0)
    assert np.all(np.isfinite(fitted.transform(grid)))


@pytest.mark.parametrize("calibrator", STEPS, ids=lambda c: type(c).__name__)
def test_steps_say_that_they_are_steps(calibrator):
    fitted = calibrator.fit(*draw(0.6, -1.0, n=3000))
    assert not fitted.strictly_increasing
    assert np.all(np.isfinite(fitted.transform(np.array([-1e6, 0.0, 1e6]))))


@pytest.mark.parametrize("calibrator", [*STRICT[:-1], *STEPS], ids=lambda c: type(c).__name__)
def test_likelihood_improves_on_data_not_fitted_to(calibrator):
    fitted = calibrator.fit(*draw(0.5, -1.0))
    raw, target = draw(0.5, -1.0, seed=1)
    before, after = (cross_entropy(z, target).mean() for z in (raw, fitted.transform(raw)))
    # The planted map is worth about .1 nats a sample; any of them must find most of a tenth of it.
    assert after < before - 0.01


@pytest.mark.parametrize("calibrator", [*STRICT, *STEPS], ids=lambda c: type(c).__name__)
def test_a_record_is_plain_json_and_restores_the_map_exactly(calibrator):
    fitted = calibrator.fit(*draw(0.5, -1.0, n=500))
    text = json.dumps(fitted.to_record(), allow_nan=False)
    grid = np.linspace(-9, 9, 101)
    np.testing.assert_array_equal(
        from_record(json.loads(text)).transform(grid), fitted.transform(grid)
    )


@pytest.mark.parametrize("calibrator", [*STRICT[:-2], *STEPS], ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_leaves_predictions_as_they_are_and_says_why(calibrator, label):
    fitted = calibrator.fit(np.array([-1.0, 0.0, 2.0]), np.full(3, label))
    assert isinstance(fitted, FittedIdentity)
    assert "3 samples" in fitted.reason


def test_a_separable_sample_gives_a_finite_map():
    raw, target = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0])
    for calibrator in STRICT:
        fitted = calibrator.fit(raw, target)
        assert np.all(np.isfinite(fitted.transform(np.linspace(-5, 5, 11))))


def test_predictions_that_rank_the_wrong_way_stay_increasing():
    raw, target = draw(-1.0, 0.0, n=2000)
    for calibrator in STRICT:
        assert np.all(np.diff(calibrator.fit(raw, target).transform(np.linspace(-5, 5, 99))) > 0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="finite predictions, got nan at sample 1"):
        Temperature().fit(np.array([0.0, np.nan]), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"targets of 0 or 1, got 3\.0 at sample 0"):
        Beta().fit(np.array([0.0, 1.0]), np.array([3.0, 1.0]))
    with pytest.raises(ValueError, match="one target a prediction"):
        check_pairs("platt", np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="both prevalences or neither"):
        Prior(trained=0.5)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        Prior(trained=0.5, deployed=1.0)


@pytest.mark.parametrize(
    "record",
    [
        {"type": "os.system"},
        {},
        {"type": "affine", "slope": 1.0},
        {"type": "affine", "slope": -1.0, "intercept": 0.0, "method": "x"},
        {"type": "curve", "raw": [0.0, 0.0], "calibrated": [0.0, 1.0]},
        {"type": "steps", "edges": [0.0], "levels": [0.0]},
        {"type": "beta", "a": None, "b": 1.0, "c": 0.0},
    ],
)
def test_a_strangers_record_is_refused(record):
    with pytest.raises(ValueError, match="calibrator"):
        from_record(record)
