"""Effects that `deepmr export` wrote: read back as they were measured, to the bit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task, TaskTable

__all__ = ["FORMAT", "TABLE"]

TABLE = "exported effects"
"""``table`` in the metadata of such a file."""

_COLUMNS = ("chrom", "pos", "ref", "alt", "task", "member", "effect", "se", "locus", "variant")


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    return TaskTable.from_records(json.loads(head.metadata["tasks"])).tasks


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:  # noqa: ARG001
    for batch in batches(head, _COLUMNS):
        rows = EffectRows.of(
            chrom=batch.text("chrom"),
            pos=batch.numbers("pos").astype(np.int64) - 1,
            ref=batch.text("ref"),
            alt=batch.text("alt"),
            task=batch.text("task"),
            effect=batch.numbers("effect"),
            se=batch.numbers("se"),
            member=batch.text("member"),
            locus=batch.text("locus"),
            variant=batch.numbers("variant").astype(np.int64),
        )
        yield rows if wanted is None else rows.where(np.isin(rows.task, list(wanted)))


FORMAT = EffectFormat(
    name="deepmr",
    recognises=lambda head: head.metadata.get("table") == TABLE,
    read=_read,
    tasks=_tasks,
)
