"""Snapshots of one training: weights at the end of each cycle of the learning rate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from deepmr.files import atomic_write

__all__ = ["SNAPSHOTS", "Snapshots", "cosine_cycles", "snapshot_paths"]

SNAPSHOTS = "snapshots"


def cosine_cycles(
    optimizer: torch.optim.Optimizer, *, total_steps: int, cycles: int, warmup: float = 0.0
) -> LambdaLR:
    """Return a cyclic cosine schedule: the learning rate falls to 0 in each of several cycles.

    Args:
        optimizer: Optimizer whose learning rate is the largest of each cycle.
        total_steps: Number of steps of the whole training.
        cycles: Number of cycles, of equal length.
        warmup: Share of a cycle in which the rate first rises from 0; 0 by default.

    Raises:
        ValueError: If there is no cycle, a cycle has no step, or the share is outside [0, 1).

    References:
        Huang et al. 2017, doi:10.48550/arXiv.1704.00109 (equation 2; without the warm-up).
    """
    if not 1 <= cycles <= total_steps:
        raise ValueError(
            f"scheduler.build.cycles lies between 1 and the steps ({total_steps}), got {cycles}"
        )
    if not 0 <= warmup < 1:
        raise ValueError(f"scheduler.build.warmup must lie in [0, 1), got {warmup}")
    period = total_steps / cycles

    def factor(step: int) -> float:
        done = math.fmod(step, period) / period
        if done < warmup:
            return done / warmup
        return 0.5 * (1.0 + math.cos(math.pi * (done - warmup) / (1.0 - warmup)))

    return LambdaLR(optimizer, factor)


class Snapshots(Callback):
    """Callback that saves a network's weights at the end of each of several cycles.

    They are saved beside the checkpoints as ``snapshots/<k>.ckpt``, tensors alone. A resumed
    training saves the remaining ones: an epoch's snapshot is written before the epoch ends.

    Args:
        cycles: Number of cycles, two or more; that of `cosine_cycles`.

    Raises:
        ValueError: If there are fewer than two.
    """

    def __init__(self, *, cycles: int) -> None:
        if cycles < 2:
            raise ValueError(f"callbacks.snapshots.cycles must be at least 2, got {cycles}")
        self.cycles = cycles

    def on_fit_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Refuse a training whose cycles would end within an epoch.

        Raises:
            ValueError: If the epochs are no multiple of the cycles.
        """
        epochs = trainer.max_epochs or 0
        if epochs < 1 or epochs % self.cycles:
            raise ValueError(
                f"trainer.max_epochs must be a multiple of callbacks.snapshots.cycles "
                f"({self.cycles}), got {trainer.max_epochs}; a snapshot is taken at an epoch's end"
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a snapshot at the end of a cycle."""
        done, rest = divmod(trainer.current_epoch + 1, trainer.max_epochs // self.cycles)
        if rest or not trainer.is_global_zero:
            return
        network: nn.Module = pl_module.network
        state: dict[str, Any] = {
            name: tensor.detach().cpu() for name, tensor in network.state_dict().items()
        }
        folder = Path(trainer.default_root_dir) / SNAPSHOTS
        with atomic_write(folder / f"{done - 1}.ckpt", "wb") as stream:
            torch.save(state, stream)


def snapshot_paths(member: Path) -> list[Path]:
    """Return the paths of the snapshots of one member's training, in order.

    Args:
        member: Folder of the member's checkpoints.
    """
    found = (member / SNAPSHOTS).glob("*.ckpt")
    return sorted(found, key=lambda path: int(path.stem))
