"""Read a table's effects on two tasks: into a run's shard store, or into memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepmr.effect_shard import EffectsInMemory
from deepmr.files import atomic_write, fingerprint
from deepmr.io.shard_store import ShardStore
from deepmr.progress import Progress
from deepmr.workflow.pair_of_table import PairOfTable

__all__ = ["ALLELES", "fill_from_table", "open_table_store", "read_alleles", "table_in_memory"]

ALLELES = "alleles.parquet"
"""Beside the shards: alleles that are not single bases, by locus and place among its variants."""


def table_in_memory(table: PairOfTable) -> EffectsInMemory:
    """Return a table's effects on two tasks as one shard in memory.

    Args:
        table: The table.
    """
    (part,) = table.shards(len(table.loci))
    return EffectsInMemory(shard=part.shard, effect_scale=table.scale.units())


def open_table_store(folder: Path, table: PairOfTable) -> ShardStore:
    """Return the shard store of a run that reads a table; effects are kept as they are read.

    Args:
        folder: Folder of the run; shards lie in ``effects`` below it.
        table: The table.
    """
    source = table.sources[0][0]
    settings = {**asdict(source.settings), "sequence": None}
    content = {
        "table": list(table.digests),
        "settings": settings,
        "genome": table.genome.sha256 if table.genome else None,
        "loci": fingerprint([list(one) for one in table.placed.extents], digits=32),
    }
    units = table.scale.units()
    return ShardStore(
        folder / "effects",
        fingerprint=fingerprint(content, digits=32),
        loci=table.loci.intervals(),
        loci_per_shard=table.loci_per_shard,
        tasks=table.names,
        n_members=len(table.members),
        effect_scale=units,
        shared=table.members.shared,
        dtype="float64",
    )


def fill_from_table(store: ShardStore, table: PairOfTable) -> ShardStore:
    """Read a table into a run's store; shards that are whole are kept.

    Args:
        store: The run's effects.
        table: The table.

    Returns:
        The store.

    Raises:
        ValueError: If the table breaks a rule; see `PairOfTable.shards`.
        OSError: If the disk cannot hold the effects.
    """
    missing = set(store.missing())
    if not missing:
        return store
    alleles: dict[str, list[Any]] = {"locus": [], "variant": [], "ref": [], "alt": []}
    turned = 0
    bar = Progress("effects", store.n_shards, "shard")
    with closing(bar):
        for part in table.shards(store.loci_per_shard):
            shard = part.shard
            turned += part.n_turned
            for locus, variant, ref, alt in part.alleles:
                row = (shard.index * store.loci_per_shard + locus, variant, ref, alt)
                for column, value in zip(alleles.values(), row, strict=True):
                    column.append(value)
            if shard.index in missing:
                store.write(shard.index, shard.loci, shard.effects, shard.reference)
            bar.advance(1)
    if turned:
        print(f"effects: {turned} rows had the alleles of their variant exchanged, and were turned")
    if alleles["locus"]:
        with atomic_write(store.folder / ALLELES, "wb") as stream:
            pq.write_table(pa.table(alleles), stream, compression="zstd")
    return store


def read_alleles(folder: Path) -> dict[tuple[int, int], tuple[str, str]]:
    """Return reference and alternative of the alleles that are not single bases.

    Args:
        folder: Folder of the shards.

    Returns:
        By locus and place among its variants; empty where a run has none.
    """
    path = folder / ALLELES
    if not path.is_file():
        return {}
    columns: Sequence[list[Any]] = [one.to_pylist() for one in pq.read_table(path).columns]
    return {(locus, variant): (ref, alt) for locus, variant, ref, alt in zip(*columns, strict=True)}
