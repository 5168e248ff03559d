"""`deepmr export --format effects`: every member's effects, to be read back by ``effects=``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepmr import __version__
from deepmr.data.effect_tables import TABLE
from deepmr.effect_shard import EffectShard
from deepmr.files import atomic_write
from deepmr.tasks import Task
from deepmr.workflow.export import Exported, VariantRows, variant_rows

__all__ = ["write_effects"]

_EFFECTS = pa.schema(
    [
        pa.field(name, kind, metadata={"description": text})
        for name, kind, text in (
            ("locus", pa.string(), "Contig and ends of the locus, 0-based, half-open."),
            ("variant", pa.int32(), "Place among the variants of the locus."),
            ("chrom", pa.string(), "Contig; a sequence's name where there is no genome."),
            ("pos", pa.int64(), "First base of ref, from 1."),
            ("ref", pa.string(), "Reference allele; N where it is unknown."),
            ("alt", pa.string(), "Alternative allele, whose effect this is."),
            ("task", pa.string(), "Name of the task."),
            ("member", pa.string(), "Number of the member."),
            ("effect", pa.float64(), "Alternative minus reference; null where there is none."),
            ("se", pa.float64(), "Standard error that came with the effect; null elsewhere."),
            ("status", pa.string(), "measured; or missing: no variant or no effect here."),
        )
    ]
)


def write_effects(run: Exported, path: Path) -> str:
    """Write every member's effects at full precision, to be read back by ``effects=``."""
    facts = {
        "table": TABLE,
        "deepmr": __version__,
        "tasks": json.dumps([_task(run, name) for name in run.tasks]),
        "effect_scale": json.dumps({name: run.store.effect_scale[name] for name in run.tasks}),
        "scale": run.scale,
        "spread": run.spread,
        "shared": repr(run.store.shared),
        "error_ratios": json.dumps(list(run.error_ratios)),
        "loci_per_shard": str(run.store.loci_per_shard),
    }
    n_rows = 0
    schema = _EFFECTS.with_metadata(facts)
    with (
        atomic_write(path, "wb") as stream,
        pq.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        for shard, rows in variant_rows(run):
            table = _long(run, shard, rows, schema)
            writer.write_table(table)
            n_rows += table.num_rows
    return f"{n_rows:,} effects of {run.store.n_members} members on {', '.join(run.tasks)}"


def _task(run: Exported, name: str) -> dict[str, str]:
    """Return a task's record; kinds follow from the scale of its effects."""
    unit = run.store.effect_scale[name]
    kind = {"logit": "binary", "probability": "binary", "anscombe": "count"}.get(unit, "signal")
    return {key: str(value) for key, value in _record(Task(name, kind=kind)).items()}


def _record(task: Task) -> Mapping[str, Any]:
    return {
        "name": task.name,
        "target": task.target,
        "assay": task.assay,
        "biosample": task.biosample,
        "kind": task.kind,
    }


def _long(run: Exported, shard: EffectShard, rows: VariantRows, schema: pa.Schema) -> pa.Table:
    effects = shard.effects
    names = np.asarray([str(locus) for locus in shard.loci], dtype=object)
    width = effects.n_members * len(run.tasks)
    value = np.stack([effects.of(task) for task in run.tasks], axis=1)
    value = np.moveaxis(value, -1, 1).reshape(-1)  # locus, variant, task, member
    if effects.se is None:
        se = np.full(value.shape, np.nan)
    else:
        columns = [effects.tasks.index(task) for task in run.tasks]
        se = np.moveaxis(effects.se[:, columns], -1, 1).reshape(-1)
    known = np.repeat(effects.mask.reshape(-1), width) & np.isfinite(value)
    n = rows.pos.size
    members = np.asarray([str(k) for k in range(effects.n_members)], dtype=object)
    columns_of = {
        "locus": np.repeat(names[rows.locus], width),
        "variant": np.repeat(rows.variant, width),
        "chrom": np.repeat(shard.chrom[rows.locus], width),
        "pos": np.repeat(rows.pos, width),
        "ref": np.repeat(rows.ref, width),
        "alt": np.repeat(rows.alt, width),
        "task": np.tile(np.repeat(np.asarray(run.tasks, dtype=object), effects.n_members), n),
        "member": np.tile(members, n * len(run.tasks)),
        "effect": np.where(known, value, np.nan),
        "se": se,
        "status": np.where(known, "measured", "missing").astype(object),
    }
    arrays = [pa.array(columns_of[f.name], f.type, from_pandas=True) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
