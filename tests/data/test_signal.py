from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from deepmr.anscombe import anscombe
from deepmr.data.encode import EncodeSource
from deepmr.data.signal import read_signal

from .conftest import SIZES

Make = Callable[..., EncodeSource]


def write_bigwig(path: Path, values: list[tuple[str, int, int, float]]) -> Path:
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(SIZES.items()))
        chrom, start, end, value = zip(*values, strict=True)
        track.addEntries(list(chrom), list(start), ends=list(end), values=list(value))
    return path


@pytest.fixture
def bigwig(tmp_path: Path) -> Path:
    # Bin [0, 10): five bases of 2 and five without a value; [10, 20): none; [20, 30): 1 to 10.
    values = [("chr2", 0, 5, 2.0)] + [("chr2", 20 + k, 21 + k, 1.0 + k) for k in range(10)]
    return write_bigwig(tmp_path / "x.bw", values)


@pytest.mark.parametrize(
    ("summary", "gaps", "expected"),
    [
        ("mean", "zero", [1.0, 0.0, 5.5]),
        ("max", "zero", [2.0, 0.0, 10.0]),
        ("total", "zero", [10.0, 0.0, 55.0]),
        ("mean", "missing", [2.0, np.nan, 5.5]),
        ("max", "missing", [2.0, np.nan, 10.0]),
        ("total", "missing", [10.0, np.nan, 55.0]),
    ],
)
def test_summaries_are_those_worked_out_by_hand(
    bigwig: Path, summary: str, gaps: str, expected: list[float]
) -> None:
    found = read_signal(bigwig, "chr2", np.asarray([0, 10, 20]), 10, summary=summary, gaps=gaps)
    assert np.array_equal(found, np.asarray(expected, dtype=np.float32), equal_nan=True)


