"""Checkpoints of a training: whole, named by what they are, the best by state."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from deepmr.lightning.checkpoints import AtomicCheckpointIO
from tests.conftest import TINY, Script

LONG = tuple(one for one in TINY if not one.startswith("trainer.max_epochs"))


class _Stop(Exception):  # noqa: N818
    """Stands for a kill."""


def _train(script: Script, output: Path, *more: str) -> Any:
    epochs = (
        ()
        if any(one.startswith("trainer.max_epochs") for one in more)
        else ("trainer.max_epochs=6",)
    )
    return script("train", *LONG, *epochs, "ensemble=1", "name=x", f"paths.output={output}", *more)


def _weights(output: Path) -> dict[str, torch.Tensor]:
    path = output / "train/x/members/0/best.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def _stop_after(epoch: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Kill the training when an epoch is over and its checkpoints are written."""
    from deepmr.lightning.training import ShowProgress

    def stop(_: Any, trainer: pl.Trainer, __: Any) -> None:
        if trainer.current_epoch == epoch + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(ShowProgress, "on_train_epoch_start", stop, raising=False)
    return lambda: monkeypatch.delattr(ShowProgress, "on_train_epoch_start")


@pytest.mark.parametrize("epoch", [1, 4])
def test_an_interrupted_training_that_was_moved_ends_with_the_same_best(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    # a rate that makes the first epochs the best: what is resumed is worse than what lies there
    rising = ("optimizer.lr=0.05", "scheduler=constant", "trainer.enable_progress_bar=true")
    assert _train(script, tmp_path / "whole", *rising).status == 0
    heal = _stop_after(epoch, monkeypatch)
    assert _train(script, tmp_path / "cut", *rising).status == 130
    heal()
    shutil.move(tmp_path / "cut", tmp_path / "moved")
    outcome = _train(script, tmp_path / "moved", *rising)
    assert outcome.status == 0, outcome.err
    one, two = _weights(tmp_path / "whole"), _weights(tmp_path / "moved")
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert [p.name for p in (tmp_path / "moved/train/x/members/0").glob("*.ckpt")] == ["best.ckpt"]


def test_a_best_checkpoint_of_another_training_is_refused(
    runs: Path, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("trainer.enable_progress_bar=true",)
    heal = _stop_after(3, monkeypatch)
    assert _train(script, tmp_path, *more).status == 130
    heal()
    best = tmp_path / "train/x/members/0/best.ckpt"
    content = torch.load(best, weights_only=True)
    torch.save(content | {"epoch": content["epoch"] - 1}, best)
    assert "must hold the weights of epoch" in _train(script, tmp_path, *more).error
    for name in ("best", "last"):
        path = best.with_name(f"{name}.ckpt")
        path.write_bytes(path.read_bytes()[:1000])
        assert f"{name}.ckpt cannot be read" in _train(script, tmp_path, *more).error


def test_a_full_disk_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(3)}, path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        AtomicCheckpointIO().save_checkpoint({"a": torch.zeros(3)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["a"], torch.ones(3))
    assert [one.name for one in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_diverged_training_says_where_and_what_is_left(script: Script, tmp_path: Path) -> None:
    outcome = _train(script, tmp_path, "optimizer.lr=1e30", "trainer.gradient_clip_val=null")
    assert outcome.status == 1
    for word in ("training diverged", "at step", "member 0", "checkpoint", "optimizer.lr"):
        assert word in outcome.error
