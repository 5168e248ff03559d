"""Which sequences are interrogated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, Shaped, UInt8

from deepmr.data.genome import EncodedGenome
from deepmr.data.regions import read_regions
from deepmr.data.source import DataSource
from deepmr.data.teacher import TeacherSource

__all__ = ["Loci", "draw", "region_loci", "test_loci"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loci:
    """Sequences with their places.

    Args:
        chrom: Chromosome of each locus.
        start: First base, 0-based.
        end: The base behind the last.
        codes: Bases, 0 to 3 for A, C, G, T and 4 for unknown.
        split: Which split they come from, or how they were chosen.
        true_effects: Noiseless effects of every substitution on every task, where known.
        true_tasks: Names on the task axis of ``true_effects``.

    Raises:
        ValueError: If lengths differ, there is none, or a key occurs twice.
    """

    chrom: Shaped[np.ndarray, " locus"]
    start: Int64[np.ndarray, " locus"]
    end: Int64[np.ndarray, " locus"]
    codes: UInt8[np.ndarray, "locus length"]
    split: str = ""
    true_effects: Float64[np.ndarray, "locus task variant"] | None = None
    true_tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.chrom)
        if n == 0:
            raise ValueError("there is no locus to interrogate; see loci=")
        if not n == len(self.start) == len(self.end) == len(self.codes):
            raise ValueError(
                f"every locus needs chrom, start, end and a sequence, got {n}, {len(self.start)}, "
                f"{len(self.end)} and {len(self.codes)}"
            )
        keys = list(self.places())
        if len(set(keys)) < n:
            first = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"loci must differ, got {first[0]}:{first[1]}-{first[2]} twice")

    def __len__(self) -> int:
        return len(self.chrom)

    def places(self) -> list[tuple[str, int, int]]:
        """Return the keys by which tables are joined."""
        return [
            (str(chrom), int(start), int(end))
            for chrom, start, end in zip(self.chrom, self.start, self.end, strict=True)
        ]

    def names(self) -> list[str]:
        """Return readable places."""
        return [f"{chrom}:{start}-{end}" for chrom, start, end in self.places()]


def draw(n_available: int, n: int | None, seed: int) -> Int64[np.ndarray, " chosen"]:
    """Draw at most n positions without replacement, in ascending order; all if n is None.

    The draw of a smaller n is contained in that of a larger one.

    Raises:
        ValueError: If n is not positive.
    """
    if n is not None and n < 1:
        raise ValueError(f"loci.n must be at least 1, got {n}")
    if n is None or n >= n_available:
        return np.arange(n_available)
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).permutation(
        n_available
    )
    return np.sort(order[:n]).astype(np.int64)


def test_loci(source: DataSource, exposure: str, outcome: str, *, n: int | None, seed: int) -> Loci:
    """Draw loci of the test split that suit a question.

    Args:
        source: The data the networks were trained on.
        exposure: Name of a task.
        outcome: Name of a task.
        n: At most how many; None for all.
        seed: Of the draw.

    Raises:
        LookupError: If the test split has none.
        ValueError: If n is not positive.
    """
    chrom, start, end = source.candidate_loci("pair", exposure=exposure, outcome=outcome)
    chosen = draw(len(chrom), n, seed)
    chrom, start, end = chrom[chosen], start[chosen], end[chosen]
    return Loci(
        chrom=chrom,
        start=start,
        end=end,
        codes=source.sequences(chrom, start, end),
        split="test",
        true_effects=source.true_effects(chrom, start, end),
        true_tasks=source.tasks.names,
    )


def region_loci(
    path: Path,
    genome: EncodedGenome,
    *,
    length: int,
    source: DataSource | None,
    allow_seen: bool,
    n: int | None,
    seed: int,
) -> Loci:
    """Read a user's own regions, a window of the network's length around each middle.

    Args:
        path: BED file.
        genome: Where the bases come from.
        length: Bases in a window.
        source: The data the networks were trained on; None where nobody knows.
        allow_seen: Also take regions of the training and validation chromosomes.
        n: Draw at most as many; None for all.
        seed: Of the draw.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, or a network may have seen a region.
    """
    found = read_regions(path, genome.contigs, length=length)
    chrom, start, end = found.chrom, found.start, found.end
    if source is not None and not allow_seen:
        seen = source.seen(chrom, start, end)
        if seen.any():
            first = int(np.flatnonzero(seen)[0])
            raise ValueError(
                f"{path}: {int(seen.sum())} of {len(seen)} regions lie on training or validation "
                f"chromosomes, the first at {chrom[first]}:{start[first]}-{end[first]}; leave them "
                "out, or set loci.allow_seen=true"
            )
    chosen = draw(len(chrom), n, seed)
    chrom, start, end = chrom[chosen], start[chosen], end[chosen]
    of_students = isinstance(source, TeacherSource)  # nobody else knows effects in a genome
    return Loci(
        chrom=chrom,
        start=start,
        end=end,
        codes=genome.windows(genome.locate(chrom), start, length),
        split="regions",
        true_effects=source.true_effects(chrom, start, end) if of_students else None,
        true_tasks=source.tasks.names if of_students else (),
    )
