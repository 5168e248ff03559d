"""Calibration and evaluation of an ensemble: metrics, calibration scores and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64
from scipy.special import expit

from deepmr.calibration import (
    CalibrationCurve,
    CalibratorTable,
    FittedConformal,
    FittedVariance,
    PredictiveCalibrator,
    TaskScore,
    reliability_curve,
    score_tasks,
)
from deepmr.files import atomic_write, safe_name
from deepmr.inference.between_sites import prediction_error_ratio
from deepmr.io.table_schemas import METRICS, SCORES
from deepmr.io.tables import write_table
from deepmr.lightning.metrics import task_metrics
from deepmr.tasks import Task, TaskTable
from deepmr.workflow.calibration import Predictions, calibrate
from deepmr.workflow.calibration_slope import slope_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Predictions of an ensemble for the test split, with metrics before and after calibration.

    Args:
        tasks: Tasks of the outputs, in order.
        calibrators: Calibrators fitted on the calibration split.
        raw: Ensemble mean on the test split before calibration, on the effect scale.
        calibrated: Ensemble mean on the test split after calibration.
        spread: Standard deviation over members (ddof 1); 0 for a single one.
        target: Targets of the test split.
        mask: True where a target was measured.
        rows: Rows of the metrics table: member (None for the ensemble), split, task, stage,
            metric, value.
        scores: Calibration before and after, with intervals.
        error_ratios: By task, shared error of held-out predictions (ratio to the variance between
            members), where the noise floor is known.
    """

    tasks: TaskTable
    calibrators: CalibratorTable
    raw: Float64[np.ndarray, "sample task"]
    calibrated: Float64[np.ndarray, "sample task"]
    spread: Float64[np.ndarray, "sample task"]
    target: Float32[np.ndarray, "sample task"]
    mask: Bool[np.ndarray, "sample task"]
    rows: tuple[dict[str, Any], ...]
    scores: tuple[TaskScore, ...]
    error_ratios: Mapping[str, float]

    def score(self, task: str, metric: str, stage: str) -> float:
        """Return one of the ensemble's metrics on the test split; NaN where it is undefined.

        Args:
            task: Name of the task.
            metric: Name of the metric, such as ``auroc``.
            stage: ``before`` or ``after`` calibration.
        """
        for row in self.rows:
            if (row["member"], row["task"], row["metric"], row["stage"]) == (
                None,
                task,
                metric,
                stage,
            ):
                return float(row["value"])
        return float("nan")

    def _nll(self, task: str, stage: str) -> float:
        wanted = (task, stage, "nll")
        found = [row.value for row in self.scores if (row.task, row.stage, row.score) == wanted]
        return found[0] if found else float("nan")

    def calibrator_json(self) -> str:
        """Return the calibrators as JSON text."""
        return json.dumps(self.calibrators.to_record(), indent=2, allow_nan=False) + "\n"

    def write_metrics(self, path: Path, histories: Sequence[Sequence[Mapping[str, float]]]) -> None:
        """Write the metrics of every epoch and of the final ensemble as one long table.

        Args:
            path: The parquet file.
            histories: Metrics of each epoch, by member.
        """
        rows = [*_epoch_rows(histories), *self.rows, *slope_rows(self._score_columns())]
        write_table(path, {name: [row[name] for row in rows] for name in METRICS.names}, METRICS)

    def summary_columns(self) -> dict[str, list[Any]]:
        """Return the ensemble's metrics as columns, for a tracker."""
        names = ("split", "task", "stage", "metric", "value")
        kept = [row for row in self.rows if row["member"] is None]
        return {name: [row[name] for row in kept] for name in names}

    def write_scores(self, path: Path) -> None:
        """Write calibration scores with their intervals, before and after calibration.

        Args:
            path: The parquet file.
        """
        write_table(path, self._score_columns(), SCORES)

    def _score_columns(self) -> dict[str, list[Any]]:
        stage = {"raw": "before", "calibrated": "after"}
        rows = [row.to_record() | {"stage": stage[row.stage]} for row in self.scores]
        return {name: [row[name] for row in rows] for name in SCORES.names}

    def draw(self, folder: Path) -> dict[str, Path]:
        """Draw the reliability diagram of every task with both classes in the test split.

        Args:
            folder: Folder of the PNG files.

        Returns:
            Paths of the figures by name.
        """
        from deepmr.plot import to_png  # late: matplotlib takes half a second

        figures: dict[str, Path] = {}
        for column, task in enumerate(self.tasks):
            axes = self._reliability(task, column)
            if axes is None:
                continue
            name = f"reliability-{safe_name(task.name)}"
            figures[name] = folder / f"{name}.png"
            with atomic_write(figures[name], "wb") as stream:
                stream.write(to_png(axes))
        return figures

    def _reliability(self, task: Task, column: int) -> Axes | None:
        from deepmr.plot import reliability

        kept = self.mask[:, column]
        target = self.target[kept, column].astype(np.float64)
        raw, spread = self.raw[kept, column], self.spread[kept, column]
        fitted = self.calibrators.of(task.name)
        if task.kind == "binary":
            if len(np.unique(target)) < 2:
                return None
            curves = {
                name: reliability_curve(expit(logit), target)
                for name, logit in (("before", raw), ("after", fitted.transform(raw)))
            }
            return reliability(curves, task=task.name, log=bool(target.mean() < 0.05))
        if not isinstance(fitted, PredictiveCalibrator) or len(target) < 2:
            return None
        promised = FittedVariance(noise=1.0, scale=1.0)
        before = {"before": promised} if task.kind == "count" else {}
        curves = {
            name: _coverage(one, raw, spread, target)
            for name, one in (before | {"after": fitted}).items()
        }
        axes = reliability(curves, task=task.name)
        axes.set(xlabel="Nominal coverage of an interval", ylabel="Observed coverage")
        return axes

    def text(self) -> str:
        """Return the ensemble's metrics as a short table for the terminal."""
        lines = []
        shown = (("binary", ("auroc", "auprc")), ("count", ("pearson", "r2")), ("signal", ("r2",)))
        for kind, metrics in shown:
            members = [task for task in self.tasks if task.kind == kind]
            if not members:
                continue
            width = max(10, *(len(task.name) for task in members))
            lines.append(
                f"{'test split':<{width}}  {'n':>8}"
                + "".join(f"  {name:>8}" for name in metrics)
                + f"  {'nll before':>10}  {'after':>8}"
            )
            for task in members:
                n = int(self.mask[:, self.tasks.index(task)].sum())
                cells = [self.score(task.name, name, "before") for name in metrics]
                nll = [self._nll(task.name, stage) for stage in ("raw", "calibrated")]
                lines.append(
                    f"{task.name:<{width}}  {n:>8}"
                    + "".join(f"  {value:>8.3f}" for value in cells)
                    + f"  {nll[0]:>10.4f}  {nll[1]:>8.4f}"
                )
        return "\n".join(lines)


