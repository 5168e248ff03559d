"""Generalised least squares with the ensemble's low-rank error covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import MemberEffects
from deepmr.inference.combine import (
    combine,
    pseudo_values,
    require_members,
    selected,
    shared_variance,
)
from deepmr.inference.contract import Estimator, LocalInference
from deepmr.inference.over_members import OverMembers
from deepmr.instruments import Rule

__all__ = ["Correlated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated(OverMembers):
    """Weigh instruments by how their residuals' errors go together.

    The deviations of the members' residuals, y - slope x, span a covariance of rank n - 1 over
    the variants. Used as it is it would trust directions in which five members happen to agree, so
    it is shrunk towards its mean variance on the diagonal. The interval is the jackknife's over
    members, the covariance estimated anew without each: an interval from the covariance itself
    would use the same five numbers twice.

    The slope is its own estimator: the one passed is not used, and the method is ``correlated``.

    Args:
        shrinkage: Share of the diagonal: 1 gives equal weights, 0 none of it (not allowed).
        loci: As for `OverMembers`, and so the next two.
        loci_weights: How loci are weighted in pooling.
        shared: Variance that all members share.

    Raises:
        ValueError: If ``shrinkage`` is not in (0, 1].

    References:
        Burgess, Dudbridge and Thompson 2016, doi:10.1002/sim.6835 (correlated instruments).
        Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4 (shrinking a covariance).
    """

    shrinkage: float = 0.5

    def __post_init__(self) -> None:
        OverMembers.__post_init__(self)
        if not 0.0 < self.shrinkage <= 1.0:
            raise ValueError(
                f"inference.shrinkage must lie in (0, 1], got {self.shrinkage}; without any the "
                "covariance of a few members cannot be inverted"
            )

    @property
    def ignored(self) -> frozenset[str]:
        """``adjustment``, and the estimator: this method is a regression of its own."""
        return frozenset({"adjustment", "estimator"})

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,  # noqa: ARG002 (the contract's argument)
    ) -> LocalInference:
        """Return the effect of each locus, with the pseudo-values.

        Raises:
            ValueError: If there are fewer than four members.
        """
        require_members(members, 4, "correlated")
        _, mask = selected(members, exposure, outcome, rule)
        x = np.where(mask[..., None, :], members.of(exposure), 0.0)
        y = np.where(mask[..., None, :], members.of(outcome), 0.0)
        full = self._slope(x, y, mask)
        left = [np.delete(np.arange(members.n_members), k) for k in range(members.n_members)]
        without = np.stack(
            [self._slope(x[..., kept, :], y[..., kept, :], mask) for kept in left], axis=-1
        )
        shared = shared_variance(members, self.shared)
        return combine(pseudo_values(full, without), mask, method="correlated", shared=shared)

    def _slope(
        self,
        x: Float64[np.ndarray, "*batch member variant"],
        y: Float64[np.ndarray, "*batch member variant"],
        mask: Bool[np.ndarray, "*batch variant"],
    ) -> Float64[np.ndarray, "*batch"]:
        n = x.shape[-2]
        mean_x, mean_y = x.mean(axis=-2), y.mean(axis=-2)
        with np.errstate(divide="ignore", invalid="ignore"):
            start = np.vecdot(mean_x, mean_y) / np.vecdot(mean_x, mean_x)
        residual = y - start[..., None, None] * x
        factor = residual - residual.mean(axis=-2, keepdims=True)
        count = np.maximum(mask.sum(axis=-1), 1)
        variance = np.sum(factor**2, axis=(-2, -1)) / count
        # Covariance = diagonal x I + (1 - shrinkage) factor' factor, inverted by Woodbury.
        diagonal = np.where(variance > 0, self.shrinkage * variance, 1.0)[..., None, None]
        share = 1.0 - self.shrinkage
        inner = np.eye(n) + share * (factor @ np.swapaxes(factor, -1, -2)) / diagonal
        inner = np.where(np.isnan(inner), np.eye(n), inner)
        # The common scale of the covariance cancels in the slope.
        projected = np.linalg.solve(inner, factor @ mean_x[..., None])
        weight = (
            mean_x - share * (np.swapaxes(factor, -1, -2) @ projected)[..., 0] / diagonal[..., 0]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.vecdot(weight, mean_y) / np.vecdot(weight, mean_x))
