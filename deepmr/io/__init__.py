"""Files of a run: effect shards, result tables, and the manifest of a finished run."""

from deepmr.io.manifest import (
    changed_outputs,
    is_finished,
    provenance,
    read_manifest,
    write_manifest,
)
from deepmr.io.result_rows import estimates_rows, meta_rows
from deepmr.io.shard_format import read_shard
from deepmr.io.shard_size import estimate_bytes
from deepmr.io.shard_store import ShardStore
from deepmr.io.table_schemas import ESTIMATES, LOCI, META, METRICS, SCHEMA_VERSION, VARIANTS
from deepmr.io.tables import concatenate, read_table, write_table

__all__ = [
    "ESTIMATES",
    "LOCI",
    "META",
    "METRICS",
    "SCHEMA_VERSION",
    "VARIANTS",
    "ShardStore",
    "changed_outputs",
    "concatenate",
    "estimate_bytes",
    "estimates_rows",
    "is_finished",
    "meta_rows",
    "provenance",
    "read_manifest",
    "read_shard",
    "read_table",
    "write_manifest",
    "write_table",
]
