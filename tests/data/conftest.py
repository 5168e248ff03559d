"""A tiny genome with peaks whose every label can be worked out by hand."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from deepmr.data.encode import EncodeSource, encode_source

SPLITS = {"train": ["chr1"], "validation": ["chr2"], "calibration": ["chr3"], "test": ["chr4"]}
SIZES = {"chr1_a": 6000, "chr1_b": 3000, "chr2": 4000, "chr3": 4000, "chr4": 5000}
HEADER = "task\ttarget\tassay\tbiosample\tkind\tfile\tcovers"


def write_genome(path: Path, sequences: Mapping[str, str], width: int = 60) -> Path:
    lines = []
    for name, text in sequences.items():
        lines.append(f">{name} a description")
        lines += [text[at : at + width] for at in range(0, len(text), width)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_peaks(path: Path, peaks: Sequence[tuple[str, int, int]]) -> Path:
    text = "".join(f"{c}\t{s}\t{e}\t.\t0\t.\t1\t1\t1\t{(e - s) // 2}\n" for c, s, e in peaks)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def random_sequences(sizes: Mapping[str, int] = SIZES, seed: int = 0) -> dict[str, str]:
    generator = np.random.default_rng(seed)
    return {name: "".join(generator.choice(list("ACGT"), size)) for name, size in sizes.items()}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPMR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tiny_root(tmp_path: Path) -> Path:
    """Five contigs; GATA1 and TAL1 everywhere, H3K27ac on chr3 and chr4 only, DNase nowhere."""
    root = tmp_path / "root"
    root.mkdir()
    write_genome(root / "genome.fa", random_sequences())
    # One peak a contig: [1000, 1400) makes bins 5 and 6 positive.
    write_peaks(root / "gata1.narrowPeak.gz", [(name, 1000, 1400) for name in SIZES])
    write_peaks(root / "tal1.bed", [(name, 2000, 2200) for name in SIZES])
    write_peaks(root / "h3k27ac.bed", [("chr3", 1000, 2000), ("chr4", 1000, 2000)])
    (root / "tracks.tsv").write_text(
        f"{HEADER}\n"
        "K562_GATA1\tGATA1\tTF ChIP-seq\tK562\tbinary\tgata1.narrowPeak.gz\t\n"
        "K562_TAL1\tTAL1\tTF ChIP-seq\tK562\tbinary\ttal1.bed\t\n"
        "K562_H3K27ac\tH3K27ac\tHistone ChIP-seq\tK562\tbinary\th3k27ac.bed\tchr3,chr4\n"
    )
    return root


@pytest.fixture
def source(tiny_root: Path) -> Callable[..., EncodeSource]:
    """Make a source on the tiny genome, with small windows unless told otherwise."""

    def make(root: Path = tiny_root, **options: object) -> EncodeSource:
        chosen = {"splits": SPLITS, "bin": 200, "context": 400, "negatives": None} | options
        return encode_source(root, **chosen)

    return make
