"""Receptive-field geometry: which positions of each layer a substitution can change.

Each layer's position axis has a stride in bases. Let ``S`` be the least common multiple of all
strides (the network's total stride). A mutated position is written ``p = phase + S * step``. For
sites of equal phase the positions that can change on an axis are ``scale * step + [start, stop)``,
where ``scale`` is ``S`` over the axis's stride and the span ``[start, stop)`` depends on the phase
alone, so that all of them are computed together, in one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Axis", "Block", "Delta", "PaddedReference", "SlidingWindow", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of positions relative to a mutated site; empty if stop <= start.

    Args:
        start: First position.
        stop: One past the last position.

    Example:
        >>> Span(-2, 3).width, Span(2, 2).width
        (5, 0)
    """

    start: int
    stop: int

    @property
    def width(self) -> int:
        """Number of positions, 0 if the span is empty."""
        return max(0, self.stop - self.start)

    def moved(self, by: int) -> Span:
        """Return the span shifted by a number of positions."""
        return Span(self.start + by, self.stop + by)

    def union(self, other: Span) -> Span:
        """Return the smallest span that covers both; an empty one adds nothing.

        Example:
            >>> Span(0, 2).union(Span(5, 6)), Span(0, 2).union(Span(9, 9))
            (Span(start=0, stop=6), Span(start=0, stop=2))
        """
        if not self.width:
            return other
        if not other.width:
            return self
        return Span(min(self.start, other.start), max(self.stop, other.stop))


