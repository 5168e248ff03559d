"""What one model says: pooled errors from loci, local errors from sites, none from effects."""

from functools import partial

import numpy as np
import pytest
from scipy import stats

from benchmarks.given_model import local_coverage, pooled_coverage
from deepmr import mr
from deepmr.effects import EffectSizes, MemberEffects
from deepmr.inference import ErrorsInVariables, GivenModel, Jackknife, PerMember, Summary
from deepmr.inference.between_sites import position_variance
from deepmr.inference.position_jackknife import effective_positions
from deepmr.inference.question import Question
from deepmr.instruments import All, ByModeratedZ, ByZ, TopK
from deepmr.meta import random_effects


def one_network(rng, *, n_loci=30, positions=8, sites_sd=0.2, loci_sd=0.2, members=1):
    """Effects of one network whose loci, and positions within them, differ in slope."""
    x = rng.normal(size=(n_loci, positions, 3))
    slope = 0.5 + loci_sd * rng.normal(size=(n_loci, 1, 1))
    slope = slope + sites_sd * rng.normal(size=(n_loci, positions, 1))
    slope = slope + 0.001 * rng.normal(size=x.shape)  # no ties between ratios
    value = np.stack([x, slope * x], axis=1).reshape(n_loci, 2, 1, 3 * positions)
    zero = np.zeros((n_loci, 3 * positions), int)
    return MemberEffects(
        value=np.repeat(value, members, axis=2),
        tasks=("x", "y"),
        offset=zero + np.arange(3 * positions) // 3,
        ref=zero,
        alt=zero,
        mask=zero == 0,
    )


def run(members, estimator=mr.inverse_variance_weighted, rule=None):
    return GivenModel().local(members, "x", "y", rule=rule or All(), estimator=estimator)


def test_local_error_is_the_position_clustered_residual_of_the_unweighted_slope():
    members = one_network(np.random.default_rng(0))
    x, y = members.of("x")[:, 0], members.of("y")[:, 0]
    effect = run(members).estimate.effect
    np.testing.assert_allclose(effect.value, np.sum(x * y, 1) / np.sum(x * x, 1), rtol=1e-12)
    variance = position_variance(x, y, members.mask, members.offset)
    np.testing.assert_allclose(effect.se, np.sqrt(variance), rtol=1e-12)
    df = effective_positions(x, members.mask, members.offset) - 1
    np.testing.assert_allclose(effect.df, df, rtol=1e-12)
    assert np.all((df > 0.5) & (df < 7))


@pytest.mark.parametrize("estimator", [mr.egger, mr.weighted_median, mr.simple_median])
def test_other_estimators_have_the_jackknife_over_positions(estimator):
    members = one_network(np.random.default_rng(1), n_loci=2, positions=6)
    found = run(members, estimator).estimate
    x, y = members.of("x")[:, 0], members.of("y")[:, 0]
    for row in range(2):
        left = []
        for at in range(6):
            kept = members.offset[row] != at
            one = np.ones(kept.sum())
            e = EffectSizes.from_arrays(x[row, kept], one, y[row, kept], one)
            left.append(float(estimator(e).effect.value))
        expected = 5 / 6 * np.sum((np.array(left) - np.mean(left)) ** 2)
        assert found.effect.se[row] ** 2 == pytest.approx(expected, rel=1e-9)


def test_pooled_interval_is_the_t_interval_of_the_local_slopes():
    local = run(one_network(np.random.default_rng(2)))
    value = local.estimate.effect.value
    pooled = GivenModel().pool(local, pooling=random_effects)
    expected = stats.t.interval(0.95, 29, value.mean(), stats.sem(value))
    np.testing.assert_allclose(pooled.pooled.interval(), expected, rtol=1e-12)
    assert pooled.prediction.se == pytest.approx(np.std(value, ddof=1) * np.sqrt(31 / 30))


def test_pooled_intervals_hold_the_population_mean_when_loci_are_drawn_anew():
    rng = np.random.default_rng(3)
    local = run(one_network(rng, n_loci=4000, positions=3, sites_sd=0.6))  # long-tailed slopes
    for row in pooled_coverage(local, resamples=1000, sizes=(50, 300)):
        # Binomial error of .007 around .95, and tails: .92 to .98.
        assert row["coverage"] == pytest.approx(0.95, abs=0.03), row


def test_local_intervals_hold_the_slope_where_sites_differ_around_it():
    assert local_coverage(2000, 8)["slope"] == pytest.approx(0.95, abs=0.04)


