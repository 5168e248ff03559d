"""A disk that is full at ten moments: one line, nothing half-written; the command goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deepmr.io.tables import read_table
from tests.conftest import TINY, Script

SHARES = (0.02, 0.25, 0.5, 0.75, 0.93)
"""Of the room that the whole run needs: what is free when it starts."""
ASK = (
    "exposure=GATA1", "outcome=TAL1", "loci.n=6", "store.loci_per_shard=1", "logger=null",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "name=x",
    "instruments.min_effect=0", "instruments.min_z=1",
)  # fmt: skip


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(path)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
        pytest.skip("a file system of its own can only be mounted by root")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _fill(disk: Path, free: int) -> None:
    """Leave so many bytes free."""
    there = os.statvfs(disk)
    (disk / "filler").write_bytes(b"\0" * (there.f_bavail * there.f_frsize - free))


def _same(first: Path, second: Path, tables: tuple[str, ...]) -> None:
    for name in tables:
        one, two = read_table(first / f"{name}.parquet"), read_table(second / f"{name}.parquet")
        for key, column in one.items():
            np.testing.assert_array_equal(column, two[key], err_msg=f"{name}: {key}")


def _ten_moments(
    script: Script,
    command: tuple[str, ...],
    run: str,
    tables: tuple[str, ...],
    disk: Path,
    whole: Path,
) -> None:
    assert script(*command, f"paths.output={whole}").status == 0
    need = _bytes(whole / run)
    stopped = 0
    for share in SHARES:
        _fill(disk, int(share * need))
        full = script(*command, f"paths.output={disk}/out")
        assert full.status == 1, f"{share} of {need} bytes were free"
        assert "No space left" in full.error or "disk" in full.error, full.err
        assert "Traceback" not in full.err
        stopped += 1
        assert not list((disk / "out").rglob("*.part"))
        assert not (disk / "out" / run / "manifest.json").exists()
        (disk / "filler").unlink()
        again = script(*command, f"paths.output={disk}/out")
        assert again.status == 0, again.err
        _same(whole / run, disk / "out" / run, tables)
        shutil.rmtree(disk / "out")
    assert stopped == len(SHARES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_training_outlives_a_full_disk(script: Script, disk: Path, tmp_path: Path) -> None:
    command = ("train", *TINY, "ensemble=2", "name=x")
    _ten_moments(script, command, "train/x", ("metrics", "scores"), disk, tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_interrogation_outlives_a_full_disk(
    runs: Path, script: Script, disk: Path, tmp_path: Path
) -> None:
    command = ("interrogate", *ASK, f"run={runs / 'train/tiny'}")
    tables = ("estimates", "meta", "loci")
    _ten_moments(script, command, "interrogate/tiny/x", tables, disk, tmp_path / "whole")
