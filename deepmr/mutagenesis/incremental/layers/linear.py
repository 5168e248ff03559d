"""Linear layers along the sequence other than convolutions, and products of two inputs."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.position_layer import (
    Output,
    PositionLayer,
    References,
    Values,
    add_overlap,
    zero_delta,
    zero_padded,
)
from deepmr.mutagenesis.incremental.receptive_field import (
    Block,
    Delta,
    PaddedReference,
    SlidingWindow,
    Span,
)

__all__ = [
    "Add",
    "AveragePool",
    "Concatenate",
    "CropOrPad",
    "Multiply",
    "PickChannels",
    "Product",
    "Reshape",
]


class AveragePool(PositionLayer):
    """Average pooling; windows at the ends may have divisors of their own.

    Args:
        output: Node and shape of the output.
        window: Kernel geometry.
        weight: What one input contributes to each output position: 1 over the divisor.
    """

    def __init__(
        self, output: Output, window: SlidingWindow, weight: Float[Tensor, " position"]
    ) -> None:
        super().__init__(output)
        self.window = window
        self._weight = weight

    def affected_span(self, *spans: Span) -> Span:
        """Return the windows that hold a changed input."""
        return self.window.affected_span(spans[0])

    def set_reference(self, references: References) -> None:
        """Pad the weights; the reference itself is not needed."""
        weight = self._weight.to(references[self.name])
        self._padded_weight = PaddedReference(weight[None, :, None], self.axis, self.margin, 0.0)

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the average of the input's delta over each window."""
        delta = deltas[0]
        total = zero_delta(block, span, self.channels, delta.values)
        for _, read, write in self.window.taps(delta.span, span):
            total[write] += delta.values[read]
        total *= self._padded_weight.around(block, span)
        return total


class Multiply(PositionLayer):
    """Multiplication by a constant: batch norm, a dropout mask, or a constant tensor.

    Args:
        output: Node and shape of the output.
        factor: Factor of each channel, at each position or at all (one row).
    """

    def __init__(self, output: Output, factor: Float[Tensor, "position channel"]) -> None:
        super().__init__(output)
        self.factor = factor

    def set_reference(self, references: References) -> None:
        """Pad the factors; the reference itself is not needed."""
        filled = F.pad(self.factor, (0, self.channels - self.factor.shape[1]))
        factor = filled.to(references[self.name]).expand(self.axis.length, -1)
        self._padded_factor = PaddedReference(factor[None], self.axis, self.margin, 0.0)

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the input's delta times the factor."""
        return deltas[0].part(span) * self._padded_factor.around(block, span)


class Add(PositionLayer):
    """Sum or difference of inputs, or of one input and a constant.

    Args:
        output: Node and shape of the output.
        signs: Sign of each input, 1 or -1.
    """

    def __init__(self, output: Output, signs: tuple[float, ...]) -> None:
        super().__init__(output)
        self.signs = signs
        self.overwritten: int | None = None
        """Which input this layer is the only reader of, and may add the others to, if any."""

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the signed sum of the inputs' deltas; may overwrite one of them."""
        here = self.overwritten
        if here is not None and deltas[here].span == span:
            total = deltas[here].values
        else:
            total, here = zero_delta(block, span, self.channels, deltas[0].values), None
        for place, (delta, sign) in enumerate(zip(deltas, self.signs, strict=True)):
            if place != here:
                add_overlap(delta, total, span, sign)
        return total


class Product(PositionLayer):
    """Product of two inputs: (r1 + d1)(r2 + d2) - r1 r2 = d1 (r2 + d2) + d2 r1."""

    def set_reference(self, references: References) -> None:
        """Store the reference of both inputs."""
        self._references = [
            PaddedReference(references[source], self.axis, self.margin, 0.0)
            for source in self.sources
        ]

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the delta of the product."""
        left, right = (zero_padded(block, delta, span) for delta in deltas)
        total = left * (right + self._references[1].around(block, span))
        return total.add_(right * self._references[0].around(block, span))


class Concatenate(PositionLayer):
    """Concatenation of the channels of several inputs."""

    def keeps_zero_channels(self) -> bool:
        """Return False: they would come to lie between channels."""
        return False

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the inputs' deltas, concatenated along channels."""
        return torch.cat([zero_padded(block, delta, span) for delta in deltas], dim=-1)


class PickChannels(PositionLayer):
    """Some channels of the input, in any order.

    Args:
        output: Node and shape of the output.
        picked: Which channel of the input each channel of the output is.
    """

    def __init__(self, output: Output, picked: Int[Tensor, " channel"]) -> None:
        super().__init__(output)
        self._picked = picked

    def keeps_zero_channels(self) -> bool:
        """Return False: channels are counted."""
        return False

    def run(
        self,
        block: Block,  # noqa: ARG002 - the signature all layers share
        deltas: list[Delta],
        span: Span,
    ) -> Values:
        """Return the delta of the picked channels."""
        return deltas[0].part(span).index_select(-1, self._picked)


class Reshape(PositionLayer):
    """A change of shape that keeps every value, for instance flattening."""

    def run(
        self,
        block: Block,  # noqa: ARG002 - the signature all layers share
        deltas: list[Delta],
        span: Span,
    ) -> Values:
        """Return the input's delta at ``span``."""
        return deltas[0].part(span)


class CropOrPad(PositionLayer):
    """Positions cut off, or constants added, at the ends of the sequence.

    Args:
        output: Node and shape of the output.
        shift: Output position of the first input position; negative where positions are cut off.
    """

    def __init__(self, output: Output, shift: int) -> None:
        super().__init__(output)
        self._shift = shift

    def affected_span(self, *spans: Span) -> Span:
        """Return the input's span in output positions."""
        return spans[0].moved(self._shift)

    def run(self, block: Block, deltas: list[Delta], span: Span) -> Values:
        """Return the input's delta at its new positions, zero beyond the ends."""
        values = deltas[0].part(span.moved(-self._shift)).clone()
        block.zero_outside(values, span, self.axis)
        return values
