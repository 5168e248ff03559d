"""Two processes on one machine: the same numbers, and sweeps that end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.tables import read_table
from tests.conftest import REPOSITORY, TINY, Script

ASK = (
    "exposure=GATA1", "outcome=TAL1", "store.loci_per_shard=1", "logger=null",
    "trainer.accelerator=cpu", "instruments.min_effect=0", "instruments.min_z=1",
)  # fmt: skip


def _run(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    process = subprocess.Popen(
        [sys.executable, str(REPOSITORY / f"{name}.py"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, said
    return said


def test_a_sweep_over_two_processes_gives_what_one_process_gives(
    runs: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The second job needs a process group of its own; three loci do not divide by two."""
    run = f"run={runs / 'train/tiny'}"
    swept = ("-m", *ASK, run, "loci.n=2,3", f"paths.output={tmp_path / 'two'}")
    _run("interrogate", (*swept, "trainer=ddp"), environment)
    tables = {}
    for folder in (tmp_path / "two/interrogate/tiny").glob("*/manifest.json"):
        table = read_table(folder.parent / "estimates.parquet")
        tables[len(set(table["chrom"]))] = table
    assert set(tables) == {2, 3}
    _run("interrogate", (*ASK, run, "loci.n=3", f"paths.output={tmp_path / 'one'}"), environment)
    (alone,) = (tmp_path / "one/interrogate/tiny").glob("*/estimates.parquet")
    # one thread a process and the same chunk: equal to the bit
    np.testing.assert_array_equal(read_table(alone)["value"], tables[3]["value"])


def test_training_on_two_processes_gives_what_one_process_gives_and_ends(
    script: Script, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The batch is that of all processes together, so that the same steps are taken."""
    arguments = (*TINY, "ensemble=2", "name=x", f"paths.output={tmp_path}", "trainer=ddp")
    said = _run("train", arguments, environment)
    assert "sync_dist" not in said
    alone = tuple("name=y" if one == "name=x" else one for one in arguments)
    assert script("train", *alone, "trainer.strategy=auto", "trainer=cpu").status == 0
    for k in (0, 1):
        states = [
            torch.load(tmp_path / f"train/{name}/members/{k}/best.ckpt", weights_only=True)
            for name in ("x", "y")
        ]
        assert states[0]["epoch"] == states[1]["epoch"]
        two, one = (state["state_dict"] for state in states)
        for name, value in one.items():
            # float32 sums in another order: 1e-7 after 15 steps, of weights of .1
            torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    metrics = read_table(tmp_path / "train/x/metrics.parquet")
    loss = metrics["value"][(metrics["metric"] == "loss") & (metrics["split"] == "validation")]
    assert len(loss) == 2 * 3
    assert np.isfinite(loss.astype(float)).all()


@pytest.mark.slow
def test_torchrun_starts_the_processes_of_a_training(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = (*TINY, "ensemble=1", "name=x", f"paths.output={tmp_path}", "trainer=ddp")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    command = [sys.executable, *launcher, str(REPOSITORY / "train.py"), *arguments]
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=400
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "train/x/manifest.json").is_file()


@pytest.mark.slow
def test_under_torchrun_no_rank_waits_for_one_that_died_at_start_up(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = (*TINY, "ensemble=1", "name=x", f"paths.output={tmp_path}", "trainer=ddp")
    words = " ".join((sys.executable, str(REPOSITORY / "train.py"), *arguments))
    command = (
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        "--no-python", "sh", "-c", f'[ "$RANK" = 0 ] && exit 3; exec {words}',
    )  # fmt: skip
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode != 0
    assert not (tmp_path / "train/x/manifest.json").exists()
