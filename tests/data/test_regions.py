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
    found = read_regions(path, CONTIGS, length=100)
    assert found.chrom.tolist() == ["chr1", "chr1"]
    assert (found.start.tolist(), found.end.tolist()) == ([51, 550], [151, 650])


def test_windows_over_the_rim_move_inwards(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr1\t0\t10\nchr1\t990\t1000\n")
    found = read_regions(path, CONTIGS, length=100)
    assert (found.start.tolist(), found.end.tolist()) == ([0, 900], [100, 1000])


def test_contig_shorter_than_the_window_is_refused(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr2\t0\t10\n")
    with pytest.raises(ValueError, match="chr2 has 50 bases, fewer than the model's window of 100"):
        read_regions(path, CONTIGS, length=100)


def test_file_without_regions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no region"):
        read_regions(bed(tmp_path / "r.bed", "# nothing\n"), CONTIGS, length=100)


def test_strand_is_the_sixth_column(tmp_path: Path) -> None:
    text = (
        "chr1\t500\t700\tx\t0\t-\nchr1\t500\t700\tx\t0\t+\nchr1\t100\t200\tx\t0\t.\n"
        "chr1\t300\t400\nchr1\t500\t700\tagain\t0\t-\n"
    )
    found = read_regions(bed(tmp_path / "r.bed", text), CONTIGS, length=100)
    assert found.start.tolist() == [100, 300, 550, 550]
    assert found.strand.tolist() == [0, 0, -1, 1]


def test_what_is_no_strand_is_refused(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "chr1\t500\t700\tx\t0\tminus\n")
    with pytest.raises(ValueError, match=r"r\.bed, line 1: the sixth column .* got 'minus'"):
        read_regions(path, CONTIGS, length=100)


def test_regions_of_another_spelling_are_named_or_matched(tmp_path: Path) -> None:
    path = bed(tmp_path / "r.bed", "1\t500\t700\n")
    with pytest.raises(ValueError, match=r"no contig '1' .* spells it chr1; set loci\.contig_name"):
        read_regions(path, CONTIGS, length=100)
    found = read_regions(path, CONTIGS, length=100, contig_names="chr")
    assert found.chrom.tolist() == ["chr1"]


def test_importing_kipoiseq_is_silent_and_leaves_folders_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import logging; logging.basicConfig(level=0); from deepmr.data.regions import kipoiseq; "
        "print(kipoiseq().Interval('a', 1, 2))"
    )
    environment = os.environ | {"HOME": str(home), "DEEPMR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("a:1-2")
    assert "kipoi" not in done.stderr
    assert not list(home.iterdir())
    assert not list((tmp_path / "cache").iterdir())
