"""Formats of `deepmr export`: long effects, summary statistics, VCF and BED."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepmr import __version__
from deepmr.data.effect_tables import TABLE
from deepmr.effect_shard import EffectShard
from deepmr.estimate import Estimate
from deepmr.files import atomic_write
from deepmr.io.tables import read_table
from deepmr.tasks import Task
from deepmr.workflow.export import Exported, VariantRows, variant_rows

__all__ = ["FORMATS", "NAMES", "Write", "task_field"]

Write = Callable[[Exported, Path], str]
"""Writes a run in a format to a file, and returns a sentence on what was written."""

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


_GWAS = (
    "SNP", "chrom", "pos", "effect_allele", "other_allele", "beta", "se", "z", "p", "neg_log10_p",
    "se_mean", "df", "task", "locus", "status",
)  # fmt: skip


def write_gwas(run: Exported, path: Path) -> str:
    """Write summary statistics of one task, tab-separated, missing values NA."""
    (task,) = run.tasks
    n_rows = n_missing = 0
    with atomic_write(path) as stream:
        stream.write("\t".join(_GWAS) + "\n")
        for shard, rows in variant_rows(run):
            for cells in _gwas_rows(run, shard, rows):
                stream.write("\t".join(cells) + "\n")
                n_rows += 1
                n_missing += cells[-1] != "measured"
    left = f"; {n_missing:,} without an effect or error are NA" if n_missing else ""
    return f"{n_rows:,} variants, effects on {task} of the alternative allele{left}"


def _gwas_rows(run: Exported, shard: EffectShard, rows: VariantRows) -> Iterator[list[str]]:
    (task,) = run.tasks
    effect, se, status = rows.effect[:, 0], rows.se[:, 0], rows.status[:, 0]
    measured = status == "measured"
    tested = Estimate(value=effect, se=np.where(measured, se, 1.0), df=np.asarray(run.df))
    neg_log10_p = np.where(measured, tested.neg_log10_p, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(measured, effect / se, np.nan)
    beta = np.where(status == "no_effect", np.nan, effect)
    df = _text(run.df)
    for row in np.flatnonzero(rows.exists).tolist():
        chrom, pos = shard.loci[rows.locus[row]].chrom, str(rows.pos[row])
        ref, alt = rows.ref[row], rows.alt[row]
        yield [
            f"{chrom}:{pos}:{ref}:{alt}",
            chrom,
            pos,
            alt,
            ref,
            _text(beta[row]),
            _text(se[row]),
            _text(z[row]),
            _p_text(float(neg_log10_p[row])),
            _text(neg_log10_p[row]),
            _text(rows.se_mean[row, 0]),
            df,
            task,
            str(shard.loci[rows.locus[row]]),
            str(status[row]),
        ]


def _text(number: float) -> str:
    """Return a number that reads back as itself; NA where it is missing."""
    return "NA" if math.isnan(number) else "Inf" if math.isinf(number) else repr(float(number))


def _p_text(neg_log10_p: float) -> str:
    """Return a p-value as text, also one that a double cannot hold.

    Example:
        >>> _p_text(2.0), _p_text(400.5), _p_text(float("nan"))
        ('0.01', '3.1623e-401', 'NA')
    """
    if math.isnan(neg_log10_p):
        return "NA"
    if neg_log10_p < 300:
        return f"{10.0**-neg_log10_p:.6g}"
    whole = math.floor(neg_log10_p) + 1
    return f"{10.0 ** (whole - neg_log10_p):.5g}e-{whole}"


def task_field(task: str, taken: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the end of the names of a task's INFO fields; other tasks have others.

    Args:
        task: Name of the task.
        taken: Fields of other tasks.

    Example:
        >>> task_field("K562|DNase"), task_field("K562 DNase", {"K562_DNase": "K562|DNase"})
        ('K562_DNase', 'K562_DNase_2')
    """
    name = re.sub(r"[^0-9A-Za-z_.]", "_", task)
    number = 2
    unique = name
    while unique in taken:
        unique = f"{name}_{number}"
        number += 1
    return unique


