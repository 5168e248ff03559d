"""Cost of mutagenesis: speed by a short measurement, memory by counting."""

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
"""Mutants of the uncounted run, and of the first counted one."""
_PASSING_BYTES = 36
"""Bytes of one member's effect on one output before it is stored: float32, then four float64."""
_PASSES = 8
"""Forward passes that are timed."""


def mutants_per_second(
    engine: Engine,
    codes: UInt8[np.ndarray, "locus length"],
    variants: Variants,
    *,
    seconds: float = 1.0,
) -> float:
    """Return the mutants that an engine measures per second, timed on the first of some loci.

    After an uncounted run that fills caches, the number of mutants doubles until ``seconds`` are
    up or all are measured. Few mutants are a little slower than many, so that the speed is rather
    understated.

    Args:
        engine: The engine to time.
        codes: Base codes of one or more loci.
        variants: Substitutions of these loci.
        seconds: Stop doubling once a run has taken this long, in seconds; 1 by default. All runs
            together take at most about 3 times that.

    Raises:
        ValueError: If none of the loci has a variant.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense, saturation
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> engine = Dense(network, length=9)
        >>> mutants_per_second(engine, codes, saturation(codes), seconds=0.01) > 0
        True
    """
    locus, column = np.nonzero(variants.mask)
    if not len(locus):
        raise ValueError(
            "mutants_per_second needs at least one variant, got loci without variants; pick others"
        )

    def spent(size: int) -> float:
        rows = slice(0, int(locus[size - 1]) + 1)
        mask = np.zeros_like(variants.mask)
        mask[locus[:size], column[:size]] = True
        some = variants.subset(rows, mask[rows])
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
    """Return the whole forward passes of an engine per second, timed on a few sequences.

    Args:
        engine: The engine to time.
        codes: Base codes of one or more loci; the first is used.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> sequences_per_second(Dense(network, length=9), np.zeros((1, 9), dtype=np.uint8)) > 0
        True
    """
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
    """Return roughly how many bytes the effects of one shard take while they are computed.

    That is: the kept tasks of all members in double precision, twice (stacked and encoded), and
    all outputs of one member, of which link and calibrators hold several copies. The memory of the
    network itself is not included.

    Args:
        n_loci: Loci of the shard.
        n_variants: Variants of a locus.
        n_outputs: Outputs (tasks) of the network.
        n_tasks: Tasks whose effects are stored.
        n_members: Members of the ensemble.

    Example:
        >>> shard = {"n_loci": 16, "n_variants": 3000, "n_tasks": 2, "n_members": 5}
        >>> bytes_in_memory(**shard, n_outputs=2) / 1e6
        11.136
    """
    kept = 2 * 8 * n_tasks * n_members
    passing = _PASSING_BYTES * n_outputs
    return n_loci * n_variants * (kept + passing)
