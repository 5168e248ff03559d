"""What all layers along the sequence share.

A linear layer passes the change alone; a local nonlinear one gives ``f(reference + change) -
f(reference)``. Where a convolution feeds a nonlinear layer, it adds its products to a canvas on
which that layer has already laid the reference: no separate pass over memory adds the two.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change, Span

__all__ = ["Layer", "References", "Sliding", "Values", "put", "widened", "zeros"]

References = Mapping[str, Float[Tensor, "_locus _position _channel"]]
Values = Float[Tensor, "_position _alternative _site _channel"]


class Layer(ABC):
    """A node of the network whose output has a position axis.

    Args:
        name: The node.
        sources: The nodes it reads.
        axis: Its positions.
        channels: Its channels.
    """

    def __init__(self, name: str, sources: tuple[str, ...], axis: Axis, channels: int) -> None:
        self.name = name
        self.sources = sources
        self.axis = axis
        self.channels = channels
        self.margin = 0

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change where the sources change within ``spans``."""
        span = spans[0]
        for other in spans[1:]:
            span = span.union(other)
        return span

    def canvas_span(self, span: Span) -> Span:
        """Return the span of its source that the layer has to see to give ``span``."""
        return span

    def refer(self, references: References) -> None:  # noqa: B027  (most layers need nothing)
        """Take what the layer needs from the reference of a locus."""

    @abstractmethod
    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""


@dataclass(frozen=True, slots=True)
class Sliding:
    """The geometry of a sliding window."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def reach(self, span: Span) -> Span:
        """Return the outputs that see any of ``span``."""
        first = span.start + self.padding - (self.kernel - 1) * self.dilation
        last = span.stop - 1 + self.padding
        return Span(-(-first // self.stride), last // self.stride + 1)

    def inputs(self, span: Span) -> Span:
        """Return all inputs that the outputs in ``span`` see."""
        start = span.start * self.stride - self.padding
        stop = (span.stop - 1) * self.stride - self.padding + (self.kernel - 1) * self.dilation + 1
        return Span(start, stop)

    def taps(self, source: Span, target: Span) -> Iterator[tuple[int, slice, slice]]:
        """Yield each tap with the rows of ``source`` it reads and of ``target`` it writes."""
        for tap in range(self.kernel):
            shift = tap * self.dilation - self.padding
            first = max(target.start, -((shift - source.start) // self.stride))
            last = min(target.stop - 1, (source.stop - 1 - shift) // self.stride)
            if first > last:
                continue
            row = first * self.stride + shift - source.start
            read = slice(row, row + (last - first) * self.stride + 1, self.stride)
            yield tap, read, slice(first - target.start, last - target.start + 1)


def zeros(block: Block, span: Span, channels: int, like: Tensor) -> Values:
    """Return no change within ``span``, of the kind of ``like``."""
    return like.new_zeros((span.width, *block.mutants.shape, channels))


def widened(block: Block, change: Change, span: Span) -> Values:
    """Return a change within a span that may be wider than its own."""
    if change.span == span:
        return change.values
    wide = zeros(block, span, change.values.shape[-1], change.values)
    put(change, wide, span)
    return wide


def put(change: Change, target: Values, span: Span, sign: float = 1.0) -> None:
    """Add to ``target``, which covers ``span``, the part of a change that lies within."""
    common = Span(max(span.start, change.span.start), min(span.stop, change.span.stop))
    if common.width:
        rows = slice(common.start - span.start, common.stop - span.start)
        target[rows].add_(change.part(common), alpha=sign)
