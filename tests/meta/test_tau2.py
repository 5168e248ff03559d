"""Estimators of the variance between loci: searches that end, or say that they did not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize

from deepmr.meta import random_effects, tau2_search
from deepmr.meta.fit import RegressionFit, fit
from deepmr.meta.sample import prepare


def _restricted_loglik(value, variance, between):
    total = variance + between
    mean = np.sum(value / total) / np.sum(1 / total)
    return -0.5 * (
        np.sum(np.log(total)) + np.log(np.sum(1 / total)) + np.sum((value - mean) ** 2 / total)
    )


@given(seed=st.integers(0, 10_000), n_loci=st.integers(2, 30), spread=st.floats(0, 2))
@example(seed=7, n_loci=5, spread=0.4921875)  # two maxima, the lower one uphill from Hedges's 0
@settings(max_examples=60, deadline=None)
def test_reml_is_the_maximum_of_the_restricted_likelihood_uphill_from_hedges(seed, n_loci, spread):
    rng = np.random.default_rng(seed)
    se = rng.uniform(0.1, 0.6, n_loci)
    value = rng.normal(0, np.sqrt(spread**2 + se**2))
    got = float(random_effects(value, se).tau2)
    start = float(random_effects(value, se, tau2="he").tau2)

    def height(between):
        return _restricted_loglik(value, se**2, between)

    best = optimize.minimize_scalar(lambda t: -height(t), bounds=(0, 50), options={"xatol": 1e-10})
    # not below what a general optimiser reaches, but for rounding in the sums
    if height(got) >= -best.fun - 1e-9:
        return
    # else there are two maxima: this is one, and the way to it from the start leads uphill
    around = [height(max(got + step, 0.0)) for step in (-1e-4, 1e-4)]
    assert height(got) >= max(around) - 1e-12
    way = [height(between) for between in np.linspace(start, got, 101)]
    assert np.all(np.diff(way) >= -1e-9)


def test_a_search_that_does_not_end_says_so_and_gives_no_number(monkeypatch):
    monkeypatch.setattr(tau2_search, "_MAX_ITERATIONS", 2)
    rng = np.random.default_rng(0)
    se = rng.uniform(0.1, 2.0, 8)
    r = random_effects(rng.normal(0, 1, 8), se)
    assert not bool(r.converged)
    assert np.isnan([r.tau2, r.se_tau2, r.pooled.value, r.pooled.se, r.prediction_lower]).all()


@pytest.mark.parametrize("method", ["reml", "ml", "pm", "pm_median"])
def test_searches_end_even_where_errors_span_ten_orders_of_magnitude(method):
    rng = np.random.default_rng(1)
    for n_loci in (2, 3, 20):
        se = np.exp(rng.normal(0, 4, (2000, n_loci)))
        value = rng.normal(0, np.sqrt(se**2 + rng.uniform(0, 2, (2000, 1)) ** 2))
        assert random_effects(value, se, tau2=method).converged.all()


def test_paule_mandel_solves_its_equation():
    rng = np.random.default_rng(2)
    se = rng.uniform(0.1, 0.3, (5, 12))
    value = rng.normal(0, 1, (5, 12))
    sample = prepare(value, se)
    got = random_effects(value, se, tau2="pm").tau2
    assert np.allclose(fit(sample, got).q(), 11.0, rtol=1e-9)


def test_the_mean_and_a_regression_on_ones_are_the_same_fit():
    rng = np.random.default_rng(3)
    se = rng.uniform(0.1, 0.5, (4, 9))
    value = rng.normal(0, 1, (4, 9))
    value[1, 3] = np.nan
    sample = prepare(value, se)
    ones = sample.with_design(np.ones((9, 1)))
    between = np.array([0.0, 0.1, 0.5, 2.0])
    mean, regression = fit(sample, between), fit(ones, between)
    assert isinstance(regression, RegressionFit)
    for name in ("q", "slope", "curvature", "trace", "trace_of_square", "total", "total_of_square"):
        assert np.allclose(getattr(mean, name)(), getattr(regression, name)(), rtol=1e-10), name
    assert np.allclose(mean.coefficients, regression.coefficients, rtol=1e-12)


def test_traces_survive_one_locus_of_huge_weight():
    """Its limit has P = [[2, -1, -1], [-1, 1, 0], [-1, 0, 1]]; plain sums give multiples of 1e8."""
    sample = prepare(np.array([1.0, 0.2, 0.5]), np.array([1e-12, 1.0, 1.0]))
    model = fit(sample, np.zeros(1))
    assert float(model.trace()[0]) == pytest.approx(4.0, rel=1e-12)
    assert float(model.trace_of_square()[0]) == pytest.approx(10.0, rel=1e-12)
    assert float(model.q()[0]) == pytest.approx(0.8**2 + 0.5**2, rel=1e-12)
    assert float(model.slope()[0]) == pytest.approx(1.3**2 + 0.8**2 + 0.5**2, rel=1e-12)
