"""Products of effects on all tasks at every locus: what regressions on several tasks need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MemberEffects

__all__ = ["EffectMoments", "effect_moments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectMoments:
    """Sums over the variants of a locus of products of two tasks' effects.

    In ``cross`` the first task's effects are those of the *other* members and the second task's
    are a member's own. Members err independently, so the errors do not add up in a square, as they
    would where one network's effects are multiplied with themselves: a regression on such sums is
    not pulled towards zero by errors in the exposures, and no selection of variants is needed.

    Args:
        cross: Sum over variants of (mean effect of the other members on one task) x (a member's
            effect on another).
        own: Sum over variants of products of one member's effects, averaged over members.
        n_variants: Variants of each locus.
        tasks: Names of the tasks.
        shared: Error variance common to all members, as a ratio to that between them.

    Raises:
        ValueError: If shapes differ, or there are fewer than two members.
    """

    cross: Float64[np.ndarray, "locus member task task"]
    own: Float64[np.ndarray, "locus task task"]
    n_variants: Float64[np.ndarray, " locus"]
    tasks: tuple[str, ...]
    shared: float = 0.0

    def __post_init__(self) -> None:
        n_locus, n_member, n_task = self.cross.shape[:3]
        if self.own.shape != (n_locus, n_task, n_task) or n_task != len(self.tasks):
            raise ValueError(
                f"EffectMoments.own must have shape (locus, task, task) of cross and one task for "
                f"each of {len(self.tasks)} names, got {self.own.shape} and {self.cross.shape}"
            )
        if n_member < 2:
            raise ValueError(
                f"direct effects need at least 2 members, got {n_member}; train an ensemble, or "
                "use uncertainty=dropout"
            )

    @classmethod
    def join(cls, parts: Sequence[EffectMoments]) -> EffectMoments:
        """Put the loci of shards behind one another.

        Raises:
            ValueError: If there is no part, or parts differ in tasks.
        """
        if not parts:
            raise ValueError("EffectMoments.join needs at least one part, got none")
        first = parts[0]
        if any(part.tasks != first.tasks for part in parts):
            raise ValueError("EffectMoments.join needs parts of the same tasks")
        return cls(
            cross=np.concatenate([part.cross for part in parts]),
            own=np.concatenate([part.own for part in parts]),
            n_variants=np.concatenate([part.n_variants for part in parts]),
            tasks=first.tasks,
            shared=first.shared,
        )

    @property
    def n_members(self) -> int:
        """Networks, or draws from one."""
        return int(self.cross.shape[1])

    @property
    def signal(self) -> Float64[np.ndarray, "task task"]:
        """Mean over loci and members of the products, free of the members' own errors."""
        mean = self.cross.mean(axis=(0, 1))
        return np.asarray(0.5 * (mean + mean.T))

    @property
    def noise(self) -> Float64[np.ndarray, "task task"]:
        """Covariance of one member's errors, summed over variants and averaged over loci."""
        return np.asarray(self.own.mean(axis=0) - self.signal)


def effect_moments(effects: MemberEffects) -> EffectMoments:
    """Compute a shard's products of effects on all pairs of tasks.

    Args:
        effects: Effects of the shard, batch axis ``locus``, on a scale that is additive for the
            question (docs/all_pairs.md): expected counts rather than their roots.

    Raises:
        ValueError: If there are fewer than two members.

    Example:
        >>> none = np.zeros((1, 2), dtype=np.int64)
        >>> value = np.array([[[[1.0, 0.0], [3.0, 0.0]], [[2.0, 1.0], [2.0, 1.0]]]])
        >>> moments = effect_moments(MemberEffects(
        ...     value=value, tasks=("X", "Y"), offset=none, ref=none, alt=none, mask=none == 0))
        >>> moments.signal.tolist()  # X: 1 x 3, not the mean of 1 x 1 and 3 x 3
        [[3.0, 4.0], [4.0, 5.0]]
    """
    n = effects.n_members
    value = np.where(effects.mask[..., None, None, :], effects.value, 0.0)
    by_member = np.moveaxis(value, -2, -3)  # locus, member, task, variant
    others = (by_member.sum(axis=1, keepdims=True) - by_member) / max(n - 1, 1)
    turned = np.swapaxes(by_member, -1, -2)
    return EffectMoments(
        cross=others @ turned,
        own=np.asarray((by_member @ turned).mean(axis=1)),
        n_variants=effects.mask.sum(axis=-1).astype(np.float64),
        tasks=effects.tasks,
        shared=effects.shared,
    )
