"""Convolution of deltas.

Deltas are rows of channels, ordered by position, then mutant. On a CPU that is an image as oneDNN
reads it (channels last), as high as positions and as wide as mutants, which a kernel as wide as one
mutant runs over: one call for all taps, whose sums are written once. Elsewhere, and where a call
costs more than it saves, each tap is a product that is added to the sums.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.nonlinear import Nonlinear
from deepmr.mutagenesis.incremental.layers.position_layer import (
    Output,
    PositionLayer,
    Values,
    add_overlap,
    zero_delta,
)
from deepmr.mutagenesis.incremental.layers.weight_layout import laid_out
from deepmr.mutagenesis.incremental.receptive_field import Block, Delta, SlidingWindow, Span

__all__ = ["Convolution"]

_LEAST_PRODUCTS = 1 << 20
"""Multiply-adds of a block below which starting a convolution takes longer than it saves."""
_LEAST_CHANNELS = 8
"""Channels of the input below which a convolution of oneDNN is slow."""


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
        self._kernel: Tensor | None = None

    def fold(self, factor: Float[Tensor, " channel"]) -> None:
        """Fold a factor of each output channel into the weights."""
        self._factor = factor if self._factor is None else self._factor * factor

    def keeps_zero_channels(self) -> bool:
        """Return whether a row of weights can be zero: not where channels are in groups."""
        return self._groups == 1

    def lay_out_weights(self, product_dtype: torch.dtype | None, channels: int) -> None:
        """Copy the weights to (tap, in, out) order, and to a kernel for oneDNN where it serves.

        Call once, after all folding.

        Args:
            product_dtype: Dtype of matrix products; that of the weights if None.
            channels: Channels of the input's rows; weights of those it lacks are zero.
        """
        if channels < _LEAST_CHANNELS:
            product_dtype = None  # short rows take longer in bfloat16
        self._product_dtype = product_dtype
        weight = self.weight
        dtype = product_dtype or weight.dtype
        filled = (0, self.channels - weight.shape[0], 0, channels - self._groups * weight.shape[1])

        def by_tap(weight: Tensor) -> Tensor:
            return F.pad(weight.permute(2, 1, 0), filled)

        def by_channel(weight: Tensor) -> Tensor:
            return by_tap(weight).permute(2, 0, 1)

        shape = f"{channels} {self.channels}"
        if self._factor is None:
            self._weight = laid_out(weight, f"tap {shape}", dtype, by_tap)
        else:
            weight = weight.detach() * self._factor[:, None, None]
            self._weight = by_tap(weight).to(dtype).contiguous()
        if self._convolves(weight.device, dtype, channels):
            kernel = (
                laid_out(weight, f"channel {shape}", dtype, by_channel)
                if self._factor is None
                else by_channel(weight).to(dtype).contiguous()
            )
            self._kernel = kernel.permute(0, 2, 1)[..., None]

    def affected_span(self, *spans: Span) -> Span:
        """Return the outputs whose kernel holds a changed input."""
        return self.window.affected_span(spans[0])

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the output's delta, or that of the fused nonlinear layer if there is one."""
        inputs = span if self.fused is None else self.fused.input_span(span)
        products = self._products(deltas[0], inputs)
        if self.fused is not None:
            sums = self._with_reference(self.fused, block, deltas[0], inputs, products)
            return self.fused.to_delta(block, sums, span)
        like = deltas[0].values
        if products is not None and products.span == span and products.values.dtype == like.dtype:
            sums = products.values
        else:
            sums = zero_delta(block, span, self.channels, like)
            self._add(deltas[0], sums, span, products)
        block.zero_outside(sums, span, self.axis)
        return sums

    def _with_reference(
        self, fused: Nonlinear, block: Block, delta: Delta, span: Span, products: Delta | None
    ) -> Values:
        """Return the reference of the fused layer's input plus its delta."""
        if products is not None and products.span == span:
            return fused.plus_reference(block, products)
        sums = fused.accumulator(block, span)
        self._add(delta, sums, span, products)
        return sums

    def _products(self, delta: Delta, span: Span) -> Delta | None:
        """Return the output's delta by one convolution, at the positions of ``span`` that change.

        A convolution adds as many zeros before the input as behind it, but the ends of the axis
        cut spans at one side alone: what is computed beyond the cut is thrown away.

        Returns:
            None where products tap by tap are used.
        """
        like, window = delta.values, self.window
        wanted = _overlap(window.affected_span(delta.span), span)
        reach = (window.kernel - 1) * window.dilation
        first = delta.span.start + window.padding
        both = (first - wanted.start, wanted.stop - first + reach - delta.span.width)
        zeros = max(both)
        start = first - zeros
        found = Span(start, start + delta.span.width + 2 * zeros - reach)
        mutants = like.shape[1] * like.shape[2]
        cost = window.kernel * delta.span.width * mutants * self.channels * like.shape[3]
        if self._kernel is None or cost < _LEAST_PRODUCTS or min(both) < 0 or not wanted.width:
            return None
        image = like.to(self._kernel.dtype).reshape(1, len(like), mutants, -1).permute(0, 3, 1, 2)
        sums = F.conv2d(
            image, self._kernel, padding=(zeros, 0), dilation=(window.dilation, 1)
        ).permute(0, 2, 3, 1)
        values = sums.reshape(found.width, *like.shape[1:3], self.channels)
        return Delta(Delta(values, found).part(wanted), wanted)

    def _convolves(self, device: torch.device, dtype: torch.dtype, channels: int) -> bool:
        """Return whether oneDNN has a fast convolution for this layer."""
        plain = self._groups == 1 and self.window.kernel > 1 and self.window.stride == 1
        known = dtype in {torch.float32, torch.bfloat16} and device.type == "cpu"
        return plain and known and channels >= _LEAST_CHANNELS and mkldnn.is_available()

    def _add(self, delta: Delta, sums: Values, span: Span, products: Delta | None) -> None:
        """Add the output's delta to ``sums``: the products found, or products tap by tap."""
        if products is None:
            self._add_products(delta, sums, span)
        else:
            add_overlap(products, sums, span)

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


def _overlap(one: Span, other: Span) -> Span:
    return Span(max(one.start, other.start), min(one.stop, other.stop))


def _along_sequence(weight: Tensor) -> Float[Tensor, " out in tap"]:
    """Return weights of an image of height 1 without the height, of a linear layer with one tap."""
    if weight.ndim == 2:
        return weight.detach().unsqueeze(2)
    return weight if weight.ndim == 3 else weight.detach().squeeze(2)
