"""How long labels of a whole genome take, and how much memory: 15 million bins, real peak lists.

    python -m benchmarks.labels --json labels.json
    python -m benchmarks.labels --peaks FOLDER --assembly hg19 --json labels.json

A genome of the assembly's size (chr1 to chrY) is made up, its sequence random; without
``--peaks`` the peak lists are too, as many and as wide as those of the default tracks. The whole
preparation is timed: peaks read, unknown bases and GC content counted, bins labelled, negatives
chosen with the positives' GC content, the check that nothing leaks, files written.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from deepmr.data.genome import EncodedGenome
from deepmr.data.partition import split_contigs
from deepmr.data.prepared import Recipe, prepare
from deepmr.data.settings import Labels, Negatives, PeakFiles, WindowSizes
from deepmr.data.text import lines
from deepmr.data.tracks import Track
from deepmr.files import read_json, sha256, write_json
from deepmr.tasks import Task

# Bases of chr1 to chr22, X and Y.
NAMES = [f"chr{name}" for name in [*range(1, 23), "X", "Y"]]
ASSEMBLIES = {
    "GRCh38": [
        248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636,
        138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345,
        83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415,
    ],
    "hg19": [
        249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022,
        141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753,
        81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566,
    ],
}  # fmt: skip
HELD_OUT = {"validation": ["chr7"], "calibration": ["chr10"], "test": ["chr8", "chr9"]}
# Number and mean width of the peaks of the default K562 tracks, rounded: orders of magnitude.
TRACKS = {
    "GATA1": (20_000, 300), "TAL1": (30_000, 300), "CTCF": (50_000, 300), "EP300": (30_000, 300),
    "POLR2A": (30_000, 500), "H3K27ac": (60_000, 1_000), "H3K4me1": (150_000, 900),
    "H3K4me3": (40_000, 1_000), "H3K27me3": (100_000, 1_500), "ATAC": (250_000, 400),
    "DNase": (150_000, 300),
}  # fmt: skip


def made_up_genome(folder: Path, sizes: dict[str, int], seed: int = 0) -> EncodedGenome:
    """Write an encoded genome of random bases, with an unknown stretch in each contig."""
    folder.mkdir(parents=True)
    piece = np.random.default_rng(seed).integers(0, 4, 1 << 24, dtype=np.uint8)
    with (folder / "codes.u8").open("wb") as stream:
        for size in sizes.values():
            bases = np.resize(piece, size)
            bases[size // 3 : size // 3 + size // 20] = 4
            stream.write(bases.tobytes())
    record = {"sha256": "0" * 64, "codes_sha256": sha256(folder / "codes.u8"), "contigs": sizes}
    write_json(folder / "contigs.json", record)
    return EncodedGenome(folder)


def made_up_peaks(folder: Path, sizes: dict[str, int], seed: int = 0) -> list[Path]:
    """Write peak lists as long as those of the default tracks."""
    generator = np.random.default_rng(seed)
    size = np.asarray(list(sizes.values()))
    paths = []
    for target, (count, width) in TRACKS.items():
        chrom = generator.choice(size.size, count, p=size / size.sum())
        start = generator.random(count) * (size[chrom] - 20_000)
        length = generator.exponential(width, count) + 50
        path = folder / f"{target}.bed"
        with path.open("w") as stream:
            for c, s, n in zip(chrom, start.astype(int), length.astype(int), strict=True):
                stream.write(f"{NAMES[c]}\t{s}\t{s + n}\n")
        paths.append(path)
    return paths


class PrivateMemory:
    """Watch the largest amount of memory that is this process's own, not the file cache's."""

    def __init__(self) -> None:
        self.largest = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PrivateMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        status = Path("/proc/self/status")
        while not self._stop.wait(0.02):
            if not status.exists():
                return
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            self.largest = max(self.largest, int(lines["RssAnon"].split()[0]) * 1024)


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peaks", type=Path, help="folder of peak lists in chr coordinates")
    parser.add_argument("--assembly", choices=ASSEMBLIES, default="GRCh38")
    parser.add_argument("--negatives", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DEEPMR_CACHE"] = str(folder / "cache")
        sizes = dict(zip(NAMES, ASSEMBLIES[options.assembly], strict=True))
        genome = made_up_genome(folder / "genome", sizes)
        paths = sorted(options.peaks.iterdir()) if options.peaks else made_up_peaks(folder, sizes)
        tracks = tuple(
            Track(task=Task(name=path.name.split(".")[0], target=path.name), file=path)
            for path in paths
        )
        held_out = {chrom for names in HELD_OUT.values() for chrom in names}
        train = [chrom for chrom in NAMES if chrom not in held_out]
        recipe = Recipe(
            tracks=tracks,
            splits=split_contigs(genome.contigs, {"train": train, **HELD_OUT}),
            windows=WindowSizes(),
            labels=Labels(),
            negatives=Negatives(negatives=options.negatives),
            peak_files=PeakFiles(missing_contigs="drop"),
            jitter=0,
            exclude=None,
        )
        began, used = time.perf_counter(), time.process_time()
        with PrivateMemory() as memory:
            made = prepare(recipe, genome, "benchmark")
        record = {
            "bins": sum(size // recipe.windows.bin for size in sizes.values()),
            "tracks": len(tracks),
            "peaks": sum(1 for path in paths for _ in lines(path)),
            "windows": sum(len(np.load(made / f"{split}.npz")["start"]) for split in recipe.splits),
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - used,
            "largest_private_memory_gib": memory.largest / 2**30,
            "largest_resident_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            / 2**20,
            "labels_mib": (made / "labels.npy").stat().st_size / 2**20,
            "processors": os.cpu_count(),
        }
        positives = {
            row["task"]: row["positives"]
            for row in read_json(made / "prepared.json")["summary"]
            if row["split"] == "train"
        }
    for key, value in record.items():
        print(f"{key:<30}{value:>16,.2f}" if isinstance(value, float) else f"{key:<30}{value:>16,}")
    print("positives in training:", ", ".join(f"{k} {v:,}" for k, v in positives.items()))
    if options.json:
        options.json.write_text(json.dumps(record | {"positives": positives}, indent=2) + "\n")


if __name__ == "__main__":
    main()
