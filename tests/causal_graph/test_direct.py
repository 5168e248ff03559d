import numpy as np
import pytest

from deepmr.causal_graph import EffectMoments, direct_effects, effect_moments, mediation
from deepmr.effects import MemberEffects

N_LOCI, N_VARIANTS, N_MEMBERS = 60, 40, 5


def moments(seed: int, *, noise: float = 0.05, mediated: float = 0.5) -> EffectMoments:
    """X acts on M, M on Y; Z is X once more; C moves P and Q, which have sites of their own."""
    rng = np.random.default_rng(seed)
    sites = rng.normal(size=(4, N_LOCI, N_VARIANTS)) * (rng.random((4, N_LOCI, N_VARIANTS)) < 0.3)
    x, own_m, own_y, c = sites
    m = 0.8 * x + own_m
    y = mediated * m + own_y
    truth = np.stack([x, m, y, x, c, 0.6 * c + own_m, 0.6 * c + own_y], axis=1)[:, :, None]
    shape = (N_LOCI, truth.shape[1], N_MEMBERS, N_VARIANTS)
    none = np.zeros((N_LOCI, N_VARIANTS), dtype=np.int64)
    return effect_moments(
        MemberEffects(
            value=truth + noise * rng.normal(size=shape),
            tasks=("X", "M", "Y", "Z", "C", "P", "Q"),
            offset=none,
            ref=none,
            alt=none,
            mask=none == 0,
        )
    )


def test_errors_in_the_exposures_do_not_pull_the_slope_to_zero() -> None:
    # With errors of .3 beside effects of root mean square .55, least squares of one network's
    # effects finds .77 of the slope; products of different members find it.
    found = direct_effects(moments(0, noise=0.3), np.array([[0]]), np.array([1]), relative=0.0)
    value, se = float(found.effect.value[0, 0]), float(found.effect.se[0, 0])
    assert abs(value - 0.8) < 3 * se
    assert se < 0.1


def test_intervals_of_total_and_direct_effects_cover_at_the_nominal_rate() -> None:
    covered, asked = 0, 0
    for seed in range(100):
        found = direct_effects(
            moments(seed), np.array([[0, 1], [5, 4]]), np.array([2, 6]), relative=0.0
        )
        low, high = found.effect.interval()
        for truth, question, exposure in ((0.0, 0, 0), (0.5, 0, 1), (0.0, 1, 0), (0.6, 1, 1)):
            covered += low[question, exposure] <= truth <= high[question, exposure]
            asked += 1
    # binomial: .95 less three standard errors of 400; the interval may be conservative
    assert covered / asked >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / asked)


def test_equal_exposures_cannot_be_told_apart() -> None:
    found = direct_effects(moments(0), np.array([[0, 3]]), np.array([1]))
    assert np.isnan(found.effect.value).all()
    assert not found.told_apart.any()
    assert (found.distinct < 0.02).all()


def test_the_same_exposure_twice_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got X twice"):
        direct_effects(moments(0), np.array([[0, 0]]), np.array([1]))
    with pytest.raises(ValueError, match="no exposure, got M"):
        direct_effects(moments(0), np.array([[0, 1]]), np.array([1]))


def test_total_is_direct_plus_indirect() -> None:
    found = mediation(moments(0), np.array([0]), np.array([[1]]), np.array([2]))
    total = found.direct.value + found.indirect.value
    np.testing.assert_allclose(total, found.total.value, atol=1e-12)  # one set of sums
    np.testing.assert_allclose(
        found.proportion.value, found.indirect.value / found.total.value, atol=1e-12
    )


def test_interval_of_the_mediated_share_covers_it() -> None:
    covered = 0
    for seed in range(60):
        found = mediation(moments(seed), np.array([0]), np.array([[1]]), np.array([2]), relative=0)
        low, high = found.proportion.interval()
        covered += bool(low[0] <= 1.0 <= high[0])
    assert covered / 60 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)


def test_many_questions_together_are_those_asked_alone() -> None:
    one = moments(3)
    exposures, outcome = np.array([[0, 1], [5, 4], [1, 4]]), np.array([2, 6, 2])
    together = direct_effects(one, exposures, outcome)
    for k in range(3):
        alone = direct_effects(one, exposures[k : k + 1], outcome[k : k + 1])
        np.testing.assert_allclose(alone.effect.value[0], together.effect.value[k], rtol=1e-10)
        np.testing.assert_allclose(alone.effect.se[0], together.effect.se[k], rtol=1e-10)


def test_shards_join_to_the_whole() -> None:
    whole = moments(0)
    parts = [
        EffectMoments(
            cross=whole.cross[part],
            own=whole.own[part],
            n_variants=whole.n_variants[part],
            tasks=whole.tasks,
        )
        for part in (slice(0, 25), slice(25, None))
    ]
    np.testing.assert_array_equal(EffectMoments.join(parts).signal, whole.signal)


def test_one_member_is_refused() -> None:
    one = moments(0)
    with pytest.raises(ValueError, match="at least 2 members, got 1"):
        EffectMoments(
            cross=one.cross[:, :1], own=one.own, n_variants=one.n_variants, tasks=one.tasks
        )
