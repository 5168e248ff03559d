"""Nonlinear layers along the sequence: they have to see reference and change together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import inf

import torch
from torch import Tensor

from deepmr.mutagenesis.incremental.layers.layer import Layer, References, Sliding, Values, put
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change, Rows, Span

__all__ = ["MaxPool", "Nonlinear", "Pointwise", "Rectifier"]


class Nonlinear(Layer):
    """A layer that has to see reference and change together.

    ``canvas`` lays out the reference, whoever feeds the layer adds the change to it, and
    ``finish`` turns the sum into the layer's own change.
    """

    def canvas(self, block: Block, span: Span) -> Values:
        """Return the reference within ``span``, for every mutant of a block."""
        around = self._canvas_rows().around(block, span)
        # clone, not contiguous(): with one alternative the latter may hand out the reference itself
        return around.expand(-1, block.n_alternatives, -1, -1).clone(
            memory_format=torch.contiguous_format
        )

    @abstractmethod
    def _canvas_rows(self) -> Rows:
        """Return the rows of the reference that the layer has to see."""

    @abstractmethod
    def finish(self, block: Block, canvas: Values, span: Span) -> Values:
        """Return the layer's change, overwriting the canvas."""

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        seen = self.canvas_span(span)
        canvas = self.canvas(block, seen)
        put(changes[0], canvas, seen)
        return self.finish(block, canvas, span)


class Rectifier(Nonlinear):
    """ReLU: max(r + d, 0) - max(r, 0) = max(d + min(r, 0), -max(r, 0)), without cancellation."""

    def refer(self, references: References) -> None:
        """Take the reference apart into its negative and positive parts."""
        source = references[self.sources[0]]
        self._below = Rows(source.clamp(max=0), self.axis, self.margin, 0.0)
        self._floor = Rows(-source.clamp(min=0), self.axis, self.margin, 0.0)

    def _canvas_rows(self) -> Rows:
        return self._below

    def finish(self, block: Block, canvas: Values, span: Span) -> Values:
        """Return the change, in place."""
        torch.maximum(canvas, self._floor.around(block, span), out=canvas)
        block.erase_outside(canvas, span, self.axis)
        return canvas


class Pointwise(Nonlinear):
    """Any function of one value.

    Args:
        name: The node.
        sources: The nodes it reads.
        axis: Its positions.
        channels: Its channels.
        function: Maps a tensor to one of equal shape, each value by itself.
    """

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        axis: Axis,
        channels: int,
        function: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self._function = function

    def refer(self, references: References) -> None:
        """Take the reference before and behind the function."""
        self._before = Rows(references[self.sources[0]], self.axis, self.margin, 0.0)
        self._behind = Rows(references[self.name], self.axis, self.margin, 0.0)

    def _canvas_rows(self) -> Rows:
        return self._before

    def finish(self, block: Block, canvas: Values, span: Span) -> Values:
        """Return the change."""
        change = self._function(canvas).sub_(self._behind.around(block, span))
        block.erase_outside(change, span, self.axis)
        return change


class MaxPool(Nonlinear):
    """Maximum within sliding windows.

    Where windows do not overlap, the canvas holds the reference less its window's maximum, so
    that the maximum of canvas and change is the change itself, without cancellation.
    """

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        axis: Axis,
        channels: int,
        sliding: Sliding,
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self.sliding = sliding
        self._apart = sliding.stride > (sliding.kernel - 1) * sliding.dilation

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change."""
        return self.sliding.reach(spans[0])

    def canvas_span(self, span: Span) -> Span:
        """Return the inputs of every window in ``span``."""
        return self.sliding.inputs(span)

    def refer(self, references: References) -> None:
        """Take the reference, less its window's maximum where each input has one window."""
        source, pooled = references[self.sources[0]], references[self.name]
        axis = Axis(source.shape[1], self.axis.stride // self.sliding.stride)
        margin = self.margin * self.sliding.stride + self.sliding.inputs(Span(0, 1)).width
        margin += self.sliding.padding
        if self._apart:
            positions = torch.arange(source.shape[1], device=source.device)
            window = (positions + self.sliding.padding) // self.sliding.stride
            inside = window < pooled.shape[1]
            slack = source - pooled[:, window.clamp(max=pooled.shape[1] - 1)]
            source = torch.where(inside[:, None], slack, -inf)
        self._source = Rows(source, axis, margin, -inf)
        self._pooled = Rows(pooled, self.axis, self.margin, 0.0)

    def _canvas_rows(self) -> Rows:
        return self._source

    def finish(self, block: Block, canvas: Values, span: Span) -> Values:
        """Return the change."""
        kernel, stride, dilation = (
            self.sliding.kernel, self.sliding.stride, self.sliding.dilation
        )  # fmt: skip
        if kernel == stride and dilation == 1:
            change = canvas.view(span.width, kernel, *canvas.shape[1:]).amax(1)
        else:
            reads = [slice(tap * dilation, None, stride) for tap in range(kernel)]
            change = canvas[reads[0]][: span.width].clone()
            for read in reads[1:]:
                torch.maximum(change, canvas[read][: span.width], out=change)
        if not self._apart:
            change.sub_(self._pooled.around(block, span))
        block.erase_outside(change, span, self.axis)
        return change
