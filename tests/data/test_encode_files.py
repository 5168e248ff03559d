"""Files that data=encode cannot use are refused or told; a failed preparation leaves nothing."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from deepmr.data.encode import encode_source

from .conftest import SIZES, write_genome, write_peaks
from .encode_cases import Make, edit, everything

pytestmark = [
    pytest.mark.filterwarnings("ignore:without a label in the training split"),
    pytest.mark.filterwarnings("ignore:.* peaks (lie on|reach)"),
]


def test_construction_reads_nothing() -> None:
    made = encode_source(None, splits={"train": ["chr1"]})
    with pytest.raises(FileNotFoundError, match=r"set data\.root=DIR"):
        made.prepare()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"bin": 0}, "data.bin must be at least 1"),
        ({"bin": 500}, "data.bin must be at least 1 and at most data.context (400), got 500"),
        ({"context": 401}, "must be even"),
        ({"jitter": -1}, "data.jitter must be 0 or more"),
        ({"max_unknown": 2}, "data.max_unknown is a share from 0 to 1, got 2"),
        ({"missing_contigs": "skip"}, "data.missing_contigs is one of refuse, drop; got 'skip'"),
        ({"beyond": "cut"}, "data.beyond is one of clip, drop, refuse; got 'cut'"),
        ({"contig_names": "x"}, "data.contig_names is one of exact, chr; got 'x'"),
        ({"class_weights": "x"}, "data.class_weights is one of none, balanced, sqrt; got 'x'"),
        ({"negatives": -1.0}, "data.negatives must be 0 or more, or null for all, got -1"),
        ({"overlap": 1.0}, "data.overlap must be at least 0 and below 1, got 1.0"),
    ],
)
def test_option_out_of_range_is_refused(
    source: Make, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        source(**options).prepare()


def test_missing_root_is_named(tmp_path: Path, source: Make) -> None:
    with pytest.raises(FileNotFoundError, match=r"data\.root must be an existing folder, got .*no"):
        source(tmp_path / "no")


def test_peaks_on_a_contig_the_genome_lacks(tiny_root: Path, source: Make) -> None:
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2200), ("chrEBV", 1, 5)])
    with pytest.raises(ValueError, match=r"tal1\.bed, line 2: the genome has no contig 'chrEBV'"):
        source().prepare()
    assert source(missing_contigs="drop").tasks.names == ("K562_GATA1", "K562_TAL1")


def test_peak_that_ends_before_its_start(tiny_root: Path, source: Make) -> None:
    (tiny_root / "tal1.bed").write_text("chr1_a\t200\t100\n")
    with pytest.raises(ValueError, match=r"tal1\.bed, line 1: a peak ends behind its start"):
        source().prepare()


@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(b"chr1_a\t1000\t1400\n" * 50)[:-9]],
    ids=["empty", "truncated"],  # the bytes hold the time
)
def test_empty_and_truncated_gz(tiny_root: Path, source: Make, content: bytes) -> None:
    (tiny_root / "gata1.narrowPeak.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"gata1\.narrowPeak\.gz is (called \.gz|cut short)"):
        source().prepare()


def test_failed_preparation_leaves_nothing_that_counts_as_prepared(
    tiny_root: Path, source: Make, tmp_path: Path
) -> None:
    (tiny_root / "tal1.bed").write_text("chr1_a\t200\t100\n")
    with pytest.raises(ValueError, match="ends behind"):
        source().prepare()
    assert not list((tmp_path / "cache").rglob("prepared.json"))
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2200)])
    source().prepare()


def test_root_with_no_or_several_genomes(tiny_root: Path, source: Make) -> None:
    write_genome(tiny_root / "other.fa", {"chr1": "ACGT"})
    with pytest.raises(FileNotFoundError, match=r"found genome\.fa, other\.fa; .*data\.genome"):
        source().prepare()
    assert source(genome="genome.fa").genome.contigs == SIZES
    with pytest.raises(FileNotFoundError, match=r"absent\.fa"):
        source(genome="absent.fa").prepare()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("\ttarget\t", "\ttraget\t", "line 1: the header names the columns task, target, file"),
        ("\tcovers", "\tcover", "line 1: no column is called 'cover'; did you mean covers?"),
        ("K562_TAL1\tTAL1\t", "K562_TAL1\t", "line 3: a track has 7 columns as the header does"),
        ("K562_TAL1", "K562_GATA1", "line 3: task names must differ, got K562_GATA1 again"),
        ("binary\ttal1", "peaks\ttal1", "line 3: a task's kind is one of binary, count, signal"),
        ("tal1.bed", "tal2.bed", "line 3: the file of K562_TAL1 is missing"),
    ],
)
def test_bad_line_in_the_list_of_tracks(
    tiny_root: Path, source: Make, old: str, new: str, complaint: str
) -> None:
    edit(tiny_root, old, new)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(complaint)):
        source().prepare()


def test_repeated_column_in_the_list_of_tracks(tiny_root: Path, source: Make) -> None:
    edit(tiny_root, "\tcovers", "\tassay")
    with pytest.raises(ValueError, match="line 1: columns must differ, got 'assay' twice"):
        source().prepare()


def test_byte_order_mark_before_the_list_of_tracks(tiny_root: Path, source: Make) -> None:
    tracks = tiny_root / "tracks.tsv"
    tracks.write_bytes(b"\xef\xbb\xbf" + tracks.read_bytes().replace(b"\n", b"\r\n"))
    assert source().tasks.names == ("K562_GATA1", "K562_TAL1")


def test_peaks_cut_off_or_left_out_are_counted_and_said_every_time(
    tiny_root: Path, source: Make
) -> None:
    peaks = [("chr1_a", 2000, 2200), ("chrEBV", 1, 5), ("chr4", 4800, 5020), ("chr4", 4900, 5001)]
    write_peaks(tiny_root / "tal1.bed", peaks)
    says = (
        "1 of 4 peaks lie on contigs that the genome lacks and were left out; tal1.bed: "
        "2 of 4 peaks reached beyond their contig and were cut off at its end"
    )
    for _ in range(2):  # made, and found in the cache
        with pytest.warns(UserWarning, match=says):
            source(missing_contigs="drop").prepare()
    with pytest.warns(UserWarning, match=r"tal1\.bed: 2 of 4 peaks reach beyond .* left out"):
        source(missing_contigs="drop", beyond="drop").prepare()
    with pytest.raises(ValueError, match=r"line 3: chr4 has 5000 bases.* data\.beyond=clip"):
        source(missing_contigs="drop", beyond="refuse").prepare()


@pytest.mark.parametrize("name", ["labels.npy", "train.npz", "prepared.json"])
def test_damaged_labels_in_the_cache_are_made_again(
    source: Make, tmp_path: Path, name: str
) -> None:
    before = everything(source().split("train"))
    (path,) = (tmp_path / "cache" / "prepared").rglob(name)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.warns(UserWarning, match=f"is damaged, so the labels are made again: {name}"):
        after = everything(source().split("train"))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_peaks_of_the_other_spelling_can_be_matched(tiny_root: Path, source: Make) -> None:
    before = everything(source().split("test"))
    write_peaks(tiny_root / "tal1.bed", [(name.removeprefix("chr"), 2000, 2200) for name in SIZES])
    with pytest.raises(ValueError, match=r"tal1\.bed, line 1: .* set data\.contig_names=chr"):
        source().prepare()
    made = source(contig_names="chr")
    assert all(
        np.array_equal(a, b) for a, b in zip(before, everything(made.split("test")), strict=True)
    )
    chosen = made.candidate_loci("pair", exposure="GATA1", outcome="TAL1")
    assert chosen[1].tolist() == [1000, 1900]


def test_covers_of_the_other_spelling_is_refused(tiny_root: Path, source: Make) -> None:
    edit(tiny_root, "h3k27ac.bed\tchr3,chr4", "h3k27ac.bed\t3,4")
    with pytest.raises(ValueError, match="covers of K562_H3K27ac names 3, 4, which the genome"):
        source().prepare()


def test_option_that_no_group_knows_is_refused(source: Make) -> None:
    with pytest.raises(TypeError, match=r"no option called 'jiter'; did you mean data\.jitter\?"):
        source(jiter=3)


def test_unknown_split_is_named(source: Make) -> None:
    with pytest.raises(LookupError, match="no split is called 'dev'; there are train"):
        source().split("dev")
