"""Two processes on one machine: the same numbers, and sweeps that end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from deepmr.io.tables import read_table
from tests.conftest import REPOSITORY, TINY

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


def test_training_on_two_processes_sees_every_window_and_ends(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = (*TINY, "ensemble=2", "name=x", f"paths.output={tmp_path}", "trainer=ddp")
    _run("train", arguments, environment)
    for k in (0, 1):
        path = tmp_path / f"train/x/members/{k}/best.ckpt"
        state = torch.load(path, weights_only=True)["state_dict"]
        assert all(torch.isfinite(value).all() for value in state.values())
    metrics = read_table(tmp_path / "train/x/metrics.parquet")
    loss = metrics["value"][(metrics["metric"] == "loss") & (metrics["split"] == "validation")]
    assert len(loss) == 2 * 3
    assert np.isfinite(loss.astype(float)).all()