def write_vcf(run: Exported, path: Path) -> str:
    """Write a VCF with the effects in INFO, sorted by contig and position."""
    fields: dict[str, str] = {}
    for task in run.tasks:
        fields[task_field(task, fields)] = task
    contigs = dict.fromkeys(locus.chrom for locus in run.store.loci)
    order = {chrom: place for place, chrom in enumerate(contigs)}
    records: list[tuple[int, int, str]] = []
    unwritten = 0
    for shard, rows in variant_rows(run):
        for row in np.flatnonzero(rows.exists).tolist():
            if rows.alt[row] in ("-", "", "N") or rows.ref[row] in ("-", "", "N"):
                unwritten += 1  # it would need the base before it
                continue
            locus = shard.loci[rows.locus[row]]
            line = _record_of(locus.chrom, str(locus), rows, row, fields)
            records.append((order[locus.chrom], int(rows.pos[row]), line))
    records.sort(key=lambda record: record[:2])
    with atomic_write(path) as stream:
        stream.write("\n".join(_header(run, fields, list(order))) + "\n")
        stream.writelines(line + "\n" for _, _, line in records)
    left = f"; {unwritten:,} have no letters that a VCF can hold" if unwritten else ""
    return f"{len(records):,} variants with effects on {', '.join(run.tasks)}{left}"


def _header(run: Exported, fields: Mapping[str, str], contigs: list[str]) -> list[str]:
    lines = ["##fileformat=VCFv4.3", f"##source=deepmr {__version__}"]
    lines += [f"##contig=<ID={chrom}>" for chrom in contigs]
    lines += [
        '##FILTER=<ID=NO_EFFECT,Description="No task has an effect with a standard error">',
        '##INFO=<ID=LOCUS,Number=1,Type=String,Description="Locus, 0-based and half-open">',
    ]
    for field, task in fields.items():
        unit = _quoted(f"{task}, {run.store.effect_scale[task]}")
        lines += [
            f'##INFO=<ID=EFF_{field},Number=A,Type=Float,Description="ALT minus REF on {unit}">',
            f'##INFO=<ID=SE_{field},Number=A,Type=Float,Description="Standard error on {unit}">',
        ]
    return [*lines, "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"])]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _record_of(
    chrom: str, locus: str, rows: VariantRows, row: int, fields: Mapping[str, str]
) -> str:
    status = rows.status[row]
    info = [f"LOCUS={locus}"]
    for column, field in enumerate(fields):
        value = rows.effect[row, column]
        shown = "." if status[column] in ("no_effect", "missing") else _info(value)
        info += [f"EFF_{field}={shown}", f"SE_{field}={_info(rows.se[row, column])}"]
    passed = "PASS" if (status == "measured").any() else "NO_EFFECT"
    alleles = (rows.ref[row], rows.alt[row])
    return "\t".join([chrom, str(rows.pos[row]), ".", *alleles, ".", passed, ";".join(info)])


def _info(number: float) -> str:
    return "." if math.isnan(number) else repr(float(number))


def write_bed(run: Exported, path: Path) -> str:
    """Write the loci with their effects for a genome browser (BED9).

    The score is 1000 times 1 - p of the locus's effect, red for positive effects, blue for
    negative, grey where there is none.
    """
    exposure, outcome = run.pair
    rows = read_table(run.folder / "estimates.parquet")
    asked = (rows["exposure"] == exposure) & (rows["outcome"] == outcome)
    method = rows["method"][asked][0]
    kept = np.flatnonzero(asked & (rows["method"] == method))
    kept = kept[np.lexsort((rows["start"][kept], rows["chrom"][kept].astype(str)))]
    label = f"{exposure} on {outcome} ({method})"
    with atomic_write(path) as stream:
        stream.write(
            f'track name="{_quoted(label)}" description="Deep MR: slope of {_quoted(label)}" '
            'itemRgb="On" useScore="0"\n'
        )
        for row in kept.tolist():
            stream.write("\t".join(_bed(rows, row)) + "\n")
    n_without = int(np.isnan(rows["value"][kept]).sum())
    left = f"; {n_without} have none" if n_without else ""
    return f"{kept.size:,} loci with the slope of {outcome} on {exposure} by {method}{left}"


def _bed(rows: Mapping[str, np.ndarray], row: int) -> list[str]:
    value, se, p = (float(rows[name][row]) for name in ("value", "se", "p_value"))
    start, end = str(rows["start"][row]), str(rows["end"][row])
    if math.isnan(value):
        name, score, colour = "no_estimate", "0", "170,170,170"
    else:
        name = f"{value:.4g}+-{se:.2g}"
        score = "0" if math.isnan(p) else str(round(1000 * (1 - p)))
        colour = "200,40,40" if value > 0 else "40,80,200"
    return [str(rows["chrom"][row]), start, end, name, score, ".", start, end, colour]


FORMATS: Mapping[str, Write] = MappingProxyType(
    {"effects": write_effects, "gwas": write_gwas, "vcf": write_vcf, "bed": write_bed}
)
"""What each format is written by."""

NAMES: Mapping[str, str] = MappingProxyType(
    {"effects": "effects.parquet", "gwas": "gwas.tsv", "vcf": "effects.vcf", "bed": "loci.bed"}
)
"""Names of the files, in the run's folder ``export`` by default."""
