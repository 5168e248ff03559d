"""Cycles of the learning rate, and the weights kept at their ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from deepmr.lightning.snapshots import Snapshots, cosine_cycles, snapshot_paths
from deepmr.lightning.training import load_weights


def _rates(steps: int, **options: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = cosine_cycles(optimizer, total_steps=steps, **options)
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def test_every_cycle_falls_from_the_optimizer_s_rate_to_nearly_nothing() -> None:
    rates = _rates(40, cycles=4)
    assert rates[:10] == pytest.approx(rates[10:20]), "cycles are alike"
    # Huang et al. 2017, equation 2, with t - 1 = 0 and 5 of 10 steps
    assert rates[0] == 2.0
    assert rates[5] == pytest.approx(1.0)
    assert sorted(rates[:10], reverse=True) == rates[:10]
    assert rates[9] < 0.05


def test_a_warm_up_rises_to_the_same_rate() -> None:
    rates = _rates(40, cycles=2, warmup=0.25)
    assert rates[:6] == pytest.approx([0.0, 0.4, 0.8, 1.2, 1.6, 2.0])
    assert max(rates) == rates[5]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cycles": 0}, "cycles lies between 1 and the steps"),
        ({"cycles": 41}, r"the steps \(40\), got 41"),
        ({"cycles": 2, "warmup": 1.0}, "warmup must lie in"),
    ],
)
def test_cycles_that_cannot_be_are_refused(options: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _rates(40, **options)


class Counting(pl.LightningModule):
    """A network whose weight is the number of epochs it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.network = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.network.weight)

    def train_dataloader(self) -> DataLoader[torch.Tensor]:
        return DataLoader(torch.zeros(2, 1), batch_size=2)

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        return self.network(batch + 1).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.5, maximize=True)


def _fit(folder: Path, cycles: int) -> None:
    trainer = pl.Trainer(
        max_epochs=6, default_root_dir=folder, accelerator="cpu", logger=False,
        callbacks=[Snapshots(cycles=cycles)], enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Counting())


@pytest.mark.filterwarnings("ignore")  # Lightning's, on a data set of one batch
def test_weights_are_kept_at_the_end_of_each_part_as_plain_tensors(tmp_path: Path) -> None:
    _fit(tmp_path, 3)
    paths = snapshot_paths(tmp_path)
    assert [path.name for path in paths] == ["0.ckpt", "1.ckpt", "2.ckpt"]
    blank = torch.nn.Linear(1, 1, bias=False)
    kept = [load_weights(blank, path).weight.item() for path in paths]
    assert kept == [2.0, 4.0, 6.0], "a step of 1 (rate .5, gradient 2) an epoch"


def test_snapshots_are_in_the_order_of_training_beyond_ten(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    for k in range(12):
        (tmp_path / "snapshots" / f"{k}.ckpt").touch()
    assert [int(path.stem) for path in snapshot_paths(tmp_path)] == list(range(12))
    assert snapshot_paths(tmp_path / "nowhere") == []


@pytest.mark.filterwarnings("ignore")
def test_parts_that_end_within_an_epoch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"multiple of callbacks.snapshots.cycles \(4\), got 6"):
        _fit(tmp_path, 4)
    with pytest.raises(ValueError, match="at least 2, got 1"):
        Snapshots(cycles=1)
