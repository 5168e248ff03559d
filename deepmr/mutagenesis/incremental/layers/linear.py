"""Linear layers along the sequence, convolution aside, and products of two nodes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from deepmr.mutagenesis.incremental.layers.layer import (
    Layer,
    References,
    Sliding,
    Values,
    put,
    widened,
    zeros,
)
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change, Rows, Span

__all__ = ["Add", "AveragePool", "Concatenate", "Crop", "Product", "Renamed", "Scale"]


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
        total = zeros(block, span, self.channels, change.values)
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
        total = zeros(block, span, self.channels, changes[0].values)
        for change, sign in zip(changes, self._signs, strict=True):
            put(change, total, span, sign)
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
        left, right = (widened(block, change, span) for change in changes)
        total = left * (right + self._factors[1].around(block, span))
        return total.add_(right * self._factors[0].around(block, span))


class Concatenate(Layer):
    """Channels of several nodes side by side."""

    def run(self, block: Block, changes: list[Change], span: Span) -> Values:
        """Return the change within ``span``."""
        return torch.cat([widened(block, change, span) for change in changes], dim=-1)


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
