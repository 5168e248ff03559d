"""Reliability: do the members of an ensemble agree on the effects, or does one network know any?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MemberEffects
from deepmr.verdict.scale import scaled_effects
from deepmr.verdict.thresholds import Thresholds

__all__ = ["MemberAgreement", "member_agreement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAgreement:
    """Sums over variants from which the members' correlation of effects is computed.

    Only variants whose mean effect is an instrument of the task count; among the many others
    nothing is to be agreed on.

    Args:
        count: Instruments of each task.
        sum: Sum of each member's effects over them.
        cross: Sum of products of two members' effects.

    Example:
        >>> same = np.array([[[2.0, 2.0], [2.0, 2.0]]])
        >>> total = np.array([[1.0, 1.0]])
        >>> MemberAgreement(count=np.array([3.0]), sum=total, cross=same).correlation.round(3)
        array([1.])
    """

    count: Float64[np.ndarray, " task"]
    sum: Float64[np.ndarray, "task member"]
    cross: Float64[np.ndarray, "task member member"]

    @classmethod
    def join(cls, parts: Sequence[MemberAgreement]) -> MemberAgreement:
        """Add the sums of shards.

        Raises:
            ValueError: If there is no part.
        """
        if not parts:
            raise ValueError("MemberAgreement.join needs at least one part, got none")
        return cls(
            count=np.sum([part.count for part in parts], axis=0),
            sum=np.sum([part.sum for part in parts], axis=0),
            cross=np.sum([part.cross for part in parts], axis=0),
        )

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return int(self.sum.shape[1])

    @property
    def correlation(self) -> Float64[np.ndarray, " task"]:
        """Mean correlation of two members' effects on each task; NaN with one member or none."""
        n = np.where(self.count > 1, self.count, np.nan)[:, None, None]
        covariance = self.cross - self.sum[:, :, None] * self.sum[:, None, :] / n
        spread = np.sqrt(np.einsum("tmm->tm", covariance))
        product = spread[:, :, None] * spread[:, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.where(product > 0, covariance / product, 0.0)
        m = self.n_members
        if m < 2:
            return np.full(len(self.count), np.nan)
        apart = ~np.eye(m, dtype=bool)
        mean = correlation[:, apart].mean(axis=-1)
        return np.asarray(np.where(self.count > 1, mean, np.nan))


def member_agreement(
    effects: MemberEffects,
    *,
    scale: Float64[np.ndarray, " task"],
    thresholds: Thresholds | None = None,
) -> MemberAgreement:
    """Compute a shard's sums for the members' agreement, in the same pass as the statistics.

    Args:
        effects: Effects of the shard, batch axis ``locus``.
        scale: Scale of each task over all loci of the run.
        thresholds: Constants; only ``instrument`` matters.
    """
    rule = Thresholds() if thresholds is None else thresholds
    counted = np.abs(scaled_effects(effects, scale)) >= rule.effects.instrument
    divisor = np.where(scale > 0, scale, np.inf)[:, None, None, None]
    value = np.moveaxis(effects.value, -3, 0) / divisor
    value = np.where(counted[:, :, None, :], value, 0.0)
    return MemberAgreement(
        count=counted.sum(axis=(1, 2)).astype(np.float64),
        sum=value.sum(axis=(1, 3)),
        cross=np.einsum("tlmv,tlnv->tmn", value, value, optimize=True),
    )
