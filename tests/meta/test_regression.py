"""Meta-regression against dense linear algebra, and permutation p-values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from deepmr.meta import meta_regression, permutation_test, random_effects


def _loci(n_loci=40, seed=0):
    rng = np.random.default_rng(seed)
    x = np.stack([rng.normal(0, 1, n_loci), rng.uniform(0.3, 0.6, n_loci)], axis=1)
    se = rng.uniform(0.05, 0.3, n_loci)
    value = 0.2 + 0.3 * x[:, 0] + rng.normal(0, np.sqrt(0.04 + se**2))
    return value, se, x


@pytest.mark.parametrize("adjustment", ["none", "hartung_knapp"])
def test_coefficients_equal_generalised_least_squares(adjustment):
    value, se, x = _loci()
    r = meta_regression(value, se, x, names=["distance", "gc"], adjustment=adjustment)
    design = np.column_stack([np.ones(40), x])
    weight = np.diag(1 / (se**2 + float(r.between.tau2)))
    bread = np.linalg.inv(design.T @ weight @ design)
    b = bread @ design.T @ weight @ value
    residual = value - design @ b
    if adjustment == "hartung_knapp":
        bread = bread * (residual @ weight @ residual) / 37
    assert np.allclose(r.coefficients.value, b, rtol=1e-10)
    assert np.allclose(r.covariance, bread, rtol=1e-9)
    wald = b[1:] @ np.linalg.inv(bread[1:, 1:]) @ b[1:]
    wald = wald / 2 if adjustment == "hartung_knapp" else wald
    assert float(r.moderators.statistic) == pytest.approx(wald, rel=1e-9)
    law = stats.f(2, 37) if adjustment == "hartung_knapp" else stats.chi2(2)
    assert float(r.moderators.p_value) == pytest.approx(law.sf(wald), rel=1e-8)


def test_reml_residual_variance_has_a_score_of_zero():
    value, se, x = _loci(seed=1)
    r = meta_regression(value, se, x)
    design = np.column_stack([np.ones(40), x])
    w = np.diag(1 / (se**2 + float(r.between.tau2)))
    p = w - w @ design @ np.linalg.inv(design.T @ w @ design) @ design.T @ w
    assert value @ p @ p @ value == pytest.approx(np.trace(p), rel=1e-8)


def test_moderators_may_be_of_any_size_and_origin():
    value, se, x = _loci()
    plain = meta_regression(value, se, x)
    moved = meta_regression(value, se, x * [1e6, 1e-6] + [1e7, 0.0])
    assert float(moved.between.tau2) == pytest.approx(float(plain.between.tau2), rel=1e-6)
    slopes = moved.coefficients.value[1:] * [1e6, 1e-6]
    assert np.allclose(slopes, plain.coefficients.value[1:], rtol=1e-6)
    assert np.allclose(moved.coefficients.z[1:], plain.coefficients.z[1:], rtol=1e-6)


def test_a_batch_equals_its_members_and_missing_moderators_drop_loci():
    value, se, x = _loci()
    x = x.copy()
    x[3, 1] = np.nan
    batch = np.stack([value, value + x[:, :1].T[0], value[::-1]])
    r = meta_regression(batch, np.stack([se, se, se[::-1]]), x)
    assert r.n_loci.tolist() == [39, 39, 39]
    alone = meta_regression(np.delete(value, 3), np.delete(se, 3), np.delete(x, 3, axis=0))
    assert np.allclose(r.coefficients.value[0], alone.coefficients.value, rtol=1e-9)
    assert np.allclose(r.coefficients.se[0], alone.coefficients.se, rtol=1e-9)
    own = np.stack([x, x, x[::-1]])
    turned = meta_regression(batch, np.stack([se, se, se[::-1]]), own)
    assert np.allclose(turned.coefficients.value[2], r.coefficients.value[0], rtol=1e-9)


def test_too_few_loci_give_missing_values_and_redundant_moderators_are_refused():
    value, se, x = _loci()
    sparse = np.where(np.arange(40) < 3, value, np.nan)
    r = meta_regression(sparse, se, x)
    assert np.isnan(r.coefficients.se).all()
    with pytest.raises(ValueError, match="linearly independent"):
        meta_regression(value, se, np.column_stack([x, x[:, 0] + 1]))
    with pytest.raises(ValueError, match="one name of its own a moderator"):
        meta_regression(value, se, x, names=["gc", "gc"])


def test_permutation_p_values_are_uniform_without_an_effect_and_small_with_one():
    rng = np.random.default_rng(5)
    se = rng.uniform(0.1, 0.3, (40, 12))
    value = rng.standard_t(3, (40, 12)) * 0.2
    x = rng.normal(0, 1, (12, 1))
    p = permutation_test(value, se, x, rng=rng, n_permutations=99, tau2="dl")[:, 0]
    assert stats.kstest(p, "uniform").pvalue > 0.001
    strong = permutation_test(value + 2 * x[:, 0], se, x, rng=rng, n_permutations=99, tau2="dl")
    assert np.max(strong) <= 0.02


def test_permutations_leave_missing_loci_where_they_are():
    value, se, x = _loci(12)
    holed = np.append(value, np.nan), np.append(se, 0.1), np.vstack([x, x[:1]])
    one = permutation_test(value, se, x, rng=np.random.default_rng(0), n_permutations=49, tau2="dl")
    two = permutation_test(*holed, rng=np.random.default_rng(1), n_permutations=49, tau2="dl")
    # other deals of the same loci: binomial errors of sqrt(.25 / 49) each
    assert np.all(np.abs(one - two) < 4 * np.sqrt(2 * 0.25 / 49))


def test_r2_is_all_of_the_variance_where_a_moderator_explains_it():
    x = np.linspace(-1, 1, 30)
    value = 0.5 * x
    r = meta_regression(value, np.full(30, 0.05), x[:, None])
    assert float(random_effects(value, np.full(30, 0.05)).tau2) > 0.05
    assert float(r.between.r2) == 1.0
