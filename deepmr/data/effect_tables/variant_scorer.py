"""kundajelab's variant-scorer (bpnet, chrombpnet): log2 fold change of allele 2 over allele 1."""

from __future__ import annotations

from collections.abc import Iterator

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT"]


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    return (signal(settings.task or "logfc"),)


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:  # noqa: ARG001
    score = "logfc" if head.has("logfc") else "logfc.mean"
    for batch in batches(head, ["chr", "pos", "allele1", "allele2", score]):
        yield EffectRows.of(
            chrom=batch.text("chr"),
            pos=batch.positions("pos", one_based=True),
            ref=batch.text("allele1"),
            alt=batch.text("allele2"),
            task=settings.task or "logfc",
            effect=batch.numbers(score),
        )


FORMAT = EffectFormat(
    name="variant_scorer",
    recognises=lambda head: (
        head.has("chr", "pos", "allele1", "allele2")
        and (head.has("logfc") or head.has("logfc.mean"))
    ),
    read=_read,
    tasks=_tasks,
    unit="log2 fold change",
    note="Effects are allele 2 over allele 1; only a genome (effects.genome=) tells which of them "
    "is the reference.",
)
