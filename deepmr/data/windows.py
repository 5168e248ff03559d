"""Windows of one split of a genome, with the labels of their middle bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped, UInt8

from deepmr.data.genome import EncodedGenome
from deepmr.data.sampling import scramble

__all__ = ["WindowSplit", "WindowTargets", "Windows", "reverse_complement"]

_BLOCK = 1 << 16  # bytes


def reverse_complement(
    codes: UInt8[np.ndarray, "locus length"],
) -> UInt8[np.ndarray, "locus length"]:
    """Return the other strand; unknown bases stay unknown.

    Eight bases are turned around and complemented at a time, as one word: many times faster than
    base by base.

    Example:
        >>> reverse_complement(np.array([[0, 0, 1, 4]], dtype=np.uint8)).tolist()
        [[4, 2, 3, 3]]
    """
    width = math.gcd(codes.shape[1], 8)
    word = np.dtype(f"<u{width}")
    words = np.ascontiguousarray(codes).view(word)[:, ::-1].byteswap()
    # In every byte: exclusive or with 3 complements 0 to 3; the bit of 4 calls it off.
    ones = word.type(int.from_bytes(b"\x01" * width, "little"))
    change = words >> word.type(2)
    change &= ones
    change ^= ones
    change *= word.type(3)
    words ^= change
    return words.view(np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Places of windows of equal length on a genome.

    Args:
        genome: The encoded genome.
        contig: Contig of each window, as a position in the genome's list.
        start: First base of each window, context included; negative before a contig's first base.
        length: Bases in a window.
    """

    genome: EncodedGenome
    contig: Int32[np.ndarray, " locus"]
    start: Int64[np.ndarray, " locus"]
    length: int

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """End of each window (half-open)."""
        return self.start + self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTargets:
    """Labels and signal of windows by task.

    Args:
        row: Row of each window in ``labels``.
        labels: Binary labels, 0 or 1; windows without any peak share one row of zeros.
        signal: Real-valued targets of each window; NaN where there is no value.
        is_signal: True for the tasks in the columns of ``signal``, False for those of ``labels``.
        measured: True where a task was measured on a contig.
    """

    row: Int32[np.ndarray, " locus"]
    labels: UInt8[np.ndarray, "labelled binary"]
    signal: Float32[np.ndarray, "locus signal"]
    is_signal: Bool[np.ndarray, " task"]
    measured: Bool[np.ndarray, "contig task"]

    def gather(
        self, index: Int64[np.ndarray, " batch"], contig: Int32[np.ndarray, " batch"]
    ) -> tuple[Float32[np.ndarray, "batch task"], Bool[np.ndarray, "batch task"]]:
        """Return targets, 0 where not measured, and the mask of those that were measured.

        Args:
            index: Positions of the windows in the split.
            contig: Contig of each of these windows.
        """
        mask = self.measured[contig]
        binary = self.labels[self.row[index]]
        if not self.is_signal.any():
            return binary.astype(np.float32), mask
        target = np.zeros(mask.shape, dtype=np.float32)
        target[:, ~self.is_signal] = binary
        target[:, self.is_signal] = self.signal[index]
        mask &= ~np.isnan(target)
        return np.where(mask, target, np.float32(0)), mask


@runtime_checkable
class _Targets(Protocol):
    def gather(
        self, index: Int64[np.ndarray, " batch"], contig: Int32[np.ndarray, " batch"]
    ) -> tuple[Float32[np.ndarray, "batch task"], Bool[np.ndarray, "batch task"]]: ...


class WindowSplit:
    """Windows of one split with their targets; see `deepmr.data.source.Split`.

    Args:
        windows: Places of the windows.
        targets: Labels and signal.
        flip: Reverse-complement half of the windows when a seed is given.
        jitter: Largest shift of a window in either direction when a seed is given, in bases.
    """

    def __init__(self, *, windows: Windows, targets: _Targets, flip: bool, jitter: int) -> None:
        self._windows = windows
        self._targets = targets
        self._flip = flip
        self._jitter = jitter

    def __len__(self) -> int:
        return self._windows.start.size

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Contig of each window."""
        return np.asarray(self._windows.genome.names)[self._windows.contig]

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each window, context included; negative before a contig's first base."""
        return self._windows.start

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """End of each window (half-open)."""
        return self._windows.end

    def inner_centres(
        self,
    ) -> tuple[Int64[np.ndarray, " inner"], Int64[np.ndarray, " inner"]]:
        """Return contig and middle base of the windows that lie inside their contig."""
        windows = self._windows
        contig = windows.contig.astype(np.int64)
        inside = (windows.start >= 0) & (windows.end <= windows.genome.lengths[contig])
        return contig[inside], windows.start[inside] + windows.length // 2

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Return windows as codes, with targets and mask; see `deepmr.data.source.Split`.

        Args:
            index: Positions in this split.
            seed: Seed of the augmentation; None (the default) for none.
        """
        windows = self._windows
        start = windows.start[index]
        bits = None if seed is None else scramble(seed, index)
        if bits is not None and self._jitter:
            span = np.uint64(2 * self._jitter + 1)
            start = start + ((bits >> np.uint64(8)) % span).astype(np.int64) - self._jitter
        codes = self._codes(index, start)
        if bits is not None and self._flip:
            turned = np.flatnonzero(bits & np.uint64(1))
            # In blocks that stay in the processor's cache, and in memory that is already mapped.
            step = max(1, _BLOCK // windows.length)
            for first in range(0, turned.size, step):
                rows = turned[first : first + step]
                codes[rows] = reverse_complement(codes[rows])
        return codes, *self.targets(index)

    def _codes(
        self, index: Int64[np.ndarray, " batch"], start: Int64[np.ndarray, " batch"]
    ) -> UInt8[np.ndarray, "batch length"]:
        """Return the bases of windows that begin at given places."""
        windows = self._windows
        contig = windows.contig[index].astype(np.int64)
        return windows.genome.windows(contig, start, windows.length)

    def targets(
        self, index: Int64[np.ndarray, " batch"]
    ) -> tuple[Float32[np.ndarray, "batch task"], Bool[np.ndarray, "batch task"]]:
        """Return targets and mask alone; see `deepmr.data.source.Split.gather`.

        Args:
            index: Positions in this split.
        """
        return self._targets.gather(index, self._windows.contig[index])