def test_several_members_count_as_the_model_that_is_their_mean():
    one = one_network(np.random.default_rng(4))
    several = one_network(np.random.default_rng(4), members=3)
    np.testing.assert_allclose(
        run(several).estimate.effect.se, run(one).estimate.effect.se, rtol=1e-9
    )


def test_one_position_has_a_slope_without_an_interval_and_says_so():
    members = one_network(np.random.default_rng(5), positions=1)
    local = run(members)
    assert np.isfinite(local.estimate.effect.value).all()
    assert np.isnan(local.estimate.effect.se).all()
    assert local.estimate.flags["one_position"].all()
    assert np.isfinite(GivenModel().pool(local, pooling=random_effects).pooled.se)


def test_a_locus_without_instruments_has_no_estimate_and_does_not_disturb_the_others():
    members = one_network(np.random.default_rng(6), n_loci=3)
    members.value[1] = 0.0
    local = run(members, rule=ByModeratedZ(min_effect=0.5))
    assert np.isnan(local.estimate.effect.value).tolist() == [False, True, False]
    assert int(GivenModel().pool(local, pooling=random_effects).n_loci) == 2


def test_rules_of_precision_are_met_by_every_effect_and_size_alone_selects():
    members = one_network(np.random.default_rng(7))
    x = members.of("x")[:, 0]
    sized = run(members, rule=ByModeratedZ(min_z=3.0, min_effect=0.5)).instruments
    np.testing.assert_array_equal(sized, np.abs(x) >= 0.5)
    assert run(members, rule=ByZ()).instruments.all()
    top = run(members, rule=TopK(k=4, by="z")).instruments
    largest = np.sort(np.abs(x), axis=-1)[:, -4:]
    np.testing.assert_array_equal(np.sort(np.abs(x[top].reshape(30, 4)), axis=-1), largest)


def test_flags_that_compare_effects_with_errors_are_left_out():
    flags = run(one_network(np.random.default_rng(8)), mr.egger).estimate.flags
    assert set(flags) == {"few_instruments", "one_position", "directional_pleiotropy"}


def test_egger_s_intercept_is_found_where_sites_act_on_the_outcome_alone():
    members = one_network(np.random.default_rng(9), n_loci=40, positions=30, sites_sd=0.02)
    x = members.of("x")[:, 0]
    members.value[:, 1, 0] += np.sign(x) * 1.0
    assert run(members, mr.egger).estimate.flags["directional_pleiotropy"].mean() > 0.9
    clean = one_network(np.random.default_rng(9), n_loci=400, positions=30, sites_sd=0.02)
    # nominal .05 of 400: binomial error .011, and the jackknife is rough with 20 groups
    assert run(clean, mr.egger).estimate.flags["directional_pleiotropy"].mean() < 0.1


@pytest.mark.parametrize(
    "estimator",
    [mr.raps, mr.debiased_ivw, mr.maximum_likelihood, mr.presso, mr.constrained_ml],
    ids=lambda one: one.__name__,
)
def test_estimators_that_rest_on_errors_are_refused(estimator):
    with pytest.raises(ValueError, match="estimator=own rests on the size of the effects' errors"):
        GivenModel().check_estimator("own", estimator)


def test_estimators_that_do_not_are_taken():
    for estimator in (
        mr.inverse_variance_weighted,
        partial(mr.inverse_variance_weighted, robust=True),
        mr.egger,
        mr.simple_median,
        mr.weighted_median,
        mr.simple_mode,
    ):
        GivenModel().check_estimator("own", estimator)


def test_one_member_is_asked_what_it_says_unless_another_question_was_chosen():
    assert isinstance(Question().for_members(1).inference, GivenModel)
    assert isinstance(Question().for_members(2).inference, PerMember)
    assert isinstance(Question().for_members(3).inference, Jackknife)
    fixed = Question(inference=Jackknife(loci="fixed", shared=0.4))
    assert fixed.for_members(2).inference == PerMember(loci="fixed", shared=0.4)
    with pytest.raises(ValueError, match="inference=jackknife needs at least 3 members, got 2"):
        fixed.for_members(2, chosen=True)
    with pytest.raises(ValueError, match="errors_in_variables needs at least 4 members, got 3"):
        Question(inference=ErrorsInVariables()).for_members(3)
    with pytest.raises(ValueError, match="asks what training again would say and needs several"):
        Question().for_members(1, chosen=True)
    with pytest.raises(ValueError, match="inference=summary asks"):
        Question(inference=Summary()).for_members(1)
    assert "what this model says" in Question().for_members(1).notes[0]
    assert "what training again would say" in Question().notes[0]
