"""LightningModule that trains one member of an ensemble on all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from deepmr.lightning.metrics import TaskMetrics
from deepmr.lightning.rehearsal import schedule_length
from deepmr.lightning.shared_batch_norm import share_batch_norm
from deepmr.losses import MultiTaskLoss
from deepmr.sequence import one_hot
from deepmr.tasks import TaskTable

__all__ = ["MultiTaskModule", "epoch_seed", "share_of_loss"]

Batch = Sequence[Tensor]


def epoch_seed(seed: int, member: int, epoch: int, rank: int = 0) -> int:
    """Return the seed of one epoch of one member.

    Lightning stores no random-generator state; reseeding every epoch makes an interrupted and
    resumed training equal to an uninterrupted one.

    Args:
        seed: Seed of the ensemble.
        member: Position in the ensemble, from 0.
        epoch: Number of the epoch, from 0.
        rank: Rank of the process, 0 by default.

    Example:
        >>> epoch_seed(0, member=1, epoch=2) == epoch_seed(0, member=1, epoch=2)
        True
    """
    state = np.random.SeedSequence(entropy=seed, spawn_key=(member, epoch, rank))
    return int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))


def share_of_loss(
    loss: MultiTaskLoss,
    raw: Float[Tensor, "batch task"],
    target: Float[Tensor, "batch task"],
    mask: Bool[Tensor, "batch task"],
    labels: Int[Tensor, " task"],
    processes: int,
) -> Float[Tensor, ""]:
    """Return a process's share of the loss of a batch that is divided between processes.

    The mean over processes, which is what their gradients are averaged to, is the loss of the
    whole batch, also where labels are missing unevenly.

    Args:
        loss: Masked multi-task loss.
        raw: Raw outputs of this process's windows.
        target: Targets on the training scale.
        mask: True where a target was measured.
        labels: Labels of each task in the whole batch.
        processes: Number of processes.
    """
    present = labels > 0
    mean = loss.per_task(raw, target, mask)
    mean = torch.where(mask.any(dim=0), mean, torch.zeros_like(mean))
    share = mask.sum(dim=0) / labels.clamp_min(1)
    weight = torch.where(present, loss.weight, torch.zeros_like(loss.weight))
    total = weight.sum()
    whole = (weight * share * mean).sum() / torch.where(total > 0, total, torch.ones_like(total))
    return processes * whole


class MultiTaskModule(pl.LightningModule):
    """Train one network on all tasks jointly.

    Args:
        network: ``(batch, 4, length)`` to ``(batch, task)`` raw outputs.
        loss: Masked multi-task loss, with the link from raw outputs to the effect scale.
        optimizer: Builds the optimizer from the parameters.
        schedule: ``build``, which builds the schedule from the optimizer, and ``interval``,
            ``step`` or ``epoch``.
        tasks: Tasks of the outputs, in order.
        seed: Seed of the ensemble.
        member: Position in the ensemble, from 0.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: MultiTaskLoss,
        *,
        optimizer: Callable[..., torch.optim.Optimizer],
        schedule: Mapping[str, Any],
        tasks: TaskTable,
        seed: int,
        member: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.seed = seed
        self.member = member
        self.metrics = TaskMetrics(tasks, loss)

    def forward(self, codes: UInt8[Tensor, "batch length"]) -> Float[Tensor, "batch task"]:
        """Predict raw outputs from base codes, expanded to one-hot on the device."""
        return self.network(one_hot(codes))

    def on_train_start(self) -> None:
        """Let several processes normalise by the statistics of the whole batch."""
        if self.trainer.world_size > 1:
            share_batch_norm(self.network)

    def on_train_epoch_start(self) -> None:
        """Reseed: the epoch's dropout depends on seed, member and epoch alone."""
        torch.manual_seed(epoch_seed(self.seed, self.member, self.current_epoch, self.global_rank))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss of a batch."""
        codes, target, mask = batch
        processes = self.trainer.world_size
        if processes == 1:
            return self.loss(self(codes), target, mask)
        n = mask.sum(dim=0)
        labels = self.trainer.strategy.reduce(n, reduce_op="sum")
        return share_of_loss(self.loss, self(codes), target, mask, labels, processes)

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect predictions of the validation split."""
        codes, target, mask = batch
        self.metrics.update(self(codes), target, mask)

    def on_validation_epoch_end(self) -> None:
        """Log the loss over the whole split, and every metric that is defined on it."""
        values = self.metrics.compute()
        self.metrics.reset()
        self.log("validation/loss", values.pop(("all", "loss")), prog_bar=True)
        self.log_dict({f"validation/{m}/{t}": v for (t, m), v in values.items() if v == v})

    def configure_optimizers(self) -> dict[str, Any]:
        """Build optimizer and schedule, with the number of steps where a schedule needs it."""
        optimizer = self.optimizer(self.parameters())
        build = self.schedule["build"]
        length = schedule_length(build, int(self.trainer.estimated_stepping_batches))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": build(optimizer, **length),
                "interval": self.schedule["interval"],
                "monitor": "validation/loss",
            },
        }
