"""Run an MR estimator on each member; the variance between members gives the standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference.combine import pseudo_values
from deepmr.inference.contract import Estimator
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.over_members import OverMembers
from deepmr.instruments import moderate, select
from deepmr.mr import MREstimate, inverse_variance_weighted, slope, value_only

__all__ = ["CrossFitted", "Jackknife", "PerMember", "VariantWeights"]

_LEAST_SQUARES = (slope, inverse_variance_weighted)
"""Estimators that the jackknife corrects for bias: smooth in the effects."""

VariantWeights = Literal["equal", "moderated", "ensemble"]
"""Weights of variants: ``equal``; inverse moderated variances (`moderated_variance`); or inverse
variances of the ensemble means, which are imprecise themselves with few members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighted(OverMembers):
    """Base class of the methods that run an MR estimator on each member, with variant weights."""

    weights: VariantWeights = "equal"

    @property
    def ignored(self) -> frozenset[str]:
        """``adjustment``, and the estimators' ``weights`` where variants have equal weights."""
        return frozenset({"adjustment", "weights"} if self.weights == "equal" else {"adjustment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PerMember(_Weighted):
    """Estimate each locus's slope with every member separately, and average the slopes.

    Instruments are selected once, from ensemble means. A network's errors are correlated between
    all variants of a locus, but independent between members given the training data, so the t
    interval over members' slopes needs no model of that correlation. It does not include bias
    common to all members (too small a network, too little data).

    Args:
        weights: Weights of variants, ``equal`` (default), ``moderated`` or ``ensemble``. With
            equal weights the estimate and the true slope over the same variants are the same
            functional, also where effects differ between variants.
        loci: Population of the pooled interval, ``sampled`` (default) or ``fixed``.
        loci_weights: Weights of loci in pooling, ``equal`` (default) or ``random_effects``.
        shared: Shared error variance (ratio to the variance between members), ``auto`` by
            default; see `OverMembers`.

    Raises:
        ValueError: If ``shared`` is negative.
    """

    name: ClassVar[str] = "per_member"

    @property
    def fewest_members(self) -> int:
        """Two: one member has no variance."""
        return 2

    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:
        """Estimate each member's slope over the instruments of the ensemble.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: MR estimator.
        """
        effects, mask = pair.select()
        relative = _of_one(pair.members)
        found = value_only(estimator)(
            _stack(effects, pair.x, pair.y, mask[..., None, :], self.weights, relative=relative)
        )
        return _slopes(found, mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jackknife(_Weighted):
    """Jackknife over members of the slope estimated from ensemble mean effects: the default.

    A member's own effects are noisier than the ensemble's, which pulls its slope towards zero
    (errors in the exposure) by about five times as much in an ensemble of five. Pseudo-values of
    the ensemble's slope keep the averaging; for least squares through the origin (``slope``,
    ``ivw``) they also remove what is left of that bias to first order. Other estimators keep their
    value over mean effects, with the jackknife's interval: where an estimator has kinks (medians,
    modes), the correction would multiply its noise by the number of members.

    Args:
        weights: Weights of variants, ``equal`` (default), ``moderated`` or ``ensemble``.
        loci: Population of the pooled interval, ``sampled`` (default) or ``fixed``.
        loci_weights: Weights of loci in pooling, ``equal`` (default) or ``random_effects``.
        shared: Shared error variance (ratio to the variance between members), ``auto`` by
            default; see `OverMembers`.
    """

    name: ClassVar[str] = "jackknife"

    @property
    def fewest_members(self) -> int:
        """Three: each leave-one-out ensemble needs two."""
        return 3

    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:
        """Return jackknife pseudo-values of the slope over ensemble mean effects.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: MR estimator.
        """
        members, x, y = pair.members, pair.x, pair.y
        n = float(members.n_members)
        one = _of_one(members)
        effects, mask = pair.select()
        alone = value_only(estimator)

        def estimates(x: np.ndarray, y: np.ndarray, size: float) -> MREstimate:
            kept = mask[..., None, :]
            relative = one * (1.0 + size * members.shared) / size
            return alone(_stack(effects, x, y, kept, self.weights, relative=relative))

        full = estimates(x.mean(axis=-2, keepdims=True), y.mean(axis=-2, keepdims=True), n)
        without = estimates(_others(x), _others(y), n - 1.0)
        values = pseudo_values(full.effect.value[..., 0], without.effect.value)
        if getattr(estimator, "func", estimator) not in _LEAST_SQUARES:
            values = _around(full.effect.value, values)
        if full.pleiotropy is not None and without.pleiotropy is not None:
            value = pseudo_values(full.pleiotropy.value[..., 0], without.pleiotropy.value)
            value = _around(full.pleiotropy.value, value)
            full = replace(full, pleiotropy=Estimate(value=value, se=np.zeros_like(value)))
        return _slopes(full, mask, values)

    def of_two(self) -> PerMember:
        """Return the inference with the same settings for two members, which have no jackknife.

        Example:
            >>> Jackknife(loci="fixed").of_two().loci
            'fixed'
        """
        return PerMember(
            weights=self.weights, loci=self.loci, loci_weights=self.loci_weights, shared=self.shared
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted(_Weighted):
    """Estimate each member's slope over instruments selected from the other members' effects.

    The noise that selects a variant is then independent of the noise in its effect, so there is no
    winner's curse. Members use slightly different variants, so the estimand differs between members
    where effects do; the reported instruments are the union.

    Args:
        weights: Weights of variants, ``equal`` (default), ``moderated`` or ``ensemble``.
        loci: Population of the pooled interval, ``sampled`` (default) or ``fixed``.
        loci_weights: Weights of loci in pooling, ``equal`` (default) or ``random_effects``.
        shared: Shared error variance (ratio to the variance between members), ``auto`` by
            default; see `OverMembers`.
    """

    name: ClassVar[str] = "cross_fitted"

    @property
    def fewest_members(self) -> int:
        """Three: two are left to select each member's instruments."""
        return 3

    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:
        """Estimate each member's slope over instruments selected from the other members.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: MR estimator.
        """
        mask = self.instruments(pair)
        relative = _of_one(pair.members)
        found = value_only(estimator)(
            _stack(pair.summarise(), pair.x, pair.y, mask, self.weights, relative=relative)
        )
        return _slopes(found, np.asarray(np.any(mask, axis=-2)))

    def instruments(self, pair: MemberPair) -> Bool[np.ndarray, "*batch member variant"]:
        """Return each member's instruments, selected from the other members' effects.

        Args:
            pair: Member effects on exposure and outcome, with the selection rule.
        """
        members, x, y = pair.members, pair.x, pair.y
        kept = np.broadcast_to(members.mask[..., None, :], x.shape)
        others = EffectSizes(
            beta_exposure=_others(x),
            se_exposure=_error_of_others(x, shared=members.shared),
            beta_outcome=_others(y),
            se_outcome=_error_of_others(y, shared=members.shared),
            mask=kept,
            df=members.n_members - 2.0,
        )
        offset = np.broadcast_to(members.offset[..., None, :], x.shape)
        return select(others, pair.rule, offset=offset).mask


def _slopes(
    found: MREstimate,
    instruments: Bool[np.ndarray, "*batch variant"],
    value: Float64[np.ndarray, "*batch member"] | None = None,
) -> MemberSlopes:
    """Take slopes, intercept and flags from estimates by member; ``value`` replaces the slopes."""
    return MemberSlopes(
        value=found.effect.value if value is None else value,
        instruments=instruments,
        method=found.method,
        found=found,
    )


def _stack(
    effects: EffectSizes,
    x: Float64[np.ndarray, "*batch row variant"],
    y: Float64[np.ndarray, "*batch row variant"],
    mask: Bool[np.ndarray, "..."],
    weights: VariantWeights,
    *,
    relative: float,
) -> EffectSizes:
    """Batch the effects of each member (or leave-one-out ensemble) with their standard errors.

    Args:
        effects: Ensemble mean effects with standard errors.
        x: Exposure effects, one row per member or leave-one-out ensemble.
        y: Outcome effects, in the same rows.
        mask: Instruments, broadcast over rows.
        weights: Weights of variants (`VariantWeights`).
        relative: Error variance of a row, as a ratio to that of the ensemble mean.
    """
    known = moderate(effects) if weights == "moderated" else effects
    errors = []
    for se in (known.se_exposure, known.se_outcome):
        if weights == "equal":
            count = np.maximum(effects.mask.sum(axis=-1, keepdims=True), 1)
            square = np.sum(se**2, axis=-1, keepdims=True, where=effects.mask) / count
            # Members that agree exactly have no variance: any positive one gives equal weights.
            se = np.broadcast_to(np.sqrt(np.where(square > 0, square, 1.0)), se.shape)
        errors.append(np.broadcast_to(np.sqrt(relative) * se[..., None, :], x.shape))
    return EffectSizes(
        beta_exposure=x,
        se_exposure=errors[0],
        beta_outcome=y,
        se_outcome=errors[1],
        mask=np.broadcast_to(mask, x.shape),
        error_correlation=effects.error_correlation[..., None, :],
        df=effects.df,
    )


def _of_one(members: MemberEffects) -> float:
    """Return the variance of one member's error, relative to that of the ensemble's mean."""
    n = float(members.n_members)
    return n / (1.0 + n * members.shared)


def _around(
    full: Float64[np.ndarray, "*batch one"], values: Float64[np.ndarray, "*batch member"]
) -> Float64[np.ndarray, "*batch member"]:
    """Shift pseudo-values so that their mean is the estimate of all members."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    return np.asarray(values - np.sum(values, axis=-1, keepdims=True, where=known) / count + full)


def _others(
    value: Float64[np.ndarray, "*batch member variant"],
) -> Float64[np.ndarray, "*batch member variant"]:
    """Return the mean over all members but one."""
    n = value.shape[-2]
    mean = value.mean(axis=-2, keepdims=True)
    return np.asarray(mean - (value - mean) / (n - 1.0))


def _error_of_others(
    value: Float64[np.ndarray, "*batch member variant"], *, shared: float
) -> Float64[np.ndarray, "*batch member variant"]:
    """Return the standard error of the mean over all members but one."""
    n = value.shape[-2]
    deviation = value - value.mean(axis=-2, keepdims=True)
    square = np.sum(deviation**2, axis=-2, keepdims=True)
    # Leaving one out moves the mean by d / (n - 1), hence the factor n / (n - 1).
    left = np.maximum(square - deviation**2 * n / (n - 1.0), 0.0)
    return np.asarray(np.sqrt(left * (1.0 + (n - 1.0) * shared) / ((n - 1.0) * (n - 2.0))))
