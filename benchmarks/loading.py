"""How many 1000-bp windows a second one core loads: this package against the usual ways.

    python -m benchmarks.loading --json loading.json
    python -m benchmarks.loading --root FOLDER --json loading.json    # a folder as data.root

All ways read the same windows of the same genome in the same random order, in one process pinned
to one core, by turns; the medians of the rounds are compared. Seconds are the processor's, so that
other programs on a shared machine count for little. SeqIntervalDl needs the extra `bench`
(`pip install -e '.[bench]'`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from deepmr.data.encode import EncodeSource, encode_source
from deepmr.data.regions import kipoiseq
from deepmr.data.source import Split
from deepmr.lightning.datamodule import EpochSampler, SplitDataset
from deepmr.sequence import one_hot

LENGTH = 1000
# Full-size DeepSEA costs 3.3 GFLOP a window forward and backward (three times 2 x 550 M
# multiply-adds); an H100 does 989 TFLOP/s in bf16 at its peak and 20 to 40 % of that in practice.
APPETITE = (60_000, 120_000)

SPLITS = {"train": ["chr1"], "validation": ["chr2"], "calibration": ["chr3"], "test": ["chr4"]}
SUBSET = {
    "train": ["chr20"],
    "validation": ["chr4", "chr17"],
    "calibration": ["chr22"],
    "test": ["chr3", "chr5"],
}


def made_up_root(folder: Path, *, size: int = 20_000_000, seed: int = 0) -> Path:
    """Write a random genome of four chromosomes and the peaks of 12 tasks."""
    generator = np.random.default_rng(seed)
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    with (folder / "genome.fa").open("wb") as stream:
        for chrom in range(1, 5):
            bases = letters[generator.integers(0, 4, size if chrom == 1 else size // 20)]
            stream.write(b">chr%d\n" % chrom)
            for at in range(0, bases.size, 60):
                stream.write(bases[at : at + 60].tobytes() + b"\n")
    rows = ["task\ttarget\tassay\tbiosample\tkind\tfile\tcovers"]
    for task in range(12):
        with (folder / f"{task}.bed").open("w") as stream:
            for chrom, peaks in ((1, 2000), (2, 100), (3, 100), (4, 100)):
                limit = (size if chrom == 1 else size // 20) - 1000
                for start in np.sort(generator.integers(0, limit, peaks)).tolist():
                    stream.write(f"chr{chrom}\t{start}\t{start + 400}\n")
        rows.append(f"t{task}\tT{task}\tTF ChIP-seq\tK562\tbinary\t{task}.bed\t")
    (folder / "tracks.tsv").write_text("\n".join(rows) + "\n")
    return folder


def plain_fasta(source: EncodeSource, path: Path) -> Path:
    """Write the genome as a plain FASTA, the kindest case for pyfaidx (no unpacking)."""
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)
    genome = source.genome
    with path.open("wb") as stream:
        for name, offset, size in zip(genome.names, genome.offsets, genome.lengths, strict=True):
            bases = letters[genome.codes[offset : offset + size]]
            stream.write(b">%s\n" % name.encode())
            for at in range(0, bases.size, 60):
                stream.write(bases[at : at + 60].tobytes() + b"\n")
    return path


def loader(split: Split, batch_size: int, *, train: bool) -> Iterator[Any]:
    """Iterate over the DataLoader that training uses, in the main process."""
    sampler = EpochSampler(len(split), batch_size, seed=0, member=0, train=train)
    return iter(DataLoader(SplitDataset(split), sampler=sampler, batch_size=None, num_workers=0))


def ours(split: Split, batch_size: int, *, train: bool, expand: bool) -> Callable[[], int]:
    """Return a run over an epoch through the DataLoader, to bytes or to float one-hot."""

    def run() -> int:
        count = 0
        for codes, _, _ in loader(split, batch_size, train=train):
            count += len(one_hot(codes) if expand else codes)
        return count

    return run


def with_pyfaidx(fasta: Path, places: list[tuple[str, int, int]]) -> Callable[[], int]:
    """Return a run over windows with pyfaidx and kipoiseq's one_hot_dna."""
    from pyfaidx import Fasta

    encode = _functional().one_hot_dna
    genome = Fasta(str(fasta), as_raw=True, sequence_always_upper=True)

    def run() -> int:
        for chrom, start, end in places:
            encode(genome[chrom][start:end], neutral_value=0)
        return len(places)

    return run


