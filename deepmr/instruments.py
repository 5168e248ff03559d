"""Instrument selection rules: which variants of a locus count as instruments for an exposure.

A rule depends on the exposure alone: selection by the outcome would bias the estimate. Strength is
precision, |effect| over its standard error, not magnitude: a large effect with a large variance
between members is a weak instrument.

An ensemble of five gives standard errors with 4 degrees of freedom. Among 300 variants without any
effect a plain |z| > 3 then selects 12 where a normal distribution would select 1, because some
standard errors are small by chance. `ByModeratedZ`, the default, therefore shrinks each variant's
variance towards those of the locus's other variants (as is done for genes on microarrays) and
converts the result to a normal quantile, so that ``min_z`` means the same for any number of
members.

Selection on the same noise that enters the estimate exaggerates exposure effects (winner's curse)
and attenuates the slope; `deepmr.inference.CrossFitted` selects on other members instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy import special

from deepmr.distributions import t_log_tail
from deepmr.effects import EffectSizes
from deepmr.moderated_variance import moderate, moderated_variance

__all__ = [
    "All",
    "AllOf",
    "ByModeratedZ",
    "ByPosition",
    "ByZ",
    "Rule",
    "TopK",
    "moderate",
    "moderated_variance",
    "select",
]


@runtime_checkable
class Rule(Protocol):
    """Instrument selection rule: effects on the exposure to a mask of instruments."""

    def __call__(
        self, effects: EffectSizes, *, offset: Int[np.ndarray, "*batch variant"] | None = None
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return True where a variant is an instrument; never where the mask is False.

        Args:
            effects: Effects with standard errors.
            offset: Position of each variant from the locus's start, in bases; None where the rule
                does not need it.
        """
        ...


