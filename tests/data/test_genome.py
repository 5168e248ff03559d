from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pyfaidx
import pytest
from Bio import bgzf

from deepmr.data.cache import content_hash
from deepmr.data.genome import EncodedGenome
from deepmr.sequence import encode

TEXT = {"chr1": "ACGTacgtNnRYacgtACGTA", "chr2": "GGCCA"}
CODES = {name: encode(text).tolist() for name, text in TEXT.items()}


def fasta(path: Path, kind: str = "plain") -> Path:
    text = "".join(
        f">{name} described\n" + "".join(f"{seq[i : i + 6]}\n" for i in range(0, len(seq), 6))
        for name, seq in TEXT.items()
    ).encode()
    if kind == "plain":
        path.write_bytes(text)
    elif kind == "gzip":
        path.write_bytes(gzip.compress(text))
    else:
        with bgzf.BgzfWriter(str(path)) as stream:
            stream.write(text)
    return path


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
def test_every_base_is_read_from_every_packing(tmp_path: Path, kind: str) -> None:
    name = "g.fa" if kind == "plain" else "g.fa.gz"
    genome = EncodedGenome.from_fasta(fasta(tmp_path / name, kind))
    assert genome.contigs == {"chr1": 21, "chr2": 5}
    assert genome.codes.tolist() == CODES["chr1"] + CODES["chr2"]


def test_soft_masked_bases_count_as_known_and_other_letters_as_unknown(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    assert genome.codes[:12].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4, 4]


