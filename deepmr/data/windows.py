"""Windows of one split, cut from the encoded genome, with the labels of their middle bins."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, Shaped, UInt8

from deepmr.data.genome import EncodedGenome
from deepmr.data.sampling import scramble

__all__ = ["WindowSplit", "reverse_complement"]

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


class WindowSplit:
    """Windows of one split, gathered as bytes; see `deepmr.data.source.Split`.

    Args:
        genome: Where the bases come from.
        contig: Each window's contig, as a position in the genome's list.
        start: Each window's first base, context included.
        length: Bases in a window.
        row: Each window's row in ``labels``.
        labels: Rows of binary targets; the windows without any peak share one row of zeros.
        signal: Real-valued targets of each window, NaN where there is no value.
        is_signal: Which tasks are the columns of ``signal``; the others are those of ``labels``.
        measured: For each contig and task, whether the task was measured there.
        flip: Reverse-complement half of the windows when a seed is given.
        jitter: Shift windows by up to as many bases, either way, when a seed is given.
    """

    def __init__(
        self,
        *,
        genome: EncodedGenome,
        contig: Int32[np.ndarray, " locus"],
        start: Int64[np.ndarray, " locus"],
        length: int,
        row: Int32[np.ndarray, " locus"],
        labels: UInt8[np.ndarray, "labelled binary"],
        signal: Float32[np.ndarray, "locus signal"],
        is_signal: Bool[np.ndarray, " task"],
        measured: Bool[np.ndarray, "contig task"],
        flip: bool,
        jitter: int,
    ) -> None:
        self._genome = genome
        self._contig = contig
        self._start = start
        self._length = length
        self._row = row
        self._labels = labels
        self._signal = signal
        self._is_signal = is_signal
        self._measured = measured
        self._flip = flip
        self._jitter = jitter

    def __len__(self) -> int:
        return self._start.size

    @property
    def chrom(self) -> Shaped[np.ndarray, " locus"]:
        """Contig of each window."""
        return np.asarray(self._genome.names)[self._contig]

    @property
    def start(self) -> Int64[np.ndarray, " locus"]:
        """First base of each window, context included; negative before the contig's first base."""
        return self._start

    @property
    def end(self) -> Int64[np.ndarray, " locus"]:
        """The base behind each window."""
        return self._start + self._length

    def inner_centres(
        self,
    ) -> tuple[Int64[np.ndarray, " inner"], Int64[np.ndarray, " inner"]]:
        """Return contig and middle base of the windows that lie inside their contig."""
        contig = self._contig.astype(np.int64)
        inside = (self._start >= 0) & (self.end <= self._genome.lengths[contig])
        return contig[inside], self._start[inside] + self._length // 2

    def gather(
        self, index: Int64[np.ndarray, " batch"], *, seed: int | None = None
    ) -> tuple[
        UInt8[np.ndarray, "batch length"],
        Float32[np.ndarray, "batch task"],
        Bool[np.ndarray, "batch task"],
    ]:
        """Collect windows as codes, with targets and mask; see `deepmr.data.source.Split`."""
        contig, start = self._contig[index].astype(np.int64), self._start[index]
        bits = None if seed is None else scramble(seed, index)
        if bits is not None and self._jitter:
            span = np.uint64(2 * self._jitter + 1)
            start = start + ((bits >> np.uint64(8)) % span).astype(np.int64) - self._jitter
        codes = self._genome.windows(contig, start, self._length)
        if bits is not None and self._flip:
            turned = np.flatnonzero(bits & np.uint64(1))
            # In blocks that stay in the processor's cache, and in memory that is already mapped.
            step = max(1, _BLOCK // self._length)
            for first in range(0, turned.size, step):
                rows = turned[first : first + step]
                codes[rows] = reverse_complement(codes[rows])
        return codes, *self.targets(index)

    def targets(
        self, index: Int64[np.ndarray, " batch"]
    ) -> tuple[Float32[np.ndarray, "batch task"], Bool[np.ndarray, "batch task"]]:
        """Collect targets and mask alone; see `deepmr.data.source.Split.gather`."""
        mask = self._measured[self._contig[index]]
        binary = self._labels[self._row[index]]
        if not self._is_signal.any():
            return binary.astype(np.float32), mask
        target = np.zeros(mask.shape, dtype=np.float32)
        target[:, ~self._is_signal] = binary
        target[:, self._is_signal] = self._signal[index]
        mask &= ~np.isnan(target)
        return np.where(mask, target, np.float32(0)), mask
