from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from Bio import bgzf

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
        ("chr2\t500\t501", "line 2: chr2 has 500 bases, got a peak at chr2:500-501; use peaks"),
        ("chr1\t1_0\t50", "line 2: start, end and summit are whole numbers, got 'chr1 1_0 50'"),
        ("chr1\t+1\t50", r"line 2: start, end and summit are whole numbers, got 'chr1 \+1 50'"),
        ("chr1\t 1\t50", "line 2: start, end and summit are whole numbers"),
        ("chr1\t\u0661\t50", "line 2: start, end and summit are whole numbers"),
        ("chr1\t1e1\t50", "line 2: start, end and summit are whole numbers"),
        (
            "chr1\t1\t50\t.\t0\t.\t1\t1\t1\t77",
            "line 2: a summit lies in its peak, or is -1; got 77",
        ),
        ("1\t1\t50", r"line 2: the genome has no contig '1' .*spells it chr1; set data\.contig_na"),
        ("chr1\t1\t5\0", "line 2: not a text file"),
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


def test_list_without_peaks_is_refused_unless_it_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "p.bed.gz"
    path.write_bytes(gzip.compress(b"# nothing\n"))
    with pytest.raises(ValueError, match=r"p\.bed\.gz holds no peak"):
        read_peaks(path, CONTIGS)
    assert len(read_peaks(path, CONTIGS, may_be_empty=True)) == 0


BLOCKS = "chr1\t100\t300\tx\t0\t-\t100\t300\t0\t2\t10,20,\t0,180,"


@pytest.mark.parametrize(
    ("name", "line", "summit"),
    [
        ("bed12.bed", BLOCKS, 200),
        ("bed12.narrowPeak", BLOCKS, 200),  # whatever it is called
        ("p.gappedPeak", BLOCKS + "\t5.0\t-1\t-1", 200),
        ("p.narrowPeak", "chr1\t100\t300\tx\t0\t.\t5\t-1\t-1\t2", 102),
        ("p.narrowPeak", "chr1\t100\t300\tx\t0\t.\t5\t-1\t-1\t2\textra", 102),
        ("p.bed", "chr1\t100\t300\tx\t0\t.\t5\t-1\t-1\t2\textra", 200),
        ("p.narrowPeak", "chr1\t100\t300\tx\t0\t.\t5\t-1\t-1\t200", 200),  # behind the last base
    ],
)
def test_only_narrow_peaks_have_summits(tmp_path: Path, name: str, line: str, summit: int) -> None:
    assert read_peaks(listed(tmp_path / name, line + "\n"), CONTIGS).summit.tolist() == [summit]


def test_strands_are_read(tmp_path: Path) -> None:
    rows = "".join(f"chr1\t1\t9\tx\t0\t{strand}\n" for strand in "+-.*")
    peaks = read_peaks(listed(tmp_path / "p.bed", rows + "chr1\t1\t9\n"), CONTIGS)
    assert peaks.strand.tolist() == [1, -1, 0, 0, 0]


def test_peaks_that_end_beyond_their_contig_are_clipped_dropped_or_refused(
    tmp_path: Path,
) -> None:
    text = "chr2\t10\t20\nchr2\t490\t520\tx\t0\t.\t1\t1\t1\t25\n"
    path = listed(tmp_path / "p.narrowPeak", text)
    clipped = read_peaks(path, CONTIGS)
    assert (clipped.end.tolist(), clipped.summit.tolist()) == ([20, 500], [15, 499])
    assert clipped.counts == {"clipped": 1}
    dropped = read_peaks(path, CONTIGS, beyond="drop")
    assert (dropped.end.tolist(), dropped.counts) == ([20], {"beyond": 1})
    with pytest.raises(ValueError, match=r"line 2: chr2 has 500 bases.* set data\.beyond=clip"):
        read_peaks(path, CONTIGS, beyond="refuse")


def test_byte_order_mark_and_other_line_ends_are_no_content(tmp_path: Path) -> None:
    path = tmp_path / "p.bed"
    path.write_bytes(b"\xef\xbb\xbfchr1\t100\t200\r\nchr1\t300\t400\r\n")
    assert read_peaks(path, CONTIGS, missing="drop").start.tolist() == [100, 300]


def test_peaks_all_on_contigs_spelled_otherwise_name_the_cause(tmp_path: Path) -> None:
    path = listed(tmp_path / "p.bed", "1\t1\t5\n2\t1\t5\n")
    says = r"none of its contigs \(1, 2\) is among the genome's \(chr1, chr2\).*contig_names=chr"
    for may_be_empty in (False, True):
        with pytest.raises(ValueError, match=says):
            read_peaks(path, CONTIGS, missing="drop", may_be_empty=may_be_empty)
    assert read_peaks(path, CONTIGS, contig_names="chr").contig.tolist() == [0, 1]
    other = listed(tmp_path / "q.bed", "chr7\t1\t5\n")
    with pytest.raises(ValueError, match=r"\(chr7\) is among .* same assembly"):
        read_peaks(other, CONTIGS, missing="drop")
    assert len(read_peaks(other, CONTIGS, missing="drop", may_be_empty=True)) == 0


def test_bgzip_cut_between_blocks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.bed.gz"
    with bgzf.BgzfWriter(str(path)) as stream:
        stream.write(b"chr1\t1\t5\n")
    whole = path.read_bytes()
    path.write_bytes(whole[:-28])
    with pytest.raises(ValueError, match=r"p\.bed\.gz is cut short.*end marker"):
        read_peaks(path, CONTIGS)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.bed; no such file"):
        read_peaks(tmp_path / "absent.bed", CONTIGS)
