"""Students' known errors correct the teacher's unknown ones."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.paper_simulation.students import Student, ask
from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference import (
    LocalInference,
    ParametricBootstrap,
    PerMember,
    StudentEstimates,
    Summary,
)
from deepmr.instruments import All
from deepmr.meta import random_effects
from deepmr.mr import inverse_variance_weighted

PAIR = ("exposure", "outcome")
WAY = {"rule": All(), "estimator": inverse_variance_weighted}
N_LOCI, N_MEMBERS, N_VARIANTS = 30, 5, 20
SEED_SD, DATA_SD, COMMON_SD = 0.05, 0.08, 0.05


def trained(rng, slopes, *, shrink):
    """Members trained on data with these slopes: shrunk, and all wrong in the same direction.

    The training set's noise moves all members of a locus alike (DATA_SD), and all loci
    (COMMON_SD); a member's own noise is SEED_SD.
    """
    x = np.tile(np.linspace(-2, 2, N_VARIANTS), (N_LOCI, N_MEMBERS, 1))
    common = rng.normal(0, COMMON_SD) + rng.normal(0, DATA_SD, (N_LOCI, 1))
    seen = shrink * slopes[:, None] + common + rng.normal(0, SEED_SD, (N_LOCI, N_MEMBERS))
    value = np.stack([x, seen[..., None] * x], axis=1)
    place = np.tile(np.arange(N_VARIANTS), (N_LOCI, 1))
    return MemberEffects(
        value=value,
        tasks=PAIR,
        offset=place,
        ref=np.zeros_like(place),
        alt=np.ones_like(place),
        mask=np.ones(place.shape, bool),
    )


def bootstrap(rng, members, n=4):
    mean = members.value.mean(axis=2)
    slopes = mean[:, 1, 0] / mean[:, 0, 0]
    students = [Student(members=trained(rng, slopes, shrink=0.8), teacher=mean) for _ in range(n)]
    found = ask(students, PAIR, inference=PerMember(), pooling=random_effects, **WAY)
    return ParametricBootstrap(students=[found], kind="auto")


def test_known_bias_is_removed_and_coverage_restored_for_loci_and_pool() -> None:
    rng = np.random.default_rng(0)
    covered = {"plain": [], "corrected": []}
    pooled = {"plain": [], "corrected": []}
    bias = {"plain": [], "corrected": []}
    for _ in range(60):
        slopes = rng.uniform(0.8, 1.6, N_LOCI)
        members = trained(rng, slopes, shrink=0.8)
        for name, way in (("plain", PerMember()), ("corrected", bootstrap(rng, members))):
            local = way.local(members, *PAIR, **WAY)
            low, high = local.estimate.effect.interval()
            covered[name].append(np.mean((low <= slopes) & (slopes <= high)))
            bias[name].append(np.mean(local.estimate.effect.value - slopes))
            low, high = way.pool(local, pooling=random_effects).pooled.interval()
            pooled[name].append(low <= slopes.mean() <= high)
    # Plain: shrunk by .24 of 1.2, and intervals that know the members' spread alone.
    assert np.mean(bias["plain"]) < -0.2
    assert np.mean(covered["plain"]) < 0.3
    # The common error is .05 / .8 a round, and the ratio's .05 / sqrt(4): .009 over 60 rounds.
    assert abs(np.mean(bias["corrected"])) < 0.035
    # Widened by the 95th percentile of 120 errors that share four draws: .91 in the mean.
    assert 0.88 < np.mean(covered["corrected"]) < 0.99
    # 60 rounds at .95 or more: 51 would happen once in a thousand.
    assert np.sum(pooled["corrected"]) >= 52
    assert np.sum(pooled["plain"]) < 30


def test_students_without_faults_change_next_to_nothing() -> None:
    members = trained(np.random.default_rng(1), np.full(N_LOCI, 1.0), shrink=1.0)
    plain = PerMember().local(members, *PAIR, **WAY)
    students = _perfect(plain, n=3)
    local = ParametricBootstrap(students=[students]).local(members, *PAIR, **WAY)
    np.testing.assert_allclose(local.estimate.effect.value, plain.estimate.effect.value)
    np.testing.assert_allclose(local.estimate.effect.se, plain.estimate.effect.se)
    np.testing.assert_array_equal(local.slopes, plain.slopes)
    one, two = (
        PerMember().pool(plain, pooling=random_effects),
        ParametricBootstrap(students=[students]).pool(local, pooling=random_effects),
    )
    np.testing.assert_allclose(two.pooled.se, one.pooled.se)
    np.testing.assert_allclose(two.pooled.df, one.pooled.df)
    np.testing.assert_allclose(two.tau2, one.tau2)


def _perfect(plain: LocalInference, *, n: int, value: float = 1.0) -> StudentEstimates:
    shape = (n, N_LOCI)
    exact = Estimate(value=np.full(shape, value), se=np.full(shape, 0.1))
    return StudentEstimates(
        exposure=PAIR[0],
        outcome=PAIR[1],
        method=plain.estimate.method,
        local=exact,
        teacher=np.full(shape, 1.0),
        pooled=Estimate(value=np.full(n, value), se=np.full(n, 0.1)),
        teacher_pooled=np.ones(n),
    )


def test_shards_are_joined_with_their_correction() -> None:
    members = trained(np.random.default_rng(2), np.full(N_LOCI, 1.0), shrink=1.0)
    way = bootstrap(np.random.default_rng(3), members)
    whole = way.local(members, *PAIR, **WAY)
    joined = LocalInference.join([whole, whole])
    assert joined.correction == whole.correction
    assert joined.correction is not None


def test_where_students_found_nothing_effects_are_missing_and_flagged() -> None:
    members = trained(np.random.default_rng(4), np.full(N_LOCI, 1.0), shrink=1.0)
    plain = PerMember().local(members, *PAIR, **WAY)
    way = ParametricBootstrap(students=[_perfect(plain, n=3, value=np.nan)])
    local = way.local(members, *PAIR, **WAY)
    assert np.isnan(local.estimate.effect.value).all()
    assert local.estimate.flags["no_students"].all()
    assert np.isnan(way.pool(local, pooling=random_effects).pooled.value)
    assert way.notes() == [
        "Parametric bootstrap, exposure on outcome, ivw: no students, so no effect."
    ]


def test_notes_say_what_was_done() -> None:
    members = trained(np.random.default_rng(5), np.full(N_LOCI, 1.0), shrink=0.8)
    (note,) = bootstrap(np.random.default_rng(6), members).notes()
    assert "exposure on outcome, ivw: effects of loci divided by 0." in note
    assert "by 120 estimates of 4 students" in note


def test_what_does_not_fit_is_refused() -> None:
    members = trained(np.random.default_rng(7), np.full(N_LOCI, 1.0), shrink=1.0)
    plain = PerMember().local(members, *PAIR, **WAY)
    students = _perfect(plain, n=3)
    with pytest.raises(ValueError, match="needs students, got none"):
        ParametricBootstrap(students=[])
    with pytest.raises(LookupError, match="not asked outcome exposure ivw; they were asked: expos"):
        ParametricBootstrap(students=[students]).local(members, *PAIR[::-1], **WAY)
    with pytest.raises(ValueError, match="a base without slopes"):
        ParametricBootstrap(students=[students], base=Summary()).local(members, *PAIR, **WAY)
    with pytest.raises(ValueError, match="the teacher's slopes in the shape of their own"):
        StudentEstimates(
            exposure="a",
            outcome="b",
            method="ivw",
            local=students.local,
            teacher=students.teacher[:2],
            pooled=students.pooled,
            teacher_pooled=students.teacher_pooled[:2],
        )
