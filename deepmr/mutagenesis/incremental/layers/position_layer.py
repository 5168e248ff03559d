"""Interface of layers with a position axis, and how they pad and add deltas.

A linear layer maps the delta alone; a nonlinear one computes ``f(reference + delta) -
f(reference)``. Where a convolution feeds a nonlinear layer, it adds its products to an accumulator
that already holds the reference, which saves one pass over memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta, Span

__all__ = [
    "Output",
    "PositionLayer",
    "References",
    "Values",
    "add_overlap",
    "row_width",
    "zero_delta",
    "zero_padded",
]

References = Mapping[str, Float[Tensor, "_locus _position _channel"]]
_NARROW = 8
"""Channels that are left as they are; rows of more are filled up to a multiple."""

Values = Float[Tensor, "_position _alternative _site _channel"]


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a layer: its node in the traced graph, and its shape.

    Args:
        name: Name of the node.
        sources: Names of the nodes that the layer takes as input.
        axis: Position axis of the output.
        channels: Channels of the output.
    """

    name: str
    sources: tuple[str, ...]
    axis: Axis
    channels: int


def row_width(channels: int) -> int:
    """Return the channels that a position's row is filled up to: a multiple of 8 above 8.

    Matrix products of 15 columns take more than twice the time of those of 16.

    Args:
        channels: Channels of a layer's output.

    Example:
        >>> row_width(4), row_width(15), row_width(64)
        (4, 16, 64)
    """
    return channels if channels <= _NARROW else channels + -channels % _NARROW


class PositionLayer(ABC):
    """A layer whose output has a position axis.

    Args:
        output: Node and shape of the layer's output.
    """

    def __init__(self, output: Output) -> None:
        self.name = output.name
        self.sources = output.sources
        self.axis = output.axis
        self.channels = output.channels
        self.margin = 0

    def keeps_zero_channels(self) -> bool:
        """Return whether channels that are zero, of reference and delta, stay zero."""
        return True

    def affected_span(self, *spans: Span) -> Span:
        """Return the output positions that can change, given those of each input."""
        span = spans[0]
        for other in spans[1:]:
            span = span.union(other)
        return span

    def input_span(self, span: Span) -> Span:
        """Return the input positions from which the outputs at ``span`` are computed."""
        return span

    def set_reference(self, references: References) -> None:  # noqa: B027  (most layers need none)
        """Store what the layer needs of the reference activations of some loci."""

    @abstractmethod
    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the output's delta at ``span``, given the delta of each input."""


def zero_delta(block: Block, span: Span, channels: int, like: Tensor) -> Values:
    """Return a delta of zero at ``span``, with the dtype and device of ``like``."""
    return like.new_zeros((span.width, *block.mutants.shape, channels))


def zero_padded(block: Block, delta: Delta, span: Span) -> Values:
    """Return a delta at a span that covers its own, zero where it has no values."""
    if delta.span == span:
        return delta.values
    wide = zero_delta(block, span, delta.values.shape[-1], delta.values)
    add_overlap(delta, wide, span)
    return wide


def add_overlap(delta: Delta, target: Values, span: Span, sign: float = 1.0) -> None:
    """Add a delta, times ``sign``, to ``target`` where its span overlaps ``span``, in place.

    Args:
        delta: Delta to add.
        target: Values at ``span``.
        span: Positions of ``target``.
        sign: Factor of the delta; 1 by default.
    """
    common = Span(max(span.start, delta.span.start), min(span.stop, delta.span.stop))
    if common.width:
        rows = slice(common.start - span.start, common.stop - span.start)
        target[rows].add_(delta.part(common), alpha=sign)
