"""Files: effect shards, result tables and the manifest that says a run is finished."""

from deepmr.io.manifest import (
    changed_outputs,
    is_finished,
    provenance,
    read_manifest,
    write_manifest,
)
from deepmr.io.rows import estimates_rows, meta_rows
from deepmr.io.schema import ESTIMATES, LOCI, META, METRICS, SCHEMA_VERSION, VARIANTS
from deepmr.io.shard import EffectShard
from deepmr.io.shard_file import read_shard
from deepmr.io.shards import ShardStore
from deepmr.io.size import estimate_bytes, loci_per_shard
from deepmr.io.tables import concatenate, read_metadata, read_table, write_table

__all__ = [
    "ESTIMATES",
    "LOCI",
    "META",
    "METRICS",
    "SCHEMA_VERSION",
    "VARIANTS",
    "EffectShard",
    "ShardStore",
    "changed_outputs",
    "concatenate",
    "estimate_bytes",
    "estimates_rows",
    "is_finished",
    "loci_per_shard",
    "meta_rows",
    "provenance",
    "read_manifest",
    "read_metadata",
    "read_shard",
    "read_table",
    "write_manifest",
    "write_table",
]
