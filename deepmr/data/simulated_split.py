"""Simulated sequences of one split, and their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

__all__ = ["PREFIX", "SimulationSplit", "simulated_rows"]

PREFIX = "sim-"
"""First letters of the name of a simulated contig; its number follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSplit:
    """Simulated sequences with their targets; every sequence is a contig, ``sim-000123``.

    Args:
        row: Number of each sequence in the whole data set, which its contig is named for.
        codes: Bases as 0 to 3 for A, C, G, T.
        target: Targets on the training scale: Anscombe-transformed counts, or peaks as 0 and 1.
    """

    row: Int64[np.ndarray, " locus"]
    codes: UInt8[np.ndarray, "locus length"]
    target: Float32[np.ndarray, "locus task"]

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Contig of each sequence."""
        return np.asarray([f"{PREFIX}{row:06d}" for row in self.row], dtype=np.str_)

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each sequence: 0."""
        return np.zeros(len(self), dtype=np.int64)

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """End of each sequence (half-open): its length."""
        return np.full(len(self), self.codes.shape[1], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.row.size)

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Collect sequences, never augmented: the grammar depends on one strand only.

        Args:
            index: Positions in this split.
            seed: Not used.
        """
        del seed
        target = self.target[index]
        return self.codes[index], target, np.ones(target.shape, dtype=bool)


def simulated_rows(
    chrom: Shaped[np.ndarray, " locus"],
    start: Int64[np.ndarray, " locus"],
    end: Int64[np.ndarray, " locus"],
    *,
    n: int,
    length: int,
) -> Int64[np.ndarray, " locus"]:
    """Look up whole simulated sequences by key.

    Args:
        chrom: Names of the sequences, ``sim-000123``.
        start: First base of each sequence, 0.
        end: End of each sequence (half-open), its length.
        n: Number of sequences in the data set.
        length: Bases of a sequence.

    Raises:
        LookupError: If a name is not one of the simulation's.
        ValueError: If a locus is not a whole sequence.
    """
    rows = np.empty(len(chrom), dtype=np.int64)
    for i, name in enumerate(chrom):
        digits = str(name).removeprefix(PREFIX)
        if digits == name or not digits.isdecimal() or int(digits) >= n:
            raise LookupError(
                f"no simulated sequence is called {name!s}; they are called "
                f"{PREFIX}{0:06d} to {PREFIX}{n - 1:06d}"
            )
        rows[i] = int(digits)
    if bool(np.any(start != 0)) or bool(np.any(end != length)):
        raise ValueError(
            f"simulated loci are whole sequences, 0 to {length}; got others, the first "
            f"{chrom[np.argmax((start != 0) | (end != length))]}"
        )
    return rows