def with_kipoiseq(
    fasta: Path, places: list[tuple[str, int, int]], folder: Path
) -> Callable[[], int]:
    """Return a run over windows with kipoiseq's SeqIntervalDl."""
    kipoiseq()
    from kipoiseq.dataloaders import SeqIntervalDl

    bed = folder / "windows.bed"
    bed.write_text("".join(f"{c}\t{s}\t{e}\n" for c, s, e in places))
    data = SeqIntervalDl(str(bed), str(fasta))

    def run() -> int:
        for index in range(len(places)):
            _ = data[index]["inputs"]
        return len(places)

    return run


def _functional() -> Any:
    kipoiseq()
    from kipoiseq.transforms import functional

    return functional


def measure(ways: dict[str, Callable[[], int]], rounds: int) -> dict[str, float]:
    """Return windows a second of each way: the median over rounds in which all take turns."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            began, done = time.process_time(), 0
            while done == 0 or time.process_time() - began < 0.3:
                done += run()
            rates[name].append(done / (time.process_time() - began))
    return {name: statistics.median(values) for name, values in rates.items()}


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="a folder as data.root, with chr20 and so on")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("DEEPMR_CACHE", str(folder / "cache"))
        root = options.root or made_up_root(folder)
        splits = SUBSET if options.root else SPLITS
        source = encode_source(root, splits=splits, negatives=None, context=LENGTH)
        split = source.split("train")
        fasta = plain_fasta(source, folder / "plain.fa")
        rows = np.random.default_rng(0).permutation(len(split))
        inside = rows[(split.start[rows] >= 0)][:2000]
        places = list(
            zip(
                split.chrom[inside].tolist(),
                split.start[inside].tolist(),
                split.end[inside].tolist(),
                strict=True,
            )
        )
        ways = {
            f"this package, bytes, {kind}, batch {size}": ours(
                split, size, train=kind == "augmented", expand=False
            )
            for kind in ("plain", "augmented")
            for size in (128, 1024, 4096)
        }
        ways["this package, float one-hot, batch 128"] = ours(split, 128, train=False, expand=True)
        ways["pyfaidx + kipoiseq one_hot_dna"] = with_pyfaidx(fasta, places)
        try:
            ways["kipoiseq SeqIntervalDl"] = with_kipoiseq(fasta, places, folder)
            ways["kipoiseq SeqIntervalDl"]()
        except ImportError as error:
            print(f"kipoiseq SeqIntervalDl is left out: {error}; install the extra bench")
            del ways["kipoiseq SeqIntervalDl"]
        rates = measure(ways, options.rounds)
    usual = rates["pyfaidx + kipoiseq one_hot_dna"]
    print(f"{len(split):,} windows of {LENGTH} bases, {len(source.tasks)} tasks, one core")
    print(f"{'way':<52}{'windows/s':>12}{'x pyfaidx':>11}{'share of an H100':>20}")
    for name, rate in rates.items():
        share = " - ".join(f"{rate / need:.2f}" for need in reversed(APPETITE))
        print(f"{name:<52}{rate:>12,.0f}{rate / usual:>11.1f}{share:>20}")
    if options.json:
        record = {
            "windows": len(split),
            "length": LENGTH,
            "tasks": len(source.tasks),
            "rounds": options.rounds,
            "windows_per_second": rates,
            "ratio_to_pyfaidx_one_hot_dna": {key: rate / usual for key, rate in rates.items()},
            "h100_appetite_windows_per_second": APPETITE,
            "h100_share_fed_by_one_core": {
                key: [rate / need for need in reversed(APPETITE)] for key, rate in rates.items()
            },
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
