"""Ways of asking whether a pattern occurs anywhere in a sequence."""

from __future__ import annotations

from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["SoftOr"]


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
