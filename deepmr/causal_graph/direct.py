"""Direct effects: multivariable Mendelian randomization over all loci, with members' intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.causal_graph.moments import EffectMoments
from deepmr.estimate import Estimate
from deepmr.inference.two_way import two_way
from deepmr.meta import random_effects

__all__ = [
    "LEAST_DISTINCT",
    "LEAST_F",
    "RELATIVE_ERROR",
    "DirectEffects",
    "direct_effects",
    "pooled_estimate",
    "with_relative_error",
]

LEAST_F = 10.0
"""Least conditional F of an exposure: below it, weak instruments bias its direct effect."""

LEAST_DISTINCT = 0.02
"""Least share of an exposure's squared effects that the other exposures do not predict. Tasks of
one function reach .000 to .005 in trained networks of the development data sets, other ones .05
and more."""

RELATIVE_ERROR = 0.05
"""Error of a total or mediated effect that all members share, as a share of it. Networks trained on
one data set misjudge the relative strength of two kinds of site alike; no spread between members or
loci shows it. Fixed on development data sets (docs/all_pairs.md)."""

_SINGULAR = 1e-9
_QUICK = partial(random_effects, tau2="zero")  # only for a prediction interval, unused here


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectEffects:
    """Effects of exposures on an outcome, each with the other exposures held fixed.

    Args:
        effect: Direct effect of every exposure, outcome units per exposure unit; NaN where the
            exposure cannot be told apart from the others.
        influence: Each locus's and member's contribution, whose mean is ``effect``'s value before
            anything is left out; sums and ratios of effects get their intervals from it.
        distinct: Share of the exposure's squared effects that the others do not predict, 0 to 1.
        conditional_f: F statistic of the exposure given the others.
    """

    effect: Estimate
    influence: Float64[np.ndarray, "question exposure locus member"]
    distinct: Float64[np.ndarray, "question exposure"]
    conditional_f: Float64[np.ndarray, "question exposure"]

    @property
    def told_apart(self) -> Bool[np.ndarray, "question exposure"]:
        """Where the exposure can be told apart from the others."""
        return np.asarray((self.distinct >= LEAST_DISTINCT) & (self.conditional_f >= LEAST_F))

    def effect_at(self, exposure: int) -> Estimate:
        """Return the direct effects of the exposures at one position of the questions."""
        df = np.broadcast_to(self.effect.df, self.effect.value.shape)
        return Estimate(
            value=self.effect.value[:, exposure],
            se=self.effect.se[:, exposure],
            df=df[:, exposure],
        )


def direct_effects(
    moments: EffectMoments,
    exposures: Int[np.ndarray, "question exposure"],
    outcome: Int[np.ndarray, " question"],
    *,
    shared: float = 0.0,
    relative: float = RELATIVE_ERROR,
) -> DirectEffects:
    """Estimate the effect of each exposure on an outcome with the other exposures held fixed.

    One regression through the origin over all variants of all loci, y = sum_k b_k x_k, solved with
    the other members' effects as instruments of a member's own (`EffectMoments`). A locus with
    larger effects has more weight, unlike in the pooled slope of a pair, where loci count alike.
    The interval counts loci and members by `deepmr.inference.two_way`.

    *Valid* if nothing but the exposures leads from the variants to the outcome, or what does is
    unrelated to them, and if the outcome is a sum of its causes on the scale of the effects.

    Args:
        moments: Of all loci.
        exposures: Positions of the exposures of every question; one alone gives its total effect.
        outcome: Position of the outcome.
        shared: Error variance common to all members, as a ratio to that between them; the larger
            of this and the members' own counts.
        relative: Error that all members share as a share of the total effect, and of what the
            other exposures take from it.

    Raises:
        ValueError: If an outcome is among its exposures, or an exposure is named twice.

    References:
        Burgess and Thompson 2015, doi:10.1093/aje/kwu283 (multivariable MR);
        Sanderson, Spiller and Bowden 2021, doi:10.1002/sim.9133 (conditional F).

    Example:
        Y reads X and Z; Z follows X, and has sites of its own:

        >>> from deepmr.causal_graph.moments import effect_moments
        >>> from deepmr.effects import MemberEffects
        >>> rng = np.random.default_rng(0)
        >>> x, own = rng.normal(size=(2, 20, 30)) * (rng.random((2, 20, 30)) < 0.3)
        >>> z = 0.8 * x + own
        >>> truth = np.stack([x, z, 0.5 * x + 0.3 * z], axis=1)[:, :, None]
        >>> none = np.zeros((20, 30), dtype=np.int64)
        >>> moments = effect_moments(MemberEffects(
        ...     value=truth + 0.02 * rng.normal(size=(20, 3, 5, 30)), tasks=("X", "Z", "Y"),
        ...     offset=none, ref=none, alt=none, mask=none == 0))
        >>> found = direct_effects(moments, np.array([[0, 1]]), np.array([2]))
        >>> found.effect.value.round(1).tolist()
        [[0.5, 0.3]]
    """
    _check(exposures, outcome, moments.tasks)
    here = np.take_along_axis(
        moments.cross[:, :, exposures].transpose(
            2, 0, 1, 3, 4
        ),  # question, locus, member, row, task
        exposures[:, None, None, None, :],
        axis=-1,
    )
    right = np.moveaxis(moments.cross[:, :, exposures, outcome[:, None]], 2, 0)
    gram, target = here.mean(axis=(1, 2)), right.mean(axis=(1, 2))
    inverse = _inverse(gram)
    slope = np.einsum("qkj,qj->qk", inverse, target)
    residual = right - np.einsum("qlmjk,qk->qlmj", here, slope)
    influence = slope[:, :, None, None] + np.einsum("qkj,qlmj->qklm", inverse, residual)
    distinct, strength = _told_apart(moments, exposures)
    found = pooled_estimate(influence, shared=max(shared, moments.shared))
    total = _alone(moments.signal, exposures, outcome)
    found = with_relative_error(found, relative**2 * (total**2 + (total - slope) ** 2))
    apart = (distinct >= LEAST_DISTINCT) & (strength >= LEAST_F)
    return DirectEffects(
        effect=Estimate(
            value=np.where(apart, found.value, np.nan),
            se=np.where(apart, found.se, np.nan),
            df=found.df,
        ),
        influence=influence,
        distinct=distinct,
        conditional_f=strength,
    )


def pooled_estimate(
    influence: Float64[np.ndarray, "*batch locus member"], *, shared: float = 0.0
) -> Estimate:
    """Return the mean of contributions of loci and members with its two-way interval.

    Args:
        influence: Contributions.
        shared: Error variance common to all members, as a ratio to that between them.
    """
    mean = influence.mean(axis=-1, keepdims=True)
    factor = np.sqrt(1.0 + influence.shape[-1] * shared)
    return two_way(mean + factor * (influence - mean), pooling=_QUICK, weights="equal").pooled


def with_relative_error(estimate: Estimate, variance: Float64[np.ndarray, "*batch"]) -> Estimate:
    """Add a variance that is taken as known, with Satterthwaite's degrees of freedom.

    Args:
        estimate: Any estimate.
        variance: What is added to its squared standard error.

    Example:
        >>> found = Estimate(value=np.array([1.0]), se=np.array([3.0]), df=np.array([4.0]))
        >>> wider = with_relative_error(found, np.array([16.0]))
        >>> wider.se.tolist(), wider.df.round(1).tolist()
        ([5.0], [30.9])
    """
    before = estimate.se**2
    after = before + variance
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(before > 0, estimate.df * (after / before) ** 2, estimate.df)
    return Estimate(value=estimate.value, se=np.asarray(np.sqrt(after)), df=df)


def _alone(
    signal: Float64[np.ndarray, "task task"],
    exposures: Int[np.ndarray, "question exposure"],
    outcome: Int[np.ndarray, " question"],
) -> Float64[np.ndarray, "question exposure"]:
    """Return each exposure's slope without the others; 0 where it has no effects."""
    own = signal[exposures, exposures]
    joint = signal[exposures, outcome[:, None]]
    return np.asarray(np.divide(joint, own, out=np.zeros_like(joint), where=own > 0))


