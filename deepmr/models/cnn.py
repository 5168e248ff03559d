"""A shallow network that scans for motifs, and the pooling that it counts them by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["MotifScanner", "SoftOr"]


class SoftOr(nn.Module):
    """Pool independent sites over length: the probability that at least one is bound.

    With p = sigmoid(x) at each position this is 1 - prod(1 - p), worked out as
    ``-expm1(-sum(softplus(x)))``, which neither underflows nor cancels. A maximum sees the best
    site alone; here weaker ones add up, and every position receives a gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.softplus = nn.Softplus()

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, x: Float[Tensor, "batch channel length"]) -> Float[Tensor, "batch channel"]:
        """Return one value in [0, 1] for each channel."""
        return -torch.expm1(-torch.sum(self.softplus(x), dim=2))


_STARTING_GAIN = 3.0
_STARTING_LOG_ODDS = -10.0


class MotifScanner(nn.Module):
    """Scan for wide patterns, ask of each whether it occurs, and combine the answers.

    One convolution as wide as a motif; each filter is pooled over the whole sequence twice, as
    its maximum and as a soft OR over positions; each head combines them by dense layers of its
    own, so that what moves the outcome alone does not leak into the exposure. There is no
    pooling grid, so an effect does not depend on where in the window a motif lies.

    A scan is centred by batch norm and starts out at ``3 z - 10``: like a log odds of binding,
    far below zero nearly everywhere, above it at a rare best match. Starting at ``z`` instead
    leaves every soft OR saturated at one, and the network overfits around it. Few filters do
    better than many, for the same reason.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs.
        outcomes: Positions of the outcome tasks; empty for a single head.
        filters: Number of patterns.
        width: Bases a pattern spans.
        hidden: Units of each dense layer.
        layers: Number of dense layers of each head.
        dropout: Share of hidden units dropped in training (and by MC dropout).

    Raises:
        ValueError: If the pattern is wider than the sequence, or as `Heads` does.
    """

    def __init__(
        self,
        length: int,
        exposures: Sequence[int],
        outcomes: Sequence[int] = (),
        *,
        filters: int = 16,
        width: int = 19,
        hidden: int = 32,
        layers: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width > length:
            raise ValueError(
                f"model.width must not exceed the sequence's length {length}, got {width}"
            )
        self.scan = nn.Conv1d(4, filters, width, padding=width // 2, bias=False)
        self.normalise = nn.BatchNorm1d(filters)
        self.maximum = nn.AdaptiveMaxPool1d(1)
        self.flatten = nn.Flatten()
        self.soft_or = SoftOr()
        self.heads = Heads(
            2 * filters, exposures, outcomes, hidden=[hidden] * layers, dropout=dropout
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scan's starting gain and log odds; all layers start as PyTorch has them."""
        nn.init.constant_(self.normalise.weight, _STARTING_GAIN)
        nn.init.constant_(self.normalise.bias, _STARTING_LOG_ODDS)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return raw outputs."""
        found = self.normalise(self.scan(sequence))
        best = self.flatten(self.maximum(found))
        return self.heads(torch.cat([best, self.soft_or(found)], dim=1))
