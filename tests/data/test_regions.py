from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepmr.data.regions import read_regions

CONTIGS = {"chr1": 1000, "chr2": 50}


def bed(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_regions_become_windows_around_their_middle(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr1\t500\t700\nchr1\t100\t102\nchr1\t500\t700\n")
    chrom, start, end = read_regions(path, CONTIGS, length=100)
    assert chrom.tolist() == ["chr1", "chr1"]
    assert (start.tolist(), end.tolist()) == ([51, 550], [151, 650])


def test_windows_over_the_rim_move_inwards(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr1\t0\t10\nchr1\t990\t1000\n")
    _, start, end = read_regions(path, CONTIGS, length=100)
    assert (start.tolist(), end.tolist()) == ([0, 900], [100, 1000])


def test_contig_shorter_than_the_window_is_refused(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr2\t0\t10\n")
    with pytest.raises(ValueError, match="chr2 has 50 bases, fewer than the model's window of 100"):
        read_regions(path, CONTIGS, length=100)


def test_file_without_regions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no region"):
        read_regions(bed(tmp_path / "r.bed", "# nothing\n"), CONTIGS, length=100)


def test_importing_kipoiseq_leaves_the_home_folder_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = "from deepmr.data.regions import kipoiseq; print(kipoiseq().Interval('a', 1, 2))"
    environment = os.environ | {"HOME": str(home), "DEEPMR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("a:1-2")
    assert not list(home.iterdir())
