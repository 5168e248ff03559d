"""Fit calibrators to an ensemble's predictions for the calibration split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float32, Float64

from deepmr.calibration import ByKind, CalibratorTable, HeldOut, fit_calibrators
from deepmr.tasks import TaskTable

__all__ = ["Predictions", "calibrate", "splits_read"]

Predictions = tuple[
    Float64[np.ndarray, "member sample task"],
    Float32[np.ndarray, "sample task"],
    Bool[np.ndarray, "sample task"],
]
"""Predictions of every member on the effect scale, targets, and the mask of measured ones."""


def splits_read(specification: ByKind, tasks: TaskTable) -> tuple[str, ...]:
    """Return the splits whose predictions `calibrate` needs.

    Args:
        specification: Calibrator of each kind of task.
        tasks: Tasks of the outputs, in order.
    """
    binary = any(task.kind == "binary" for task in tasks)
    if binary and specification.strength == "validation":
        return ("calibration", "validation")
    return ("calibration",)


def calibrate(
    tasks: TaskTable, predictions: Mapping[str, Predictions], specification: ByKind
) -> CalibratorTable:
    """Fit the calibrator of each task to the ensemble's mean on the calibration split.

    Args:
        tasks: Tasks of the outputs, in order.
        predictions: Predictions for the splits of `splits_read`, by name of the split.
        specification: Calibrator of each kind of task.

    Raises:
        ValueError: As `fit_calibrators` does.
    """
    members, target, mask = predictions["calibration"]
    held_out = None
    if "validation" in splits_read(specification, tasks):
        others, labels, known = predictions["validation"]
        held_out = HeldOut(
            prediction=others.mean(axis=0), target=labels.astype(np.float64), mask=known
        )
    return fit_calibrators(
        specification,
        tasks,
        members.mean(axis=0),
        target.astype(np.float64),
        mask=mask,
        spread=None if len(members) < 2 else members.std(axis=0, ddof=1),
        held_out=held_out,
    )
