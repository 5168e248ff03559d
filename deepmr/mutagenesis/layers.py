"""Layers along the sequence: how each passes a change on.

A linear layer passes the change alone; a local nonlinear one gives ``f(reference + change) -
f(reference)``. Where a convolution feeds a nonlinear layer, it adds its products to a canvas on
which that layer has already laid the reference: no separate pass over memory adds the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deepmr.mutagenesis.window import Axis, Block, Change, Rows, Span

__all__ = [
    "Add",
    "AveragePool",
    "Concatenate",
    "Convolution",
    "Crop",
    "Layer",
    "MaxPool",
    "Nonlinear",
    "Pointwise",
    "Product",
    "Rectifier",
    "Renamed",
    "Scale",
    "Sliding",
]

References = Mapping[str, Float[Tensor, "_locus _position _channel"]]
Values = Float[Tensor, "_position _alternative _site _channel"]


class Layer:
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

    def refer(self, references: References) -> None:
        """Take what the layer needs from the reference of a locus."""

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        raise NotImplementedError


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


class Convolution(Layer):
    """A convolution, and a factor for each output channel where batch norm follows it."""

    def __init__(
        self, name: str, sources: tuple[str, ...], axis: Axis, module: nn.Conv1d, sliding: Sliding
    ) -> None:
        super().__init__(name, sources, axis, module.out_channels)
        self.sliding = sliding
        self.module = module
        self.into: Nonlinear | None = None
        self._weight = module.weight.detach().permute(2, 1, 0)
        self._groups = module.groups
        self._product: torch.dtype | None = None

    def scale(self, factor: Float[Tensor, " channel"]) -> None:
        """Multiply the outputs by a factor each."""
        self._weight = self._weight * factor

    def settle(self, product: torch.dtype | None) -> None:
        """Lay the weights out for multiplication, in ``product`` precision if it is given."""
        self._product = product
        self._weight = self._weight.contiguous()
        if product is not None:
            self._weight = self._weight.to(product)

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change."""
        return self.sliding.reach(spans[0])

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change, or that of the nonlinear layer the convolution feeds."""
        if self.into is None:
            canvas = _zeros(block, span, self.channels, changes[0].values)
            self._add_products(changes[0], canvas, span)
            block.erase_outside(canvas, span, self.axis)
            return canvas
        seen = self.into.canvas_span(span)
        canvas = self.into.canvas(block, seen)
        self._add_products(changes[0], canvas, seen)
        return self.into.finish(block, canvas, span)

    def _add_products(self, change: Change, canvas: Values, span: Span) -> None:
        source = change.values if self._product is None else change.values.to(self._product)
        for tap, read, write in self.sliding.taps(change.span, span):
            rows, target = source[read], canvas[write]
            if self._groups == 1:
                self._multiply(rows, self._weight[tap], target)
            elif self._weight.shape[1] == 1 and self._groups == self.channels:
                target.addcmul_(rows.to(canvas.dtype), self._weight[tap, 0].to(canvas.dtype))
            else:
                self._multiply_groups(rows, self._weight[tap], target)

    def _multiply(self, rows: Tensor, weight: Tensor, target: Tensor) -> None:
        rows = rows.reshape(-1, rows.shape[-1])
        flat = target.view(-1, target.shape[-1])
        if self._product is None:
            flat.addmm_(rows, weight)
        else:
            flat.add_(torch.mm(rows, weight))

    def _multiply_groups(self, rows: Tensor, weight: Tensor, target: Tensor) -> None:
        width, each = weight.shape[0], self.channels // self._groups
        for group in range(self._groups):
            part = rows[..., group * width : (group + 1) * width]
            columns = slice(group * each, (group + 1) * each)
            target[..., columns] += torch.matmul(part, weight[:, columns]).to(target.dtype)

    def products(self, spans: list[Span], span: Span) -> int:
        """Return the multiply-adds of one mutant."""
        pairs = sum(write.stop - write.start for _, _, write in self.sliding.taps(spans[0], span))
        return pairs * self.channels * self._weight.shape[1]


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

    def _canvas_rows(self) -> Rows:
        raise NotImplementedError

    def finish(self, block: Block, canvas: Values, span: Span) -> Values:
        """Return the layer's change, overwriting the canvas."""
        raise NotImplementedError

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        seen = self.canvas_span(span)
        canvas = self.canvas(block, seen)
        _put(changes[0], canvas, seen)
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


