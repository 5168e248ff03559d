"""Robust errors and multilevel pooling against dense matrices, and their coverage."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy import linalg, optimize

from deepmr.genome import Interval
from deepmr.meta import cluster_robust, meta_regression, multilevel, overlapping, random_effects

CLUSTER = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 4, 5, 6, 6])


def _loci(seed=0):
    rng = np.random.default_rng(seed)
    se = rng.uniform(0.1, 0.4, len(CLUSTER))
    shared = rng.normal(0, 0.3, 7)[CLUSTER]
    return 0.5 + shared + rng.normal(0, np.sqrt(se**2 + 0.02)), se


def _dense(design, value, weight, correction):
    """The textbook sandwich, and Satterthwaite's degrees of freedom by its full matrices."""
    w = np.diag(weight)
    bread = np.linalg.inv(design.T @ w @ design)
    hat = design @ bread @ design.T @ w
    residual = value - hat @ value
    left = np.eye(len(value)) - hat
    rows, p = [], design.shape[1]
    for g in np.unique(CLUSTER):
        at = np.flatnonzero(g == CLUSTER)
        adjust = np.eye(len(at))
        if correction == "cr2":
            root = np.diag(weight[at] ** 0.5)
            inner = root @ left[np.ix_(at, at)] @ np.linalg.inv(root)  # I less a product U U'
            back = linalg.fractional_matrix_power((inner + inner.T) / 2, -0.5).real
            adjust = np.linalg.inv(root) @ back @ root
        rows.append((at, adjust))
    meat = np.zeros((p, p))
    maps = []
    for at, adjust in rows:
        part = bread @ design[at].T @ w[np.ix_(at, at)] @ adjust
        meat += np.outer(part @ residual[at], part @ residual[at])
        maps.append(part @ left[at])
    df = []
    for c in range(p):
        g = np.stack([m[c] for m in maps])
        b = g @ np.diag(1 / weight) @ g.T
        df.append(np.trace(b) ** 2 / np.trace(b @ b))
    return meat, np.array(df)


@pytest.mark.parametrize("correction", ["cr0", "cr2"])
def test_robust_errors_equal_their_dense_form(correction):
    value, se = _loci()
    x = np.random.default_rng(1).normal(size=(len(value), 1))
    plain = meta_regression(value, se, x, adjustment="none")
    r = meta_regression(value, se, x, cluster=CLUSTER, correction=correction)
    design = np.column_stack([np.ones(len(value)), x])
    wanted, df = _dense(design, value, 1 / (se**2 + float(plain.between.tau2)), correction)
    assert np.allclose(r.covariance, wanted, rtol=1e-8)
    if correction == "cr2":
        assert np.allclose(r.coefficients.df, df, rtol=1e-8)


def test_the_mean_is_the_regression_without_moderators():
    value, se = _loci()
    r = cluster_robust(value, se, cluster=CLUSTER)
    ones = np.ones((len(value), 1))
    weight = 1 / (se**2 + float(r.tau2))
    wanted, df = _dense(ones, value, weight, "cr2")
    assert float(r.pooled.se) == pytest.approx(float(np.sqrt(wanted[0, 0])), rel=1e-9)
    assert float(r.pooled.df) == pytest.approx(float(df[0]), rel=1e-9)
    assert float(r.pooled.value) == pytest.approx(float(random_effects(value, se).pooled.value))


def test_clusters_of_one_give_hartung_knapps_error_for_equal_weights():
    value = np.random.default_rng(2).normal(size=12)
    se = np.full(12, 0.2)
    robust = cluster_robust(value, se, cluster=np.arange(12))
    plain = random_effects(value, se)
    assert float(robust.pooled.se) == pytest.approx(float(plain.pooled.se), rel=1e-9)
    assert float(robust.pooled.df) == pytest.approx(11.0, rel=1e-9)


