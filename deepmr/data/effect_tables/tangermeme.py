"""tangermeme's saturation mutagenesis with raw outputs: y0, y_hat and X in an npz file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.effect_tables.saturated import saturated_rows, task_names, window_places
from deepmr.tasks import Task

__all__ = ["FORMAT"]


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    shape = head.shapes["y_hat"]
    if len(shape) != 4 or head.shapes["y0"] != (shape[0], shape[3]):
        raise ValueError(
            f"{head.path}: y_hat must be (sequence, 4, position, target) and y0 (sequence, target),"
            f" got {shape} and {head.shapes['y0']}; reduce profiles to a number a target first"
        )
    return tuple(signal(name) for name in task_names(head, settings, shape[3]))


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [task.name for task in _tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    with np.load(head.path, allow_pickle=False) as arrays:
        mutated = arrays["y_hat"][..., kept].astype(np.float64)
        effect = mutated - arrays["y0"][:, None, None, kept].astype(np.float64)
        bases = arrays["X"]
    places = window_places(head, settings, effect.shape[0], effect.shape[2])
    for row, place in enumerate(places):
        yield saturated_rows(
            effect[row].transpose(1, 0, 2),
            bases[row].T,
            [names[column] for column in kept],
            place=place,
        )


FORMAT = EffectFormat(
    name="tangermeme",
    recognises=lambda head: head.kind == "npz" and head.has("y0", "y_hat", "X"),
    read=_read,
    tasks=_tasks,
)
