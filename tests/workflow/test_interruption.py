"""kill -9 and the same command again: nothing lost, nothing half-written, the same tables."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.tables import read_table
from tests.conftest import REPOSITORY, TINY

ASK = (
    "exposure=GATA1", "outcome=TAL1", "loci.n=7", "effects.loci_per_shard=1", "logger=null",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "mutagenesis.engine=dense",
    "instruments.min_effect=0", "instruments.min_z=1", "name=x",
)  # fmt: skip


def _start(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / f"{name}.py"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509  (one call, nothing is locked)
    )


def _heed_ctrl_c() -> None:
    """A test run started in the background ignores Ctrl-C, and its children would, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _finish(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    process = _start(name, arguments, environment)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def _kill_when(process: subprocess.Popen, ready: Callable[[], bool]) -> None:
    """Kill the process, and those it started, as soon as a condition holds."""
    deadline = time.monotonic() + 240
    while not ready():
        assert process.poll() is None, f"ended before it was killed: {process.stdout.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    import os

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _same_table(first: Path, second: Path) -> None:
    one, two = read_table(first), read_table(second)
    assert list(one) == list(two)
    for name, column in one.items():
        if column.dtype == object:
            assert column.tolist() == two[name].tolist(), name
        else:
            np.testing.assert_array_equal(column, two[name], err_msg=name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run of two members in one go, on one thread."""
    import os

    folder = tmp_path_factory.mktemp("undisturbed")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    _finish("train", (*TINY, "ensemble=2", "name=x", f"paths.output={folder}"), environment)
    return folder


def test_killed_training_resumes_to_the_same_result(
    undisturbed: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = (*TINY, "ensemble=2", "name=x", f"paths.output={tmp_path}")
    member = tmp_path / "train/x/members/1"
    _kill_when(_start("train", arguments, environment), (member / "last.ckpt").is_file)
    assert (tmp_path / "train/x/members/0/history.json").is_file(), "the first member was done"
    assert not (tmp_path / "train/x/manifest.json").exists()
    _finish("train", arguments, environment)
    for k in (0, 1):
        one, two = (
            torch.load(folder / f"train/x/members/{k}/best.ckpt", weights_only=True)["state_dict"]
            for folder in (undisturbed, tmp_path)
        )
        for key, value in one.items():
            assert torch.equal(value, two[key]), key
    for table in ("metrics", "scores"):
        _same_table(undisturbed / f"train/x/{table}.parquet", tmp_path / f"train/x/{table}.parquet")


def test_killed_training_keeps_the_same_snapshots_and_they_can_be_asked(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    tiny = [argument for argument in TINY if not argument.startswith("trainer.max_epochs")]
    cycles = ("experiment=snapshots", "scheduler.build.cycles=3", "trainer.max_epochs=6")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _finish("train", (*tiny, *cycles, "name=x", f"paths.output={whole}"), environment)
    arguments = (*tiny, *cycles, "name=x", f"paths.output={cut}")
    first = cut / "train/x/members/0/snapshots/0.ckpt"
    _kill_when(_start("train", arguments, environment), first.is_file)
    assert not (cut / "train/x/manifest.json").exists()
    _finish("train", arguments, environment)
    for k in range(3):
        one, two = (
            torch.load(folder / f"train/x/members/0/snapshots/{k}.ckpt", weights_only=True)
            for folder in (whole, cut)
        )
        for key, value in one.items():
            assert torch.equal(value, two[key]), key
    said = _finish(
        "interrogate", (*ASK, "uncertainty=snapshots", f"paths.output={cut}"), environment
    )
    assert "3 snapshots of one network" in said
    df = read_table(cut / "interrogate/x/x/estimates.parquet")["df"]
    assert set(df[np.isfinite(df)].tolist()) == {2.0}, "three members"


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_mutagenesis_resumes_to_the_same_tables(
    undisturbed: Path, tmp_path: Path, environment: dict[str, str], processes: int
) -> None:
    """Seven loci over two processes: none is missing and none is done twice."""
    run = f"run={undisturbed / 'train/x'}"
    ddp = ("trainer=ddp", "trainer.devices=2") if processes == 2 else ()
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _finish("interrogate", (*ASK, run, f"paths.output={whole}"), environment)
    arguments = (*ddp, *ASK, run, f"paths.output={cut}")
    shards = cut / "interrogate/x/x/effects"
    _kill_when(
        _start("interrogate", arguments, environment),
        lambda: len(list(shards.glob("shard-*.parquet"))) >= 2,
    )
    assert not (cut / "interrogate/x/x/manifest.json").exists()
    survived = {path.name: path.stat().st_mtime_ns for path in shards.glob("shard-*.parquet")}
    _finish("interrogate", arguments, environment)
    for name, written in survived.items():
        assert (shards / name).stat().st_mtime_ns == written, "a whole shard is not computed again"
    for table in ("estimates", "meta", "loci"):
        _same_table(
            whole / f"interrogate/x/x/{table}.parquet", cut / f"interrogate/x/x/{table}.parquet"
        )


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, environment: dict[str, str]) -> None:
    endless = ("trainer.max_epochs=100000", "callbacks=none")
    arguments = (*TINY, "ensemble=1", "name=x", f"paths.output={tmp_path}", *endless)
    process = _start("train", arguments, environment)
    last = tmp_path / "train/x/members/0/last.ckpt"
    deadline = time.monotonic() + 240
    while not last.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.rstrip().endswith("interrupted; the same command goes on from here")
    assert last.is_file()
