"""Effects, and what an ensemble's members become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmr.effects import EffectSizes, MemberEffects


def _members(value: np.ndarray, mask: np.ndarray | None = None) -> MemberEffects:
    n = value.shape[-1]
    place = np.broadcast_to(np.arange(n), (*value.shape[:-3], n)).copy()
    return MemberEffects(
        value=value,
        tasks=("A", "B"),
        offset=place,
        ref=np.zeros_like(place),
        alt=np.ones_like(place),
        mask=np.ones(place.shape, bool) if mask is None else mask,
    )


def test_the_standard_error_is_that_of_the_mean_over_members() -> None:
    rng = np.random.default_rng(0)
    value = rng.normal(size=(2, 5, 7))
    effects = _members(value).summarise("A", "B")
    np.testing.assert_allclose(effects.beta_exposure, value[0].mean(axis=0))
    np.testing.assert_allclose(effects.se_exposure, value[0].std(axis=0, ddof=1) / np.sqrt(5))


def test_members_that_share_their_error_have_their_spread_for_a_standard_error() -> None:
    effects = _members(np.random.default_rng(0).normal(size=(2, 5, 7)))
    apart, shared = (replace(effects, shared=share).summarise("A", "B") for share in (0.0, 1.0))
    n = effects.n_members
    # 1 / n + 1 against 1 / n of the variance between members
    np.testing.assert_allclose(shared.se_exposure, apart.se_exposure * np.sqrt(n + 1), rtol=1e-12)
    np.testing.assert_allclose(shared.se_outcome, apart.se_outcome * np.sqrt(n + 1), rtol=1e-12)
    assert shared.df == n - 1
    with pytest.raises(ValueError, match="shared must not be negative"):
        replace(effects, shared=-1.0)


def test_error_correlation_is_one_where_both_tasks_err_alike() -> None:
    error = np.random.default_rng(1).normal(size=(5, 30))
    same = _members(np.stack([1.0 + error, 2.0 + 3 * error])).summarise("A", "B")
    np.testing.assert_allclose(same.error_correlation, 1.0)
    opposite = _members(np.stack([1.0 + error, 2.0 - error])).summarise("A", "B")
    np.testing.assert_allclose(opposite.error_correlation, -1.0)


def test_masked_variants_do_not_enter_the_error_correlation() -> None:
    error = np.random.default_rng(2).normal(size=(5, 6))
    mask = np.array([True] * 5 + [False])
    value = np.stack([error, error])
    value[1, :, 5] = -100 * error[:, 5]
    np.testing.assert_allclose(_members(value, mask).summarise("A", "B").error_correlation, 1.0)


def test_one_member_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least 2 members, got 1"):
        _members(np.zeros((2, 1, 3))).summarise("A", "B")


def test_a_task_that_was_not_kept_is_named() -> None:
    with pytest.raises(LookupError, match="no effects were kept for 'C'; kept: A, B"):
        _members(np.zeros((2, 2, 3))).of("C")


def test_missing_values_narrow_the_mask() -> None:
    effects = EffectSizes.from_arrays([0.1, np.nan], [0.1, 0.1], [0.2, 0.2], [0.1, 0.1])
    assert effects.mask.tolist() == [True, False]
    assert effects.n_instruments == 1


def test_negative_errors_and_impossible_correlations_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        EffectSizes.from_arrays([1.0], [-0.1], [1.0], [0.1])
    with pytest.raises(ValueError, match="between -1 and 1"):
        EffectSizes.from_arrays([1.0], [0.1], [1.0], [0.1], error_correlation=2.0)
