"""Combine per-member slopes into one estimate with a t interval for each locus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference.contract import LocalInference
from deepmr.inference.member_pair import MemberSlopes
from deepmr.mr import MREstimate

__all__ = [
    "combine",
    "pseudo_values",
    "require_members",
    "too_few_members",
    "with_shared_error",
]

_ANSWERED_BY_MEMBERS = frozenset({"error_correlation_ignored"})
"""Flags on a slope's own standard error: the members' spread stands in its place, and includes
what errors of exposure and outcome share."""


def require_members(members: MemberEffects, minimum: int, method: str) -> None:
    """Refuse an ensemble with too few members for a method.

    Args:
        members: Effects of every member.
        minimum: Fewest members that the method is defined for.
        method: Name of the inference, for the message.

    Raises:
        ValueError: If there are fewer members than ``minimum``.
    """
    if members.n_members < minimum:
        raise ValueError(too_few_members(method, minimum, members.n_members))


def too_few_members(method: str, minimum: int, got: int) -> str:
    """Return the message for an ensemble that is too small for an inference."""
    return (
        f"inference={method} needs at least {minimum} members, got {got}; train a larger "
        "ensemble, or choose inference=per_member (2) or given_model (1)"
    )


def combine(slopes: MemberSlopes, *, shared: float = 0.0) -> LocalInference:
    """Average slopes over members, with a t interval from the variance between members.

    Members without a slope are left out, with the flag ``member_without_estimate``; with fewer
    than two slopes the effect is missing. The pleiotropy intercept is averaged over members; a
    flag is raised where it is raised for any member.

    Args:
        slopes: Slopes or jackknife pseudo-values of the members at every locus.
        shared: Shared error variance (ratio to the variance between members), 0 by default.
            Deviations from the mean are multiplied by sqrt(1 + members x shared), so that the
            local standard error and the member component of a pooled one both include it.
    """
    value = _stretched(slopes.value, shared)
    known = ~np.isnan(value)
    flags = {"member_without_estimate": np.asarray(np.any(~known, axis=-1)), **slopes.flags}
    pleiotropy = None
    if slopes.found is not None:
        flags |= {
            name: np.asarray(np.any(flag, axis=-1))
            for name, flag in slopes.found.flags.items()
            if name not in _ANSWERED_BY_MEMBERS
        }
        if slopes.found.pleiotropy is not None:
            pleiotropy = member_mean(slopes.found.pleiotropy.value)
    return LocalInference(
        estimate=MREstimate(
            method=slopes.method,
            n_instruments=np.asarray(np.sum(slopes.instruments, axis=-1)),
            effect=member_mean(value),
            pleiotropy=pleiotropy,
            flags=flags,
        ),
        instruments=slopes.instruments,
        slopes=value,
    )


def with_shared_error(
    local: LocalInference,
    between: Float64[np.ndarray, "*batch"],
    factor: float,
    *,
    relative: float = 0.0,
) -> LocalInference:
    """Add to the variances of local effects what all members misjudge alike.

    Args:
        local: Local results, their standard errors from the members alone.
        between: `position_variance` of each locus.
        factor: Factor on it.
        relative: Relative error of a slope; 0 by default.
    """
    effect = local.estimate.effect
    se = np.asarray(np.sqrt(effect.se**2 + factor * between + (relative * effect.value) ** 2))
    return replace(
        local,
        estimate=replace(local.estimate, effect=replace(effect, se=se)),
        between_sites=between,
    )


def _stretched(
    slopes: Float64[np.ndarray, "*batch member"], shared: float
) -> Float64[np.ndarray, "*batch member"]:
    if shared == 0:
        return slopes
    known = ~np.isnan(slopes)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean = np.sum(slopes, axis=-1, keepdims=True, where=known) / count
    return np.asarray(mean + np.sqrt(1.0 + count * shared) * (slopes - mean))


def member_mean(value: Float64[np.ndarray, "*batch member"]) -> Estimate:
    """Return the mean over members with the t interval of an independent sample.

    Args:
        value: One value per member; NaN is left out, and fewer than two give NaN.

    Example:
        >>> e = member_mean(np.array([1.0, 2.0, 3.0, np.nan]))
        >>> float(e.value), round(float(e.se), 6), float(e.df)
        (2.0, 0.57735, 2.0)
    """
    known = ~np.isnan(value)
    count = np.asarray(known.sum(axis=-1), dtype=np.float64)
    enough = count >= 2
    safe = np.maximum(count, 2.0)
    mean = np.sum(value, axis=-1, where=known) / np.maximum(count, 1.0)
    square = np.sum((value - mean[..., None]) ** 2, axis=-1, where=known)
    return Estimate(
        value=np.where(enough, mean, np.nan),
        se=np.where(enough, np.sqrt(square / (safe * (safe - 1.0))), np.nan),
        df=np.asarray(safe - 1.0),
    )


def pseudo_values(
    full: Float64[np.ndarray, "*batch"], without: Float64[np.ndarray, "*batch member"]
) -> Float64[np.ndarray, "*batch member"]:
    """Return Tukey's jackknife pseudo-values, n x full - (n - 1) x leave-one-out.

    Their mean is the jackknife estimate, free of bias of order 1 / n; the standard error of that
    mean is the jackknife standard error.

    Args:
        full: Estimate from all members.
        without: Estimates with each member left out in turn.

    References:
        Tukey 1958, Ann. Math. Statist. 29:614; Miller 1974, doi:10.1093/biomet/61.1.1.
    """
    n = without.shape[-1]
    return np.asarray(n * full[..., None] - (n - 1.0) * without)
