"""The documented rules where R stops, returns nothing or disagrees with itself."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import EffectSizes
from deepmr.mr.median import _Bootstrap
from deepmr.mr.mode import _Options


def few(n: int) -> EffectSizes:
    return EffectSizes.from_arrays(
        np.linspace(0.1, 0.3, n), np.full(n, 0.01), np.linspace(0.05, 0.16, n), np.full(n, 0.02)
    )


@pytest.mark.parametrize(
    "estimator", [mr.egger, mr.weighted_median, mr.simple_median, mr.bayesian_mode, mr.lasso]
)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_instruments_give_a_flagged_missing_value(estimator, n: int) -> None:
    result = estimator(few(n))
    assert np.isnan(result.effect.value)
    assert np.isnan(result.effect.se)
    assert bool(result.flags["few_instruments"])


@pytest.mark.parametrize("name", sorted(mr.ESTIMATORS))
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_no_estimator_raises_whatever_the_number_of_instruments(name: str, n: int) -> None:
    options = {"constrained_ml": {"sample_size": 1000.0}, "presso": {"iterations": 10}}
    columns = [np.tile(c, (2, 1)) for c in (few(4).beta_exposure, few(4).se_exposure)]
    columns += [np.tile(c, (2, 1)) for c in (few(4).beta_outcome, few(4).se_outcome)]
    mask = np.ones((2, 4), bool)
    mask[0] = np.arange(4) < n
    result = mr.ESTIMATORS[name](
        EffectSizes.from_arrays(*columns, mask=mask), **options.get(name, {})
    )
    assert result.effect.value.shape == (2,)
    assert np.isfinite(result.effect.value[1])
    assert bool(result.flags["few_instruments"][0]) == (n < 3 or name == "presso")


def test_one_instrument_gives_its_wald_ratio() -> None:
    ivw, ratio = mr.inverse_variance_weighted(few(1)), mr.wald_ratio(few(1))
    assert ivw.effect.value == pytest.approx(float(ratio.effect.value))
    assert ivw.effect.se == pytest.approx(float(ratio.effect.se))


def test_missing_values_are_dropped_and_not_counted() -> None:
    whole = few(5)
    outcome = whole.beta_outcome.copy()
    outcome[1] = np.nan
    effects = EffectSizes.from_arrays(
        whole.beta_exposure, whole.se_exposure, outcome, whole.se_outcome
    )
    result = mr.inverse_variance_weighted(effects)
    assert int(result.n_instruments) == 4
    assert float(result.heterogeneity.df) == 3.0


def test_identical_exposures_leave_egger_undetermined_and_ivw_not() -> None:
    same = EffectSizes.from_arrays(
        np.full(6, 0.1), np.full(6, 0.01), [0.05, 0.07, 0.02, 0.03, 0.06, 0.04], np.full(6, 0.02)
    )
    assert np.isnan(mr.egger(same).effect.value)
    assert mr.inverse_variance_weighted(same).effect.value == pytest.approx(0.45)


def test_perfect_agreement_keeps_the_fixed_error_where_r_has_none() -> None:
    x = np.array([0.1, 0.2, 0.15])
    effects = EffectSizes.from_arrays(x, x / 10, 0 * x, np.full(3, 0.02))
    result = mr.inverse_variance_weighted(effects, model="random")
    assert result.effect.se == pytest.approx(0.02 / np.sqrt(np.sum(x**2)))


BY_ERROR = [name for name in mr.ESTIMATORS if name not in ("simple_median", "simple_mode")]
MEDIANS_AND_MODES = (
    "simple_median",
    "weighted_median",
    "penalized_weighted_median",
    "simple_mode",
    "weighted_mode",
    "penalized_mode",
)
BY_BOTH_ERRORS = ("maximum_likelihood", "raps", "weighted_mode", "bayesian_mode")


def with_an_exact_zero(df: float) -> tuple[EffectSizes, EffectSizes]:
    """Two loci, the first with an outcome effect and error of exactly 0; and the loci without."""
    rng = np.random.default_rng(3)
    x, sy = rng.uniform(0.1, 0.3, (2, 12)), rng.uniform(0.01, 0.03, (2, 12))
    y = 0.5 * x + sy * rng.normal(size=x.shape)
    y[0, 2] = sy[0, 2] = 0.0
    mask = np.ones(x.shape, bool)
    without = mask.copy()
    without[0, 2] = False
    common = {
        "beta_exposure": x,
        "se_exposure": np.full(x.shape, 0.01),
        "beta_outcome": y,
        "se_outcome": sy,
        "df": df,
    }
    return EffectSizes(**common, mask=mask), EffectSizes(**common, mask=without)


@pytest.mark.parametrize("name", [n for n in BY_ERROR if n not in BY_BOTH_ERRORS])
def test_an_exact_outcome_among_known_errors_is_left_out_and_flagged(name: str) -> None:
    options = {"constrained_ml": {"sample_size": 1e4}, "presso": {"iterations": 20}}.get(name, {})
    whole, without = (mr.ESTIMATORS[name](e, **options) for e in with_an_exact_zero(np.inf))
    np.testing.assert_array_equal(whole.effect.value, without.effect.value)
    np.testing.assert_array_equal(whole.effect.se, without.effect.se)
    assert np.all(np.isfinite(whole.effect.value))
    if name != "contamination_mixture":
        assert whole.n_instruments.tolist() == [11, 12]
        assert whole.flags["zero_error"].tolist() == [True, False]


@pytest.mark.parametrize("name", BY_ERROR)
def test_an_exact_outcome_of_an_ensemble_stays_with_a_floored_error(name: str) -> None:
    options = {"constrained_ml": {"sample_size": 1e4}, "presso": {"iterations": 20}}.get(name, {})
    effects = with_an_exact_zero(4.0)[0]
    result = mr.ESTIMATORS[name](effects, **options)
    positive = effects.se_outcome[0][effects.se_outcome[0] > 0]
    floored = effects.se_outcome.copy()
    floored[0] = np.maximum(floored[0], np.median(positive))
    wanted = mr.ESTIMATORS[name](replace(effects, se_outcome=floored), **options)
    assert np.all(np.isfinite(result.effect.value))
    if name not in ("maximum_likelihood", "raps", "contamination_mixture"):
        np.testing.assert_array_equal(result.effect.value, wanted.effect.value)
        assert result.n_instruments.tolist() == [12, 12]


def test_an_exact_ratio_counts_in_the_simple_median() -> None:
    effects = EffectSizes.from_arrays(
        [0.1, 0.2, 0.1], [0.01] * 3, [0.0, 0.0, 0.1], [0.0, 0.0, 0.02]
    )
    assert float(mr.simple_median(effects, error="none").effect.value) == 0.0


@pytest.mark.parametrize("name", MEDIANS_AND_MODES)
def test_without_an_error_the_value_is_the_same_to_the_bit(name: str) -> None:
    with_error, without = (
        getattr(mr, name)(mr.ldl_chd(), **options)
        for options in ({"iterations": 20}, {"error": "none"})
    )
    assert float(with_error.effect.value) == float(without.effect.value)
    assert np.isfinite(with_error.effect.se)
    assert np.isnan(without.effect.se)


def test_an_unknown_word_for_the_error_is_refused_with_the_known_ones() -> None:
    of = inspect.unwrap(_Bootstrap.of.__func__)  # without the type checks that users run without
    with pytest.raises(ValueError, match="auto, sampling_distribution, bootstrap, none, got 'no'"):
        of(_Bootstrap, "no", 1, 0)
    of = inspect.unwrap(_Options.of.__func__)
    with pytest.raises(ValueError, match="error is one of bootstrap, none, got 'no'"):
        of(_Options, "first_order", 1.0, "exact", "no", 1, 0, "normal")


def test_negative_standard_errors_are_refused() -> None:
    with pytest.raises(ValueError, match="se_outcome must not be negative"):
        EffectSizes.from_arrays([0.1, 0.2], [0.01, 0.01], [0.1, 0.1], [0.02, -0.02])


def test_zero_exposure_effect_is_oriented_by_rule() -> None:
    x, y = [0.1, 0.0, 0.15, 0.12, 0.2], [0.05, 0.01, 0.09, 0.05, 0.11]
    flipped = [0.05, -0.01, 0.09, 0.05, 0.11]
    one, other = (EffectSizes.from_arrays(x, np.full(5, 0.01), v, np.full(5, 0.02))
                  for v in (y, flipped))  # fmt: skip
    assert float(mr.egger(one).effect.value) == float(mr.egger(other).effect.value)
    kept = [float(mr.egger(e, orient_zero="keep").effect.value) for e in (one, other)]
    assert kept[0] != kept[1]


def test_an_instrument_that_alone_has_weight_is_the_median() -> None:
    effects = EffectSizes.from_arrays(
        [5.0, 0.0, 0.0, 0.0], np.full(4, 0.01), [-5.0, 0.05, 0.06, 0.07], np.full(4, 0.01)
    )
    assert float(mr.weighted_median(effects, error="none").effect.value) == -1.0


def test_methods_without_a_form_for_correlated_errors_say_so() -> None:
    one = few(5)
    effects = EffectSizes.from_arrays(
        one.beta_exposure, one.se_exposure, one.beta_outcome, one.se_outcome, error_correlation=0.5
    )
    assert bool(mr.egger(effects).flags["error_correlation_ignored"])
    assert "error_correlation_ignored" not in mr.maximum_likelihood(effects).flags


def test_steiger_without_sample_sizes_says_what_to_give() -> None:
    with pytest.raises(ValueError, match="give EffectSizes n_exposure and n_outcome"):
        mr.steiger(few(4))


def test_unknown_method_in_the_table_is_refused() -> None:
    with pytest.raises(LookupError, match="no method ivww"):
        mr.all_estimators(few(4), options={"ivww": {}})
