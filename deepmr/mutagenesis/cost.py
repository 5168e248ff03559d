"""What mutagenesis costs: arithmetic by counting, time by a short measurement, bytes by rule."""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import UInt8

from deepmr.mutagenesis.engine import Engine
from deepmr.mutagenesis.variants import Variants

__all__ = [
    "bytes_in_memory",
    "mutants_per_second",
    "sequences_per_second",
]

_WARM_UP = 48
"""Mutants of the first, uncounted measurement, and of the first counted one."""
_PASSING_BYTES = 36
"""Bytes that a member's effect on one output takes on its way: float32, then four float64."""
_PASSES = 8
"""Forward passes whose time is taken."""


def mutants_per_second(
    engine: Engine,
    codes: UInt8[np.ndarray, "locus length"],
    variants: Variants,
    *,
    seconds: float = 1.0,
) -> float:
    """Measure an engine on the first mutants of some loci, for about as long as asked.

    A few go first and are not counted: they lay out weights and fill caches. Then the number
    doubles until the time is up or all are in. Fewer mutants are a little slower than many, so
    the speed is rather understated.

    Args:
        engine: What is measured.
        codes: One or more loci.
        variants: Their variants.
        seconds: Stop doubling once a measurement has taken this long; 3 times that pass at most.

    Raises:
        ValueError: If none of the loci has a variant.
    """
    locus, column = np.nonzero(variants.mask)
    if not len(locus):
        raise ValueError("loci without variants cannot be measured; pick others")

    def spent(size: int) -> float:
        rows = slice(0, int(locus[size - 1]) + 1)
        mask = np.zeros_like(variants.mask)
        mask[locus[:size], column[:size]] = True
        some = Variants(
            offset=variants.offset[rows],
            ref=variants.ref[rows],
            alt=variants.alt[rows],
            mask=mask[rows],
        )
        start = time.perf_counter()
        engine(codes[rows], some)
        return time.perf_counter() - start

    size = min(len(locus), _WARM_UP)
    spent(size)
    elapsed = spent(size)
    while size < len(locus) and 2 * elapsed <= seconds:
        size = min(len(locus), 2 * size)
        elapsed = spent(size)
    return float(size / elapsed)


def sequences_per_second(engine: Engine, codes: UInt8[np.ndarray, "locus length"]) -> float:
    """Measure an engine's whole forward passes on a few sequences, the second time."""
    some = np.resize(codes[:1], (_PASSES, codes.shape[1]))
    elapsed = 0.0
    for _ in range(2):
        start = time.perf_counter()
        engine.predict(some)
        elapsed = time.perf_counter() - start
    return float(_PASSES / elapsed)


def bytes_in_memory(
    *, n_loci: int, n_variants: int, n_outputs: int, n_tasks: int, n_members: int
) -> int:
    """Return about how many bytes the effects of one shard take while they are made.

    The kept tasks of all members in double precision, twice while they are put together and
    encoded; and all outputs of one member, which link and calibrators hold several times over.
    What the network itself needs is not in it.

    Args:
        n_loci: Loci of the shard.
        n_variants: Variants tried at a locus.
        n_outputs: All tasks of the network.
        n_tasks: Tasks kept.
        n_members: Networks or dropout draws.

    Example:
        >>> shard = {"n_loci": 16, "n_variants": 3000, "n_tasks": 2, "n_members": 5}
        >>> bytes_in_memory(**shard, n_outputs=2) / 1e6
        11.136
    """
    kept = 2 * 8 * n_tasks * n_members
    passing = _PASSING_BYTES * n_outputs
    return n_loci * n_variants * (kept + passing)
