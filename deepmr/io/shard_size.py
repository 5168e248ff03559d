"""Upper bound of the size of a run's effect shards on disk."""

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
    """Return an upper bound of the size of a run's shards in bytes, without compression.

    Args:
        n_loci: Number of loci.
        n_variants: Number of variants at a locus; 3 per base for all substitutions.
        n_tasks: Number of tasks kept.
        n_members: Number of members.
        dtype: ``float32`` (default) or ``float16``.
        loci_per_shard: Number of loci in a shard, 64 by default; every file has a header.

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
