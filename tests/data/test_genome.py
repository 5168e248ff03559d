from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from Bio import bgzf

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
    Path(f"{path}.fai").unlink()
    second = EncodedGenome.from_fasta(path)
    assert second.codes.tolist() == [3, 3, 3, 3]
    assert second.folder != first.folder


def test_it_travels_to_workers_as_a_path(tmp_path: Path) -> None:
    genome = EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    _ = genome.codes
    sent = pickle.dumps(genome)
    assert len(sent) < 1000
    assert pickle.loads(sent).codes.tolist() == genome.codes.tolist()


def test_missing_index_is_made_beside_a_writable_genome(tmp_path: Path) -> None:
    EncodedGenome.from_fasta(fasta(tmp_path / "g.fa"))
    assert (tmp_path / "g.fa.fai").exists()


@pytest.mark.parametrize("kind", ["plain", "bgzip"])
def test_folder_that_cannot_be_written_is_left_alone(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    path = fasta(folder / ("g.fa" if kind == "plain" else "g.fa.gz"), kind)
    allowed = os.access
    # The superuser may write anywhere, so the answer of the system is replaced for this folder.
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p) != folder and allowed(p, mode))
    genome = EncodedGenome.from_fasta(path)
    assert genome.codes.size == 26
    assert [entry.name for entry in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", ["gzip", "bgzip"])
def test_truncated_genome_is_refused(tmp_path: Path, kind: str) -> None:
    path = fasta(tmp_path / "g.fa.gz", kind)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"g\.fa\.gz"):
        EncodedGenome.from_fasta(path)


def test_index_of_another_file_is_noticed(tmp_path: Path) -> None:
    path = fasta(tmp_path / "g.fa")
    EncodedGenome.from_fasta(path)
    path.write_text(">chr1\nACGT\n")
    index = Path(f"{path}.fai")
    later = path.stat().st_mtime + 10
    os.utime(index, (later, later))
    with pytest.raises(ValueError, match="does not fit its index"):
        EncodedGenome.from_fasta(path)


@pytest.mark.parametrize("text", ["", "no header\n", ">a\nACGT\n>a\nACGT\n"])
def test_what_is_no_fasta_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "g.fa"
    path.write_text(text)
    with pytest.raises(ValueError, match="FASTA"):
        EncodedGenome.from_fasta(path)


def test_missing_genome_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.fa; no such file"):
        EncodedGenome.from_fasta(tmp_path / "absent.fa")
