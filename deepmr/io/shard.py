"""What a shard holds: the effects of some loci, with their keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from deepmr.effects import MemberEffects
from deepmr.genome import Interval

__all__ = ["EffectShard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectShard:
    """Effects of the variants of some loci, as every member of an ensemble sees them.

    Args:
        index: Position of the shard in its run.
        loci: The loci, in the order of the first axis of everything else.
        effects: Alternative minus reference, with one batch axis, the loci.
        reference: Predictions for the unchanged sequences, on the effect scale of each task.

    Raises:
        ValueError: If the shapes do not agree with each other.
    """

    index: int
    loci: tuple[Interval, ...]
    effects: MemberEffects
    reference: Float64[np.ndarray, "locus task member"]

    def __post_init__(self) -> None:
        expected = (len(self.loci), len(self.effects.tasks), self.effects.n_members)
        if self.reference.shape != expected:
            raise ValueError(
                f"EffectShard.reference must have shape (locus, task, member) {expected}, "
                f"got {self.reference.shape}"
            )
        if self.effects.value.shape[:-3] != (len(self.loci),):
            raise ValueError(
                f"EffectShard.effects must have one batch axis, the {len(self.loci)} loci; "
                f"got {self.effects.value.shape[:-3]}"
            )

    @property
    def chrom(self) -> np.ndarray:
        """Chromosome of each locus."""
        return np.array([locus.chrom for locus in self.loci], dtype=object)

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each locus, from 0."""
        return np.array([locus.start for locus in self.loci], dtype=np.int64)

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """One behind the last base of each locus."""
        return np.array([locus.end for locus in self.loci], dtype=np.int64)
