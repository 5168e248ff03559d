"""Effects worked out by hand: sites of 6 positions whose variants move tasks by given amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from deepmr.effects import MemberEffects

LENGTH = 60
STARTS = {"a": 4, "b": 22, "c": 40}
LOSS = np.repeat([1.0, 0.9, 0.5, 0.7, 1.0, 0.8], 3)  # of a site, by its 18 substitutions


def planted(
    tasks: Mapping[str, Mapping[str, float]],
    *,
    n_loci: int = 60,
    members: int = 3,
    noise: float = 0.0,
    present: float = 0.6,
    seed: int = 0,
) -> MemberEffects:
    """Return effects of all substitutions; ``tasks`` gives each task's weight of each site.

    Each site is present at a locus by its own coin. Members differ by noise alone.
    """
    rng = np.random.default_rng(seed)
    value = np.zeros((n_loci, len(tasks), members, 3 * LENGTH))
    for name, start in STARTS.items():
        here = rng.random(n_loci) < present
        for t, weight in enumerate(tasks.values()):
            columns = slice(3 * start, 3 * start + len(LOSS))
            value[here, t, :, columns] -= weight.get(name, 0.0) * LOSS
    value += noise * rng.standard_normal(value.shape)
    offset = np.tile(np.repeat(np.arange(LENGTH), 3), (n_loci, 1))
    return MemberEffects(
        value=value,
        tasks=tuple(tasks),
        offset=offset,
        ref=np.zeros_like(offset),
        alt=np.ones_like(offset),
        mask=np.ones(offset.shape, dtype=bool),
    )


def rearranged(effects: MemberEffects, variants: Sequence[int] | np.ndarray) -> MemberEffects:
    """Return effects with their variants in another order, or some of them."""
    return MemberEffects(
        value=effects.value[..., variants],
        tasks=effects.tasks,
        offset=effects.offset[:, variants],
        ref=effects.ref[:, variants],
        alt=effects.alt[:, variants],
        mask=effects.mask[:, variants],
    )


def of_loci(effects: MemberEffects, loci: Sequence[int]) -> MemberEffects:
    """Return some of the loci."""
    rows = np.asarray(loci)
    return MemberEffects(
        value=effects.value[rows],
        tasks=effects.tasks,
        offset=effects.offset[rows],
        ref=effects.ref[rows],
        alt=effects.alt[rows],
        mask=effects.mask[rows],
    )