def test_reading_in_spans_changes_nothing(bigwig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.arange(0, 3000, 7)
    whole = read_signal(bigwig, "chr2", start, 10)
    monkeypatch.setattr("deepmr.data.signal._SPAN", 25)
    assert read_signal(bigwig, "chr2", start, 10).tolist() == whole.tolist()


def test_contig_the_file_does_not_know_is_missing(bigwig: Path) -> None:
    assert np.isnan(read_signal(bigwig, "chrX", np.asarray([0]), 10)).all()


def test_what_is_no_bigwig_or_another_assembly_is_refused(bigwig: Path, tmp_path: Path) -> None:
    (tmp_path / "no.bw").write_text("chr1\t1\t2\n")
    with pytest.raises(ValueError, match=r"no\.bw cannot be read as bigWig"):
        read_signal(tmp_path / "no.bw", "chr2", np.asarray([0]), 10)
    (tmp_path / "cut.bw").write_bytes(bigwig.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"cut\.bw cannot be read as bigWig"):
        read_signal(tmp_path / "cut.bw", "chr2", np.asarray([0]), 10)
    with pytest.raises(ValueError, match="knows chr2 with 4000 bases, a bin ends at 4005"):
        read_signal(bigwig, "chr2", np.asarray([3995]), 10)
    with pytest.raises(FileNotFoundError, match=r"absent\.bw"):
        read_signal(tmp_path / "absent.bw", "chr2", np.asarray([0]), 10)
    with pytest.raises(ValueError, match=r"data\.signal is one of mean, max, total.*'mode'"):
        read_signal(bigwig, "chr2", np.asarray([0]), 10, summary="mode")


def test_anscombe_refuses_negative_counts() -> None:
    assert anscombe(np.asarray([0.625], dtype=np.float32)).tolist() == [2.0]
    with pytest.raises(ValueError, match="counts of 0 or more, got -1"):
        anscombe(np.asarray([-1], dtype=np.float32))


def test_signal_and_count_tasks_sit_beside_peaks(tiny_root: Path, source: Make) -> None:
    values = [(name, 1000, 1200, 3.0) for name in SIZES]
    write_bigwig(tiny_root / "s.bw", values)
    with (tiny_root / "tracks.tsv").open("a") as stream:
        stream.write("K562_ATAC\tATAC\tATAC-seq\tK562\tsignal\ts.bw\tchr1,chr2\n")
        stream.write("K562_PRO\tPRO\tPRO-seq\tK562\tcount\ts.bw\t\n")
    made = source(outcomes=["ATAC", "PRO"], exposures=["GATA1"])
    assert made.tasks.names == ("K562_GATA1", "K562_ATAC", "K562_PRO")
    split = made.split("train")
    _, target, mask = split.gather(np.arange(len(split)))
    bins = split.start + 100
    assert mask.all()
    assert (
        target[bins == 1000].tolist()
        == [
            [1.0, 3.0, pytest.approx(2 * np.sqrt(600.375), rel=1e-6)]  # float32 keeps seven digits
        ]
        * 2
    )
    assert set(target[bins != 1000][:, 1].tolist()) == {0.0}
    rows = {(row["split"], row["task"]): row for row in made.summary()}
    assert rows["train", "K562_ATAC"]["positives"] is None
    assert rows["train", "K562_ATAC"]["mean"] == pytest.approx(6 / 41)
    assert rows["test", "K562_ATAC"]["n"] == 0
    assert not made.split("test").gather(np.arange(3))[2][:, 1].any()
    assert made.candidate_loci("pair", exposure="PRO", outcome="PRO")[1].tolist() == [900]


def test_signals_alone_take_every_window(tiny_root: Path, source: Make) -> None:
    write_bigwig(tiny_root / "s.bw", [(name, 1000, 1200, 3.0) for name in SIZES])
    header = (tiny_root / "tracks.tsv").read_text().splitlines()[0]
    (tiny_root / "tracks.tsv").write_text(
        f"{header}\nK562_ATAC\tATAC\tATAC-seq\tK562\tsignal\ts.bw\t\n"
    )
    made = source(negatives=1.0)
    assert len(made.split("train")) == 41
    assert made.weights() is None


@pytest.mark.parametrize("gaps", ["zero", "missing"])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_signal_is_refused_with_its_place(tmp_path: Path, gaps: str, value: float) -> None:
    path = tmp_path / "ratio.bw"
    write_bigwig(path, [("chr2", 100, 200, 1.0), ("chr2", 300, 310, value)])
    says = r"ratio\.bw: a signal has finite values, got -?inf at chr2:300 and 10 more"
    with pytest.raises(ValueError, match=says):
        read_signal(path, "chr2", np.asarray([0, 200, 400]), 200, gaps=gaps)
    # Bins that do not reach it are what they were.
    assert read_signal(path, "chr2", np.asarray([100]), 100, gaps=gaps).tolist() == [1.0]


def test_negative_counts_name_the_file(tiny_root: Path, source: Make) -> None:
    write_bigwig(tiny_root / "s.bw", [(name, 1000, 1200, -3.0) for name in SIZES])
    with (tiny_root / "tracks.tsv").open("a") as stream:
        stream.write("K562_PRO\tPRO\tPRO-seq\tK562\tcount\ts.bw\t\n")
    with pytest.raises(ValueError, match=r"s\.bw: a task of kind count needs counts of 0 or more"):
        source().prepare()


def test_bigwig_of_the_other_spelling_is_named_or_matched(tiny_root: Path, source: Make) -> None:
    with pyBigWig.open(str(tiny_root / "s.bw"), "w") as track:
        track.addHeader([(name.removeprefix("chr"), size) for name, size in SIZES.items()])
        for name in SIZES:
            track.addEntries([name.removeprefix("chr")], [1000], ends=[1200], values=[3.0])
    with (tiny_root / "tracks.tsv").open("a") as stream:
        stream.write("K562_ATAC\tATAC\tATAC-seq\tK562\tsignal\ts.bw\t\n")
    with pytest.raises(ValueError, match=r"s\.bw: none of its contigs .*data\.contig_names=chr"):
        source().prepare()
    split = source(contig_names="chr").split("test")
    _, target, mask = split.gather(np.arange(len(split)))
    assert mask.all()
    assert sorted(set(target[:, -1].tolist())) == [0.0, 3.0]


def test_bigwig_of_another_assembly_is_refused(tiny_root: Path, source: Make) -> None:
    with pyBigWig.open(str(tiny_root / "s.bw"), "w") as track:
        track.addHeader([(name, size + 50 * (name == "chr3")) for name, size in SIZES.items()])
        track.addEntries(["chr1_a"], [1000], ends=[1200], values=[3.0])
    with (tiny_root / "tracks.tsv").open("a") as stream:
        stream.write("K562_ATAC\tATAC\tATAC-seq\tK562\tsignal\ts.bw\t\n")
    with pytest.raises(ValueError, match=r"s\.bw: its contig chr3 has 4050 bases, chr3 of the gen"):
        source().prepare()
