"""Local intervals: the t interval over members holds where the classical one does not."""

import dataclasses

import numpy as np
import pytest

from deepmr import mr
from deepmr.effects import MemberEffects
from deepmr.inference import (
    Correlated,
    CrossFitted,
    ErrorsInVariables,
    Jackknife,
    LocalInference,
    MemberPair,
    PerMember,
    Summary,
)
from deepmr.instruments import All, ByModeratedZ, ByZ
from tests.inference.synthetic import covered, ensemble, least_squares

AWARE = [
    PerMember(shared=0.0),
    Jackknife(shared=0.0),
    CrossFitted(shared=0.0),
    ErrorsInVariables(shared=0.0),
    Correlated(shared=0.0),
]
EVERY = [Summary(), *AWARE]
ID = {"ids": lambda one: type(one).__name__}


def run(inference, members, rule=None):
    rule = rule or All()
    return inference.local(members, "x", "y", rule=rule, estimator=least_squares)


@pytest.mark.parametrize("inference", AWARE, **ID)
def test_a_nominal_95_interval_covers_95_of_100_loci(inference):
    members, truth = ensemble(np.random.default_rng(0), n_loci=2000, member_sd=0.0, own_sd=0.2)
    # Without a shared part the loci are independent: a binomial error of .005, so .93 to .97.
    assert covered(run(inference, members).estimate.effect, truth) == pytest.approx(0.95, abs=0.02)


def test_the_classical_interval_does_not():
    members, truth = ensemble(np.random.default_rng(0), n_loci=2000, member_sd=0.0, own_sd=0.2)
    assert covered(run(Summary(), members).estimate.effect, truth) < 0.6


