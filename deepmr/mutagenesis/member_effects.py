"""Effects of every ensemble member on the effect scale, from raw outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64

from deepmr.effects import MemberEffects
from deepmr.mutagenesis.engine import RawEffects
from deepmr.mutagenesis.variants import Variants
from deepmr.tasks import TaskTable

__all__ = ["Scale", "member_effects"]


@runtime_checkable
class Scale(Protocol):
    """Contract of an effect scale: raw outputs, tasks on the last axis, to the scale of effects.

    Example:
        >>> from deepmr.tasks import Task
        >>> class Logit:
        ...     tasks = TaskTable((Task(name="CTCF", target="CTCF"),))
        ...
        ...     def __call__(self, raw):
        ...         return np.asarray(raw, dtype=np.float64)
        >>> isinstance(Logit(), Scale)
        True
    """

    @property
    def tasks(self) -> TaskTable:
        """All tasks of the network, in the order of its outputs."""
        ...

    def __call__(self, raw: Float[np.ndarray, "*batch task"]) -> Float64[np.ndarray, "*batch task"]:
        """Return predictions on the effect scale.

        Args:
            raw: Raw outputs of all tasks.
        """
        ...


def _on_scale(
    reference: Float[np.ndarray, "locus task"],
    difference: Float[np.ndarray, "locus task variant"],
    scale: Scale,
) -> tuple[Float64[np.ndarray, "locus task variant"], Float64[np.ndarray, "locus task"]]:
    """Return effects and reference predictions on the effect scale, in double precision.

    Args:
        reference: Raw outputs for the reference sequences.
        difference: Raw output for each alternative minus that for the reference.
        scale: Effect scale, which may be nonlinear: the effect is its value at reference +
            difference minus its value at the reference.
    """
    before = np.asarray(reference, dtype=np.float64)
    mutated = np.moveaxis(before[..., None] + np.asarray(difference, dtype=np.float64), 1, -1)
    at_reference = scale(before)
    return np.moveaxis(scale(mutated), -1, 1) - at_reference[..., None], at_reference


def member_effects(
    raw: Iterable[RawEffects], variants: Variants, scale: Scale, kept: Sequence[str]
) -> tuple[MemberEffects, Float64[np.ndarray, "locus task member"]]:
    """Return the effects of all members on some tasks, and their reference predictions.

    Args:
        raw: Raw effects of each member on all tasks; of a generator only one is in memory at a
            time.
        variants: The variants of these effects.
        scale: Effect scale.
        kept: Names of the tasks to keep, in this order.

    Returns:
        Effects with one batch axis, the loci, and predictions for the reference sequences.

    Raises:
        LookupError: If the network has no task of a name.

    Example:
        >>> from deepmr.mutagenesis import saturation
        >>> from deepmr.tasks import Task
        >>> class Logit:
        ...     tasks = TaskTable(tuple(Task(name=name, target=name) for name in ("CTCF", "JUND")))
        ...
        ...     def __call__(self, raw):
        ...         return np.asarray(raw, dtype=np.float64)
        >>> raw = RawEffects(reference=np.zeros((1, 2)), difference=np.ones((1, 2, 9)))
        >>> variants = saturation(np.zeros((1, 3), dtype=np.uint8))
        >>> effects, _ = member_effects([raw, raw], variants, Logit(), ["JUND"])
        >>> effects.value.shape  # locus, task, member, variant
        (1, 1, 2, 9)
    """
    columns = [scale.tasks.index(scale.tasks.select(name)) for name in kept]
    values, references = [], []
    for one in raw:
        value, reference = _on_scale(one.reference, one.difference, scale)
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
