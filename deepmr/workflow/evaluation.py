"""Calibrate on one split, judge on another: metrics, scores before and after, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from deepmr.calibration import CalibratorTable, fit_calibrators
from deepmr.io.schema import METRICS
from deepmr.io.tables import write_table
from deepmr.lightning.metrics import task_metrics
from deepmr.tasks import TaskTable

__all__ = ["Evaluation", "evaluate"]

Predictions = tuple[
    Float64[np.ndarray, "member sample task"],
    Float32[np.ndarray, "sample task"],
    Bool[np.ndarray, "sample task"],
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the calibration and test splits say about an ensemble.

    Args:
        tasks: The outputs, in order.
        calibrators: Fitted on the calibration split.
        raw: Ensemble mean on the test split, before calibration.
        calibrated: The same after it.
        target: Of the test split.
        mask: True where a target was measured.
        rows: Final scores: member (-1: the ensemble), split, task, stage, metric, value.
    """

    tasks: TaskTable
    calibrators: CalibratorTable
    raw: Float64[np.ndarray, "sample task"]
    calibrated: Float64[np.ndarray, "sample task"]
    target: Float32[np.ndarray, "sample task"]
    mask: Bool[np.ndarray, "sample task"]
    rows: tuple[dict[str, Any], ...]

    def score(self, task: str, metric: str, stage: str) -> float:
        """Return one of the ensemble's scores on the test split; NaN where it is undefined."""
        for row in self.rows:
            if (row["member"], row["task"], row["metric"], row["stage"]) == (
                None,
                task,
                metric,
                stage,
            ):
                return float(row["value"])
        return float("nan")

    def calibrator_json(self) -> str:
        """Return the calibrators as JSON text."""
        return json.dumps(self.calibrators.to_record(), indent=2, allow_nan=False) + "\n"

    def write_metrics(self, path: Path, histories: Sequence[Sequence[Mapping[str, float]]]) -> None:
        """Write every epoch's and the final scores as one long, tidy table."""
        rows = [*_epoch_rows(histories), *self.rows]
        write_table(path, {name: [row[name] for row in rows] for name in METRICS.names}, METRICS)

    def summary_columns(self) -> dict[str, list[Any]]:
        """Return the ensemble's final scores as columns, for a tracker."""
        names = ("split", "task", "stage", "metric", "value")
        kept = [row for row in self.rows if row["member"] is None]
        return {name: [row[name] for row in kept] for name in names}

    def draw(
        self, folder: Path, histories: Sequence[Sequence[Mapping[str, float]]]
    ) -> dict[str, Path]:
        return {}

    def text(self) -> str:
        """Return the final scores as a short table for the terminal."""
        lines = []
        shown = (
            ("binary", ("auroc", "auprc"), "nll"),
            ("count", ("pearson", "r2"), "mse"),
            ("signal", ("pearson", "r2"), "mse"),
        )
        for kind, plain, changed in shown:
            members = [task for task in self.tasks if task.kind == kind]
            if not members:
                continue
            width = max(len(task.name) for task in members)
            n = [int(self.mask[:, self.tasks.index(task)].sum()) for task in members]
            header = f"{'test split':<{width}}  {'n':>8}"
            header += "".join(f"  {name:>8}" for name in plain)
            header += f"  {changed + ' before':>12}  {'after':>8}"
            lines.append(header)
            for task, count in zip(members, n, strict=True):
                line = f"{task.name:<{width}}  {count:>8}"
                line += "".join(f"  {self.score(task.name, m, 'before'):>8.3f}" for m in plain)
                line += f"  {self.score(task.name, changed, 'before'):>12.4f}"
                line += f"  {self.score(task.name, changed, 'after'):>8.4f}"
                lines.append(line)
        return "\n".join(lines)


def evaluate(
    tasks: TaskTable, predictions: Mapping[str, Predictions], specification: Any
) -> Evaluation:
    """Fit calibrators on the calibration split's ensemble mean, and score the test split.

    Args:
        tasks: The outputs, in order.
        predictions: For ``calibration`` and ``test``: predictions of every member on the effect
            scale, targets, and the mask of measured targets.
        specification: How each kind of task is calibrated.
    """
    members, target, mask = predictions["calibration"]
    calibrators = fit_calibrators(
        specification,
        tasks,
        members.mean(axis=0),
        target.astype(np.float64),
        mask=mask,
        spread=members.std(axis=0, ddof=1) if len(members) > 1 else None,
    )
    members, target, mask = predictions["test"]
    raw = members.mean(axis=0)
    calibrated = calibrators.transform(members).mean(axis=0)
    rows = list(_scores(tasks, raw, target, mask, member=None, stage="before"))
    rows += _scores(tasks, calibrated, target, mask, member=None, stage="after")
    for k, member in enumerate(members):
        rows += _scores(tasks, member, target, mask, member=k, stage="before")
    return Evaluation(
        tasks=tasks,
        calibrators=calibrators,
        raw=raw,
        calibrated=calibrated,
        target=target,
        mask=mask,
        rows=tuple(rows),
    )


def _scores(
    tasks: TaskTable,
    prediction: Float64[np.ndarray, "sample task"],
    target: Float32[np.ndarray, "sample task"],
    mask: Bool[np.ndarray, "sample task"],
    *,
    member: int | None,
    stage: str,
) -> list[dict[str, Any]]:
    rows = []
    for column, task in enumerate(tasks):
        kept = mask[:, column]
        scores = task_metrics(
            task.kind,
            torch.from_numpy(prediction[kept, column]),
            torch.from_numpy(target[kept, column].astype(np.float64)),
        )
        rows += [
            {
                "member": member,
                "epoch": None,
                "split": "test",
                "task": task.name,
                "stage": stage,
                "metric": metric,
                "value": value,
            }
            for metric, value in scores.items()
        ]
    return rows


def _epoch_rows(histories: Sequence[Sequence[Mapping[str, float]]]) -> list[dict[str, Any]]:
    rows = []
    for member, history in enumerate(histories):
        for epoch in history:
            for name, value in epoch.items():
                if name == "epoch":
                    continue
                split, metric, *task = name.split("/", 2)
                rows.append(
                    {
                        "member": member,
                        "epoch": int(epoch["epoch"]),
                        "split": split,
                        "task": task[0] if task else "all",
                        "stage": "before",
                        "metric": metric,
                        "value": value,
                    }
                )
    return rows
