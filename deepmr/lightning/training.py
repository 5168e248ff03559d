"""Training of one member, resumed after an interruption."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from deepmr.files import read_json, write_json
from deepmr.lightning import interruptible
from deepmr.lightning.checkpoints import (
    BEST,
    LAST,
    AtomicCheckpointIO,
    MemberCheckpoints,
    check_resumable,
)
from deepmr.lightning.datamodule import SequenceDataModule
from deepmr.lightning.deadline import Deadline
from deepmr.lightning.module import MultiTaskModule
from deepmr.progress import Progress
from deepmr.weights import load_into, read_checkpoint

__all__ = ["History", "ShowProgress", "is_trained", "load_weights", "read_history", "train_member"]

HISTORY = "history.json"


class History(Callback):
    """Callback that keeps the metrics of every epoch in the checkpoint.

    It also logs ``train/loss``, the mean loss of the epoch's windows. Losses are summed here, as
    Lightning's ``log`` at every step took a tenth of a small network's step.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.total: torch.Tensor | float = 0.0
        self.windows = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state for the checkpoint."""
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the metrics from a checkpoint."""
        self.epochs = list(state_dict["epochs"])

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start the sum of losses."""
        self.total, self.windows = 0.0, 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, _: pl.LightningModule, outputs: Any, batch: Any, __: int
    ) -> None:
        """Add a batch's loss, which stays on its device."""
        n = len(batch[0])
        # Lightning has divided it by the batches that are accumulated
        self.total = self.total + outputs["loss"] * (n * trainer.accumulate_grad_batches)
        self.windows += n

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Log the epoch's loss, over all processes, and record the epoch's metrics."""
        if self.windows:
            total, windows = (
                trainer.strategy.reduce(
                    torch.as_tensor(one, dtype=torch.float32, device=module.device),
                    reduce_op="sum",
                )
                for one in (self.total, self.windows)
            )
            self.log("train/loss", total / windows)
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.epochs.append({"epoch": trainer.current_epoch, **metrics})


class ShowProgress(Callback):
    """Progress over all batches of a member's training.

    Args:
        title: Label of the bar.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: Progress | None = None
        self.note = ""

    def on_train_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Open the bar at the current step."""
        if trainer.is_global_zero:
            self.bar = Progress(
                self.title,
                int(trainer.estimated_stepping_batches),
                "batch",
                initial=trainer.global_step,
            )

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Advance the bar by one batch."""
        if self.bar is not None:
            self.bar.advance(1, self.note)

    def on_validation_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Show the validation loss."""
        loss = trainer.callback_metrics.get("validation/loss")
        if loss is not None:
            self.note = f"epoch {trainer.current_epoch + 1}, validation loss {float(loss):.4g}"

    def on_fit_end(self, *_: Any) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()

    on_exception = on_fit_end


def train_member(
    module: MultiTaskModule,
    data: SequenceDataModule,
    folder: Path,
    *,
    trainer: Callable[..., pl.Trainer],
    callbacks: Sequence[Callable[[], Callback]] = (),
    deadline: Deadline | None = None,
    logger: Logger | None = None,
    title: str = "training",
) -> pl.Trainer | None:
    """Train one member to the last epoch or early stopping; write ``best.ckpt``, ``history.json``.

    A finished member is not trained again. An interrupted one resumes after its last whole epoch.

    Args:
        module: The network with its loss and optimizer.
        data: Training and validation batches.
        folder: Folder of the member's checkpoints.
        trainer: Builds the Lightning Trainer; called with callbacks and logger.
        callbacks: Build further callbacks; by default none.
        deadline: End of the job's time, all of its members together; by default that of the
            trainer's ``max_time``, from now on.
        logger: Lightning logger of the epochs; by default (None) none.
        title: Label of the progress bar.

    Returns:
        The trainer, or None for a member that was finished before.

    Raises:
        KeyboardInterrupt: If the user interrupted; the last whole epoch is kept.
        TimeIsUpError: If the trainer's ``max_time`` is up; likewise.
        ValueError: If the training diverged, or what it was to go on from is damaged.
    """
    if is_trained(folder):
        return None
    deadline = Deadline(trainer) if deadline is None else deadline
    history = History()
    bar = [ShowProgress(title)] if _wants_bar(trainer) else []
    runner = trainer(
        callbacks=[
            history,
            *bar,
            *(build() for build in callbacks),
            MemberCheckpoints(folder, member=module.member),
            deadline,
        ],
        max_time=None,  # Lightning's own would end a member as if it were trained
        plugins=[*_plugins(trainer), AtomicCheckpointIO()],
        logger=logger or False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=str(folder),
    )
    last = check_resumable(folder)
    with interruptible(runner), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        # the validation split's metrics are gathered over processes before they are logged
        warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        runner.fit(module, data, ckpt_path=str(last) if last else None, weights_only=True)
    if runner.is_global_zero:
        write_json(folder / HISTORY, history.epochs)
        (folder / LAST).unlink(missing_ok=True)
    runner.strategy.barrier()
    return runner


def is_trained(folder: Path) -> bool:
    """Say whether a member's training is finished.

    Args:
        folder: Folder of the member's checkpoints.
    """
    return (folder / HISTORY).is_file() and (folder / BEST).is_file()


def _plugins(trainer: Callable[..., pl.Trainer]) -> list[Any]:
    given = getattr(trainer, "keywords", {}).get("plugins") or []
    return list(given) if isinstance(given, list | tuple) else [given]


def _wants_bar(trainer: Callable[..., pl.Trainer]) -> bool:
    return bool(getattr(trainer, "keywords", {}).get("enable_progress_bar", True))


def read_history(folder: Path) -> list[dict[str, float]]:
    """Return the metrics of each epoch of a finished member.

    Args:
        folder: Folder of the member's checkpoints.
    """
    return list(read_json(folder / HISTORY))


def load_weights(network: torch.nn.Module, path: Path) -> torch.nn.Module:
    """Load a network's weights from a file in one of the field's formats (`deepmr.weights`).

    Args:
        network: The network that the weights belong to; changed in place and returned.
        path: The checkpoint.

    Raises:
        ValueError: If the file is no such checkpoint, or belongs to another network.
        FileNotFoundError: If the file does not exist.
    """
    load_into(network, read_checkpoint(path))
    return network
