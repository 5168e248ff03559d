"""The logarithm of a sum of exponentials over all positions."""

from __future__ import annotations

from math import inf

import numpy as np
import torch
from torch import Tensor

from deepmr.mutagenesis.incremental.layers.global_pooling import BlockPlan, GlobalLayer
from deepmr.mutagenesis.incremental.layers.position_layer import References
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta, PaddedReference

__all__ = ["GlobalLogSumExp"]

_LEAST, _MOST = -0.5, 1e3
"""Relative changes of the sum between which ``log1p`` of the change loses no digits."""


class GlobalLogSumExp(GlobalLayer):
    """Log-sum-exp over positions, of each channel or of all.

    With p the reference's softmax, log sum exp(r + d) - log sum exp(r) = log1p(sum p expm1(d)),
    in which nothing cancels. Where most of the sum is lost, it is summed again from what lies
    before, in, and after the changed span.

    Args:
        name: Name of the node in the traced graph.
        source: Name of the node that it takes as input.
        axis: Position axis of the input.
        channels: Channels of the input.
        together: Whether the sum is over channels too.
    """

    def __init__(
        self, name: str, source: str, axis: Axis, channels: int, *, together: bool
    ) -> None:
        super().__init__(name, source, axis)
        self._channels = channels
        self._together = together

    def multiply_adds(self, channels: int) -> int:
        """Return the cost of an exponential for each channel of a position."""
        return 20 * channels

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Store the reference minus its result, and its sums from either end."""
        source = references[self.source][..., : self._channels]
        over = (1, 2) if self._together else (1,)
        shares = source - source.logsumexp(over, keepdim=True)
        self._shares = PaddedReference(shares, self.axis, self.margin, -inf)
        each = shares.logsumexp(2, keepdim=True) if self._together else shares
        edge = each.new_full((each.shape[0], 1, each.shape[2]), -inf)
        self._before = torch.cat([edge, each.logcumsumexp(1)], dim=1)
        self._after = torch.cat([each.flip(1).logcumsumexp(1).flip(1), edge], dim=1)
        self._delta = source.new_zeros((plan.n_mutants, each.shape[2]))

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Store the change of the result for the mutants of one block."""
        values = delta.values[..., : self._channels]
        shares = self._shares.around(block, delta.span)
        change = (shares.exp() * values.expm1()).sum(0)
        if self._together:
            change = change.sum(-1, keepdim=True)
        result = change.clamp(min=_LEAST).log1p()
        wide = ~((change > _LEAST) & (change < _MOST))
        if bool(wide.any()):
            result = torch.where(wide, self._summed_again(block, delta, shares + values), result)
        self._delta[block.rows(result.device)] = result.view(-1, result.shape[-1])

    def _summed_again(self, block: Block, delta: Delta, shares: Tensor) -> Tensor:
        inside = shares.logsumexp(0)
        if self._together:
            inside = inside.logsumexp(-1, keepdim=True)
        origin = block.steps * block.scale(self.axis)
        loci = torch.from_numpy(block.loci).to(inside.device)
        edges = ((self._before, delta.span.start), (self._after, delta.span.stop))
        for reference, edge in edges:
            at = np.clip(origin + edge, 0, self.axis.length)
            inside = torch.logaddexp(inside, reference[loci, torch.from_numpy(at).to(loci)])
        return inside