def evaluate(
    tasks: TaskTable, predictions: Mapping[str, Predictions], specification: Any
) -> Evaluation:
    """Fit calibrators on the calibration split, and evaluate the ensemble on the test split.

    Args:
        tasks: Tasks of the outputs, in order.
        predictions: Predictions for ``test`` and for the splits of
            `deepmr.workflow.calibration.splits_read`.
        specification: Calibrator of each kind of task.
    """
    calibrators = calibrate(tasks, predictions, specification)
    members, target, mask = predictions["test"]
    alone = len(members) < 2
    raw = members.mean(axis=0)
    spread = np.zeros_like(raw) if alone else members.std(axis=0, ddof=1)
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
        spread=spread,
        target=target,
        mask=mask,
        rows=tuple(rows),
        error_ratios=_error_ratios(tasks, *predictions["calibration"]),
        scores=tuple(
            score_tasks(
                calibrators,
                tasks,
                raw,
                target.astype(np.float64),
                mask=mask,
                spread=None if alone else spread,
                draws=200,
            )
        ),
    )


def _error_ratios(
    tasks: TaskTable,
    members: Float64[np.ndarray, "member sample task"],
    target: Float32[np.ndarray, "sample task"],
    mask: Bool[np.ndarray, "sample task"],
) -> dict[str, float]:
    """Return the shared error of held-out predictions of the tasks whose noise floor is known.

    Counts have one: a Poisson count's variance on the Anscombe scale is 1. Peaks and signals have
    none without replicates.
    """
    ratios = {}
    for column, task in enumerate(tasks):
        kept = mask[:, column]
        if task.kind == "count" and len(members) > 1 and kept.any():
            observed = target[kept, column].astype(np.float64)
            ratios[task.name] = prediction_error_ratio(members[:, kept, column], observed)
    return {name: ratio for name, ratio in ratios.items() if np.isfinite(ratio)}


def _coverage(
    calibrator: PredictiveCalibrator,
    prediction: Float64[np.ndarray, " sample"],
    spread: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
) -> CalibrationCurve:
    """Return the observed coverage of intervals at ten nominal levels, or at a conformal one's."""
    levels = np.append(np.arange(0.1, 0.95, 0.1), 0.95)
    if isinstance(calibrator, FittedConformal):
        levels = np.array(calibrator.levels)
    observed = []
    for level in levels:
        lower, upper = calibrator.interval(prediction, spread, level=float(level))
        observed.append(np.mean((lower <= target) & (target <= upper)))
    return CalibrationCurve(
        confidence=levels,
        frequency=np.array(observed),
        count=np.full(len(levels), len(target), dtype=np.int64),
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
                        "task": task[0] if task else None,
                        "stage": "before",
                        "metric": metric,
                        "value": value,
                    }
                )
    return rows