class AveragePool(Layer):
    """Mean within sliding windows; each output position has its own divisor."""

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        axis: Axis,
        channels: int,
        *,
        sliding: Sliding,
        share: Float[Tensor, " position"],
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self.sliding = sliding
        self._share = share

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change."""
        return self.sliding.reach(spans[0])

    def refer(self, references: References) -> None:
        """Lay out what one input contributes to each output."""
        share = self._share.to(references[self.name])
        self._shares = Rows(share[None, :, None], self.axis, self.margin, 0.0)

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        change = changes[0]
        total = _zeros(block, span, self.channels, change.values)
        for _, read, write in self.sliding.taps(change.span, span):
            total[write] += change.values[read]
        total *= self._shares.around(block, span)
        return total


class Scale(Layer):
    """Multiplication by a constant: one a channel (batch norm), or one a position and channel."""

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        axis: Axis,
        channels: int,
        factor: Float[Tensor, "position channel"],
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self.factor = factor

    def refer(self, references: References) -> None:
        """Lay out the factors."""
        factor = self.factor.to(references[self.name]).expand(self.axis.length, -1)
        self._factors = Rows(factor[None], self.axis, self.margin, 0.0)

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        return changes[0].part(span) * self._factors.around(block, span)


class Add(Layer):
    """A sum of sources, each with a sign."""

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        axis: Axis,
        channels: int,
        signs: tuple[float, ...],
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self._signs = signs

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        total = _zeros(block, span, self.channels, changes[0].values)
        for change, sign in zip(changes, self._signs, strict=True):
            _put(change, total, span, sign)
        return total


class Product(Layer):
    """A product of two nodes: (r1 + d1)(r2 + d2) - r1 r2 = r1 d2 + r2 d1 + d1 d2."""

    def refer(self, references: References) -> None:
        """Take both references."""
        self._factors = [
            Rows(references[source], self.axis, self.margin, 0.0) for source in self.sources
        ]

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        left, right = (_widened(block, change, span) for change in changes)
        total = left * (right + self._factors[1].around(block, span))
        return total.add_(right * self._factors[0].around(block, span))


class Concatenate(Layer):
    """Channels of several nodes side by side."""

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        return torch.cat([_widened(block, change, span) for change in changes], dim=-1)


class Renamed(Layer):
    """The same values under another name, for instance flattened."""

    def run(
        self,
        block: Block,  # noqa: ARG002 - the signature all layers share
        changes: list[Change],
        span: Span,
    ) -> Values:
        """Return the change within ``span``."""
        return changes[0].part(span)


class Crop(Layer):
    """Positions cut off or zeros added at the ends; ``shift`` is the change of coordinates."""

    def __init__(
        self, name: str, sources: tuple[str, ...], axis: Axis, channels: int, shift: int
    ) -> None:
        super().__init__(name, sources, axis, channels)
        self._shift = shift

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change."""
        return spans[0].moved(self._shift)

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        values = changes[0].part(span.moved(-self._shift)).clone()
        block.erase_outside(values, span, self.axis)
        return values


def _zeros(block: Block, span: Span, channels: int, like: Tensor) -> Values:
    return like.new_zeros((span.width, *block.mutants.shape, channels))


def _widened(block: Block, change: Change, span: Span) -> Values:
    if change.span == span:
        return change.values
    wide = _zeros(block, span, change.values.shape[-1], change.values)
    _put(change, wide, span)
    return wide


def _put(change: Change, target: Values, span: Span, sign: float = 1.0) -> None:
    """Add to ``target``, which covers ``span``, the part of a change that lies within."""
    common = Span(max(span.start, change.span.start), min(span.stop, change.span.stop))
    if common.width:
        rows = slice(common.start - span.start, common.stop - span.start)
        target[rows].add_(change.part(common), alpha=sign)
