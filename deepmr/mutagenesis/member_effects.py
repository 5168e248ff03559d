"""From the raw outputs of every member to effects on the effect scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64

from deepmr.effects import MemberEffects
from deepmr.mutagenesis.engine import RawEffects
from deepmr.mutagenesis.variants import Variants
from deepmr.tasks import TaskTable

__all__ = ["Scale", "effect_of", "member_effects"]


@runtime_checkable
class Scale(Protocol):
    """From raw outputs, all tasks on the last axis, to the scale on which effects are measured."""

    @property
    def tasks(self) -> TaskTable:
        """All outputs of the network, in order."""
        ...

    def __call__(self, raw: Float[np.ndarray, "*batch task"]) -> Float64[np.ndarray, "*batch task"]:
        """Return predictions on the effect scale."""
        ...


def effect_of(
    reference: Float[np.ndarray, "locus task"],
    difference: Float[np.ndarray, "locus task variant"],
    scale: Scale,
) -> tuple[Float64[np.ndarray, "locus task variant"], Float64[np.ndarray, "locus task"]]:
    """Turn raw outputs into effects, and references, on the effect scale.

    Args:
        reference: Raw outputs for the unchanged loci.
        difference: Raw output for each alternative minus the reference.
        scale: May bend: the effect is its value at reference + difference minus that at the
            reference, in double precision.
    """
    before = np.asarray(reference, dtype=np.float64)
    mutated = np.moveaxis(before[..., None] + np.asarray(difference, dtype=np.float64), 1, -1)
    at_reference = scale(before)
    return np.moveaxis(scale(mutated), -1, 1) - at_reference[..., None], at_reference


def member_effects(
    raw: Iterable[RawEffects], variants: Variants, scale: Scale, kept: Sequence[str]
) -> tuple[MemberEffects, Float64[np.ndarray, "locus task member"]]:
    """Collect the members' effects on some tasks.

    Args:
        raw: Of each member, on all tasks; a generator keeps one of them in memory at a time.
        variants: Which variants they are.
        scale: From raw outputs to the effect scale.
        kept: Names of the tasks to keep, in this order.

    Returns:
        Effects with one batch axis, the loci, and predictions for the unchanged loci.

    Raises:
        LookupError: If the network has no task of a name.
    """
    columns = [scale.tasks.index(scale.tasks.select(name)) for name in kept]
    values, references = [], []
    for one in raw:
        value, reference = effect_of(one.reference, one.difference, scale)
        values.append(value[:, columns])  # a copy: the other tasks' effects are let go
        references.append(reference[:, columns])
        del one, value
    effects = MemberEffects(
        value=np.stack(values, axis=2),
        tasks=tuple(kept),
        offset=variants.offset,
        ref=variants.ref,
        alt=variants.alt,
        mask=variants.mask,
    )
    return effects, np.stack(references, axis=2)
