"""Which variants count as instruments.

A rule looks at the exposure alone: choosing by the outcome would choose the answer. Strength is
precision, |effect| over its standard error, never magnitude: a large effect about which the
members disagree is a poor instrument.

An ensemble of five gives standard errors of 4 degrees of freedom. Among 300 variants without any
effect a plain |z| > 3 then lets 12 through where a normal law promises 1, because some standard
errors are small by chance. `ByModeratedZ`, the default, therefore shrinks each variant's variance
towards those of the locus's other variants (as is done for genes on microarrays) and reads the
result on the normal scale, so that ``min_z`` means the same for any number of members.

Selection by the same noise that enters the estimate exaggerates exposure effects (winner's curse)
and pulls a slope towards zero; `deepmr.inference.CrossFitted` selects on other members instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy import special, stats

from deepmr.effects import EffectSizes

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
    """Says which variants are instruments, from the exposure's effects."""

    def __call__(
        self, effects: EffectSizes, *, offset: Int[np.ndarray, "*batch variant"] | None = None
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return True where a variant is an instrument; never where the mask is False.

        Args:
            effects: Effects with standard errors.
            offset: Position of each variant from the locus's start, in bases.
        """
        ...


def select(
    effects: EffectSizes,
    rule: Rule,
    *,
    offset: Int[np.ndarray, "*batch variant"] | None = None,
) -> EffectSizes:
    """Return the effects with the mask narrowed to a rule's instruments.

    Example:
        >>> e = EffectSizes.from_arrays([0.1, 2.0], [0.1, 0.1], [0.0, 1.0], [0.1, 0.1])
        >>> select(e, ByZ(min_z=3.0)).mask.tolist()
        [False, True]
    """
    return replace(effects, mask=effects.mask & rule(effects, offset=offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Take every variant: the slope through the origin then weighs them by their effect."""

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,  # noqa: ARG002
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return the mask as it is."""
        return effects.mask.copy()


@dataclass(frozen=True, slots=True, kw_only=True)
class ByZ:
    """Take variants whose exposure effect is at least ``min_z`` standard errors from zero.

    With few members prefer `ByModeratedZ`. A variant without any effect, and so without error, is
    no instrument; one with an effect and no error is.

    Args:
        min_z: Threshold on |effect| / standard error.

    Raises:
        ValueError: If it is negative.
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
        """Return where |z| reaches the threshold."""
        return np.asarray(effects.mask & (_z(effects) >= self.min_z))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByModeratedZ:
    """Take variants by a z-score whose variance borrows strength from the locus; the default.

    The t-statistic with the moderated variance and its increased degrees of freedom is
    translated to the normal quantile of the same tail probability: 3 keeps 0.27 % of the variants
    without effect, whatever the size of the ensemble. See `moderated_variance`.

    Members that share an error agree on it, and pass any threshold of precision. Where nothing
    moves the exposure (a locus of several redundant sites), such variants are the only ones left,
    and the slope over them is a ratio of errors. ``min_effect`` asks for more than an error's size.

    Args:
        min_z: Threshold, in normal standard deviations.
        min_effect: Threshold on |effect|, on the effect scale.

    Raises:
        ValueError: If either is negative.

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
        """Return where the moderated |z| and the effect reach their thresholds."""
        variance, df = moderated_variance(effects.se_exposure**2, effects.df, effects.mask)
        size = np.abs(effects.beta_exposure)
        precise = _normal_scale(_ratio(size, np.sqrt(variance)), df[..., None]) >= self.min_z
        return np.asarray(effects.mask & precise & (size >= self.min_effect))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """Take each locus's ``k`` strongest variants; all of them where there are fewer.

    Args:
        k: How many.
        by: Strength as ``z`` (precision) or ``magnitude`` (the published choice, whose most
            uncertain effects come first; kept for comparison).

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
        """Return the strongest; the earlier variant where two are equally strong."""
        strength = _z(effects) if self.by == "z" else np.abs(effects.beta_exposure)
        order = np.argsort(np.where(effects.mask, -strength, np.inf), axis=-1, kind="stable")
        rank = np.argsort(order, axis=-1, kind="stable")
        return np.asarray(effects.mask & (rank < self.k))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPosition:
    """Take variants within a range of positions: a motif, or the centre of a window.

    Args:
        start: First offset from the locus's start, in bases.
        end: One past the last.

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
        """Return where the offset lies in the range.

        Raises:
            ValueError: If no offsets are given.
        """
        if offset is None:
            raise ValueError("instruments by position need the variants' offsets, got none")
        return np.asarray(effects.mask & (offset >= self.start) & (offset < self.end))


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Take variants that every one of several rules takes.

    Args:
        rules: Each judges all variants; the order does not matter.

    Raises:
        ValueError: If there is none.
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
        """Return the intersection."""
        masks = [rule(effects, offset=offset) for rule in self.rules]
        return np.asarray(np.logical_and.reduce(masks))


def moderated_variance(
    variance: Float64[np.ndarray, "*batch variant"],
    df: float,
    mask: Bool[np.ndarray, "*batch variant"],
) -> tuple[Float64[np.ndarray, "*batch variant"], Float64[np.ndarray, "*batch"]]:
    """Shrink each variance towards those of the same locus, by as much as they agree.

    A scaled inverse chi-square prior is fitted to a locus's log variances by their first two
    moments; the posterior mean weighs it by its degrees of freedom d0. Where the variances differ
    no more than chance would make them d0 is infinite and all are one; where they differ by orders
    of magnitude d0 is near 0 and nothing changes. Variances of exactly zero do not inform the
    prior. Loci with fewer than 3 informative variants, and infinite ``df``, are left as they are.

    Returns:
        The moderated variances, and the degrees of freedom df + d0 of each locus.

    References:
        Smyth 2004, doi:10.2202/1544-6115.1027 (section 6: moments of log variances).
    """
    informative = mask & (variance > 0)
    count = np.asarray(informative.sum(axis=-1))
    if np.isinf(df):
        return variance.copy(), np.full(count.shape, np.inf)
    log = np.log(np.where(informative, variance, 1.0)) - special.digamma(df / 2) + np.log(df / 2)
    enough = np.maximum(count, 2)
    mean = np.sum(log, axis=-1, where=informative) / enough
    excess = np.sum((log - mean[..., None]) ** 2, axis=-1, where=informative) / (enough - 1)
    prior_df = 2.0 * _inverse_trigamma(np.asarray(excess - special.polygamma(1, df / 2)))
    prior_df = np.where(count >= 3, prior_df, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = prior_df / 2
        offset = np.where(np.isinf(half), 0.0, special.digamma(half) - np.log(half))
        prior = np.where(prior_df > 0, np.exp(mean + offset), 0.0)
        share = np.where(np.isinf(prior_df), 1.0, prior_df / (prior_df + df))
    moderated = share[..., None] * prior[..., None] + (1.0 - share[..., None]) * variance
    return np.asarray(moderated), np.asarray(df + prior_df)


def moderate(effects: EffectSizes) -> EffectSizes:
    """Return the effects with moderated standard errors, for weights and thresholds.

    ``df`` stays as it was: the gain differs between loci and between exposure and outcome.
    """
    exposure, _ = moderated_variance(effects.se_exposure**2, effects.df, effects.mask)
    outcome, _ = moderated_variance(effects.se_outcome**2, effects.df, effects.mask)
    return replace(effects, se_exposure=np.sqrt(exposure), se_outcome=np.sqrt(outcome))


def _inverse_trigamma(value: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """Solve trigamma(x) = value by Newton's method on 1 / trigamma; infinite where value <= 0."""
    positive = value > 0
    target = np.where(positive, np.clip(value, 1e-7, 1e7), 1.0)
    # Started below the root, where 1 / trigamma is convex and nearly linear: each step climbs.
    x = 0.5 + 1.0 / target
    for _ in range(50):
        trigamma = special.polygamma(1, x)
        step = trigamma * (1.0 - trigamma / target) / special.polygamma(2, x)
        x = x + step
        if float(np.max(-step / x, initial=0.0)) < 1e-10:
            break
    return np.asarray(np.where(positive, x, np.inf))


def _ratio(
    value: Float64[np.ndarray, "*batch"], error: Float64[np.ndarray, "*batch"]
) -> Float64[np.ndarray, "*batch"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(value > 0, value / error, 0.0))


def _z(effects: EffectSizes) -> Float64[np.ndarray, "*batch variant"]:
    return _ratio(np.abs(effects.beta_exposure), effects.se_exposure)


def _normal_scale(
    t: Float64[np.ndarray, "*batch variant"], df: Float64[np.ndarray, "..."]
) -> Float64[np.ndarray, "*batch variant"]:
    """Return the normal quantile with the upper tail of t; by log tails, so far out too."""
    known = np.broadcast_to(np.isinf(df), t.shape)
    tail = stats.t.logsf(t, np.where(np.isinf(df), 1.0, df))
    return np.asarray(np.where(known | np.isinf(t), t, -special.ndtri_exp(tail)))


def _check_threshold(min_z: float) -> None:
    if not min_z >= 0:
        raise ValueError(f"instruments.min_z must not be negative, got {min_z}")