def test_window_beyond_the_rim_is_unknown_there_and_never_short(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    contig = np.asarray([1, 1, 1, 0, 1])
    start = np.asarray([-3, 3, 0, 15, 40])
    windows = genome.windows(contig, start, 6)
    assert windows.tolist() == [
        [4, 4, 4, 2, 2, 1],
        [1, 0, 4, 4, 4, 4],
        [2, 2, 1, 1, 0, 4],
        [3, 0, 1, 2, 3, 0],
        [4] * 6,
    ]


def test_window_longer_than_the_genome_is_padded(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    window = genome.windows(np.asarray([1]), np.asarray([-10]), 100)
    assert window.shape == (1, 100)
    assert window[0, 10:15].tolist() == CODES["chr2"]


@pytest.mark.parametrize("piece", [1, 4, 7, 1 << 24])
def test_counting_in_pieces_equals_counting_windows(
    tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepmr.data.genome._PIECE", piece)
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    start = np.arange(-8, 21)
    windows = genome.windows(np.zeros(start.size, dtype=np.int64), start, 5)
    expected = np.isin(windows, [1, 2]).sum(axis=1)
    assert genome.count(0, start, 5, 1, 2).tolist() == expected.tolist()


def test_unknown_contig_is_named(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    with pytest.raises(LookupError, match="no contig chrX; it has chr1, chr2"):
        genome.locate(np.asarray(["chr1", "chrX"]))
    assert genome.locate(np.asarray(["chr2", "chr1", "chr2"])).tolist() == [1, 0, 1]


def test_same_content_is_encoded_once_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    monkeypatch.setattr("deepmr.data.genome._encode_fasta", None)
    assert EncodedGenome.from_fasta(fasta(tmp_path / "copy.fa")).folder == first.folder


def test_changed_content_is_another_genome(tmp_path: Path) -> None:
    path = fasta(tmp_path / "g.fa")
    first = EncodedGenome.from_fasta(path)
    path.write_text(">chr1\nTTTT\n")
    second = EncodedGenome.from_fasta(path)
    assert second.codes.tolist() == [3, 3, 3, 3]
    assert second.folder != first.folder


def test_it_travels_to_workers_as_a_path(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    _ = genome.codes
    sent = pickle.dumps(genome)
    assert len(sent) < 1000
    assert pickle.loads(sent).codes.tolist() == genome.codes.tolist()


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip"])
def test_nothing_is_written_beside_the_genome(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    path = fasta(folder / ("g.fa" if kind == "plain" else "g.fa.gz"), kind)
    assert EncodedGenome.from_fasta(path).codes.size == 26
    assert [entry.name for entry in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["gzip", "bgzip"])
def test_truncated_genome_is_refused(tmp_path: Path, kind: str) -> None:
    path = fasta(tmp_path / "g.fa.gz", kind)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"g\.fa\.gz"):
        EncodedGenome.from_fasta(path)


def test_index_of_another_file_changes_nothing(tmp_path: Path) -> None:
    path = fasta(tmp_path / "g.fa")
    cut = path.read_text()[:20]
    (tmp_path / "cut.fa").write_text(cut)
    pyfaidx.Faidx(str(tmp_path / "cut.fa")).close()
    (tmp_path / "cut.fa.fai").rename(f"{path}.fai")  # newer than the genome it lies beside
    os.utime(path, (1.4e9, 1.4e9))
    genome = EncodedGenome.from_fasta(path)
    assert genome.contigs == {"chr1": 21, "chr2": 5}
    assert genome.codes.tolist() == CODES["chr1"] + CODES["chr2"]


def test_file_rewritten_in_place_with_its_old_date_is_another_genome(tmp_path: Path) -> None:
    path = fasta(tmp_path / "g.fa")
    before = path.stat()
    first = EncodedGenome.from_fasta(path)
    with path.open("r+b") as stream:  # the same inode, size and date
        stream.write(path.read_bytes().replace(b"GG", b"TT"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = EncodedGenome.from_fasta(path)
    assert first.sha256 != second.sha256
    assert second.codes[21:].tolist() == encode("TTCCA").tolist()


def test_unchanged_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepmr.data.cache._SETTLED", -1)
    path = fasta(tmp_path / "g.fa")
    digest = content_hash(path)
    monkeypatch.setattr("deepmr.data.cache.sha256", None)
    assert content_hash(path) == digest


@pytest.mark.parametrize("damage", ["zeroed", "short", "gone", "record"])
def test_damaged_encoding_in_the_cache_is_refused_and_made_again(
    tmp_path: Path, damage: str
) -> None:
    path = fasta(tmp_path / "g.fa")
    genome = EncodedGenome.from_fasta(path)
    codes = genome.folder / "codes.u8"
    sent = pickle.dumps(genome)
    if damage == "zeroed":
        codes.write_bytes(bytes(26))
    elif damage == "short":
        codes.write_bytes(codes.read_bytes()[:-1])
    elif damage == "gone":
        codes.unlink()
    else:
        (genome.folder / "contigs.json").write_text('{"contigs": [1]}')
    with pytest.raises(ValueError, match=r"(codes\.u8 has not the content|json is damaged)"):
        pickle.loads(sent)
    with pytest.warns(UserWarning, match="encoded again"):
        again = EncodedGenome.from_fasta(path)
    assert again.codes.tolist() == CODES["chr1"] + CODES["chr2"]


BLANKS = (
    ">chr1\nACGT\n\n\n>chr2\nTT\n",  # two between contigs
    ">chr1\nACGT\n>chr2\nTT\n\n\n\n",  # at the end
    "\n\n>chr1\nAC\n\nGT\n>chr2\nT\nT",  # before, within, and no line end at the end
    ">chr1\r\nACGT\r\n>chr2 x\r\nTT\r\n",  # of another system
    "\ufeff>chr1\nA\nCGT \n>chr2\nTT",  # a byte-order mark, lines of unequal length
)


@pytest.mark.parametrize("text", BLANKS)
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1 << 24])
def test_blank_lines_and_line_ends_are_no_content(
    tmp_path: Path, text: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepmr.data.genome._PIECE", piece)
    path = tmp_path / "g.fa"
    path.write_bytes(text.encode())
    genome = EncodedGenome.from_fasta(path)
    assert genome.contigs == {"chr1": 4, "chr2": 2}
    assert genome.codes.tolist() == [0, 1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (">p\nMKVLAAGI\n", "got 'L' at base 4 of p; is this a FASTA of nucleotides"),
        (">p\nACGU\n", "got 'U' at base 4 of p; is this RNA"),
        (">p\nAC\n>q\nA1\n", "got '1' at base 2 of q"),
        (">p\nAC\0A\n", "at base 3 of p"),
        (">a\nAC\n>\nACGT\n", "header without a name"),
        (">a\n>b\nACGT\n", "no base of the contig a"),
        (">a\nAC\n>b", "no base of the contig b; is the FASTA file cut short"),
        ("<html>\n", "must begin with a line '>NAME'"),
    ],
)
def test_what_is_no_genome_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "g.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match=says) as caught:
        EncodedGenome.from_fasta(path)
    assert "g.fa" in str(caught.value)


def test_bgzip_damaged_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    whole = fasta(tmp_path / "whole.fa.gz", "bgzip").read_bytes()
    path = tmp_path / "g.fa.gz"
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(bytes(damaged))
        try:
            codes = EncodedGenome.from_fasta(path).codes.tolist()
        except ValueError as error:
            if str(path) not in str(error):
                pytest.fail(f"the message does not name the file: {error}")
        else:  # gzip's header has fields (time, system) that mean nothing to the content
            assert codes == CODES["chr1"] + CODES["chr2"]


@pytest.mark.parametrize("text", ["", "no header\n", ">a\nACGT\n>a\nACGT\n"])
def test_what_is_no_fasta_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "g.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match="FASTA"):
        EncodedGenome.from_fasta(path)


def test_missing_genome_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.fa; no such file"):
        EncodedGenome.from_fasta(tmp_path / "absent.fa")
