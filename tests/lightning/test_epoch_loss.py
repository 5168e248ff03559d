"""The epoch's training loss in the history and for other callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from deepmr.lightning.training import History


class MeanOfNumbers(pl.LightningModule):
    """A loss that is the mean of the batch's numbers, and a weight that does not move."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return self.weight * batch[0].mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Seen(pl.Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.losses.append(float(trainer.callback_metrics["train/loss"]))


@pytest.mark.parametrize("batches", [1, 2])
def test_the_loss_of_an_epoch_is_the_mean_over_its_windows(tmp_path: Path, batches: int) -> None:
    numbers = torch.arange(21.0) ** 2
    history, seen = History(), Seen()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=2, accumulate_grad_batches=batches, logger=False,
        callbacks=[history, seen], enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    loader = DataLoader(TensorDataset(numbers), batch_size=8)  # 8, 8 and 5 windows
    trainer.fit(MeanOfNumbers(), loader)
    expected = pytest.approx([float(numbers.mean())] * 2, rel=1e-6)  # sums of float32
    assert [epoch["train/loss"] for epoch in history.epochs] == expected
    assert seen.losses == expected
