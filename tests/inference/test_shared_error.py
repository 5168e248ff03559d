"""What all members misjudge alike is in the errors of local, pooled and single effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.inference import PerMember
from deepmr.inference.between_sites import SharedError, position_variance
from deepmr.instruments import All
from deepmr.meta import random_effects
from deepmr.mr import slope

MEMBERS = 4


@pytest.fixture(scope="module")
def effects() -> MemberEffects:
    """Six loci of twelve variants at four positions; the slope is 2, and members differ."""
    rng = np.random.default_rng(0)
    x = 1.0 + rng.random((6, 1, MEMBERS, 12))
    y = 2.0 * x + 0.3 * rng.normal(size=x.shape)
    at = np.broadcast_to(np.repeat(np.arange(4), 3), (6, 12)).copy()
    return MemberEffects(
        value=np.concatenate([x, y], axis=1), tasks=("X", "Y"), offset=at, ref=0 * at,
        alt=0 * at + 1, mask=at >= 0,
    )  # fmt: skip


def _local(effects: MemberEffects, shared: SharedError):
    inference = PerMember(shared=shared)
    return inference, inference.local(effects, "X", "Y", rule=All(), estimator=slope)


@pytest.mark.parametrize(
    ("shared", "between", "relative"),
    [(0.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.3, 0.1, 0.0), (0.0, 0.0, 0.04), (0.2, 0.1, 0.04)],
)
def test_the_variance_of_a_local_slope_is_the_sum_of_its_documented_parts(
    effects: MemberEffects, shared: float, between: float, relative: float
) -> None:
    told = SharedError(shared=shared, between_sites=between, relative=relative)
    _, local = _local(effects, told)
    x, y = (effects.of(name) for name in ("X", "Y"))
    slopes = np.sum(x * y, axis=-1) / np.sum(x * x, axis=-1)
    b, spread = slopes.mean(axis=-1), slopes.var(axis=-1, ddof=1)
    disagreement = position_variance(x.mean(-2), y.mean(-2), effects.mask, effects.offset)
    disagreement = disagreement + 0.025**2 / np.mean(x.mean(-2) ** 2, axis=-1)
    expected = (1 / MEMBERS + shared) * spread + between * disagreement + (relative * b) ** 2
    np.testing.assert_allclose(local.estimate.effect.se**2, expected, rtol=1e-10)


def test_a_pooled_slope_has_its_own_relative_error(effects: MemberEffects) -> None:
    found = []
    for relative in (0.0, 0.05):
        told = SharedError(shared=0.2, between_sites=0.0, relative_pooled=relative)
        inference, local = _local(effects, told)
        found.append(inference.pool(local, pooling=random_effects).pooled)
    plain, wide = found
    assert plain.value == wide.value
    np.testing.assert_allclose(wide.se**2, plain.se**2 + (0.05 * plain.value) ** 2, rtol=1e-10)


@pytest.mark.parametrize(
    ("ratios", "shared"),
    [
        *(([], 0.5), ([float("nan")], 0.5), ([0.0, 0.0], 0.2), ([0.5, 0.3], 0.4), ([1.5], 0.7)),
        *(([2.0, 3.0], 0.5), ([20.0, 12.0], 0.2)),
    ],
)
def test_errors_of_prediction_move_the_shared_error_within_bounds(
    ratios: list[float], shared: float
) -> None:
    assert SharedError.estimated(ratios).shared == pytest.approx(shared)


def test_a_number_counts_alone() -> None:
    error = PerMember(shared=0.4).error
    assert (error.shared, error.between_sites, error.relative) == (0.4, 0.0, 0.0)
    assert (error.relative_pooled, error.pooled) == (0.0, 0.0)


def test_an_outcome_that_no_variant_reaches_has_exactly_no_slope(effects: MemberEffects) -> None:
    value = effects.value.copy()
    value[:3, 1] = 0.0
    shown = replace(effects, value=value)
    local = PerMember().local(shown, "X", "Y", rule=All(), estimator=slope).estimate.effect
    np.testing.assert_array_equal(local.value[:3], 0.0)
    np.testing.assert_array_equal(local.se[:3], 0.0)
    assert (local.se[3:] > 0).all()
