"""AlphaGenome's tidy scores: a row a variant, track and gene; signed scorers alone are effects.

References:
    Facts of alphagenome 0.10, ``variant_scorers.tidy_scores``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal, split_alleles
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT"]

_SIGNED = re.compile(r"\bDIFF_(MEAN|SUM|SUM_LOG2|LOG2_SUM)\b|^GeneMaskLFCScorer\(")
_KEY = ("output_type", "variant_scorer", "track_name", "track_strand", "gene_id")
_TARGETS = ("transcription_factor", "histone_mark")


def _tracks(head: Head) -> Iterator[tuple[np.ndarray, dict[str, Task]]]:
    """Yield the task's name of each row, ``""`` for unsigned scorers, with those seen first."""
    seen: dict[tuple[str, ...], Task | None] = {}
    extra = [name for name in (*_TARGETS, "biosample_name") if name in head.columns]
    for batch in batches(head, [*_KEY, *extra]):
        cells = list(zip(*(batch.text(name).tolist() for name in (*_KEY, *extra)), strict=True))
        new: dict[str, Task] = {}
        for row in dict.fromkeys(cells):
            if row not in seen:
                seen[row] = _task(dict(zip((*_KEY, *extra), row, strict=True)))
                if (task := seen[row]) is not None:
                    new[task.name] = task
        names = [task.name if (task := seen[row]) else "" for row in cells]
        yield np.asarray(names, dtype=object), new


def _task(cells: dict[str, str]) -> Task | None:
    scorer = cells["variant_scorer"]
    if not _SIGNED.search(scorer):
        return None
    kind = re.search(r"aggregation_type=(\w+)", scorer)
    width = re.search(r"width=(\d+)", scorer)
    short = kind[1] if kind else scorer.partition("(")[0]
    parts = (
        cells["output_type"],
        short + (f"_{width[1]}" if width else ""),
        cells["track_name"],
        cells["track_strand"].strip("."),
        cells["gene_id"],
    )
    target = next((cells[name] for name in _TARGETS if cells.get(name)), cells["track_name"])
    name = "|".join(part for part in parts if part)
    return signal(name, target=target, biosample=cells.get("biosample_name", ""))


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    found: dict[str, Task] = {}
    for _, new in _tracks(head):
        found |= new
    if not found:
        raise ValueError(
            f"{head.path} has scores without a sign alone (ACTIVE, L2, splicing, contact maps, "
            "polyadenylation), which are no effects; score with DIFF_LOG2_SUM, DIFF_MEAN or "
            "GeneMaskLFCScorer"
        )
    return tuple(found.values())


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:  # noqa: ARG001
    for batch, (task, _) in zip(
        batches(head, ["variant_id", "raw_score"]), _tracks(head), strict=True
    ):
        signed = task != ""
        kept = np.flatnonzero(signed & (np.isin(task, list(wanted)) if wanted else signed))
        names, inverse = np.unique(batch.text("variant_id")[kept], return_inverse=True)
        alleles = [split_alleles(name) for name in names.tolist()]
        columns = [np.asarray(one, dtype=object) for one in zip(*alleles, strict=True)]
        if not columns:
            continue
        chrom, pos, ref, alt = (column[inverse] for column in columns)
        yield EffectRows.of(
            chrom=chrom,
            pos=pos.astype(np.int64) - 1,
            ref=ref,
            alt=alt,
            task=task[kept],
            effect=batch.numbers("raw_score")[kept],
        )


FORMAT = EffectFormat(
    name="alphagenome",
    recognises=lambda head: head.has("variant_id", "variant_scorer", "track_name", "raw_score"),
    read=_read,
    tasks=_tasks,
    note="AlphaGenome's raw scores of signed scorers; unsigned ones and quantiles are no effects.",
)
