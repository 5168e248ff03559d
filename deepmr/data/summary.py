"""Number, prevalence and GC content of labels by split and task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from deepmr.data.tracks import Track
from deepmr.files import atomic_write
from deepmr.tasks import TaskTable

__all__ = ["positive_weights", "summarise", "write_summary"]


def summarise(
    split: str,
    tracks: Sequence[Track],
    gc: Float32[np.ndarray, " window"],
    target: Float32[np.ndarray, "window task"],
) -> list[dict[str, Any]]:
    """Describe the labels of a split, a row per task.

    Args:
        split: Its name.
        tracks: The tasks' tracks.
        gc: GC content of each window.
        target: Targets, NaN where not measured.
    """
    result = []
    for track, value in zip(tracks, target.T, strict=True):
        known = ~np.isnan(value)
        n, binary = int(known.sum()), track.task.kind == "binary"
        positive = value == 1
        positives = int(positive.sum()) if binary else None
        mean = float(value[known].mean(dtype=np.float64)) if n else None
        result.append(
            {
                "split": split,
                "task": track.task.name,
                "n": n,
                "positives": positives,
                "prevalence": mean if binary else None,
                "mean": mean,
                "gc": float(gc.mean(dtype=np.float64)),
                "gc_positives": float(gc[positive].mean()) if positives else None,
            }
        )
    return result


def write_summary(path: Path, summary: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows as a tab-separated table for people."""
    with atomic_write(path) as stream:
        stream.write("\t".join(summary[0]) + "\n")
        for row in summary:
            cells = [f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row.values()]
            stream.write("\t".join("" if cell is None else str(cell) for cell in cells) + "\n")


def positive_weights(
    tasks: TaskTable, summary: Sequence[Mapping[str, Any]]
) -> Float32[np.ndarray, " task"]:
    """Return negatives over positives in training; 1 for tasks that are not binary."""
    rows = {row["task"]: row for row in summary if row["split"] == "train"}
    weight = np.ones(len(tasks), dtype=np.float32)
    for column, task in enumerate(tasks):
        if task.kind == "binary":  # there are positives, else the task would have been dropped
            n, positives = rows[task.name]["n"], rows[task.name]["positives"]
            weight[column] = (n - positives) / positives
    return weight