def test_robust_and_multilevel_intervals_hold_their_level_where_the_plain_one_does_not():
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(20), rng.integers(1, 16, 20))
    shared = rng.normal(0, 0.3, (600, 20))[:, cluster]
    se = np.broadcast_to(rng.uniform(0.1, 0.3, len(cluster)), shared.shape)
    value = shared + rng.normal(0, np.sqrt(se**2 + 0.01))
    ways = {
        "plain": random_effects(value, se),
        "robust": cluster_robust(value, se, cluster=cluster),
        "multilevel": multilevel(value, se, cluster=cluster),
    }
    covered = {}
    for name, r in ways.items():
        low, high = r.pooled.interval()
        covered[name] = np.mean((low <= 0) & (high >= 0))
    assert covered["plain"] < 0.75
    # 600 draws leave a binomial error of 0.009
    assert 0.92 < covered["robust"] < 0.98
    assert 0.92 < covered["multilevel"] < 0.98


def _restricted(between, value, se):
    same = CLUSTER[:, None] == CLUSTER[None, :]
    total = np.diag(se**2 + between[0]) + between[1] * same
    inverse = np.linalg.inv(total)
    ones = np.ones(len(value))
    mean = ones @ inverse @ value / (ones @ inverse @ ones)
    residual = value - mean
    return 0.5 * (
        np.linalg.slogdet(total)[1] + np.log(ones @ inverse @ ones) + residual @ inverse @ residual
    )


@pytest.mark.parametrize("seed", range(6))
def test_multilevel_maximises_the_restricted_likelihood(seed):
    value, se = _loci(seed)
    r = multilevel(value, se, cluster=CLUSTER)
    best = optimize.minimize(
        _restricted, [0.05, 0.05], args=(value, se), bounds=[(0, None)] * 2, method="L-BFGS-B"
    )
    got = _restricted([float(r.tau2), float(r.components["cluster"])], value, se)
    assert bool(r.converged)
    assert got <= best.fun + 1e-9
    total = np.diag(se**2 + float(r.tau2)) + float(r.components["cluster"]) * (
        CLUSTER[:, None] == CLUSTER[None, :]
    )
    precision = np.sum(np.linalg.inv(total))
    assert float(r.pooled.se) == pytest.approx(float(precision**-0.5), rel=1e-6)
    assert float(r.pooled.df) == 6.0


def test_multilevel_is_plain_reml_where_clusters_share_nothing():
    value, se = np.tile([0.1, 0.9], 6), np.full(12, 0.1)
    r = multilevel(value, se, cluster=np.repeat(np.arange(6), 2))
    plain = random_effects(value, se, adjustment="none")
    assert float(r.components["cluster"]) == 0.0
    assert float(r.tau2) == pytest.approx(float(plain.tau2), rel=1e-6)


def test_a_batch_equals_its_members_and_edges_follow_their_rules():
    value, se = _loci()
    holed = value.copy()
    holed[CLUSTER == 1] = np.nan
    batch = multilevel(np.stack([value, holed]), np.stack([se, se]), cluster=CLUSTER)
    alone = multilevel(holed, se, cluster=CLUSTER)
    assert float(batch.pooled.value[1]) == pytest.approx(float(alone.pooled.value), rel=1e-7)
    assert float(alone.pooled.df) == 5.0
    one = np.zeros(len(value), dtype=int)
    for r in (multilevel(value, se, cluster=one), cluster_robust(value, se, cluster=one)):
        assert np.isfinite(r.pooled.value)
        assert np.isnan(r.pooled.se)
    with pytest.raises(ValueError, match="a label a locus, got 2 labels for 15 loci"):
        inspect.unwrap(multilevel)(value, se, cluster=np.array([0, 1]))


def test_overlap_is_passed_on_through_a_chain():
    loci = [Interval("chr1", 0, 10), Interval("chr1", 8, 20), Interval("chr1", 19, 30)]
    loci += [Interval("chr1", 30, 40), Interval("chr2", 0, 10)]
    assert overlapping(loci).tolist() == [0, 0, 0, 1, 2]