@dataclass(frozen=True, slots=True)
class Axis:
    """The position axis of a layer's output.

    Args:
        length: Number of positions.
        stride: Bases between one position and the next.
    """

    length: int
    stride: int


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """Kernel geometry of a convolution or pooling layer.

    Args:
        kernel: Kernel size, in input positions.
        stride: Input positions between two outputs; 1 by default.
        padding: Positions added at either end of the input; 0 by default.
        dilation: Input positions between two taps of the kernel; 1 by default.

    Example:
        >>> window = SlidingWindow(kernel=3, padding=1)
        >>> window.affected_span(Span(0, 1)), window.inputs(Span(0, 1))
        (Span(start=-1, stop=2), Span(start=-1, stop=2))
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def affected_span(self, span: Span) -> Span:
        """Return the outputs whose window holds any input position of ``span``."""
        first = span.start + self.padding - (self.kernel - 1) * self.dilation
        last = span.stop - 1 + self.padding
        return Span(-(-first // self.stride), last // self.stride + 1)

    def inputs(self, span: Span) -> Span:
        """Return the input positions in the windows of the outputs in ``span``."""
        start = span.start * self.stride - self.padding
        stop = (span.stop - 1) * self.stride - self.padding + (self.kernel - 1) * self.dilation + 1
        return Span(start, stop)

    def taps(self, source: Span, target: Span) -> Iterator[tuple[int, slice, slice]]:
        """Yield each kernel tap, the rows of ``source`` it reads and of ``target`` it writes."""
        for tap in range(self.kernel):
            shift = tap * self.dilation - self.padding
            first = max(target.start, -((shift - source.start) // self.stride))
            last = min(target.stop - 1, (source.stop - 1 - shift) // self.stride)
            if first > last:
                continue
            row = first * self.stride + shift - source.start
            read = slice(row, row + (last - first) * self.stride + 1, self.stride)
            yield tap, read, slice(first - target.start, last - target.start + 1)


@dataclass(frozen=True, eq=False)
class Block:
    """Mutants computed together: sites of one phase, each with the same number of alternatives.

    Args:
        phase: The sites' common position modulo the total stride, in bases.
        total_stride: Least common multiple of all strides of the network, in bases.
        steps: Each site's position is ``phase + total_stride * step``; ascending.
        loci: Row of each site's locus.
        mutants: Row of each mutant in the list of all mutants.
    """

    phase: int
    total_stride: int
    steps: Int[np.ndarray, " site"]
    loci: Int[np.ndarray, " site"]
    mutants: Int[np.ndarray, "alternative site"]

    @cached_property
    def spacing(self) -> int | None:
        """Steps from each site to the next if constant and of one locus, otherwise None."""
        gaps = np.diff(self.steps)
        if len(gaps) == 0:
            return 1
        regular = np.all(gaps == gaps[0]) and np.all(self.loci == self.loci[0])
        return int(gaps[0]) if bool(regular) else None

    def rows(self, device: torch.device) -> Int[Tensor, " mutant"]:
        """Return the row of each mutant, sites of one alternative together, on a device."""
        return torch.from_numpy(self.mutants.reshape(-1)).to(device)

    def scale(self, axis: Axis) -> int:
        """Return the positions of ``axis`` from one step to the next."""
        return self.total_stride // axis.stride

    def clipped(self, span: Span, axis: Axis) -> Span:
        """Return the part of a span that lies on the axis for at least one site."""
        scale = self.scale(axis)
        return Span(
            max(span.start, -int(self.steps[-1]) * scale),
            min(span.stop, axis.length - int(self.steps[0]) * scale),
        )

    def positions(self, span: Span, axis: Axis) -> Int[np.ndarray, "position site"]:
        """Return the absolute positions of a span around every site."""
        origin = self.steps * self.scale(axis)
        return np.arange(span.start, span.stop)[:, None] + origin[None, :]

    def crosses_edge(self, span: Span, axis: Axis) -> bool:
        """Return whether the span of any site reaches beyond the axis."""
        scale = self.scale(axis)
        first, last = int(self.steps[0]) * scale, int(self.steps[-1]) * scale
        return bool(first + span.start < 0 or last + span.stop > axis.length)

    def zero_outside(
        self, values: Float[Tensor, "position alternative site channel"], span: Span, axis: Axis
    ) -> None:
        """Set to zero, in place, the values at positions beyond either end of the axis."""
        if not self.crosses_edge(span, axis):
            return
        at = self.positions(span, axis)
        position, site = np.nonzero((at < 0) | (at >= axis.length))
        n_alternatives, n_sites = self.mutants.shape
        rows = (position[:, None] * n_alternatives + np.arange(n_alternatives)) * n_sites
        index = torch.from_numpy((rows + site[:, None]).reshape(-1)).to(values.device)
        values.view(-1, values.shape[-1]).index_fill_(0, index, 0.0)


@dataclass(slots=True)
class Delta:
    """A layer's output for each mutant of a block minus its output for the reference.

    Args:
        values: Alternative minus reference at the positions of ``span``; zero beyond the ends of
            the axis.
        span: The positions relative to each site; outside of them the difference is zero.
    """

    values: Float[Tensor, "position alternative site channel"]
    span: Span

    def part(self, span: Span) -> Float[Tensor, "position alternative site channel"]:
        """Return a view of the values at a span that lies inside this one."""
        first = span.start - self.span.start
        return self.values[first : first + span.width]


class PaddedReference:
    """A layer's output for the reference sequences, padded so that every site's span exists.

    Args:
        values: Values at each position of each locus; with one locus, of all loci.
        axis: The position axis.
        margin: Positions added at either end.
        fill: Value of the added positions.
    """

    def __init__(
        self, values: Float[Tensor, "locus position channel"], axis: Axis, margin: int, fill: float
    ) -> None:
        loci, length, channels = values.shape
        self._axis = axis
        self._margin = margin
        self._padded = values.new_full((loci, length + 2 * margin, channels), fill)
        self._padded[:, margin : margin + length] = values

    def around(self, block: Block, span: Span) -> Float[Tensor, "position 1 site channel"]:
        """Return the reference at a span around each site; a view where sites are regular."""
        scale = block.scale(self._axis)
        loci, length, channels = self._padded.shape
        n_sites = len(block.steps)
        places = length * (block.loci if loci > 1 else np.zeros_like(block.loci)) + self._margin
        if block.spacing is not None:
            first = int(places[0]) + int(block.steps[0]) * scale + span.start
            return self._padded.as_strided(
                (span.width, 1, n_sites, channels),
                (channels, 0, block.spacing * scale * channels, 1),
                first * channels,
            )
        at = torch.from_numpy(block.positions(span, self._axis) + places)
        rows = self._padded.view(-1, channels)
        rows = rows.index_select(0, at.reshape(-1).to(self._padded.device))
        return rows.view(span.width, 1, n_sites, channels)
