"""Pooled intervals: the members' variance counts once."""

import dataclasses
from functools import partial

import numpy as np
import pytest

from deepmr.inference import Jackknife, LocalInference, MemberSlopes, PerMember, pool_slopes
from deepmr.instruments import All
from deepmr.meta import random_effects
from deepmr.mr.result import MREstimate
from tests.inference.synthetic import ensemble, least_squares


def table(slopes):
    from deepmr.inference.combine import combine

    instruments = np.ones((*slopes.shape[:-1], 2), bool)
    return combine(MemberSlopes(value=slopes, instruments=instruments, method="m"))


def rounds(*, member_sd, own_sd, locus_sd, n=1000, seed=0):
    """Slopes (round, locus, member) around .5, and the true slope of each locus."""
    rng = np.random.default_rng(seed)
    truth = 0.5 + locus_sd * rng.normal(size=(n, 20, 1))
    shared = member_sd * rng.normal(size=(n, 1, 5))
    return truth + shared + own_sd * rng.normal(size=(n, 20, 5)), truth[..., 0]


def share_covered(result, truth):
    low, high = result.pooled.interval()
    return np.mean((low <= truth) & (truth <= high))


SIZES = {
    "both": {"member_sd": 0.2, "own_sd": 0.1, "locus_sd": 0.2},
    "loci": {"member_sd": 0.0, "own_sd": 0.2, "locus_sd": 0.3},
    "members": {"member_sd": 0.3, "own_sd": 0.05, "locus_sd": 0.0},
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_the_pooled_interval_covers_the_mean_of_the_population(sizes):
    slopes, _ = rounds(**sizes)
    result = pool_slopes(table(slopes), pooling=random_effects)
    # 1,000 rounds: a binomial error of .007; Satterthwaite is approximate, hence .92 to .98.
    assert share_covered(result, 0.5) == pytest.approx(0.95, abs=0.03)


def test_fixed_loci_cover_the_mean_of_these_loci():
    slopes, truth = rounds(**SIZES["both"])
    result = pool_slopes(table(slopes), pooling=random_effects, loci="fixed")
    assert share_covered(result, truth.mean(axis=1)) == pytest.approx(0.95, abs=0.03)


def test_independent_pooling_is_far_too_sure_where_members_err_alike():
    slopes, _ = rounds(**SIZES["members"])
    mean, se = slopes.mean(axis=-1), slopes.std(axis=-1, ddof=1) / np.sqrt(5)
    assert share_covered(random_effects(mean, se), 0.5) < 0.5


@pytest.mark.parametrize(
    "inference", [PerMember(shared=0.0), Jackknife(shared=0.0)], ids=["per_member", "jackknife"]
)
def test_local_results_pool_to_the_truth(inference):
    members, truth = ensemble(np.random.default_rng(1), n_loci=50, locus_sd=0.2, member_sd=0.05)
    local = inference.local(members, "x", "y", rule=All(), estimator=least_squares)
    result = inference.pool(local, pooling=random_effects)
    # Five members with a shared error of .05, fifty loci with .2: an error of .036; four of them.
    assert float(result.pooled.value) == pytest.approx(truth.mean(), abs=0.15)
    assert 0.02 < float(result.pooled.se) < 0.08


def test_with_every_locus_alike_only_the_members_count():
    shift = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    slopes = np.broadcast_to(1.0 + shift, (30, 5)).copy()
    slopes += 1e-6 * np.random.default_rng(0).normal(size=slopes.shape)
    result = pool_slopes(table(slopes), pooling=random_effects)
    # A thousand more loci with the same members' errors would not help: 30 do not either.
    assert float(result.pooled.se) == pytest.approx(shift.std(ddof=1) / np.sqrt(5), rel=1e-4)
    assert float(result.pooled.df) == pytest.approx(4.0, rel=1e-3)


def test_without_spread_between_members_it_is_hartung_knapp():
    rng = np.random.default_rng(1)
    locus = 1.0 + 0.3 * rng.normal(size=25)
    slopes = locus[:, None] + 1e-5 * rng.normal(size=(25, 5))
    result = pool_slopes(table(slopes), pooling=random_effects)
    assert float(result.pooled.value) == pytest.approx(locus.mean(), abs=1e-4)
    assert float(result.pooled.se) == pytest.approx(locus.std(ddof=1) / 5, rel=1e-3)
    assert float(result.pooled.df) == pytest.approx(24, rel=1e-3)


def test_a_locus_with_a_missing_member_is_left_out():
    rng = np.random.default_rng(2)
    slopes = 1.0 + 0.1 * rng.normal(size=(12, 5))
    broken = np.concatenate([slopes, [[np.nan, 9.0, 9.0, 9.0, 9.0]]])
    one = pool_slopes(table(slopes), pooling=random_effects)
    two = pool_slopes(table(broken), pooling=random_effects)
    assert int(two.n_loci) == 12
    # REML stops within its own tolerance, and the row changes nothing else.
    assert float(two.pooled.value) == pytest.approx(float(one.pooled.value), rel=1e-6)
    assert float(two.pooled.se) == pytest.approx(float(one.pooled.se), rel=1e-6)


def test_one_locus_has_the_interval_of_its_members():
    slopes = np.array([[0.8, 0.9, 1.0, 1.1, 1.2]])
    result = pool_slopes(table(slopes), pooling=random_effects)
    assert float(result.pooled.value) == pytest.approx(1.0)
    assert float(result.pooled.se) == pytest.approx(slopes.std(ddof=1) / np.sqrt(5))
    assert float(result.pooled.df) == pytest.approx(4.0)


def test_no_locus_gives_no_effect():
    result = pool_slopes(table(np.full((3, 5), np.nan)), pooling=random_effects)
    assert np.isnan(result.pooled.value)
    assert int(result.n_loci) == 0


def test_a_batch_of_queries_equals_each_query():
    rng = np.random.default_rng(3)
    slopes = 1.0 + rng.normal(size=(2, 15, 5)) * np.array([0.1, 1.0])[:, None, None]
    both = pool_slopes(table(slopes), pooling=random_effects)
    for query in range(2):
        one = pool_slopes(table(slopes[query]), pooling=random_effects)
        assert float(both.pooled.value[query]) == pytest.approx(float(one.pooled.value), rel=1e-6)
        assert float(both.pooled.se[query]) == pytest.approx(float(one.pooled.se), rel=1e-6)


def test_a_pooling_without_tau2_is_refused():
    def median(value, se, **options):
        return dataclasses.replace(random_effects(value, se), tau2=np.asarray(np.nan))

    with pytest.raises(ValueError, match="reports tau2"):
        pool_slopes(table(1 + np.random.default_rng(4).normal(size=(15, 5))), pooling=median)


def test_results_without_slopes_are_refused():
    summary = LocalInference(
        estimate=MREstimate(
            method="m", n_instruments=np.ones(2, int), effect=table(np.ones((2, 5))).estimate.effect
        ),
        instruments=np.ones((2, 1), bool),
    )
    with pytest.raises(ValueError, match="needs their slopes"):
        pool_slopes(summary, pooling=random_effects)


def test_any_pooling_with_a_tau2_serves():
    slopes = 1 + 0.1 * np.random.default_rng(5).normal(size=(15, 5))
    for tau2 in ("dl", "pm", "ml"):
        result = pool_slopes(table(slopes), pooling=partial(random_effects, tau2=tau2))
        assert float(result.pooled.value) == pytest.approx(1.0, abs=0.1)
