from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from deepmr.data.peaks import read_peaks

CONTIGS = {"chr1": 1000, "chr2": 500}


def listed(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_bed_narrow_and_broad_peaks_are_read_alike(tmp_path: Path) -> None:
    text = (
        "# a comment\ntrack name=x\nbrowser position chr1\n\n"
        "chr2\t10\t20\n"
        "chr1\t100\t300\t.\t0\t.\t1\t2\t3\n"
        "chr1\t100\t300\t.\t0\t.\t1\t2\t3\t30\n"
        "chr1 100 301 . 0 . 1 2 3 -1\n"
    )
    peaks = read_peaks(listed(tmp_path / "p.bed", text), CONTIGS)
    assert peaks.contig.tolist() == [1, 0, 0, 0]
    assert peaks.start.tolist() == [10, 100, 100, 100]
    assert peaks.end.tolist() == [20, 300, 300, 301]
    assert peaks.summit.tolist() == [15, 200, 130, 200]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("chrX\t1\t5", r"line 2: the genome has no contig 'chrX' \(it has chr1, chr2"),
        ("chr1\t5\t4", "line 2: a peak ends behind its start, got chr1:5-4"),
        ("chr1\t5\t5", "line 2: a peak ends behind its start, got chr1:5-5"),
        ("chr1\t-1\t5", "line 2: a peak starts at 0 or later, got chr1:-1-5"),
        ("chr2\t490\t501", "line 2: chr2 has 500 bases, got a peak at chr2:490-501"),
        ("chr1\t1", r"line 2: a peak has at least chrom, start and end, got 2 column"),
        ("chr1\ta\t5", "line 2: start, end and summit are whole numbers, got 'chr1 a 5'"),
    ],
)
def test_bad_line_is_named_with_its_rule(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"p\.bed, " + complaint):
        read_peaks(listed(tmp_path / "p.bed", f"chr1\t0\t9\n{line}\n"), CONTIGS)


def test_peaks_on_contigs_the_genome_lacks_can_be_dropped(tmp_path: Path) -> None:
    path = listed(tmp_path / "p.bed", "chrX\t1\t5\nchr2\t1\t5\n")
    assert read_peaks(path, CONTIGS, missing="drop").contig.tolist() == [1]


def test_empty_gz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"p\.bed\.gz is called \.gz but is empty"):
        read_peaks(listed(tmp_path / "p.bed.gz", ""), CONTIGS)


def test_text_called_gz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="but is not gzip"):
        read_peaks(listed(tmp_path / "p.bed.gz", "chr1\t1\t5\n"), CONTIGS)


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_truncated_gz_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "p.bed.gz"
    text = "".join(f"chr1\t{i}\t{i + 7 * (i % 5) + 1}\n" for i in range(100))
    path.write_bytes(gzip.compress(text.encode())[:-cut])
    with pytest.raises(ValueError, match="cut short or corrupt"):
        read_peaks(path, CONTIGS)


def test_list_without_peaks_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "p.bed.gz"
    path.write_bytes(gzip.compress(b""))
    assert len(read_peaks(path, CONTIGS)) == 0


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.bed; no such file"):
        read_peaks(tmp_path / "absent.bed", CONTIGS)
