"""One fitted calibrator a task: fitted, stored and applied together."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.calibration.binary import FittedAffine
from deepmr.calibration.by_kind import ByKind, choose_strength, weaken
from deepmr.calibration.contract import FittedCalibrator, FittedIdentity
from deepmr.calibration.record import from_record
from deepmr.tasks import Task, TaskTable

__all__ = ["CalibratorTable", "HeldOut", "fit_calibrators"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Predictions of a split that calibrators are not fitted on, to choose their strength.

    Args:
        prediction: The ensemble's mean raw prediction.
        target: Labels, on the predictions' scale for counts and signals.
        mask: True where there is a label.
    """

    prediction: Float64[np.ndarray, "sample task"]
    target: Float64[np.ndarray, "sample task"]
    mask: Bool[np.ndarray, "sample task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratorTable:
    """The fitted calibrators of a model's outputs, in the order of its tasks.

    Args:
        names: The tasks' names, in order.
        calibrators: One a task.

    Raises:
        ValueError: If their numbers differ.
    """

    names: tuple[str, ...]
    calibrators: tuple[FittedCalibrator, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.calibrators):
            raise ValueError(
                f"a calibrator table needs one calibrator a task, got {len(self.calibrators)} "
                f"for {len(self.names)} tasks"
            )

    def of(self, name: str) -> FittedCalibrator:
        """Return one task's calibrator.

        Raises:
            LookupError: If the task has none.
        """
        if name not in self.names:
            raise LookupError(f"no calibrator for {name!r}; there are: {', '.join(self.names)}")
        return self.calibrators[self.names.index(name)]

    def transform(
        self, prediction: Float64[np.ndarray, "*batch task"]
    ) -> Float64[np.ndarray, "*batch task"]:
        """Calibrate predictions whose last axis is the tasks, in the table's order.

        Raises:
            ValueError: If the number of tasks differs.
        """
        if prediction.shape[-1] != len(self.names):
            raise ValueError(
                f"the calibrators are for {len(self.names)} tasks, got predictions of "
                f"{prediction.shape[-1]}; were they fitted for another model?"
            )
        columns = [
            calibrator.transform(prediction[..., position])
            for position, calibrator in enumerate(self.calibrators)
        ]
        return np.stack(columns, axis=-1)

    def require_effects(self, *names: str) -> None:
        """Refuse tasks whose calibrator is flat somewhere: their effects would vanish there.

        Raises:
            LookupError: If a task has no calibrator.
            ValueError: If one is not strictly increasing.
        """
        for name in names:
            if not self.of(name).strictly_increasing:
                kind = self.of(name).to_record()["type"]
                raise ValueError(
                    f"effects need a strictly increasing calibrator, got {kind} for {name}; "
                    "train with calibrator=temperature, or isotonic with strict=true"
                )

    def to_record(self) -> dict[str, Any]:
        """Return plain data, one record a task."""
        records = {
            name: calibrator.to_record()
            for name, calibrator in zip(self.names, self.calibrators, strict=True)
        }
        return {"schema_version": 1, "tasks": records}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CalibratorTable:
        """Restore a table from `to_record`.

        Raises:
            ValueError: If the version or a calibrator's type is unknown.
        """
        if record.get("schema_version") != 1 or not isinstance(record.get("tasks"), Mapping):
            raise ValueError(
                "a calibrator table has schema_version 1 and tasks, got "
                f"{record.get('schema_version')!r}; was it written by another version?"
            )
        tasks: Mapping[str, Any] = record["tasks"]
        return cls(
            names=tuple(tasks), calibrators=tuple(from_record(one) for one in tasks.values())
        )

    @classmethod
    def identity(cls, tasks: TaskTable, *, reason: str) -> CalibratorTable:
        """Return the table that changes nothing, for a model that was never calibrated."""
        return cls(names=tasks.names, calibrators=(FittedIdentity(reason=reason),) * len(tasks))


def fit_calibrators(
    specification: ByKind,
    tasks: TaskTable,
    prediction: Float64[np.ndarray, "sample task"],
    target: Float64[np.ndarray, "sample task"],
    *,
    mask: Bool[np.ndarray, "sample task"] | None = None,
    spread: Float64[np.ndarray, "sample task"] | None = None,
    held_out: HeldOut | None = None,
) -> CalibratorTable:
    """Fit one calibrator a task on the calibration split.

    A task that cannot be calibrated (no labels, fewer than ``min_class`` of either class, too few
    samples for a distribution) keeps its raw predictions; its record holds the reason and a
    warning names it.

    Args:
        specification: Which calibrator for which kind.
        tasks: The outputs, in order.
        prediction: The ensemble's mean raw prediction.
        target: Labels, on the predictions' scale for counts and signals.
        mask: True where there is a label; by default wherever the target is not NaN.
        spread: Standard deviation over members (ddof 1).
        held_out: The validation split, where the specification's strength is chosen on it.

    Raises:
        ValueError: If shapes do not agree, a calibrator refuses its input, or a strength is to be
            chosen without ``held_out`` or for calibrators that are no lines.

    Example:
        >>> logit = np.linspace(-4, 4, 100)[:, None]
        >>> label = (np.random.default_rng(0).random((100, 1)) < 1 / (1 + np.exp(-logit))) * 1.0
        >>> tasks = TaskTable((Task("GATA1", "GATA1"),))
        >>> fit_calibrators(ByKind(), tasks, logit, label).of("GATA1").strictly_increasing
        True
    """
    shape = (target.shape[0], len(tasks))
    for what, values in (("predictions", prediction), ("targets", target)):
        if values.shape != shape:
            raise ValueError(
                f"calibration needs {what} of shape (sample, task) = {shape}, got {values.shape}"
            )
    known = ~np.isnan(target) if mask is None else mask
    fitted: list[FittedCalibrator] = []
    for position, task in enumerate(tasks):
        kept = known[:, position]
        fitted.append(
            _fit_one(
                specification,
                task,
                prediction[kept, position],
                target[kept, position],
                None if spread is None else spread[kept, position],
            )
        )
    left = {
        task.name: one.reason
        for task, one in zip(tasks, fitted, strict=True)
        if isinstance(one, FittedIdentity) and one.reason != FittedIdentity().reason
    }
    if left:
        first = "; ".join(f"{name} ({reason})" for name, reason in list(left.items())[:5])
        more = f"; and {len(left) - 5} more" if len(left) > 5 else ""
        warnings.warn(
            f"{len(left)} of {len(tasks)} tasks keep uncalibrated predictions: {first}{more}",
            stacklevel=2,
        )
    if specification.strength == "validation" and any(task.kind == "binary" for task in tasks):
        fitted = _weakened(fitted, tasks, held_out, specification.min_class)
    return CalibratorTable(names=tasks.names, calibrators=tuple(fitted))


def _weakened(
    fitted: list[FittedCalibrator], tasks: TaskTable, held_out: HeldOut | None, min_class: int
) -> list[FittedCalibrator]:
    if held_out is None:
        raise ValueError(
            "calibrator.strength=validation needs predictions of the validation split, got none; "
            "pass held_out=, or choose strength=full"
        )
    binary = np.array([task.kind == "binary" for task in tasks])
    for task, one in zip(tasks, fitted, strict=True):
        if task.kind == "binary" and not isinstance(one, FittedAffine | FittedIdentity):
            raise ValueError(
                "calibrator.strength=validation weakens calibrators that are a line on the logit "
                f"scale, got {one.to_record()['type']} for {task.name}; choose strength=full"
            )
    strength = choose_strength(
        fitted, held_out.prediction, held_out.target, held_out.mask & binary, min_class=min_class
    )
    return [weaken(one, strength) if isinstance(one, FittedAffine) else one for one in fitted]


def _fit_one(
    specification: ByKind,
    task: Task,
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    spread: Float64[np.ndarray, " sample"] | None,
) -> FittedCalibrator:
    if target.size == 0:
        return FittedIdentity(reason="no labelled samples in the calibration split")
    if task.kind == "binary":
        positives = int(np.sum(target == 1))
        if min(positives, target.size - positives) < specification.min_class:
            return FittedIdentity(
                reason=f"{positives} positives and {target.size - positives} negatives in the "
                f"calibration split, fewer than {specification.min_class} of a class"
            )
    return specification.of(task.kind).fit(prediction, target, spread=spread)
