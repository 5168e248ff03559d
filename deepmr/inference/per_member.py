"""One slope a member, combined across members: the spread between networks is the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.inference.combine import (
    combine,
    pseudo_values,
    require_members,
    selected,
    shared_variance,
)
from deepmr.inference.contract import Estimator, LocalInference
from deepmr.inference.over_members import OverMembers
from deepmr.instruments import Rule, moderate
from deepmr.mr import value_only
from deepmr.mr.result import MREstimate

__all__ = ["CrossFitted", "Jackknife", "PerMember", "Weights"]

Weights = Literal["equal", "moderated", "ensemble"]
"""How variants are weighted: all alike; by moderated errors (see `moderated_variance`); or by
the ensemble's own, which with five members are mostly luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighted(OverMembers):
    """An inference that runs the estimator on the members, with errors of its own choice."""

    weights: Weights = "equal"

    @property
    def ignored(self) -> frozenset[str]:
        """``adjustment``, and the estimators' ``weights`` where variants weigh alike."""
        return frozenset({"adjustment", "weights"} if self.weights == "equal" else {"adjustment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PerMember(_Weighted):
    """Estimate each locus's slope with every member on its own, and average.

    Instruments are chosen once, from the ensemble. A network's errors are shared by all variants
    of a locus, but members err independently of each other (given the training data), so the t
    interval over their slopes needs no model of that sharing. What *all* members get wrong
    (too small a network, too little data) it cannot see.

    Args:
        weights: Equal weights make the estimate and the true slope over the same variants the
            same functional, also where effects differ between variants.
        loci: As for `OverMembers`, and so the next two.
        loci_weights: How loci are weighted in pooling.
        shared: Variance that all members share.

    Raises:
        ValueError: If ``shared`` is negative.
    """

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus, with the members' slopes.

        Raises:
            ValueError: If there are fewer than two members.
        """
        require_members(members, 2, "per_member")
        effects, mask = selected(members, exposure, outcome, rule)
        x, y = members.of(exposure), members.of(outcome)
        found = value_only(estimator)(
            _stack(effects, x, y, mask[..., None, :], self.weights, per_member=_of_one(members))
        )
        return combine(
            found.effect.value,
            mask,
            method=found.method,
            found=found,
            shared=shared_variance(members, self.shared),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Jackknife(_Weighted):
    """Estimate with the whole ensemble, and with each member left out.

    A member's own effects are noisier than the ensemble's, which pulls its slope towards zero
    (errors in the exposure) by about five times as much in an ensemble of five. Pseudo-values of
    the ensemble's slope keep the averaging and remove what is left of that bias to first order.

    Args:
        weights: As for `PerMember`.
        loci: As for `OverMembers`, and so the next two.
        loci_weights: How loci are weighted in pooling.
        shared: Variance that all members share.
    """

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus, with the pseudo-values.

        Raises:
            ValueError: If there are fewer than three members.
        """
        require_members(members, 3, "jackknife")
        n = float(members.n_members)
        one = _of_one(members)
        effects, mask = selected(members, exposure, outcome, rule)
        x, y = members.of(exposure), members.of(outcome)
        alone = value_only(estimator)

        def estimates(x: np.ndarray, y: np.ndarray, size: float) -> MREstimate:
            kept = mask[..., None, :]
            relative = one * (1.0 + size * members.shared) / size
            return alone(_stack(effects, x, y, kept, self.weights, per_member=relative))

        full = estimates(x.mean(axis=-2, keepdims=True), y.mean(axis=-2, keepdims=True), n)
        without = estimates(_others(x), _others(y), n - 1.0)
        values = pseudo_values(full.effect.value[..., 0], without.effect.value)
        shared = shared_variance(members, self.shared)
        return combine(values, mask, method=full.method, found=full, shared=shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFitted(_Weighted):
    """Choose each member's instruments by the other members.

    The noise that made a variant look strong is then not the noise in its effect: no winner's
    curse. Members use slightly different variants, so the estimand differs between them where
    effects do; the reported instruments are the union.

    Args:
        weights: As for `PerMember`.
        loci: As for `OverMembers`, and so the next two.
        loci_weights: How loci are weighted in pooling.
        shared: Variance that all members share.
    """

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus, with the members' slopes.

        Raises:
            ValueError: If there are fewer than three members.
        """
        require_members(members, 3, "cross_fitted")
        effects = members.summarise(exposure, outcome)
        x, y = members.of(exposure), members.of(outcome)
        mask = self.instruments(members, exposure, outcome, rule)
        stacked = _stack(effects, x, y, mask, self.weights, per_member=_of_one(members))
        found = value_only(estimator)(stacked)
        union = np.asarray(np.any(mask, axis=-2))
        return combine(
            found.effect.value,
            union,
            method=found.method,
            found=found,
            shared=shared_variance(members, self.shared),
        )

    def instruments(
        self, members: MemberEffects, exposure: str, outcome: str, rule: Rule
    ) -> Bool[np.ndarray, "*batch member variant"]:
        """Return each member's instruments, chosen by the others."""
        x, y = members.of(exposure), members.of(outcome)
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
        return np.asarray(others.mask & rule(others, offset=offset))


def _stack(
    effects: EffectSizes,
    x: Float64[np.ndarray, "*batch row variant"],
    y: Float64[np.ndarray, "*batch row variant"],
    mask: Bool[np.ndarray, "..."],
    weights: Weights,
    *,
    per_member: float,
) -> EffectSizes:
    """Put several views of the same loci into one batch, with errors of the right size.

    Args:
        effects: The ensemble's means with standard errors.
        x: Exposure effects of each view.
        y: Outcome effects of each view.
        mask: Instruments, broadcast over views.
        weights: See `Weights`.
        per_member: How many times the variance of the ensemble's mean a view has.
    """
    known = moderate(effects) if weights == "moderated" else effects
    errors = []
    for se in (known.se_exposure, known.se_outcome):
        if weights == "equal":
            count = np.maximum(effects.mask.sum(axis=-1, keepdims=True), 1)
            square = np.sum(se**2, axis=-1, keepdims=True, where=effects.mask) / count
            # Members that agree exactly leave no scale: any positive one gives equal weights.
            se = np.broadcast_to(np.sqrt(np.where(square > 0, square, 1.0)), se.shape)
        errors.append(np.broadcast_to(np.sqrt(per_member) * se[..., None, :], x.shape))
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
