"""Global sum of softplus, as in a soft OR, from one product of odds over positions."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.global_pooling import BlockPlan, GlobalSumPool
from deepmr.mutagenesis.incremental.layers.position_layer import References
from deepmr.mutagenesis.incremental.receptive_field import Block, Delta, PaddedReference

__all__ = ["SoftplusSumPool", "sum_of_softplus"]


class SoftplusSumPool(GlobalSumPool):
    """Sum over positions of softplus, times a factor; the input is that of the softplus."""

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Pad the reference by positions that add nothing, and allocate the deltas."""
        super().allocate(references, plan)
        fill = -math.inf
        self._input = PaddedReference(references[self.source], self.axis, self.margin, fill)

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Store the change of the sum for the mutants of one block."""
        around = self._input.around(block, delta.span)
        sums = sum_of_softplus(delta.values + around)
        sums.sub_(sum_of_softplus(around.contiguous()))
        self._store(block, sums)


def sum_of_softplus(values: Float[Tensor, "position ..."]) -> Float[Tensor, "..."]:
    """Return the sum over the first axis of log(1 + exp(x)).

    The product of all 1 + exp(x), less 1, is put together in pairs, (1 + a)(1 + b) - 1 = a + b +
    ab, all of them positive: nothing cancels, and one logarithm serves all positions. Where the
    product overflows, each position's softplus is added. That is asked of a CPU alone: another
    device would have to be waited for, and its softplus is cheap.

    Args:
        values: The values.

    Example:
        >>> sum_of_softplus(torch.zeros(3, 1, dtype=torch.float64)).div(math.log(2)).tolist()
        [3.0]
    """
    if values.device.type != "cpu":
        return F.softplus(values).sum(0)
    odds = torch.exp2(values * math.log2(math.e))  # PyTorch's exp takes three times as long
    while len(odds) > 1:
        half = len(odds) // 2
        first, second, last = odds[:half], odds[half : 2 * half], odds[2 * half :]
        if len(last):
            _join(first[:1], last)
        _join(first, second)
        odds = first
    total = torch.log1p(odds[0])
    return total if bool(torch.isfinite(total).all()) else F.softplus(values).sum(0)


def _join(first: Tensor, second: Tensor) -> None:
    """Set the first to (1 + first)(1 + second) - 1; overwrites both."""
    torch.addcmul(second, first, second, out=second)
    first.add_(second)
