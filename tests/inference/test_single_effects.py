"""Errors of single effects, and the heterogeneity and pleiotropy that are judged by them."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.inference import Jackknife, PerMember
from deepmr.inference.over_members import OverMembers
from deepmr.inference.single_effects import honest_effects, relative_spread
from deepmr.instruments import All
from deepmr.mr import egger, slope, weighted_median

MEMBERS, LOCI, VARIANTS = 5, 400, 12


def _effects(*, site: float, direct: float = 0.0, shared: float = 0.0) -> MemberEffects:
    """Return effects at four sites of three variants; the slope is 2.

    ``site`` is the relative error of a site's outcome effects between members; ``shared`` the part
    that all members have, over that; ``direct`` an effect of every variant on the outcome alone.
    """
    rng = np.random.default_rng(3)
    x = np.broadcast_to(0.5 + rng.random((LOCI, 1, VARIANTS)), (LOCI, MEMBERS, VARIANTS))
    wrong = rng.normal(size=(LOCI, MEMBERS, 4)) + np.sqrt(shared) * rng.normal(size=(LOCI, 1, 4))
    y = 2.0 * x * (1.0 + site * np.repeat(wrong, 3, axis=-1)) + direct
    at = np.broadcast_to(np.repeat(np.arange(4), 3), (LOCI, VARIANTS)).copy()
    return MemberEffects(
        value=np.stack([x + 1e-3 * rng.normal(size=x.shape), y], axis=1), tasks=("X", "Y"),
        offset=at, ref=0 * at, alt=0 * at + 1, mask=at >= 0,
    )  # fmt: skip


def test_the_variance_of_a_single_effect_is_the_sum_of_its_documented_parts() -> None:
    effects = _effects(site=0.1)
    found = honest_effects(effects, "X", "Y")
    y = effects.of("Y")
    b, between = y.mean(axis=-2), y.var(axis=-2, ddof=1)
    strong = np.abs(b) >= 0.3 * np.abs(b).max(axis=-1, keepdims=True)
    q2 = np.sum(between, axis=-1, where=strong) / np.sum(b**2, axis=-1, where=strong)
    # of fewer than 30 variants all count as partial
    relative = 0.06**2 + 1.1**2 * q2[:, None]
    expected = (1 / MEMBERS + 0.5) * between + relative * b**2
    np.testing.assert_allclose(found.se_outcome**2, expected, rtol=1e-10)


def test_the_loss_of_a_site_is_known_better_than_its_weakening() -> None:
    size = np.concatenate([[8.0, 6.0, 4.0, 2.0], np.full(32, 0.5)])
    value = np.broadcast_to(size, (1, 2, MEMBERS, size.size)).copy()  # members agree
    none = np.zeros((1, size.size), dtype=np.int64)
    effects = MemberEffects(
        value=value, tasks=("X", "Y"), offset=none, ref=none, alt=none + 1, mask=none == 0
    )
    relative = honest_effects(effects, "X", "Y").se_exposure[0] / size
    np.testing.assert_allclose(relative[:5], [0.0, 0.03, 0.06, 0.06, 0.06], atol=1e-12)


def test_a_variant_that_does_not_exist_does_not_count_and_no_effect_has_no_spread() -> None:
    value = np.array([[[1.0, 50.0, 0.0], [1.2, 90.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    mask = np.array([[True, False, True], [True, True, True]])
    np.testing.assert_allclose(relative_spread(value, mask), [np.sqrt(0.02) / 1.1, 0.0])


@pytest.mark.parametrize("way", [Jackknife(), PerMember()], ids=["jackknife", "per_member"])
def test_clean_loci_are_not_flagged_although_members_misjudge_sites_alike(way: OverMembers) -> None:
    effects = _effects(site=0.05, shared=1.0)
    local = way.local(effects, "X", "Y", rule=All(), estimator=egger)
    for name in ("heterogeneity", "directional_pleiotropy"):
        # at 5 % and 400 loci more than .1 has a probability below 1e-5
        assert local.estimate.flags[name].mean() < 0.1, name
    np.testing.assert_array_equal(
        local.estimate.pleiotropy.p_value < 0.05, local.estimate.flags["directional_pleiotropy"]
    )


@pytest.mark.parametrize("way", [Jackknife(), PerMember()], ids=["jackknife", "per_member"])
def test_a_direct_effect_of_all_variants_is_flagged(way: OverMembers) -> None:
    effects = _effects(site=0.05, shared=1.0, direct=3.0)
    local = way.local(effects, "X", "Y", rule=All(), estimator=egger)
    assert local.estimate.flags["directional_pleiotropy"].mean() > 0.9
    np.testing.assert_allclose(local.estimate.pleiotropy.value.mean(), 3.0, rtol=0.02)


def test_sites_with_slopes_of_their_own_are_heterogeneous() -> None:
    rng = np.random.default_rng(5)
    effects = _effects(site=0.02)
    value = effects.value.copy()
    value[:, 1] *= 1.0 + np.repeat(rng.choice([-0.6, 0.6], size=(LOCI, 1, 4)), 3, axis=-1)
    changed = MemberEffects(
        value=value, tasks=effects.tasks, offset=effects.offset, ref=effects.ref,
        alt=effects.alt, mask=effects.mask,
    )  # fmt: skip
    local = PerMember().local(changed, "X", "Y", rule=All(), estimator=slope)
    # all four sites agree by chance in 2 of 16 loci
    assert local.estimate.flags["heterogeneity"].mean() == pytest.approx(7 / 8, abs=0.05)


def test_values_do_not_depend_on_the_diagnostics() -> None:
    effects = _effects(site=0.1)
    found = PerMember(shared=0.0).local(effects, "X", "Y", rule=All(), estimator=weighted_median)
    assert not {"heterogeneity", "directional_pleiotropy"} & set(found.estimate.flags)
    plain = PerMember(shared=0.0).local(effects, "X", "Y", rule=All(), estimator=slope)
    slopes = plain.slopes.mean(axis=-1)
    np.testing.assert_allclose(plain.estimate.effect.value, slopes, rtol=1e-12)
