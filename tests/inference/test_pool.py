"""Pooled intervals: the members' variance counts once."""

from functools import partial

import numpy as np
import pytest

from deepmr.inference import Jackknife, LocalInference, PerMember, Summary, pool_slopes
from deepmr.instruments import All
from deepmr.meta import random_effects
from deepmr.mr.result import MREstimate
from tests.inference.synthetic import ensemble, least_squares


def pooled(inference, members):
    local = inference.local(members, "x", "y", rule=All(), estimator=least_squares)
    return inference.pool(local, pooling=random_effects)


def table(slopes):
    from deepmr.inference.combine import combine

    return combine(slopes, np.ones((*slopes.shape[:-1], 2), bool), method="m")


def share_covered(inference, truth, rounds=400, **options):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(rounds):
        members, local_truth = ensemble(rng, n_loci=20, n_variants=10, **options)
        low, high = pooled(inference, members).pooled.interval()
        target = local_truth.mean() if truth == "these" else 0.5
        hits += bool(low <= target <= high)
    return hits / rounds


@pytest.mark.parametrize("inference", [PerMember(), Jackknife()], ids=["per_member", "jackknife"])
@pytest.mark.parametrize(
    "sizes",
    [
        {"member_sd": 0.2, "own_sd": 0.1, "locus_sd": 0.2},
        {"member_sd": 0.0, "own_sd": 0.2, "locus_sd": 0.3},
        {"member_sd": 0.3, "own_sd": 0.05, "locus_sd": 0.0},
    ],
    ids=["both", "loci", "members"],
)
def test_the_pooled_interval_covers_the_mean_of_the_population(inference, sizes):
    # 400 rounds: a binomial error of .011; Satterthwaite is approximate, hence .915 to .985.
    assert share_covered(inference, "all", **sizes) == pytest.approx(0.95, abs=0.035)


def test_fixed_loci_cover_the_mean_of_these_loci():
    sizes = {"member_sd": 0.2, "own_sd": 0.1, "locus_sd": 0.3}
    assert share_covered(PerMember(loci="fixed"), "these", **sizes) == pytest.approx(
        0.95, abs=0.035
    )


def test_independent_pooling_is_far_too_sure_where_members_err_alike():
    sizes = {"member_sd": 0.3, "own_sd": 0.05, "locus_sd": 0.0}
    assert share_covered(Summary(), "all", rounds=100, **sizes) < 0.5


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


def test_the_variance_is_the_sum_of_its_named_parts():
    rng = np.random.default_rng(4)
    result = pool_slopes(table(1 + rng.normal(size=(15, 5))), pooling=random_effects)
    parts = result.components["member"] + result.components["locus"]
    assert float(result.pooled.se) ** 2 == pytest.approx(float(parts), rel=1e-12)
    assert result.method.endswith("_members")
    assert float(result.prediction_upper) >= float(result.pooled.interval()[1])


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
