"""From one slope a member to one interval a locus."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference.contract import LocalInference
from deepmr.instruments import Rule
from deepmr.mr.result import MREstimate

__all__ = ["combine", "pseudo_values", "require_members", "selected", "shared_variance"]

_ANSWERED_BY_MEMBERS = frozenset({"error_correlation_ignored"})
"""Flags on a slope's own standard error: the members' spread stands in its place, and includes
what errors of exposure and outcome share."""


def require_members(members: MemberEffects, minimum: int, method: str) -> None:
    """Refuse an ensemble too small for a method.

    Raises:
        ValueError: If there are fewer members.
    """
    if members.n_members < minimum:
        raise ValueError(
            f"inference={method} needs at least {minimum} members, got {members.n_members}; "
            "train a larger ensemble, or choose inference=summary"
        )


def shared_variance(members: MemberEffects, setting: float) -> float:
    """Return the variance that members share: an inference's setting, or their own if larger.

    The setting allows for a training set that independent networks have in common; draws from one
    network, or members on resamples, already stand for it.

    Raises:
        ValueError: If the setting is negative.
    """
    return max(_not_negative(setting), members.shared)


def _not_negative(shared: float) -> float:
    if not shared >= 0:
        raise ValueError(f"inference.shared must not be negative, got {shared}; it is a variance")
    return shared


def selected(
    members: MemberEffects, exposure: str, outcome: str, rule: Rule
) -> tuple[EffectSizes, Bool[np.ndarray, "*batch variant"]]:
    """Return the ensemble's mean effects and the instruments a rule finds among them."""
    effects = members.summarise(exposure, outcome)
    return effects, effects.mask & rule(effects, offset=members.offset)


def combine(
    slopes: Float64[np.ndarray, "*batch member"],
    instruments: Bool[np.ndarray, "*batch variant"],
    *,
    method: str,
    found: MREstimate | None = None,
    flags: Mapping[str, Bool[np.ndarray, "*batch"]] | None = None,
    shared: float = 0.0,
) -> LocalInference:
    """Average over members, with a t interval from their spread.

    Members whose slope is missing are left out, which a flag tells; with fewer than two slopes
    the effect is missing. What the estimator reported of each member (its intercept, its
    flags) is averaged, or true where it is so for any member.

    Args:
        slopes: One a member, or jackknife pseudo-values.
        instruments: Variants they rest on.
        method: Name of the estimator.
        found: The estimator's results, member by member, for its intercept and flags.
        flags: Further warnings.
        shared: Variance that all members share, relative to the variance between them. Deviations
            are stretched by sqrt(1 + members x shared), so that both the locus's error and the
            members' part of a pooled one are those of a mean with that share.

    Raises:
        ValueError: If ``shared`` is negative.
    """
    slopes = _stretched(slopes, _not_negative(shared))
    seen = ~np.isnan(slopes)
    raised = {"member_without_estimate": np.asarray(np.any(~seen, axis=-1)), **(flags or {})}
    if found is not None:
        raised |= {
            name: np.asarray(np.any(flag, axis=-1))
            for name, flag in found.flags.items()
            if name not in _ANSWERED_BY_MEMBERS
        }
    pleiotropy = None
    if found is not None and found.pleiotropy is not None:
        pleiotropy = member_mean(found.pleiotropy.value)
    return LocalInference(
        estimate=MREstimate(
            method=method,
            n_instruments=np.asarray(np.sum(instruments, axis=-1)),
            effect=member_mean(slopes),
            pleiotropy=pleiotropy,
            flags=raised,
        ),
        instruments=instruments,
        slopes=slopes,
    )


def _stretched(
    slopes: Float64[np.ndarray, "*batch member"], shared: float
) -> Float64[np.ndarray, "*batch member"]:
    if shared == 0:
        return slopes
    seen = ~np.isnan(slopes)
    count = np.maximum(seen.sum(axis=-1, keepdims=True), 1)
    mean = np.sum(slopes, axis=-1, keepdims=True, where=seen) / count
    return np.asarray(mean + np.sqrt(1.0 + count * shared) * (slopes - mean))


def member_mean(value: Float64[np.ndarray, "*batch member"]) -> Estimate:
    """Return the mean over the last axis with the t interval of an independent sample.

    Example:
        >>> e = member_mean(np.array([1.0, 2.0, 3.0, np.nan]))
        >>> float(e.value), round(float(e.se), 6), float(e.df)
        (2.0, 0.57735, 2.0)
    """
    seen = ~np.isnan(value)
    count = np.asarray(seen.sum(axis=-1), dtype=np.float64)
    enough = count >= 2
    safe = np.maximum(count, 2.0)
    mean = np.sum(value, axis=-1, where=seen) / np.maximum(count, 1.0)
    square = np.sum((value - mean[..., None]) ** 2, axis=-1, where=seen)
    return Estimate(
        value=np.where(enough, mean, np.nan),
        se=np.where(enough, np.sqrt(square / (safe * (safe - 1.0))), np.nan),
        df=np.asarray(safe - 1.0),
    )


def pseudo_values(
    full: Float64[np.ndarray, "*batch"], without: Float64[np.ndarray, "*batch member"]
) -> Float64[np.ndarray, "*batch member"]:
    """Return Tukey's pseudo-values, n x full - (n - 1) x without each member.

    Their mean is the jackknife estimate, free of bias of order 1 / n; their spread is its error.

    References:
        Tukey 1958, Ann. Math. Statist. 29:614; Miller 1974, doi:10.1093/biomet/61.1.1.
    """
    n = without.shape[-1]
    return np.asarray(n * full[..., None] - (n - 1.0) * without)
