"""Convolution of changes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deepmr.mutagenesis.incremental.layers.layer import Layer, Sliding, Values, zeros
from deepmr.mutagenesis.incremental.layers.nonlinear import Nonlinear
from deepmr.mutagenesis.incremental.layers.weight_layout import arranged
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change, Span

__all__ = ["Convolution"]


class Convolution(Layer):
    """A convolution, and a factor for each output channel where batch norm follows it."""

    def __init__(
        self, name: str, sources: tuple[str, ...], axis: Axis, module: nn.Conv1d, sliding: Sliding
    ) -> None:
        super().__init__(name, sources, axis, module.out_channels)
        self.sliding = sliding
        self.module = module
        self.into: Nonlinear | None = None
        self._factor: Float[Tensor, " channel"] | None = None
        self._groups = module.groups
        self._product: torch.dtype | None = None

    def scale(self, factor: Float[Tensor, " channel"]) -> None:
        """Multiply the outputs by a factor each."""
        self._factor = factor if self._factor is None else self._factor * factor

    def settle(self, product: torch.dtype | None) -> None:
        """Lay the weights out for multiplication, in ``product`` precision if it is given."""
        self._product = product
        weight = self.module.weight
        dtype = product or weight.dtype
        if self._factor is None:
            self._weight = arranged(weight, "tap", dtype, _by_tap)
        else:
            self._weight = (_by_tap(weight.detach()) * self._factor).to(dtype).contiguous()

    def reach(self, *spans: Span) -> Span:
        """Return the span that can change."""
        return self.sliding.reach(spans[0])

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change, or that of the nonlinear layer the convolution feeds."""
        if self.into is None:
            canvas = zeros(block, span, self.channels, changes[0].values)
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


def _by_tap(weight: Float[Tensor, "out in tap"]) -> Float[Tensor, "tap in out"]:
    return weight.permute(2, 1, 0)
