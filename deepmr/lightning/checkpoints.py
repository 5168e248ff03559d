"""Checkpoints of a member in training: written whole, the best found by state, not by name."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from deepmr.files import atomic_write

__all__ = ["BEST", "LAST", "AtomicCheckpointIO", "MemberCheckpoints", "check_resumable"]

BEST = "best.ckpt"
LAST = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Write checkpoints beside their name and move them into place, on any file system.

    Lightning writes to the temporary folder and moves from there: not atomic across file systems,
    so that a full disk left half a file.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: Any,
        storage_options: Any | None = None,  # noqa: ARG002  (Lightning's signature)
    ) -> None:
        """Write a checkpoint.

        Raises:
            OSError: If the disk is full; what was there before is untouched.
        """
        content = io.BytesIO()  # a full disk is then an OSError, not one of torch's zip writer
        torch.save(checkpoint, content)
        with atomic_write(Path(path), "wb") as stream:
            stream.write(content.getbuffer())


class MemberCheckpoints(Checkpoint):
    """Keep the weights of the epoch with the least validation loss, and the state of the last one.

    ``best.ckpt`` (weights alone) and ``last.ckpt`` always have these names. Which loss the best
    has is part of the state in ``last.ckpt``, so that a training that is interrupted, moved to
    another folder and resumed ends with the same best.

    Args:
        folder: Where they lie.
        member: Position in the ensemble, for messages.
    """

    def __init__(self, folder: Path, *, member: int = 0) -> None:
        self.folder, self.member = folder, member
        self.score: float | None = None
        self.epoch = -1
        self.first_bad: torch.Tensor | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return what ``last.ckpt`` keeps."""
        return {"score": self.score, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where ``last.ckpt`` stopped."""
        self.score, self.epoch = state_dict["score"], int(state_dict["epoch"])

    def on_train_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Refuse to go on beside a best checkpoint that is not of this training.

        Raises:
            ValueError: If ``best.ckpt`` is missing, or is of another epoch than the state says.
        """
        if self.epoch < 0:
            return
        best = self.folder / BEST
        found = _epoch_of(best)
        # one written after the last whole epoch is written again when that epoch is repeated
        if found != self.epoch and not (found is not None and found >= trainer.current_epoch):
            raise ValueError(
                f"{best} must hold the weights of epoch {self.epoch}, the best so far, got "
                f"{'no such file' if found is None else f'those of epoch {found}'}; delete the "
                f"folder {self.folder} to train this member anew"
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, _: pl.LightningModule, outputs: Any, *__: Any
    ) -> None:
        """Note the first step whose loss is not finite, without waiting for the device."""
        loss = (outputs["loss"] if isinstance(outputs, dict) else outputs).detach()
        step = torch.full_like(loss, trainer.global_step, dtype=torch.float32)
        before = torch.full_like(step, math.inf) if self.first_bad is None else self.first_bad
        self.first_bad = torch.where(torch.isfinite(loss), before, torch.minimum(before, step))

    def on_validation_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Keep the weights if their validation loss is the least so far."""
        if trainer.sanity_checking or "validation/loss" not in trainer.callback_metrics:
            return
        score = float(trainer.callback_metrics["validation/loss"])
        better = math.isfinite(score) and (self.score is None or score < self.score)
        if trainer.strategy.reduce_boolean_decision(better):
            self.score, self.epoch = score, trainer.current_epoch
            trainer.save_checkpoint(self.folder / BEST, weights_only=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Keep the epoch's state.

        Raises:
            ValueError: If the training diverged: a loss is not finite.
        """
        first = math.inf if self.first_bad is None else float(self.first_bad)
        loss = trainer.callback_metrics.get("validation/loss")
        lost = loss is not None and not math.isfinite(float(loss))
        if trainer.strategy.reduce_boolean_decision(math.isfinite(first) or lost, all=False):
            raise ValueError(self._diverged(trainer, first))
        trainer.save_checkpoint(self.folder / LAST)

    def _diverged(self, trainer: pl.Trainer, first: float) -> str:
        what = (
            f"the training loss at step {int(first)}"
            if math.isfinite(first)
            else (f"the validation loss after step {trainer.global_step}")
        )
        kept = (
            f"last good checkpoint: {self.folder / BEST} (epoch {self.epoch})"
            if self.epoch >= 0
            else "there is no good checkpoint yet"
        )
        return (
            f"training diverged: {what} of member {self.member} (epoch {trainer.current_epoch}) "
            f"is not finite; {kept}; lower optimizer.lr or trainer.gradient_clip_val, or look for "
            "values that are not finite in the data"
        )


def _epoch_of(path: Path) -> int | None:
    if not path.is_file():
        return None
    return int(_read(path).get("epoch", -1))


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}); was it cut short or altered? Delete "
            f"the folder {path.parent} to train this member anew"
        ) from error


def check_resumable(folder: Path) -> Path | None:
    """Return the checkpoint that a member's training goes on from; None if it begins.

    Raises:
        ValueError: If it is damaged, or was written by another version; the message names it.
    """
    last = folder / LAST
    if not last.is_file():
        return None
    if "MemberCheckpoints" not in _read(last).get("callbacks", {}):
        raise ValueError(
            f"{last} was written by another version of Deep MR, or is damaged; delete the folder "
            f"{folder} to train this member anew"
        )
    return last
