"""Layers that remove the position axis: their interface, and global sum, mean and max pooling."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.position_layer import References
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta, PaddedReference, Span

__all__ = [
    "BlockPlan",
    "Flattened",
    "GlobalLayer",
    "GlobalMaxPool",
    "GlobalSumPool",
    "SoftplusSumPool",
    "sum_of_softplus",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPlan:
    """All blocks of some loci, in the order in which they are computed.

    Args:
        blocks: The blocks.
        spans: For each block, the span of each node that can change, by name.
        n_mutants: Mutants in all blocks together.
    """

    blocks: list[Block]
    spans: list[dict[str, Span]]
    n_mutants: int


class GlobalLayer(ABC):
    """A layer without a position axis whose input has one.

    Blocks are added one by one with ``accumulate``; ``delta`` returns the result of all.

    Args:
        name: Name of the node in the traced graph.
        source: Name of the node that it takes as input.
        axis: Position axis of the input.
    """

    def __init__(self, name: str, source: str, axis: Axis) -> None:
        self.name = name
        self.source = source
        self.axis = axis
        self.margin = 0

    @abstractmethod
    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Store what is needed of the reference, and allocate the deltas of all mutants."""

    @abstractmethod
    def accumulate(self, block: Block, delta: Delta) -> None:
        """Add the input's delta of one block."""

    def delta(self) -> Float[Tensor, "mutant channel"]:
        """Return the output's delta of all mutants, after all blocks were added."""
        return self._delta

    def multiply_adds(self, channels: int) -> int:
        """Return the multiply-adds of one input position with some channels."""
        return channels


class GlobalSumPool(GlobalLayer):
    """Sum over positions times a factor; the mean with 1 / length.

    Args:
        name: Name of the node in the traced graph.
        source: Name of the node that it takes as input.
        axis: Position axis of the input.
        factor: Factor of the sum.
        together: Whether the sum is over channels too; False by default.
    """

    def __init__(
        self, name: str, source: str, axis: Axis, factor: float, *, together: bool = False
    ) -> None:
        super().__init__(name, source, axis)
        self.factor = factor
        self.together = together

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Allocate the deltas; the reference is not needed."""
        source = references[self.source]
        channels = 1 if self.together else source.shape[2]
        self._delta = source.new_zeros((plan.n_mutants, channels))

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Store the sum of the input's delta for the mutants of one block."""
        summed = delta.values.sum(0)
        self._store(block, summed.sum(-1, keepdim=True) if self.together else summed)

    def _store(self, block: Block, summed: Float[Tensor, "alternative site channel"]) -> None:
        self._delta[block.rows(summed.device)] = summed.mul_(self.factor).view(-1, summed.shape[-1])


class Flattened(GlobalLayer):
    """All channels at all positions, as a network's raw output."""

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Allocate the deltas, channel by channel; the reference is not needed."""
        source = references[self.source]
        self._channels = source.shape[2]
        self._delta = source.new_zeros((plan.n_mutants, self._channels, self.axis.length))

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Store the input's delta for the mutants of one block at its positions."""
        at = block.positions(delta.span, self.axis)
        position, site = np.nonzero((at >= 0) & (at < self.axis.length))
        device = delta.values.device
        for alternative, mutants in enumerate(block.mutants):
            rows = torch.from_numpy(mutants[site]).to(device)
            columns = torch.from_numpy(at[position, site]).to(device)
            here = (torch.from_numpy(position).to(device), torch.from_numpy(site).to(device))
            self._delta[rows, :, columns] = delta.values[:, alternative][here]

    def delta(self) -> Float[Tensor, "mutant channel"]:
        """Return the output's delta of all mutants."""
        return self._delta.flatten(1)


class GlobalMaxPool(GlobalLayer):
    """Maximum over positions: of the changed span, of all positions before and all after it."""

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Store the reference minus its maximum, and its running maxima from either end."""
        source = references[self.source]
        below_maximum = source - source.amax(1, keepdim=True)
        edge = below_maximum.new_full((below_maximum.shape[0], 1, below_maximum.shape[2]), -inf)
        self._input = PaddedReference(below_maximum, self.axis, self.margin, -inf)
        self._before = torch.cat([edge, below_maximum.cummax(1).values], dim=1)
        self._after = torch.cat([below_maximum.flip(1).cummax(1).values.flip(1), edge], dim=1)
        self._delta = source.new_zeros((plan.n_mutants, source.shape[2]))

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Store the change of the maximum for the mutants of one block."""
        maximum = (delta.values + self._input.around(block, delta.span)).amax(0)
        origin = block.steps * block.scale(self.axis)
        start = np.clip(origin + delta.span.start, 0, self.axis.length)
        stop = np.clip(origin + delta.span.stop, 0, self.axis.length)
        loci = torch.from_numpy(block.loci).to(maximum.device)
        for reference, at in ((self._before, start), (self._after, stop)):
            unchanged = reference[loci, torch.from_numpy(at).to(maximum.device)]
            torch.maximum(maximum, unchanged, out=maximum)
        self._delta[block.rows(maximum.device)] = maximum.view(-1, maximum.shape[-1])


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
