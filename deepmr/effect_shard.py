"""Effects of a batch of loci with their keys, and the contract of a collection of such batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64

from deepmr.effects import MemberEffects
from deepmr.genome import Interval

__all__ = ["EffectShard", "Effects", "EffectsInMemory"]


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

    def keep(self, tasks: Sequence[str] | None) -> EffectShard:
        """Return the shard with some of its tasks, in the order given; all by default.

        Raises:
            LookupError: If a task was not kept.
        """
        if tasks is None or tuple(tasks) == self.effects.tasks:
            return self
        value = np.stack([self.effects.of(task) for task in tasks], axis=1)
        columns = [self.effects.tasks.index(task) for task in tasks]
        se = None if self.effects.se is None else self.effects.se[:, columns]
        return replace(
            self,
            effects=replace(self.effects, value=value, tasks=tuple(tasks), se=se),
            reference=self.reference[:, columns],
        )


@runtime_checkable
class Effects(Protocol):
    """Effects of all loci of an interrogation, in memory or on disk, read shard by shard."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks whose effects were kept."""
        ...

    @property
    def effect_scale(self) -> Mapping[str, str]:
        """Unit of each task's effects: ``logit``, ``anscombe``, ``probability``, ``signal``."""
        ...

    @property
    def n_members(self) -> int:
        """Networks, or draws from one."""
        ...

    def read(self, tasks: Sequence[str] | None = None) -> Iterator[EffectShard]:
        """Yield the shards in the order of the loci, with some of the tasks (all by default)."""
        ...

    def locus(self, position: int, tasks: Sequence[str] | None = None) -> MemberEffects:
        """Return the effects of one locus, by its position among all loci."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsInMemory:
    """Effects of all loci in one shard, in memory.

    Args:
        shard: The effects of all loci.
        effect_scale: Unit of each task's effects.
    """

    shard: EffectShard
    effect_scale: Mapping[str, str]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks whose effects were kept."""
        return self.shard.effects.tasks

    @property
    def n_members(self) -> int:
        """Networks, or draws from one."""
        return self.shard.effects.n_members

    def read(self, tasks: Sequence[str] | None = None) -> Iterator[EffectShard]:
        """Yield the one shard, with some of the tasks (all by default)."""
        yield self.shard.keep(tasks)

    def locus(self, position: int, tasks: Sequence[str] | None = None) -> MemberEffects:
        """Return the effects of one locus."""
        return self.shard.keep(tasks).effects.at(position)
