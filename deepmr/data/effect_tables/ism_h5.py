"""Saturation mutagenesis of basenji and baskerville in HDF5: (sequence, position, base, target)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.basenji import SIGNED, decoded, statistic
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head, open_h5
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.effect_tables.saturated import saturated_rows, task_names
from deepmr.tasks import Task

__all__ = ["FORMAT"]


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    width = head.shapes[statistic(head, settings)][3]
    return tuple(signal(name) for name in task_names(head, settings, width))


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [task.name for task in _tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    with open_h5(head.path) as file:
        scores, bases = file[statistic(head, settings)], file["seqs"]
        chrom = decoded(file["chr" if "chr" in file else "chrom"][:])
        start, strand = file["start"][:].astype(np.int64), decoded(file["strand"][:])
        for rows in _windows(chrom, start):
            # One window on both strands is one locus: its effects are the mean of both.
            turned = [strand[row] == "-" for row in rows]
            effect = [
                _forward(scores[row][..., kept], t) for row, t in zip(rows, turned, strict=True)
            ]
            yield saturated_rows(
                np.mean(np.asarray(effect, dtype=np.float64), axis=0),
                _forward(bases[rows[0]], turned[0]),
                [names[place] for place in kept],
                place=(chrom[rows[0]], int(start[rows[0]])),
            )


def _windows(chrom: np.ndarray, start: np.ndarray) -> list[list[int]]:
    """Return the rows of each window, in the file's order."""
    found: dict[tuple[str, int], list[int]] = {}
    for row, place in enumerate(zip(chrom.tolist(), start.tolist(), strict=True)):
        found.setdefault(place, []).append(row)
    return list(found.values())


def _forward(array: np.ndarray, turned: bool) -> np.ndarray:
    """Return positions and bases on the forward strand: A, C, G, T reversed is T, G, C, A."""
    return array[::-1, ::-1] if turned else array


FORMAT = EffectFormat(
    name="ism_h5",
    recognises=lambda head: (
        head.kind == "h5"
        and head.has("seqs", "start", "strand")
        and any(len(head.shapes[name]) == 4 for name in SIGNED if name in head.columns)
    ),
    read=_read,
    tasks=_tasks,
    note="Windows of the reverse strand were turned; one on both strands is their mean.",
)