def select(
    effects: EffectSizes,
    rule: Rule,
    *,
    offset: Int[np.ndarray, "*batch variant"] | None = None,
) -> EffectSizes:
    """Return the effects with the mask narrowed to a rule's instruments.

    Args:
        effects: Effects with standard errors.
        rule: Instrument selection rule.
        offset: Position of each variant from the locus's start, in bases; by default (None)
            unknown, which rules by position refuse.

    Example:
        >>> e = EffectSizes.from_arrays([0.1, 2.0], [0.1, 0.1], [0.0, 1.0], [0.1, 0.1])
        >>> select(e, ByZ(min_z=3.0)).mask.tolist()
        [False, True]
    """
    return replace(effects, mask=effects.mask & rule(effects, offset=offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Select every variant; a slope through the origin then weighs them by their effect."""

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,  # noqa: ARG002
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return the mask unchanged."""
        return effects.mask.copy()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByZ:
    """Select variants whose exposure effect is at least ``min_z`` standard errors from zero.

    With few members prefer `ByModeratedZ`. A variant with an effect and a standard error of exactly
    0 is not an instrument; one with an effect and a standard error of 0 is.

    Args:
        min_z: Threshold on |effect| / standard error; 3 by default.

    Raises:
        ValueError: If ``min_z`` is negative.
    """

    min_z: float = 3.0

    def __post_init__(self) -> None:
        _check_threshold(self.min_z)

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,  # noqa: ARG002
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return True where |z| reaches the threshold."""
        return np.asarray(effects.mask & (_z(effects) >= self.min_z))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByModeratedZ:
    """Select variants by a moderated z-score (empirical Bayes variances); the default.

    The t-statistic with the moderated variance and its increased degrees of freedom is
    translated to the normal quantile of the same tail probability: 3 keeps 0.27 % of the variants
    without effect, whatever the size of the ensemble. See `moderated_variance`.

    Errors common to all members pass any threshold of precision. At a locus without exposure
    effects (several redundant sites) such variants are the only ones left, and the slope over them
    is a ratio of errors. ``min_effect`` excludes effects that are no larger than such errors.

    Args:
        min_z: Threshold in normal standard deviations; 3 by default.
        min_effect: Threshold on |effect| in units of the effect scale; 0 by default.

    Raises:
        ValueError: If ``min_z`` or ``min_effect`` is negative.

    References:
        Smyth 2004, doi:10.2202/1544-6115.1027 (moderated t, empirical Bayes variances).
    """

    min_z: float = 3.0
    min_effect: float = 0.0

    def __post_init__(self) -> None:
        _check_threshold(self.min_z)
        if not self.min_effect >= 0:
            raise ValueError(f"instruments.min_effect must be 0 or more, got {self.min_effect}")

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,  # noqa: ARG002
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return True where the moderated |z| and the effect reach their thresholds."""
        variance, df = moderated_variance(effects.se_exposure**2, effects.df, effects.mask)
        size = np.abs(effects.beta_exposure)
        precise = _normal_quantile(_ratio(size, np.sqrt(variance)), df[..., None]) >= self.min_z
        return np.asarray(effects.mask & precise & (size >= self.min_effect))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """Select each locus's ``k`` strongest variants; all of them where there are fewer.

    Args:
        k: Number of variants; 20 by default.
        by: Strength as ``z`` (the default) or ``magnitude`` (the published choice, which prefers
            imprecise effects; kept for comparison).

    Raises:
        ValueError: If ``k`` is below 1.
    """

    k: int = 20
    by: Literal["z", "magnitude"] = "z"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"instruments.k must be at least 1, got {self.k}")

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,  # noqa: ARG002
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return the strongest variants; of equally strong ones the larger, then the first."""
        size = np.abs(effects.beta_exposure)
        strength = _z(effects) if self.by == "z" else size  # z of exact effects is infinite
        order = np.lexsort((-size, np.where(effects.mask, -strength, np.inf), ~effects.mask))
        rank = np.argsort(order, axis=-1, kind="stable")
        return np.asarray(effects.mask & (rank < self.k))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPosition:
    """Select variants within a range of positions: a motif, or the centre of a window.

    Args:
        start: First offset from the locus's start, in bases.
        end: Offset after the last, in bases (half-open).

    Raises:
        ValueError: If the range is empty.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(
                f"instruments.end must be greater than start, got {self.start} and {self.end}"
            )

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return True where the offset lies in the range.

        Raises:
            ValueError: If no offsets are given.
        """
        if offset is None:
            raise ValueError("instruments by position need the variants' offsets, got none")
        return np.asarray(effects.mask & (offset >= self.start) & (offset < self.end))


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Select the variants that every one of several rules selects.

    Args:
        rules: Instrument selection rules, in any order.

    Raises:
        ValueError: If there is no rule.
    """

    rules: Sequence[Rule]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError("instruments.rules must hold at least one rule, got none")

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return the intersection of the rules' masks."""
        masks = [rule(effects, offset=offset) for rule in self.rules]
        return np.asarray(np.logical_and.reduce(masks))


def _ratio(
    value: Float64[np.ndarray, "*batch"], error: Float64[np.ndarray, "*batch"]
) -> Float64[np.ndarray, "*batch"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(value > 0, value / error, 0.0))


def _z(effects: EffectSizes) -> Float64[np.ndarray, "*batch variant"]:
    return _ratio(np.abs(effects.beta_exposure), effects.se_exposure)


def _normal_quantile(
    t: Float64[np.ndarray, "*batch variant"], df: Float64[np.ndarray, "..."]
) -> Float64[np.ndarray, "*batch variant"]:
    """Return the normal quantile with the upper tail of t; by log tails, so far out too."""
    known = np.broadcast_to(np.isinf(df), t.shape)
    tail = t_log_tail(t, np.where(np.isinf(df), 1.0, df))
    return np.asarray(np.where(known | np.isinf(t), t, -special.ndtri_exp(tail)))


def _check_threshold(min_z: float) -> None:
    if not min_z >= 0:
        raise ValueError(f"instruments.min_z must not be negative, got {min_z}")
