"""Robust pooling: resistance, identities, coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from deepmr.meta import median_effect, random_effects, t_effects, trimmed_mean


@pytest.mark.parametrize("pool", [median_effect, trimmed_mean, t_effects])
def test_a_wild_locus_moves_the_mean_but_not_the_robust_poolings(pool):
    rng = np.random.default_rng(0)
    se = rng.uniform(0.05, 0.1, 41)
    value = rng.normal(0.3, np.sqrt(se**2 + 0.01))
    wild = value.copy()
    wild[0] = 100.0
    assert abs(float(pool(wild, se).pooled.value - pool(value, se).pooled.value)) < 0.02
    assert float(random_effects(wild, se).pooled.value) > 2


@pytest.mark.parametrize("pool", [median_effect, trimmed_mean, t_effects])
def test_intervals_cover_at_their_level(pool):
    rng = np.random.default_rng(1)
    n_rows = 120 if pool is t_effects else 1500
    se = rng.uniform(0.05, 0.3, (n_rows, 60))
    value = 0.2 * rng.standard_t(4, (n_rows, 60)) + se * rng.normal(size=(n_rows, 60))
    low, high = pool(value, se).pooled.interval()
    covered = np.mean((low <= 0) & (high >= 0))
    # binomial errors: 0.006 of 1,500 draws, 0.02 of 120
    assert 0.93 - 0.02 * (n_rows < 1000) <= covered <= 0.99


def test_median_of_equal_weights_is_numpys():
    rng = np.random.default_rng(2)
    value = rng.normal(size=(4, 9))
    value[2, 5] = np.nan
    r = median_effect(value, np.ones((4, 9)))
    assert np.allclose(r.pooled.value, np.nanmedian(value, axis=-1))
    assert np.isnan(r.tau2).all()


def test_median_interval_of_a_few_loci_is_infinite():
    low, high = median_effect(np.array([0.1, 0.2, 0.3]), np.ones(3)).pooled.interval()
    assert (float(low), float(high)) == (-np.inf, np.inf)


def test_trimming_nothing_is_the_t_interval_of_the_plain_mean():
    value = np.random.default_rng(3).normal(size=12)
    r = trimmed_mean(value, np.ones(12), proportion=0.0)
    assert float(r.pooled.value) == pytest.approx(value.mean())
    assert float(r.pooled.se) == pytest.approx(stats.sem(value))
    assert float(r.pooled.df) == 11.0


def test_trimmed_mean_is_scipys():
    value = np.random.default_rng(4).normal(size=23)
    r = trimmed_mean(value, np.ones(23), proportion=0.2)
    assert float(r.pooled.value) == pytest.approx(stats.trim_mean(value, 0.2))


def test_t_effects_maximise_the_likelihood_by_numerical_integration():
    rng = np.random.default_rng(5)
    se = rng.uniform(0.1, 0.2, 12)
    value = np.append(rng.normal(0.3, 0.2, 11), 3.0)
    standard = np.linspace(-10, 10, 801)
    noise = integrate.simpson  # over the error of measurement, in its standard deviations

    def minus_loglik(parameters):
        mean, scale = parameters[0], np.exp(parameters[1])
        true = value[:, None] + se[:, None] * standard
        density = stats.norm.pdf(standard) * stats.t.pdf((true - mean) / scale, 4) / scale
        return -float(np.sum(np.log(noise(density, x=standard, axis=1))))

    r = t_effects(value, se)
    found = np.array([float(r.pooled.value), 0.5 * np.log(float(r.tau2))])
    best = optimize.minimize(minus_loglik, found, method="Nelder-Mead")
    # two quadratures, and a simplex that stops at steps of 1e-4
    assert minus_loglik(found) <= best.fun + 1e-6


def test_t_effects_near_the_normal_are_the_normals():
    rng = np.random.default_rng(6)
    se = rng.uniform(0.1, 0.2, 80)
    value = rng.normal(0.3, np.sqrt(se**2 + 0.04))
    heavy, normal = t_effects(value, se, df=400.0), random_effects(value, se, tau2="ml")
    assert float(heavy.pooled.value) == pytest.approx(float(normal.pooled.value), abs=1e-3)
    assert float(heavy.tau2) == pytest.approx(float(normal.tau2), rel=0.02)


def test_one_locus_and_none():
    for pool in (median_effect, trimmed_mean, t_effects):
        one = pool(np.array([0.4]), np.array([0.1]))
        assert float(one.pooled.value) == pytest.approx(0.4)
        assert np.isnan(pool(np.array([np.nan]), np.array([0.1])).pooled.value)
    assert float(t_effects(np.array([0.4]), np.array([0.1])).pooled.se) == pytest.approx(0.1)
    assert np.isnan(trimmed_mean(np.array([0.4]), np.array([0.1])).pooled.se)
