"""A plain convolutional network for short sequences: residual blocks, maximum and mean pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["ResidualCNN"]


class _Block(nn.Module):
    """Batch norm, ReLU and a convolution, added to their input."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(channels)
        self.activate = nn.ReLU()
        self.convolve = nn.Conv1d(channels, channels, width, padding=width // 2)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, values: Float[Tensor, "batch channel length"]) -> Tensor:
        return values + self.convolve(self.activate(self.normalise(values)))


class ResidualCNN(nn.Module):
    """Convolve, add residual blocks, pool by maximum and mean, and combine by dense heads.

    Nothing in it follows the rule of a simulation: filters are pooled over positions by their
    maximum and their mean, as networks of the field do. It stands beside `MotifScanner`, whose
    soft OR over positions is also how the shipped simulations combine sites.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs.
        outcomes: Positions of the outcome tasks; empty for a single head.
        filters: Channels, default 48.
        width: Bases that a filter of the first layer spans, default 19 (odd).
        blocks: Residual blocks, default 1.
        hidden: Units of each dense layer of a head, default 32.
        layers: Dense layers of each head, default 2.
        dropout: Share of hidden units dropped in training (and by MC dropout), default 0.

    Raises:
        ValueError: If the filter is wider than the sequence, or as `Heads` does.

    Example:
        >>> ResidualCNN(50, [0], [1])(torch.zeros(2, 4, 50)).shape
        torch.Size([2, 2])
    """

    def __init__(
        self,
        length: int,
        exposures: Sequence[int],
        outcomes: Sequence[int] = (),
        *,
        filters: int = 48,
        width: int = 19,
        blocks: int = 1,
        hidden: int = 32,
        layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width > length:
            raise ValueError(
                f"model.width must not exceed the sequence's length {length}, got {width}"
            )
        self.scan = nn.Conv1d(4, filters, width, padding=width // 2)
        self.blocks = nn.Sequential(*(_Block(filters, 5) for _ in range(blocks)))
        self.normalise = nn.BatchNorm1d(filters)
        self.activate = nn.ReLU()
        self.maximum = nn.AdaptiveMaxPool1d(1)
        self.mean = nn.AdaptiveAvgPool1d(1)
        self.flatten = nn.Flatten()
        self.heads = Heads(
            2 * filters, exposures, outcomes, hidden=[hidden] * layers, dropout=dropout
        )

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return raw outputs."""
        found = self.activate(self.normalise(self.blocks(self.scan(sequence))))
        pooled = torch.cat([self.maximum(found), self.mean(found)], dim=1)
        return self.heads(self.flatten(pooled))