def _check(exposures: np.ndarray, outcome: np.ndarray, tasks: tuple[str, ...]) -> None:
    ordered = np.sort(exposures, axis=-1)
    twice = ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]]
    if twice.size:
        raise ValueError(
            f"direct effects need exposures that differ, got {tasks[int(twice[0])]} twice"
        )
    own = np.flatnonzero(np.any(exposures == outcome[:, None], axis=-1))
    if own.size:
        raise ValueError(
            f"direct effects need an outcome that is no exposure, got {tasks[int(outcome[own[0]])]}"
        )


def _inverse(gram: Float64[np.ndarray, "question exposure exposure"]) -> np.ndarray:
    """Invert on unit diagonals; directions without any signal are left out."""
    size = np.sqrt(np.maximum(np.diagonal(gram, axis1=-2, axis2=-1), 0.0))
    unit = 1.0 / np.where(size > 0, size, np.inf)
    scaled = gram * unit[:, :, None] * unit[:, None, :]
    return np.asarray(np.linalg.pinv(scaled, rcond=_SINGULAR) * unit[:, :, None] * unit[:, None, :])


def _told_apart(
    moments: EffectMoments, exposures: Int[np.ndarray, "question exposure"]
) -> tuple[Float64[np.ndarray, "question exposure"], Float64[np.ndarray, "question exposure"]]:
    """Return the distinct share and the conditional F of every exposure of every question."""
    rows, columns = exposures[:, :, None], exposures[:, None, :]
    signal, noise = moments.signal[rows, columns], moments.noise[rows, columns]
    distinct, strength = [], []
    n_exposure = exposures.shape[1]
    for k in range(n_exposure):
        others = [j for j in range(n_exposure) if j != k]
        contrast = np.zeros(exposures.shape)
        contrast[:, k] = 1.0
        inverse = _inverse(signal[:, others][:, :, others])
        contrast[:, others] = -np.einsum("qij,qj->qi", inverse, signal[:, others, k])
        left = np.maximum(np.einsum("qi,qij,qj->q", contrast, signal, contrast), 0.0)
        error = np.einsum("qi,qij,qj->q", contrast, noise, contrast) / moments.n_members
        alone = signal[:, k, k]
        distinct.append(np.divide(left, alone, out=np.zeros_like(left), where=alone > 0))
        error = np.maximum(error, 1e-12 * np.maximum(alone, 0.0))  # members that agree exactly
        strength.append(1.0 + np.divide(left, error, out=np.zeros_like(left), where=error > 0))
    return np.minimum(np.stack(distinct, axis=1), 1.0), np.stack(strength, axis=1)
