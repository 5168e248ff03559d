"""Convolution of deltas."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.nonlinear import Nonlinear
from deepmr.mutagenesis.incremental.layers.position_layer import (
    Output,
    PositionLayer,
    Values,
    zero_delta,
)
from deepmr.mutagenesis.incremental.layers.weight_layout import laid_out
from deepmr.mutagenesis.incremental.receptive_field import Block, Delta, SlidingWindow, Span

__all__ = ["Convolution"]


class Convolution(PositionLayer):
    """A one-dimensional convolution, with the batch norm and nonlinear layer fused to it if any.

    Args:
        output: Node and shape of the output.
        module: Convolution with zero padding, or a linear layer applied to each position.
        window: Its kernel geometry.
    """

    def __init__(
        self, output: Output, module: nn.Conv1d | nn.Conv2d | nn.Linear, window: SlidingWindow
    ) -> None:
        super().__init__(output)
        self.window = window
        self.weight = _along_sequence(module.weight)
        self.fused: Nonlinear | None = None
        self._factor: Float[Tensor, " channel"] | None = None
        self._groups = 1 if isinstance(module, nn.Linear) else module.groups
        self._product_dtype: torch.dtype | None = None

    def fold(self, factor: Float[Tensor, " channel"]) -> None:
        """Fold a factor of each output channel into the weights."""
        self._factor = factor if self._factor is None else self._factor * factor

    def keeps_zero_channels(self) -> bool:
        """Return whether a row of weights can be zero: not where channels are in groups."""
        return self._groups == 1

    def lay_out_weights(self, product_dtype: torch.dtype | None, channels: int) -> None:
        """Copy the weights to (tap, in, out) order; call once, after all folding.

        Args:
            product_dtype: Dtype of matrix products; that of the weights if None.
            channels: Channels of the input's rows; weights of those it lacks are zero.
        """
        self._product_dtype = product_dtype
        weight = self.weight
        dtype = product_dtype or weight.dtype
        filled = (0, self.channels - weight.shape[0], 0, channels - self._groups * weight.shape[1])

        def by_tap(weight: Tensor) -> Tensor:
            return F.pad(weight.permute(2, 1, 0), filled)

        if self._factor is None:
            self._weight = laid_out(weight, f"tap {channels} {self.channels}", dtype, by_tap)
        else:
            scaled = weight.detach() * self._factor[:, None, None]
            self._weight = by_tap(scaled).to(dtype).contiguous()

    def affected_span(self, *spans: Span) -> Span:
        """Return the outputs whose kernel holds a changed input."""
        return self.window.affected_span(spans[0])

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the output's delta, or that of the fused nonlinear layer if there is one."""
        if self.fused is None:
            accumulator = zero_delta(block, span, self.channels, deltas[0].values)
            self._add_products(deltas[0], accumulator, span)
            block.zero_outside(accumulator, span, self.axis)
            return accumulator
        inputs = self.fused.input_span(span)
        accumulator = self.fused.accumulator(block, inputs)
        self._add_products(deltas[0], accumulator, inputs)
        return self.fused.to_delta(block, accumulator, span)

    def _add_products(self, delta: Delta, accumulator: Values, span: Span) -> None:
        dtype = self._product_dtype
        source = delta.values if dtype is None else delta.values.to(dtype)
        for tap, read, write in self.window.taps(delta.span, span):
            rows, target = source[read], accumulator[write]
            if self._groups == 1:
                self._multiply(rows, self._weight[tap], target)
            elif self._weight.shape[1] == 1 and self._groups == self.channels:
                weight = self._weight[tap, 0].to(accumulator.dtype)
                target.addcmul_(rows.to(accumulator.dtype), weight)
            else:
                self._multiply_groups(rows, self._weight[tap], target)

    def _multiply(self, rows: Tensor, weight: Tensor, target: Tensor) -> None:
        rows = rows.reshape(-1, rows.shape[-1])
        flat = target.view(-1, target.shape[-1])
        if self._product_dtype is None:
            flat.addmm_(rows, weight)
        else:
            flat.add_(torch.mm(rows, weight))

    def _multiply_groups(self, rows: Tensor, weight: Tensor, target: Tensor) -> None:
        width, each = weight.shape[0], self.channels // self._groups
        for group in range(self._groups):
            part = rows[..., group * width : (group + 1) * width]
            columns = slice(group * each, (group + 1) * each)
            target[..., columns] += torch.matmul(part, weight[:, columns]).to(target.dtype)

    def multiply_adds(self, source: Span, span: Span) -> int:
        """Return the multiply-adds of one mutant whose input changes at ``source``."""
        pairs = sum(write.stop - write.start for _, _, write in self.window.taps(source, span))
        return pairs * self.channels * self._weight.shape[1]


def _along_sequence(weight: Tensor) -> Float[Tensor, " out in tap"]:
    """Return weights of an image of height 1 without the height, of a linear layer with one tap."""
    if weight.ndim == 2:
        return weight.detach().unsqueeze(2)
    return weight if weight.ndim == 3 else weight.detach().squeeze(2)
