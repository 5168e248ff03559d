"""A finished run is read only if it is what its training wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deepmr.workflow.trained_runs import TrainedRun, newest_run
from tests.conftest import Script


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs / "train/tiny", tmp_path / "train/tiny"))


def _flip_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_is_read_from_wherever_it_was_moved_to(run: Path) -> None:
    assert len(TrainedRun.read(run).checkpoints) == 3


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("members/1/best.ckpt", _flip_one_bit),
        ("config.yaml", lambda path: _edit(path, "ensemble: 3", "ensemble: 2")),
        ("tasks.json", lambda path: _edit(path, "GATA1", "GATA2")),
        ("calibrator.json", _flip_one_bit),
        ("members/2/best.ckpt", Path.unlink),
    ],
)
def test_a_file_that_changed_after_training_is_refused_by_name(
    run: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(run / name)
    with pytest.raises(ValueError, match=r"sha256 is not the one in manifest\.json") as caught:
        TrainedRun.read(run)
    assert str(run / name) in str(caught.value)
    assert "train again with overwrite=true" in str(caught.value)


def test_a_member_of_another_training_is_refused(run: Path) -> None:
    shutil.copy(run / "members/0/best.ckpt", run / "members/1/best.ckpt")
    with pytest.raises(ValueError, match=r"members/1/best\.ckpt is missing or has changed"):
        TrainedRun.read(run)


def test_figures_may_be_deleted(run: Path) -> None:
    shutil.rmtree(run / "figures")
    assert len(TrainedRun.read(run).checkpoints) == 3


def test_the_newest_run_is_checked_like_a_named_one(run: Path) -> None:
    _flip_one_bit(run / "members/0/best.ckpt")
    with pytest.raises(ValueError, match=r"members/0/best\.ckpt"):
        newest_run(run.parent, "GATA1", "TAL1")


def test_the_command_refuses_a_damaged_member_in_one_line(run: Path, script: Script) -> None:
    _flip_one_bit(run / "members/1/best.ckpt")
    asked = script("interrogate", f"run={run}", "exposure=GATA1", "outcome=TAL1", "logger=null")
    assert asked.status == 1
    assert "members/1/best.ckpt is missing or has changed" in asked.error
