"""Metrics of prediction quality by task, exact under several processes."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional import (
    mean_squared_error,
    pearson_corrcoef,
    r2_score,
    spearman_corrcoef,
)
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_average_precision,
    binary_calibration_error,
)

from deepmr.losses import MultiTaskLoss
from deepmr.tasks import TaskTable

__all__ = ["TaskMetrics", "task_metrics"]


def task_metrics(kind: str, prediction: Tensor, target: Tensor) -> dict[str, float]:
    """Return the metrics of one task's predictions; NaN where undefined on these targets.

    Args:
        kind: ``binary`` (predictions are logits), ``count`` or ``signal``.
        prediction: Predictions ``(sample,)`` on the effect scale.
        target: Targets ``(sample,)`` on the training scale.

    Returns:
        auroc, auprc, brier, calibration_error (15 bins of equal width, L1), nll for binary
        tasks; pearson, spearman, r2, mse for the others.
    """
    if kind == "binary":
        return _binary_metrics(prediction, target)
    missing = {"pearson": math.nan, "spearman": math.nan, "r2": math.nan, "mse": math.nan}
    if len(target) < 2:
        return missing
    values = {"mse": float(mean_squared_error(prediction, target))}
    if target.std() > 0:
        values["r2"] = float(r2_score(prediction, target))
        if prediction.std() > 0:
            values["pearson"] = float(pearson_corrcoef(prediction, target))
            values["spearman"] = float(spearman_corrcoef(prediction, target))
    return missing | values


def _binary_metrics(logit: Tensor, target: Tensor) -> dict[str, float]:
    missing = dict.fromkeys(("auroc", "auprc", "brier", "calibration_error", "nll"), math.nan)
    if len(target) == 0:
        return missing
    probability, label = logit.sigmoid(), target.round().long()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, label.to(logit.dtype))
    values = {
        "brier": float(torch.mean((probability - label) ** 2)),
        "calibration_error": float(binary_calibration_error(probability, label, n_bins=15)),
        "nll": float(loss),
    }
    if 0 < int(label.sum()) < len(label):
        # by rank of the logit: a sigmoid in single precision ties what is far out
        _, inverse = torch.unique(logit, return_inverse=True)
        order = inverse.double() / max(int(inverse.max()), 1)
        values["auroc"] = float(binary_auroc(order, label))
        values["auprc"] = float(binary_average_precision(order, label))
    return missing | values


class TaskMetrics(Metric):
    """Loss and metrics by task over a whole split, from masked batches.

    Args:
        tasks: Tasks of the outputs, in order.
        loss: The training loss, with the link from raw outputs to the effect scale.
    """

    full_state_update = False
    raw: list[Tensor]
    target: list[Tensor]
    mask: list[Tensor]

    def __init__(self, tasks: TaskTable, loss: MultiTaskLoss) -> None:
        super().__init__()
        self.tasks = tasks
        self.loss = loss
        for name in ("raw", "target", "mask"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, raw: Tensor, target: Tensor, mask: Tensor) -> None:
        """Add a batch.

        Args:
            raw: Raw outputs ``(batch, task)``.
            target: Targets ``(batch, task)``.
            mask: True where a target was measured, ``(batch, task)``.
        """
        self.raw.append(raw.detach())
        self.target.append(target)
        self.mask.append(mask)

    def compute(self) -> dict[tuple[str, str], float]:
        """Return the value of every ``(task, metric)``; ``("all", "loss")`` is the loss."""
        raw, target, mask = (
            torch.cat(state) if isinstance(state, list) else state
            for state in (self.raw, self.target, self.mask)
        )
        values = {("all", "loss"): float(self.loss(raw.float(), target, mask))}
        prediction = self.loss.to_effect_scale(raw.float()).cpu()
        target, mask = target.cpu(), mask.cpu()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchmetrics on degenerate splits: reported as NaN
            for column, task in enumerate(self.tasks):
                kept = mask[:, column]
                scores = task_metrics(task.kind, prediction[kept, column], target[kept, column])
                values |= {(task.name, name): value for name, value in scores.items()}
        return values
