"""Masked multi-task loss for binary, count and signal tasks, with the link to the effect scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from deepmr.anscombe import ANSCOMBE_SHIFT
from deepmr.tasks import TaskTable

__all__ = ["COUNT_LOSSES", "MultiTaskLoss"]

COUNT_LOSSES = ("mse", "poisson")


class MultiTaskLoss(nn.Module):
    """Masked multi-task loss: mean over samples of each task, then a weighted mean over tasks.

    - ``binary``: binary cross-entropy with logits; targets 0 or 1; the raw output is the logit,
      and effects are differences of logits.
    - ``count``: targets on the Anscombe scale 2 sqrt(y + 3/8), on which effects are measured.
      With ``count=mse`` the raw output is on that scale and the loss is its squared error over
      the training variance (see `output_statistics`), so that tasks have comparable losses. With
      ``count=poisson`` the raw output is the log rate and the loss the Poisson negative
      log-likelihood of the counts, up to a constant.
    - ``signal``: squared error over the training variance; raw output and effects are in the unit
      of the signal.

    A missing label (``mask`` false) is left out, whatever its value, NaN included. A task with few
    labels has the same weight as one with many; a task without a label in a batch is left out of
    that batch's mean.

    Args:
        tasks: Tasks of the outputs, in order.
        outcomes: Names of the tasks on the outcome head; the others are on the exposure head.
        count: Loss of count tasks, ``mse`` (default) or ``poisson``.
        exposure_weight: Weight of every task on the exposure head, 1 by default.
        outcome_weight: Weight of every task on the outcome head, 1 by default.
        positive_weight: Weight of a positive relative to a negative label, one per task, used for
            binary tasks. None (the default) gives equal weights, which keeps predicted
            probabilities calibrated.
        standardise: Compute location and spread in `output_statistics` (default); False sets them
            to 0 and 1, so that squared errors are not divided by the variance.

    Raises:
        ValueError: If ``count`` is unknown, a weight is negative or all are 0, or
            ``positive_weight`` does not have one positive number per task.
        LookupError: If an outcome is not among the tasks.
    """

    binary: Tensor
    counted: Tensor
    weight: Tensor
    positive_weight: Tensor
    spread: Tensor

    def __init__(
        self,
        tasks: TaskTable,
        *,
        outcomes: Sequence[str] = (),
        count: str = "mse",
        exposure_weight: float = 1.0,
        outcome_weight: float = 1.0,
        positive_weight: Sequence[float] | None = None,
        standardise: bool = True,
    ) -> None:
        super().__init__()
        if count not in COUNT_LOSSES:
            raise ValueError(f"loss.count is one of {', '.join(COUNT_LOSSES)}; got {count!r}")
        if min(exposure_weight, outcome_weight) < 0:
            raise ValueError(
                f"loss weights must not be negative, got exposure {exposure_weight} "
                f"and outcome {outcome_weight}"
            )
        unknown = sorted(set(outcomes) - set(tasks.names))
        if unknown:
            raise LookupError(f"outcomes must be tasks of the model, got {', '.join(unknown)}")
        weight = [outcome_weight if name in outcomes else exposure_weight for name in tasks.names]
        if not any(weight):
            raise ValueError(
                "every task has weight 0; raise loss.exposure_weight or loss.outcome_weight"
            )
        positive = [1.0] * len(tasks) if positive_weight is None else list(positive_weight)
        if (
            len(positive) != len(tasks)
            or min(positive) <= 0
            or not all(map(math.isfinite, positive))
        ):
            raise ValueError(
                f"positive_weight must be a positive number for each of {len(tasks)} tasks, "
                f"got {positive}"
            )
        self.count = count
        self.standardise = standardise
        kinds = [task.kind for task in tasks]
        self.register_buffer("binary", torch.tensor([kind == "binary" for kind in kinds]))
        self.register_buffer("counted", torch.tensor([kind == "count" for kind in kinds]))
        self.register_buffer("weight", torch.tensor(weight, dtype=torch.float32))
        self.register_buffer("positive_weight", torch.tensor(positive, dtype=torch.float32))
        self.register_buffer("spread", torch.ones(len(tasks)))
        # Known here once: asking a buffer would wait for the device at every step.
        self._has_binary = "binary" in kinds
        self._all_binary = set(kinds) == {"binary"}
        self._has_poisson = count == "poisson" and "count" in kinds

    @property
    def _poisson(self) -> Bool[Tensor, " task"]:
        """Tasks whose raw output is a log rate."""
        return self.counted if self.count == "poisson" else torch.zeros_like(self.counted)

    def output_statistics(
        self,
        target: Float[Tensor, "sample task"],
        mask: Bool[Tensor, "sample task"],
    ) -> tuple[Float[Tensor, " task"], Float[Tensor, " task"]]:
        """Return location and spread of the raw outputs, from the training data.

        Also sets the variance by which squared errors are divided. The result is for
        `deepmr.models.set_output_statistics`.

        Args:
            target: Training targets.
            mask: True where a target was measured.

        Returns:
            shift: Mean target; for a binary task the logit of its prevalence; for a log rate the
                log of the mean count. Half a positive and half a negative are added to binary
                labels, so that a task without positives has a finite logit.
            scale: Standard deviation of the targets; 1 for logits and log rates, and where the
                targets do not vary.

        Raises:
            ValueError: If a task has no label, or a labelled target is not finite.
        """
        n = mask.sum(dim=0)
        if bool((n == 0).any()):
            missing = torch.nonzero(n == 0).flatten().tolist()
            raise ValueError(f"tasks at positions {missing} have no training label; drop them")
        if not self.standardise:
            return torch.zeros_like(self.spread), torch.ones_like(self.spread)
        known = torch.where(mask, target, torch.zeros_like(target)).double()
        if not bool(torch.isfinite(known).all()):
            raise ValueError("labelled targets must be finite, got NaN or infinity; mask them")
        mean = known.sum(dim=0) / n
        deviation = torch.where(mask, known - mean, torch.zeros_like(known))
        variance = deviation.square().sum(dim=0) / n
        spread = torch.where(variance > 0, variance.sqrt(), torch.ones_like(variance))
        positives = known.sum(dim=0)
        logit = torch.log((positives + 0.5) / (n - positives + 0.5).clamp_min(0.5))
        counts = torch.where(mask, _count(known), torch.zeros_like(known)).sum(dim=0) / n
        log_rate = torch.log(counts.clamp_min(1e-3))
        shift = torch.where(self.binary, logit, torch.where(self._poisson, log_rate, mean))
        free = self.binary | self._poisson
        scale = torch.where(free, torch.ones_like(spread), spread)
        self.spread.copy_(scale)
        return shift.float(), scale.float()

    def per_task(
        self,
        raw: Float[Tensor, "batch task"],
        target: Float[Tensor, "batch task"],
        mask: Bool[Tensor, "batch task"],
    ) -> Float[Tensor, " task"]:
        """Return each task's mean loss over its labelled samples; NaN where there is none.

        Args:
            raw: Raw outputs.
            target: Targets on the training scale.
            mask: True where a target was measured.
        """
        known = torch.where(mask, target, 0.0)
        n = mask.sum(dim=0)
        total = torch.where(mask, self._elementwise(raw, known), 0.0).sum(dim=0)
        return torch.where(n > 0, total / n.clamp_min(1), torch.nan)

    def _elementwise(
        self, raw: Float[Tensor, "batch task"], target: Float[Tensor, "batch task"]
    ) -> Float[Tensor, "batch task"]:
        if self._all_binary:
            return F.binary_cross_entropy_with_logits(
                raw, target, pos_weight=self.positive_weight, reduction="none"
            )
        loss = ((raw - target) / self.spread).square()
        if self._has_binary:
            # Columns of other kinds hold no probabilities; any finite value does, as it is unused.
            label = torch.where(self.binary, target, torch.zeros_like(target))
            entropy = F.binary_cross_entropy_with_logits(
                raw, label, pos_weight=self.positive_weight, reduction="none"
            )
            loss = torch.where(self.binary, entropy, loss)
        if self._has_poisson:
            log_rate = torch.where(self._poisson, raw, torch.zeros_like(raw))
            likelihood = F.poisson_nll_loss(log_rate, _count(target), reduction="none")
            loss = torch.where(self._poisson, likelihood, loss)
        return loss

    def forward(
        self,
        raw: Float[Tensor, "batch task"],
        target: Float[Tensor, "batch task"],
        mask: Bool[Tensor, "batch task"],
    ) -> Float[Tensor, ""]:
        """Return the loss of a batch; 0, with a gradient of 0, if no target was measured.

        Args:
            raw: Raw outputs.
            target: Targets on the training scale.
            mask: True where a target was measured.
        """
        per_task = self.per_task(raw, target, mask)
        weight = torch.where(mask.any(dim=0), self.weight, 0.0)
        present = torch.where(weight > 0, per_task, 0.0)
        total = weight.sum()
        return (weight * present).sum() / torch.where(total > 0, total, 1.0)

    def to_effect_scale(self, raw: Float[Tensor, "*batch task"]) -> Float[Tensor, "*batch task"]:
        """Return raw outputs on the effect scale: logits, signals, Anscombe-transformed counts.

        Args:
            raw: Raw outputs.
        """
        if not self._has_poisson:
            return raw
        log_rate = torch.where(self._poisson, raw, torch.zeros_like(raw))
        anscombe = 2.0 * torch.sqrt(torch.exp(log_rate) + ANSCOMBE_SHIFT)
        return torch.where(self._poisson, anscombe, raw)


def _count(anscombe: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Invert 2 sqrt(y + 3/8)."""
    return (anscombe.square() / 4.0 - ANSCOMBE_SHIFT).clamp_min(0.0)
