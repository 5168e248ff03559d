"""Mediation: how much of an exposure's effect on an outcome passes through other tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.causal_graph.direct import (
    RELATIVE_ERROR,
    direct_effects,
    pooled_estimate,
    with_relative_error,
)
from deepmr.causal_graph.moments import EffectMoments
from deepmr.estimate import Estimate

__all__ = ["Mediation", "mediation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mediation:
    """Total effect of an exposure, split by what is held fixed.

    Args:
        total: Effect without anything held fixed.
        direct: Effect with the mediators held fixed; NaN where the exposure cannot be told apart.
        indirect: Total less direct.
        proportion: Indirect over total; its interval is only as good as the total is far from 0.
        distinct: Share of the exposure's squared effects that the mediators do not predict.
        conditional_f: F statistic of the exposure given the mediators.
        told_apart: Whether all of them can be told apart.
    """

    total: Estimate
    direct: Estimate
    indirect: Estimate
    proportion: Estimate
    distinct: Float64[np.ndarray, " question"]
    conditional_f: Float64[np.ndarray, " question"]
    told_apart: Bool[np.ndarray, " question"]


def mediation(
    moments: EffectMoments,
    exposure: Int[np.ndarray, " question"],
    mediators: Int[np.ndarray, "question mediator"],
    outcome: Int[np.ndarray, " question"],
    *,
    shared: float = 0.0,
    relative: float = RELATIVE_ERROR,
) -> Mediation:
    """Split the total effect of an exposure into a direct one and one through mediators.

    All four numbers come from the same sums over variants, so total = direct + indirect, and their
    intervals count that they share every error.

    Args:
        moments: Of all loci.
        exposure: Position of the exposure of each question.
        mediators: Positions of what is held fixed.
        outcome: Position of the outcome.
        shared: Error variance common to all members, as a ratio to that between them.
        relative: Error that all members share, as a share of an effect (`direct_effects`).

    Raises:
        ValueError: If a task is in two roles.

    References:
        Carter et al. 2021, doi:10.1007/s10654-021-00757-1 (mediation by the difference of total
        and direct effects).

    Example:
        X acts on Y through M alone:

        >>> from deepmr.causal_graph.moments import effect_moments
        >>> from deepmr.effects import MemberEffects
        >>> rng = np.random.default_rng(0)
        >>> x, own = rng.normal(size=(2, 40, 30)) * (rng.random((2, 40, 30)) < 0.3)
        >>> m = 0.8 * x + own
        >>> truth = np.stack([x, m, 0.5 * m], axis=1)[:, :, None]
        >>> none = np.zeros((40, 30), dtype=np.int64)
        >>> moments = effect_moments(MemberEffects(
        ...     value=truth + 0.02 * rng.normal(size=(40, 3, 5, 30)), tasks=("X", "M", "Y"),
        ...     offset=none, ref=none, alt=none, mask=none == 0))
        >>> one = np.arange(3)[:, None]
        >>> found = mediation(moments, one[0], one[[1]], one[2])
        >>> round(float(found.total.value[0]), 1), abs(round(float(found.direct.value[0]), 1))
        (0.4, 0.0)
        >>> round(float(found.proportion.value[0]), 1)
        1.0
    """
    apart = direct_effects(
        moments,
        np.concatenate([exposure[:, None], mediators], axis=1),
        outcome,
        shared=shared,
        relative=relative,
    )
    alone = direct_effects(moments, exposure[:, None], outcome, shared=shared, relative=relative)
    level = max(shared, moments.shared)
    direct, total = apart.influence[:, 0], alone.influence[:, 0]
    indirect = total - direct
    whole, part = total.mean(axis=(-2, -1)), indirect.mean(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(whole != 0, part / whole, np.nan)
        # The delta method: a ratio moves by (change above - ratio x change below) / below.
        moved = (indirect - part[:, None, None]) - share[:, None, None] * (
            total - whole[:, None, None]
        )
        ratio = share[:, None, None] + moved / whole[:, None, None]
    told = apart.told_apart.all(axis=1) & alone.told_apart[:, 0]

    def kept(influence: np.ndarray, size: np.ndarray) -> Estimate:
        known = told & np.isfinite(influence).all(axis=(-2, -1))
        found = pooled_estimate(np.where(known[:, None, None], influence, 0.0), shared=level)
        found = with_relative_error(found, np.where(known, relative**2 * size, 0.0))
        return Estimate(
            value=np.where(known, found.value, np.nan),
            se=np.where(known, found.se, np.nan),
            df=found.df,
        )

    return Mediation(
        total=alone.effect_at(0),
        direct=apart.effect_at(0),
        indirect=kept(indirect, whole**2 + (whole - part) ** 2),
        proportion=kept(ratio, 1.0 + share**2),
        distinct=apart.distinct[:, 0],
        conditional_f=apart.conditional_f[:, 0],
        told_apart=told,
    )