def test_per_member_is_the_mean_and_spread_of_slopes_computed_one_by_one():
    members, _ = ensemble(np.random.default_rng(1), n_loci=3)
    local = run(PerMember(shared=0.0), members)
    x, y = members.of("x"), members.of("y")
    slopes = np.sum(x * y, axis=-1) / np.sum(x * x, axis=-1)
    np.testing.assert_allclose(local.slopes, slopes, rtol=1e-12)
    np.testing.assert_allclose(local.estimate.effect.value, slopes.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(
        local.estimate.effect.se, slopes.std(axis=1, ddof=1) / np.sqrt(5), rtol=1e-12
    )
    assert np.all(local.estimate.effect.df == 4)


def test_jackknife_has_the_intercept_of_least_squares_through_mean_effects():
    members, _ = ensemble(np.random.default_rng(2), n_loci=3)
    members = dataclasses.replace(members, value=members.value + 5.0)  # all x on one side
    local = Jackknife(shared=0.0).local(members, "x", "y", rule=All(), estimator=mr.egger)
    for locus in range(3):
        x, y = members.of("x")[locus], members.of("y")[locus]
        kept = [np.arange(5), *(np.delete(np.arange(5), m) for m in range(5))]
        full, *without = (np.polyfit(x[k].mean(0), y[k].mean(0), 1)[1] for k in kept)
        assert local.estimate.pleiotropy.value[locus] == pytest.approx(full, rel=1e-9)
        assert np.std(without) > 0


def test_jackknife_keeps_the_value_over_mean_effects_where_an_estimator_has_kinks():
    members, _ = ensemble(np.random.default_rng(4), n_loci=300, n_variants=20, noise=0.2, members=9)
    asked = {"rule": All(), "estimator": mr.weighted_median}
    jackknife = Jackknife(shared=0.0).local(members, "x", "y", **asked).estimate.effect
    again = members.value.mean(axis=2, keepdims=True).repeat(9, axis=2)
    of_means = PerMember(shared=0.0).local(
        dataclasses.replace(members, value=again), "x", "y", **asked
    )
    np.testing.assert_allclose(jackknife.value, of_means.estimate.effect.value, rtol=1e-9)
    assert (jackknife.se > 0).all()


def test_jackknife_of_a_statistic_linear_in_the_members_is_the_mean():
    members, _ = ensemble(np.random.default_rng(2), n_loci=3, noise=0.0)
    # Without noise in x the ensemble's slope is the mean of the members' slopes, whose
    # jackknife is itself.
    one, two = run(Jackknife(shared=0.0), members), run(PerMember(shared=0.0), members)
    np.testing.assert_allclose(one.slopes, two.slopes, rtol=1e-9)


def test_errors_in_the_exposure_attenuate_members_most_and_the_correction_not_at_all():
    members, truth = ensemble(
        np.random.default_rng(3), n_loci=3000, noise=0.6, member_sd=0.0, own_sd=0.0
    )
    asked = {"rule": All(), "estimator": mr.slope}
    bias = {
        type(one).__name__: np.mean(
            one.local(members, "x", "y", **asked).estimate.effect.value - truth
        )
        for one in (PerMember(shared=0.0), Jackknife(shared=0.0), ErrorsInVariables(shared=0.0))
    }
    # Attenuation of a member is 1 / (1 + .36): -.132 of .5. The mean of five has .36 / 5, which
    # would be -.034, and its jackknife removes the first order of that. The Monte Carlo error of
    # these means is below .002.
    assert bias["PerMember"] == pytest.approx(-0.132, abs=0.01)
    assert abs(bias["Jackknife"]) < 0.012
    assert abs(bias["ErrorsInVariables"]) < 0.006


def test_correlated_errors_pull_the_slope_and_the_correction_pushes_back():
    members, _ = ensemble(
        np.random.default_rng(4),
        n_loci=3000,
        noise=0.5,
        confounded=2.0,
        slope=0.0,
        member_sd=0.0,
        own_sd=0.0,
    )
    naive = np.mean(run(PerMember(shared=0.0), members).estimate.effect.value)
    corrected = np.mean(run(ErrorsInVariables(shared=0.0), members).estimate.effect.value)
    assert naive > 0.3  # 2 x .25 / 1.25 = .4
    assert abs(corrected) < 0.01


def test_choosing_by_other_members_removes_the_winners_curse():
    # No true exposure effects: what passes the rule is noise, and a member that helped to choose
    # it sees it larger than one that did not.
    rng = np.random.default_rng(5)
    members, _ = ensemble(rng, n_loci=200, n_variants=300)
    noise = rng.normal(size=members.value.shape)
    members = dataclasses.replace(members, value=noise)
    rule = ByZ(min_z=4.0)
    shared = run(PerMember(shared=0.0), members, rule).instruments
    pair = MemberPair(members=members, exposure="x", outcome="y", rule=rule)
    crossed = CrossFitted(shared=0.0).instruments(pair)
    x = members.of("x")
    square_shared = np.mean(x.mean(axis=1)[shared] ** 2)
    chosen = np.broadcast_to(x, crossed.shape)[crossed]
    assert square_shared > 2 * (1 / 5)  # the mean of five has variance 1/5 before selection
    assert np.mean(chosen**2) == pytest.approx(1.0, abs=0.05)  # about 30,000 values, error .008


def test_cross_fitting_and_correction_together_are_unbiased_where_either_alone_is_not():
    members, truth = ensemble(
        np.random.default_rng(14), n_loci=3000, noise=0.6, member_sd=0.0, own_sd=0.0
    )
    # Half of the variants without effect, so that the rule has something to exaggerate.
    value = members.value.copy()
    clean, _ = ensemble(np.random.default_rng(14), n_loci=3000, noise=0.0, member_sd=0, own_sd=0)
    value[..., ::2] -= clean.value[..., ::2]
    members = dataclasses.replace(members, value=value)
    bias = {
        name: float(np.mean(run(way, members, ByModeratedZ()).estimate.effect.value - truth))
        for name, way in {
            "neither": PerMember(shared=0.0),
            "crossed": CrossFitted(shared=0.0),
            "corrected": ErrorsInVariables(selection="shared", shared=0.0),
            "both": ErrorsInVariables(shared=0.0),
        }.items()
    }
    # Monte Carlo errors are about .0015.
    assert abs(bias["both"]) < 0.006
    assert min(-bias["neither"], -bias["crossed"], -bias["corrected"]) > 0.012


def test_cross_fitting_with_every_variant_is_the_shared_selection():
    members, _ = ensemble(np.random.default_rng(15), n_loci=3)
    one = run(ErrorsInVariables(shared=0.0), members)
    two = run(ErrorsInVariables(selection="shared", shared=0.0), members)
    np.testing.assert_allclose(one.slopes, two.slopes, rtol=1e-9)


def test_gls_with_full_shrinkage_is_the_jackknife_of_equal_weights():
    members, _ = ensemble(np.random.default_rng(6), n_loci=4)
    one, two = (
        run(Correlated(shrinkage=1.0, shared=0.0), members),
        Jackknife(shared=0.0).local(members, "x", "y", rule=All(), estimator=mr.slope),
    )
    np.testing.assert_allclose(one.slopes, two.slopes, rtol=1e-9)


def test_gls_weights_equal_the_dense_inverse():
    members, _ = ensemble(np.random.default_rng(7), n_loci=1, n_variants=7)
    x, y = members.of("x")[0], members.of("y")[0]
    got = Correlated(shrinkage=0.3, shared=0.0)._slope(x, y, members.mask[0])
    start = x.mean(0) @ y.mean(0) / (x.mean(0) @ x.mean(0))
    deviation = (y - start * x) - (y - start * x).mean(0)
    covariance = deviation.T @ deviation
    covariance = 0.7 * covariance + 0.3 * np.mean(np.diag(covariance)) * np.eye(7)
    weight = np.linalg.solve(covariance, x.mean(0))
    assert float(got) == pytest.approx(weight @ y.mean(0) / (weight @ x.mean(0)), rel=1e-10)


@pytest.mark.parametrize("inference", EVERY, **ID)
def test_masked_variants_equal_absent_ones(inference):
    members, _ = ensemble(np.random.default_rng(8), n_loci=3, n_variants=40)
    kept = np.arange(40) % 4 != 0
    masked = dataclasses.replace(members, mask=members.mask & kept)
    absent = MemberEffects(
        value=members.value[..., kept],
        tasks=members.tasks,
        **{name: getattr(members, name)[:, kept] for name in ("offset", "ref", "alt", "mask")},
    )
    one, two = run(inference, masked), run(inference, absent)
    np.testing.assert_allclose(one.estimate.effect.value, two.estimate.effect.value, rtol=1e-12)
    np.testing.assert_allclose(one.estimate.effect.se, two.estimate.effect.se, rtol=1e-9)


@pytest.mark.parametrize("inference", EVERY, **ID)
def test_a_batch_equals_its_shards_joined(inference):
    members, _ = ensemble(np.random.default_rng(9), n_loci=5)
    whole = run(inference, members, ByModeratedZ())
    parts = []
    for rows in (slice(0, 2), slice(2, 5)):
        part = MemberEffects(
            value=members.value[rows],
            tasks=members.tasks,
            **{name: getattr(members, name)[rows] for name in ("offset", "ref", "alt", "mask")},
        )
        parts.append(run(inference, part, ByModeratedZ()))
    joined = LocalInference.join(parts)
    np.testing.assert_array_equal(joined.instruments, whole.instruments)
    for name in ("value", "se"):
        np.testing.assert_allclose(
            getattr(joined.estimate.effect, name), getattr(whole.estimate.effect, name), rtol=1e-12
        )
    assert set(joined.estimate.flags) == set(whole.estimate.flags)


@pytest.mark.parametrize("inference", EVERY, **ID)
def test_scaling_the_outcome_scales_effect_and_error(inference):
    members, _ = ensemble(np.random.default_rng(10), n_loci=3)
    scaled = dataclasses.replace(
        members, value=members.value * np.array([1.0, -10.0])[:, None, None]
    )
    one, two = run(inference, members).estimate.effect, run(inference, scaled).estimate.effect
    np.testing.assert_allclose(two.value, -10 * one.value, rtol=1e-9)
    np.testing.assert_allclose(two.se, 10 * one.se, rtol=1e-9)


@pytest.mark.parametrize("inference", AWARE, **ID)
def test_a_locus_without_instruments_has_no_effect_and_harms_no_other(inference):
    members, _ = ensemble(np.random.default_rng(11), n_loci=3)
    mask = members.mask.copy()
    mask[1] = False
    local = run(inference, dataclasses.replace(members, mask=mask))
    assert np.isnan(local.estimate.effect.value).tolist() == [False, True, False]
    assert local.estimate.flags["member_without_estimate"].tolist() == [False, True, False]
    assert local.estimate.n_instruments.tolist() == [60, 0, 60]


def test_weights_other_than_equal_come_from_the_ensembles_errors():
    members, _ = ensemble(np.random.default_rng(12), n_loci=2)
    value = members.value.copy()
    value[:, 1, :, 0] += 50.0 * np.random.default_rng(0).normal(size=(2, 5))
    members = dataclasses.replace(members, value=value)
    equal = run(PerMember(shared=0.0), members).estimate.effect
    weighted = run(PerMember(weights="moderated", shared=0.0), members).estimate.effect
    assert np.all(weighted.se < equal.se)
    assert np.all(np.abs(weighted.value - 0.5) < 0.5)


@pytest.mark.parametrize(
    ("inference", "size", "needed"),
    [
        (PerMember(shared=0.0), 1, 2),
        (Jackknife(shared=0.0), 2, 3),
        (CrossFitted(shared=0.0), 2, 3),
        (ErrorsInVariables(shared=0.0), 3, 4),
        (ErrorsInVariables(selection="shared", shared=0.0), 2, 3),
        (Correlated(shared=0.0), 3, 4),
    ],
    ids=lambda one: type(one).__name__,
)
def test_too_few_members_are_refused(inference, size, needed):
    members, _ = ensemble(np.random.default_rng(0), n_loci=1, members=size)
    with pytest.raises(ValueError, match=f"needs at least {needed} members, got {size}"):
        run(inference, members)


def test_instruments_without_signal_give_no_corrected_effect():
    rng = np.random.default_rng(13)
    members, _ = ensemble(rng, n_loci=50, n_variants=4)
    members = dataclasses.replace(members, value=rng.normal(size=members.value.shape))
    local = run(ErrorsInVariables(shared=0.0), members)
    none = local.estimate.flags["no_signal"]
    assert none.any()
    np.testing.assert_array_equal(np.isnan(local.estimate.effect.value), none)


def test_joining_is_for_one_method():
    members, _ = ensemble(np.random.default_rng(0), n_loci=2)
    with pytest.raises(ValueError, match="one method, got errors_in_variables, least_squares"):
        LocalInference.join(
            [run(PerMember(shared=0.0), members), run(ErrorsInVariables(shared=0.0), members)]
        )
    with pytest.raises(ValueError, match="at least one shard"):
        LocalInference.join([])


@pytest.mark.parametrize("inference", AWARE, **ID)
def test_draws_share_what_they_say_or_the_setting_if_that_is_more(inference):
    def asked(shared, *, own):
        members, _ = ensemble(np.random.default_rng(16), n_loci=4)
        members = dataclasses.replace(members, shared=own)
        return run(dataclasses.replace(inference, shared=shared), members)

    said, set_so = asked(0.0, own=0.8), asked(0.8, own=0.0)
    np.testing.assert_allclose(said.estimate.effect.se, set_so.estimate.effect.se, rtol=1e-9)
    np.testing.assert_allclose(said.slopes, set_so.slopes, rtol=1e-9)
    less, more = asked(0.4, own=0.8), asked(1.5, own=0.8)
    np.testing.assert_array_equal(less.estimate.effect.se, said.estimate.effect.se)
    assert (more.estimate.effect.se > said.estimate.effect.se).all()
    with pytest.raises(ValueError, match=r"shared must not be negative, got -0\.1"):
        asked(-0.1, own=0.8)


@pytest.mark.parametrize("way", [PerMember, Jackknife, CrossFitted, ErrorsInVariables, Correlated])
def test_a_negative_share_is_refused_before_anything_is_computed(way) -> None:
    with pytest.raises(ValueError, match=r"inference\.shared must not be negative"):
        way(shared=-0.1)


@pytest.mark.parametrize("inference", [Summary(), PerMember()], **ID)
def test_members_answer_for_correlated_errors_and_the_summary_alone_flags_them(inference):
    members, _ = ensemble(np.random.default_rng(0), confounded=1.0)
    one = inference.local(members, "x", "y", rule=All(), estimator=mr.inverse_variance_weighted)
    flagged = one.estimate.flags.get("error_correlation_ignored", np.zeros(1, dtype=bool))
    assert bool(np.any(flagged)) == isinstance(inference, Summary)
