"""Nonlinear layers along the sequence: f(reference + delta) - f(reference)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import inf

import torch
from torch import Tensor

from deepmr.mutagenesis.incremental.layers.position_layer import (
    Output,
    PositionLayer,
    References,
    Values,
    add_overlap,
)
from deepmr.mutagenesis.incremental.receptive_field import (
    Axis,
    Block,
    Delta,
    PaddedReference,
    SlidingWindow,
    Span,
)

__all__ = ["AcrossChannels", "MaxPool", "Nonlinear", "Pointwise", "Rectifier"]


class Nonlinear(PositionLayer):
    """A layer that needs the sum of reference and delta.

    ``accumulator`` returns the reference for every mutant; the input's delta is added to it (by
    this layer, or by the convolution it is fused to); ``to_delta`` turns the sum into the delta of
    the layer's output.
    """

    overwrites = False
    """Whether this layer is the only reader of its input, and may work in its memory."""

    def accumulator(self, block: Block, span: Span) -> Values:
        """Return the input's reference at ``span``, copied for every mutant of a block."""
        around = self._input.around(block, span)
        # clone, not contiguous(): with one alternative the latter may return the reference itself
        return around.expand(-1, len(block.mutants), -1, -1).clone(
            memory_format=torch.contiguous_format
        )

    def plus_reference(self, block: Block, delta: Delta) -> Values:
        """Return the input's reference plus its delta, whose memory may be used.

        Args:
            block: The mutants.
            delta: Delta of the input, in this dtype or a shorter one.
        """
        around = self._input.around(block, delta.span)
        own = delta.values if delta.values.dtype == around.dtype else None
        return torch.add(delta.values, around, out=own)

    def set_reference(self, references: References) -> None:
        """Store the reference before the layer, to which the delta is added, and behind it."""
        self._input = PaddedReference(references[self.sources[0]], self.axis, self.margin, 0.0)
        self._output = PaddedReference(references[self.name], self.axis, self.margin, 0.0)

    @abstractmethod
    def to_delta(self, block: Block, accumulator: Values, span: Span) -> Values:
        """Return the output's delta at ``span``; may overwrite the accumulator."""

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the output's delta at ``span``."""
        inputs = self.input_span(span)
        if deltas[0].span == inputs:
            around = self._input.around(block, inputs)
            own = deltas[0].values if self.overwrites else None
            return self.to_delta(block, torch.add(deltas[0].values, around, out=own), span)
        accumulator = self.accumulator(block, inputs)
        add_overlap(deltas[0], accumulator, inputs)
        return self.to_delta(block, accumulator, span)


class Rectifier(Nonlinear):
    """ReLU: max(r + d, 0) - max(r, 0) = max(d + min(r, 0), -max(r, 0)), without cancellation."""

    def set_reference(self, references: References) -> None:
        """Split the input's reference into its negative and positive parts.

        Beyond the ends of the axis their sum with any delta stays at the floor of 0: nothing is to
        be set to zero there afterwards.
        """
        source = references[self.sources[0]]
        self._input = PaddedReference(source.clamp(max=0), self.axis, self.margin, -inf)
        self._floor = PaddedReference(-source.clamp(min=0), self.axis, self.margin, 0.0)

    def to_delta(self, block: Block, accumulator: Values, span: Span) -> Values:
        """Return the output's delta, in place."""
        return torch.maximum(accumulator, self._floor.around(block, span), out=accumulator)


class Pointwise(Nonlinear):
    """An elementwise activation function.

    Args:
        output: Node and shape of the output.
        function: Maps a tensor to one of equal shape, each value by itself.
        zero_at_zero: Whether the function of zero is zero; False (the default) if unknown.
    """

    def __init__(
        self, output: Output, function: Callable[[Tensor], Tensor], *, zero_at_zero: bool = False
    ) -> None:
        super().__init__(output)
        self.function = function
        self._zero_at_zero = zero_at_zero

    def keeps_zero_channels(self) -> bool:
        """Return whether the function of zero is zero."""
        return self._zero_at_zero

    def to_delta(self, block: Block, accumulator: Values, span: Span) -> Values:
        """Return the output's delta."""
        delta = self.function(accumulator).sub_(self._output.around(block, span))
        block.zero_outside(delta, span, self.axis)
        return delta


class AcrossChannels(Nonlinear):
    """A function of all channels of a position, such as a softmax or a log-sum-exp.

    Args:
        output: Node and shape of the output, whose channels may be fewer than the input's.
        function: Maps values and the axis of their channels to values.
    """

    def __init__(self, output: Output, function: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__(output)
        self._function = function

    def keeps_zero_channels(self) -> bool:
        """Return False: channels are counted."""
        return False

    def to_delta(self, block: Block, accumulator: Values, span: Span) -> Values:
        """Return the output's delta."""
        delta = self._function(accumulator, -1).sub_(self._output.around(block, span))
        block.zero_outside(delta, span, self.axis)
        return delta


class MaxPool(Nonlinear):
    """Max pooling.

    Where windows do not overlap, the accumulator starts from the reference minus its window's
    maximum, so that the maximum over a window is the delta itself, without cancellation.

    Args:
        output: Node and shape of the output.
        window: Kernel geometry.
    """

    def __init__(self, output: Output, window: SlidingWindow) -> None:
        super().__init__(output)
        self.window = window
        self._disjoint = window.stride > (window.kernel - 1) * window.dilation

    def affected_span(self, *spans: Span) -> Span:
        """Return the windows that hold a changed input."""
        return self.window.affected_span(spans[0])

    def input_span(self, span: Span) -> Span:
        """Return the inputs of every window in ``span``."""
        return self.window.inputs(span)

    def set_reference(self, references: References) -> None:
        """Store input and output; the input minus its window's maximum if windows are disjoint."""
        source, pooled = references[self.sources[0]], references[self.name]
        axis = Axis(source.shape[1], self.axis.stride // self.window.stride)
        margin = self.margin * self.window.stride + self.window.inputs(Span(0, 1)).width
        margin += self.window.padding
        if self._disjoint:
            positions = torch.arange(source.shape[1], device=source.device)
            window = (positions + self.window.padding) // self.window.stride
            inside = window < pooled.shape[1]
            below_maximum = source - pooled[:, window.clamp(max=pooled.shape[1] - 1)]
            source = torch.where(inside[:, None], below_maximum, -inf)
        self._input = PaddedReference(source, axis, margin, -inf)
        self._output = PaddedReference(pooled, self.axis, self.margin, 0.0)

    def to_delta(self, block: Block, accumulator: Values, span: Span) -> Values:
        """Return the output's delta."""
        kernel, stride, dilation = self.window.kernel, self.window.stride, self.window.dilation
        if kernel == stride and dilation == 1:
            delta = accumulator.view(span.width, kernel, *accumulator.shape[1:]).amax(1)
        else:
            taps = [slice(tap * dilation, None, stride) for tap in range(kernel)]
            delta = accumulator[taps[0]][: span.width].clone()
            for tap in taps[1:]:
                torch.maximum(delta, accumulator[tap][: span.width], out=delta)
        if not self._disjoint:
            delta.sub_(self._output.around(block, span))
        block.zero_outside(delta, span, self.axis)
        return delta
