"""`deepmr export --format vcf` and `--format bed`: effects and loci for a genome browser."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deepmr import __version__
from deepmr.files import atomic_write
from deepmr.io.tables import read_table
from deepmr.workflow.export import Exported, VariantRows, variant_rows

__all__ = ["task_field", "write_bed", "write_vcf"]


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
