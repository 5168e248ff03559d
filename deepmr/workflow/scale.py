"""From raw outputs to the scale on which effects are measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.special import expit
from torch import Tensor

from deepmr.calibration import CalibratorTable
from deepmr.tasks import TaskTable

__all__ = ["SCALES", "EffectScale"]

SCALES = ("logit", "probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectScale:
    """Link, calibrator and, by choice, probability: applied to every member alike.

    Args:
        tasks: The model's outputs, in order.
        link: From raw outputs to logits, the Anscombe scale, or the signal itself.
        calibrators: One a task.
        scale: ``logit`` leaves effects there; ``probability`` turns binary tasks' into
            probabilities and leaves the others as they are.

    Raises:
        ValueError: If ``scale`` is neither.
    """

    tasks: TaskTable
    link: Callable[[Tensor], Tensor]
    calibrators: CalibratorTable
    scale: str = "logit"

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale is one of {', '.join(SCALES)}, got {self.scale!r}")

    def __call__(self, raw: Float[np.ndarray, "*batch task"]) -> Float64[np.ndarray, "*batch task"]:
        """Return calibrated predictions on the effect scale."""
        linked = self.link(torch.from_numpy(np.asarray(raw, dtype=np.float64))).numpy()
        calibrated = self.calibrators.transform(linked)
        if self.scale == "probability":
            binary = np.array([task.kind == "binary" for task in self.tasks])
            calibrated = np.where(binary, expit(calibrated), calibrated)
        return calibrated

    def units(self) -> dict[str, str]:
        """Return the unit of each task's effects."""
        unit = {"binary": self.scale, "count": "anscombe", "signal": "signal"}
        return {task.name: unit[task.kind] for task in self.tasks}
