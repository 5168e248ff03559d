"""How large the shards of a run will be: said before the run starts, not when the disk is full."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["estimate_bytes"]


def estimate_bytes(
    *,
    n_loci: int,
    n_variants: int,
    n_tasks: int,
    n_members: int,
    dtype: str = "float32",
    loci_per_shard: int = 64,
) -> int:
    """Return how many bytes the shards of a run take at most.

    An upper bound: compression (little for float32 effects, much for positions and bases) is not
    counted on.

    Args:
        n_loci: Loci of the run.
        n_variants: Variants tried at a locus; 3 a base for all substitutions.
        n_tasks: Tasks kept.
        n_members: Networks or dropout draws.
        dtype: ``float32`` or ``float16``.
        loci_per_shard: Loci in each shard; every file has a header of its own.

    Example:
        >>> estimate_bytes(n_loci=1000, n_variants=3000, n_tasks=2, n_members=5) // 10**6
        143
    """
    effects = n_tasks * n_members * (n_variants * (np.dtype(dtype).itemsize + 1 / 8) + 4)
    positions = n_variants * (4 + 1 + 1 + 1 / 8 + 4 / 8)
    keys = 64
    header = 4096 + 1024 * (7 + 2 * n_tasks)
    return math.ceil(n_loci * (effects + positions + keys)) + header * math.ceil(
        n_loci / loci_per_shard
    )
