"""Pooling: identities, edges and properties."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepmr.meta import common_effect, random_effects
from deepmr.meta.sample import prepare
from deepmr.meta.tau2 import between_variance

METHODS = ("reml", "ml", "dl", "pm", "he", "sj", "eb", "hs", "hs_corrected", "pm_median")
ADJUSTMENTS = ("none", "hartung_knapp", "adhoc", "hybrid")

effects = hnp.arrays(np.float64, (3, 6), elements=st.floats(-3, 3, width=32))
errors = hnp.arrays(np.float64, (3, 6), elements=st.floats(0.125, 2, width=32))

CLOSE = 1e-8
"""Searches stop at steps of 1e-10 of the scale; sums in another order differ by far less."""


@pytest.mark.parametrize("method", METHODS)
@given(value=effects, se=errors)
@settings(max_examples=25, deadline=None)
def test_a_batch_equals_its_members(method, value, se):
    batch = random_effects(value, se, tau2=method)
    for row in range(3):
        alone = random_effects(value[row], se[row], tau2=method)
        assert np.allclose(batch.tau2[row], alone.tau2, rtol=CLOSE, atol=CLOSE)
        assert np.allclose(batch.pooled.value[row], alone.pooled.value, rtol=CLOSE, atol=CLOSE)
        assert np.allclose(batch.pooled.se[row], alone.pooled.se, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("method", METHODS)
@given(value=effects, se=errors, order=st.permutations(range(6)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_loci_does_not_matter(method, value, se, order):
    here = random_effects(value, se, tau2=method)
    there = random_effects(value[:, order], se[:, order], tau2=method)
    assert np.allclose(here.tau2, there.tau2, rtol=CLOSE, atol=CLOSE)
    assert np.allclose(here.pooled.value, there.pooled.value, rtol=CLOSE, atol=CLOSE)
    assert np.allclose(here.prediction_upper, there.prediction_upper, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("method", METHODS)
@given(value=effects, se=errors, scale=st.sampled_from([2.0**-20, 0.5, 2.0**20]))
@settings(max_examples=25, deadline=None)
def test_scaling_the_effects_scales_the_result(method, value, se, scale):
    here = random_effects(value, se, tau2=method)
    there = random_effects(scale * value, scale * se, tau2=method)
    unit = {"rtol": CLOSE, "atol": CLOSE}
    assert np.allclose(here.tau2, there.tau2 / scale**2, **unit)
    assert np.allclose(here.pooled.value, there.pooled.value / scale, **unit)
    assert np.allclose(here.pooled.se, there.pooled.se / scale, **unit)
    assert np.allclose(here.heterogeneity.q, there.heterogeneity.q, **unit)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_a_missing_locus_is_as_if_absent(method, adjustment):
    value = np.array([0.3, np.nan, 0.2, 0.6, 0.5, 0.7])
    se = np.array([0.2, 0.2, 0.3, 0.1, np.inf, 0.0])
    kept = np.array([0, 2, 3])
    options = {"tau2": method, "adjustment": adjustment}
    whole = random_effects(value, se, **options)
    part = random_effects(value[kept], se[kept], **options)
    assert int(whole.n_loci) == 3
    assert float(whole.pooled.value) == pytest.approx(float(part.pooled.value), rel=CLOSE)
    assert float(whole.pooled.se) == pytest.approx(float(part.pooled.se), rel=CLOSE)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_one_locus_is_its_own_mean_with_its_own_error(method, adjustment):
    r = random_effects(np.array([0.3]), np.array([0.2]), tau2=method, adjustment=adjustment)
    assert float(r.pooled.value) == pytest.approx(0.3, rel=1e-15)
    assert float(r.pooled.se) == pytest.approx(0.2, rel=1e-15)
    assert float(r.pooled.df) == np.inf
    assert float(r.tau2) == 0.0
    assert bool(r.converged)


def test_no_locus_gives_missing_values_and_a_count_of_zero():
    for r in (
        common_effect(np.full(3, np.nan), np.ones(3)),
        random_effects(np.full(3, np.nan), np.ones(3)),
        random_effects(np.zeros(0), np.zeros(0)),
    ):
        assert int(r.n_loci) == 0
        assert np.isnan([r.pooled.value, r.pooled.se, r.tau2, r.heterogeneity.q]).all()


@pytest.mark.parametrize("method", METHODS)
def test_equal_effects_have_no_heterogeneity(method):
    r = random_effects(np.full(5, 0.1), np.linspace(0.1, 0.3, 5), tau2=method, adjustment="adhoc")
    plain = common_effect(np.full(5, 0.1), np.linspace(0.1, 0.3, 5))
    assert float(r.tau2) == pytest.approx(0.0, abs=1e-15)
    assert float(r.pooled.se) == pytest.approx(float(plain.pooled.se), rel=1e-12)


def test_one_locus_of_huge_weight_decides_the_common_effect_but_not_the_mean():
    value = np.array([1.0, 0.0, 0.1, -0.1, 0.05])
    se = np.array([1e-9, 0.1, 0.1, 0.1, 0.1])
    assert float(common_effect(value, se).pooled.value) == pytest.approx(1.0, abs=1e-12)
    r = random_effects(value, se)
    assert bool(r.converged)
    assert abs(float(r.pooled.value) - float(np.mean(value))) < 0.05


def test_ten_thousand_loci_recover_the_planted_mean_and_variance():
    rng = np.random.default_rng(0)
    se = rng.uniform(0.1, 0.5, 10_000)
    value = rng.normal(0.4, np.sqrt(0.3**2 + se**2))
    for method in set(METHODS) - {"sj"}:  # Sidik and Jonkman's is biased upwards by design
        r = random_effects(value, se, tau2=method)
        assert abs(float(r.pooled.value) - 0.4) < 4 * float(r.pooled.se)
        assert abs(float(r.tau2) - 0.09) < 4 * float(r.se_tau2)


def test_what_is_no_standard_error_is_refused():
    with pytest.raises(ValueError, match=r"must not be negative, got -0\.2"):
        random_effects(np.zeros(2), np.array([0.1, -0.2]))
    with pytest.raises(ValueError, match="one standard error an effect"):
        inspect.unwrap(prepare)(np.zeros((2, 3)), np.zeros(3))
    plain = inspect.unwrap(random_effects)  # without the type checks that users run without
    with pytest.raises(ValueError, match="adjustment is one of hartung_knapp, none, adhoc, hybrid"):
        plain(np.zeros(3), np.ones(3), adjustment="knha")
    with pytest.raises(ValueError, match="tau2 is one of reml"):
        inspect.unwrap(between_variance)(prepare(np.zeros(3), np.ones(3)), "mle")


@pytest.mark.parametrize("tau2", METHODS)
@pytest.mark.parametrize("adjustment", ADJUSTMENTS)
def test_loci_that_are_all_exact_pool_as_the_limit_of_equal_errors(tau2, adjustment):
    value = np.array([0.1, 0.4, 0.3, 0.9])
    exact = random_effects(value, np.zeros(4), tau2=tau2, adjustment=adjustment)
    limit = random_effects(value, np.full(4, 1e-6), tau2=tau2, adjustment=adjustment)
    # the errors' own variance is 1e-12 of the spread's 0.11
    for name in ("value", "se", "df"):
        assert float(getattr(exact.pooled, name)) == pytest.approx(
            float(getattr(limit.pooled, name)), rel=1e-8
        )
    assert float(exact.tau2) == pytest.approx(float(limit.tau2), rel=1e-8)
    assert int(exact.n_loci) == 4


def test_effects_of_exactly_zero_everywhere_pool_to_zero():
    r = random_effects(np.zeros((2, 3)), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.1]]))
    assert r.pooled.value.tolist() == [0.0, 0.0]
    assert r.tau2.tolist() == [0.0, 0.0]
    assert r.pooled.se.tolist() == [0.0, 0.1]  # beside an estimate with an error, exact ones drop
    assert r.n_loci.tolist() == [3, 1]
