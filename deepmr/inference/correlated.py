"""Generalised least squares with a shrunken low-rank error covariance from the ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.inference.combine import pseudo_values
from deepmr.inference.contract import Estimator
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.over_members import OverMembers

__all__ = ["Correlated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated(OverMembers):
    """Generalised least squares with the error covariance between instruments.

    The deviations of the members' residuals, y - slope x, span a covariance of rank n - 1 over
    the variants. Unshrunken it would put large weights on directions in which five members agree
    by chance, so it is shrunk towards its mean variance on the diagonal. The interval is the
    jackknife's over members, with the covariance estimated anew without each: an interval from the
    covariance itself would use the same five numbers twice.

    The method is a regression of its own, called ``correlated``: the estimator passed is not used.

    Args:
        shrinkage: Weight of the diagonal target, in (0, 1], .5 by default; 1 gives equal weights.
        loci: Population of the pooled interval, ``sampled`` (default) or ``fixed``.
        loci_weights: Weights of loci in pooling, ``equal`` (default) or ``random_effects``.
        shared: Shared error variance (ratio to the variance between members), ``auto`` by
            default; see `OverMembers`.

    Raises:
        ValueError: If ``shrinkage`` is not in (0, 1].

    References:
        Burgess, Dudbridge and Thompson 2016, doi:10.1002/sim.6835 (correlated instruments).
        Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4 (shrinking a covariance).
    """

    name: ClassVar[str] = "correlated"

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
        """``adjustment``, and ``estimator``: this method is a regression of its own."""
        return frozenset({"adjustment", "estimator"})

    @property
    def fewest_members(self) -> int:
        """Four: the covariance of each leave-one-out ensemble needs three."""
        return 4

    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:  # noqa: ARG002
        """Return the jackknife pseudo-values of the generalised least squares slope.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: Not used.
        """
        _, mask = pair.select()
        x = np.where(mask[..., None, :], pair.x, 0.0)
        y = np.where(mask[..., None, :], pair.y, 0.0)
        full = self._slope(x, y, mask)
        n = pair.members.n_members
        left = [np.delete(np.arange(n), k) for k in range(n)]
        without = np.stack(
            [self._slope(x[..., kept, :], y[..., kept, :], mask) for kept in left], axis=-1
        )
        return MemberSlopes(
            value=pseudo_values(full, without), instruments=mask, method="correlated"
        )

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
