"""Measured alleles become training rows of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepmr.data.source import Split
from deepmr.data.windows import reverse_complement
from deepmr.sequence import encode

from .conftest import random_sequences
from .encode_cases import Make, everything

pytestmark = pytest.mark.filterwarnings("ignore:without a label in the training split")

TEXT = random_sequences()
LETTERS = "ACGT"


def _other(base: str) -> str:
    return LETTERS[(LETTERS.index(base) + 1) % 4]


def _table(path: Path, rows: list[tuple[str, int, str, str]], header: str = "") -> str:
    """Write alleles at 0-based places with labels of GATA1 and TAL1; return the file's name."""
    lines = [header or "chrom\tpos\tref\talt\tK562_GATA1\tK562_TAL1"]
    for chrom, place, first, second in rows:
        ref = TEXT[chrom][place]
        lines.append(f"{chrom}\t{place + 1}\t{ref}\t{_other(ref)}\t{first}\t{second}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_an_allele_is_a_window_with_one_base_replaced_and_labels_of_its_own(
    source: Make, tmp_path: Path
) -> None:
    path = _table(tmp_path / "a.tsv", [("chr1_a", 2500, "0.25", ""), ("chr1_b", 700, "", "1")])
    made, plain = source(alleles=path), source()
    split = made.split("train")
    assert isinstance(split, Split)
    n = len(plain.split("train"))
    assert len(split) == n + 2
    for before, after in zip(everything(plain.split("train")), everything(split), strict=True):
        np.testing.assert_array_equal(before, after[:n])
    codes, target, mask = split.gather(np.array([n + 1, 3, n]))
    for row, (chrom, place) in ((0, ("chr1_b", 700)), (2, ("chr1_a", 2500))):
        own = encode(TEXT[chrom][place - 200 : place + 200])
        assert np.flatnonzero(codes[row] != own).tolist() == [200]
        assert LETTERS[codes[row, 200]] == _other(TEXT[chrom][place])
    assert (split.chrom[n], split.start[n], split.end[n]) == ("chr1_a", 2300, 2700)
    assert target[[0, 2]].tolist() == [[0.0, 1.0], [0.25, 0.0]]
    assert mask[[0, 2]].tolist() == [[False, True], [True, False]]
    np.testing.assert_array_equal(codes[1], plain.split("train").gather(np.array([3]))[0][0])


def test_the_replaced_base_stays_in_a_shifted_or_turned_window(
    source: Make, tmp_path: Path
) -> None:
    rows = [("chr1_a", 1000 + 40 * k, "1", "0") for k in range(60)]
    made = source(alleles=_table(tmp_path / "a.tsv", rows), jitter=10)
    split = made.split("train")
    behind = np.arange(len(split) - 60, len(split))
    shifts, turned = set(), 0
    for row, codes in enumerate(split.gather(behind, seed=5)[0]):
        chrom, place = rows[row][:2]
        new = TEXT[chrom][:place] + _other(TEXT[chrom][place]) + TEXT[chrom][place + 1 :]
        either = (codes[None], reverse_complement(codes[None]))
        found = [
            (shift, side)
            for shift in range(-10, 11)
            for side, one in enumerate(either)
            if one[0].tolist() == encode(new[place - 200 + shift : place + 200 + shift]).tolist()
        ]
        assert len(found) == 1
        shifts.add(found[0][0])
        turned += found[0][1]
    assert len(shifts) > 10
    assert 15 < turned < 45  # half of 60, four standard errors


def test_only_the_training_split_has_them_and_the_fingerprint_knows_the_file(
    source: Make, tmp_path: Path
) -> None:
    first = _table(tmp_path / "a.tsv", [("chr1_a", 2500, "0", "1"), ("chr4", 900, "1", "1")])
    made, plain = source(alleles=first), source()
    with pytest.warns(UserWarning, match="1 alleles lie on no contig of the training split"):
        assert len(made.split("train")) == len(plain.split("train")) + 1
    assert len(made.split("test")) == len(plain.split("test"))
    assert Path(first) in made.inputs()
    second = _table(tmp_path / "b.tsv", [("chr1_a", 2500, "1", "1")])
    assert len({made.fingerprint, plain.fingerprint, source(alleles=second).fingerprint}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chrom\tpos\tref\tK562_GATA1\n", "line 1: the header names chrom, pos, ref, alt"),
        ("chrom\tpos\tref\talt\n", "line 1: no column is called as a task"),
        ("chrom\tpos\tref\talt\tK562_GATA2\n", "no task is called .K562_GATA2.; did you mean"),
        ("HEAD\nchr9\t5\tA\tC\t1\n", "line 2: the genome has no contig chr9; it has chr1_a"),
        ("HEAD\nchr1_a\t0\tA\tC\t1\n", "line 2: pos is a base from 1 to 6000, got '0'"),
        ("HEAD\nchr1_a\t5\tAA\tC\t1\n", "line 2: ref and alt are one base each"),
        ("HEAD\nchr1_a\t5\tREF\tALT\t2\n", "K562_GATA1 is a binary task and takes 0 to 1, got 2"),
        ("HEAD\nchr1_a\t5\tREF\tALT\thigh\n", "K562_GATA1 is a number, or empty .* got 'high'"),
        ("HEAD\nchr1_a\t5\tREF\tALT\tinf\n", "K562_GATA1 is a number, or empty .* got 'inf'"),
        ("HEAD\nchr1_a\t5\tREF\n", "line 2: an allele has 5 columns as the header does, got 3"),
        ("HEAD\nchr1_a\t5\tALT\tREF\t1\n", "line 2: ref is ., the genome has . there"),
        ("HEAD\nchr4\t5\tREF\tALT\t1\n", "no allele with a label .* 1 lie elsewhere"),
        ("HEAD\nchr1_a\t5\tREF\tALT\t\n", "has no allele with a label on a contig of the training"),
    ],
)
def test_a_wrong_table_is_refused_before_training_with_file_and_line(
    source: Make, tmp_path: Path, text: str, message: str
) -> None:
    ref = TEXT["chr1_a"][4]
    text = text.replace("HEAD", "chrom\tpos\tref\talt\tK562_GATA1")
    (tmp_path / "a.tsv").write_text(text.replace("REF", ref).replace("ALT", _other(ref)))
    with pytest.raises(ValueError, match=message):
        source(alleles=str(tmp_path / "a.tsv")).prepare()


def test_a_missing_table_is_named(source: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data.alleles must be a file, got .*none.tsv"):
        source(alleles=str(tmp_path / "none.tsv")).prepare()
