"""Where the position axis ends: global pooling, and a linear layer over all positions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.layer import References
from deepmr.mutagenesis.incremental.layers.weight_layout import arranged
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change, Rows, Span

__all__ = ["End", "GlobalMax", "GlobalSum", "LinearOverPositions", "Plan"]

_TILE = 64
"""Outputs are filled up to a multiple: odd numbers of columns cost matrix products a third."""
_LEAST_WORK = 100_000
"""Weights a position below which one batched product beats a product for each position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The blocks of a locus.

    Args:
        blocks: The blocks.
        spans: For each block, where each node can change.
        n_mutants: Mutants of all blocks.
    """

    blocks: list[Block]
    spans: list[dict[str, Span]]
    n_mutants: int


class End(ABC):
    """A node without a position axis that reads one with it.

    Args:
        name: The node.
        source: The node it reads.
        axis: The positions of that node.
    """

    def __init__(self, name: str, source: str, axis: Axis) -> None:
        self.name = name
        self.source = source
        self.axis = axis
        self.margin = 0

    @abstractmethod
    def begin(self, references: References, plan: Plan) -> None:
        """Prepare for the blocks of a locus."""

    @abstractmethod
    def take(self, block: Block, change: Change) -> None:
        """Take the change of one block."""

    @abstractmethod
    def total(self) -> Float[Tensor, "mutant channel"]:
        """Return the change of all mutants, once every block was taken."""


class GlobalSum(End):
    """Sum over positions times a factor: the mean with 1 / length."""

    def __init__(self, name: str, source: str, axis: Axis, factor: float) -> None:
        super().__init__(name, source, axis)
        self._factor = factor

    def begin(self, references: References, plan: Plan) -> None:
        """Prepare for the blocks of a locus."""
        source = references[self.source]
        self._total = source.new_zeros((plan.n_mutants, source.shape[2]))

    def take(self, block: Block, change: Change) -> None:
        """Take the change of one block."""
        index = _index(block, change.values)
        summed = change.values.sum(0) * self._factor
        self._total[index] = summed.view(-1, summed.shape[-1])

    def total(self) -> Float[Tensor, "mutant channel"]:
        """Return the change of all mutants."""
        return self._total


class GlobalMax(End):
    """Maximum over positions: within the span, before it, and behind it."""

    def begin(self, references: References, plan: Plan) -> None:
        """Take the reference less its maximum, and its running maxima from either end."""
        source = references[self.source]
        slack = source - source.amax(1, keepdim=True)
        edge = slack.new_full((slack.shape[0], 1, slack.shape[2]), -inf)
        self._slack = Rows(slack, self.axis, self.margin, -inf)
        self._before = torch.cat([edge, slack.cummax(1).values], dim=1)
        self._behind = torch.cat([slack.flip(1).cummax(1).values.flip(1), edge], dim=1)
        self._total = source.new_zeros((plan.n_mutants, source.shape[2]))

    def take(self, block: Block, change: Change) -> None:
        """Take the change of one block."""
        within = (change.values + self._slack.around(block, change.span)).amax(0)
        origin = block.steps * block.scale(self.axis)
        start = np.clip(origin + change.span.start, 0, self.axis.length)
        stop = np.clip(origin + change.span.stop, 0, self.axis.length)
        loci = torch.from_numpy(block.loci).to(within.device)
        for reference, at in ((self._before, start), (self._behind, stop)):
            rest = reference[loci, torch.from_numpy(at).to(within.device)]
            torch.maximum(within, rest, out=within)
        self._total[_index(block, within)] = within.view(-1, within.shape[-1])

    def total(self) -> Float[Tensor, "mutant channel"]:
        """Return the change of all mutants."""
        return self._total


class LinearOverPositions(End):
    """Flatten, then a linear layer: only the changed inputs are multiplied.

    Each position has weights of its own, and a block's sites lie at different positions. So the
    changes of all blocks are first gathered by position; then each position is one product.
    """

    def __init__(
        self, name: str, source: str, axis: Axis, module: nn.Linear, product: torch.dtype | None
    ) -> None:
        super().__init__(name, source, axis)

        def by_position(weight: Tensor) -> Tensor:
            laid_out = weight.view(weight.shape[0], -1, axis.length).permute(2, 1, 0)
            return F.pad(laid_out, (0, padding))

        self._outputs = module.out_features
        padding = -self._outputs % _TILE if self._outputs > 4 * _TILE else 0
        self._product = product
        dtype = product or module.weight.dtype
        self.weight = arranged(module.weight, f"position {axis.length}", dtype, by_position)

    def begin(self, references: References, plan: Plan) -> None:
        """Find the place of every changed position of every mutant, ordered by position.

        Mutants are numbered in the order of their sites, and spans move on with their sites. So
        the mutants that change one position have consecutive numbers.
        """
        position, mutant, edges = self._rows_of(plan)
        length = self.axis.length
        inside = (position >= 0) & (position < length)
        # what lies beyond the ends is zero and goes to a last row, which no position reads
        order = np.lexsort((mutant, np.where(inside, position, length)))
        n_rows = int(inside.sum())
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        place = np.minimum(place, n_rows)
        counts = np.bincount(position[inside], minlength=length)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._mutants = mutant[order][:n_rows]
        self._n_mutants = plan.n_mutants
        source = references[self.source]
        self._result_dtype = source.dtype
        shape = (n_rows + 1, self.weight.shape[1])
        self._rows = source.new_empty(shape, dtype=self._product or source.dtype)
        self._places = {
            id(block): torch.from_numpy(place[a:b]).to(source.device)
            for block, a, b in zip(plan.blocks, edges[:-1], edges[1:], strict=True)
        }

    def _rows_of(
        self, plan: Plan
    ) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " row"], Int[np.ndarray, " edge"]]:
        """Return position and mutant of every row of the blocks, and where each block begins."""
        positions, mutants = [], []
        for block, spans in zip(plan.blocks, plan.spans, strict=True):
            at = block.positions(spans[self.source], self.axis)
            shape = (len(at), *block.mutants.shape)
            positions.append(np.broadcast_to(at[:, None], shape).reshape(-1))
            mutants.append(np.broadcast_to(block.mutants, shape).reshape(-1))
        edges = np.cumsum([0, *(len(part) for part in positions)])
        return np.concatenate(positions), np.concatenate(mutants), edges

    def take(self, block: Block, change: Change) -> None:
        """Put the change of one block into its places."""
        rows = change.values.reshape(-1, change.values.shape[-1]).to(self._rows.dtype)
        self._rows.index_copy_(0, self._places[id(block)], rows)

    def total(self) -> Float[Tensor, "mutant channel"]:
        """Multiply, position by position, and add up for each mutant."""
        if self.weight.shape[1] * self.weight.shape[2] < _LEAST_WORK:
            total = self._total_batched()
        else:
            total = self._total_by_position()
        self._rows = self._rows[:0]
        return total[:, : self._outputs]

    def _total_by_position(self) -> Float[Tensor, "mutant channel"]:
        shape = (self._n_mutants, self.weight.shape[2])
        total = self._rows.new_zeros(shape, dtype=self._result_dtype)
        for position in np.flatnonzero(np.diff(self._starts)):
            first, last = int(self._starts[position]), int(self._starts[position + 1])
            rows, weight = self._rows[first:last], self.weight[position]
            mutants = self._mutants[first:last]
            consecutive = mutants[-1] - mutants[0] == last - first - 1
            if not consecutive:
                index = torch.from_numpy(mutants).to(total.device)
                total.index_add_(0, index, torch.mm(rows, weight).to(total.dtype))
                continue
            target = total[int(mutants[0]) : int(mutants[-1]) + 1]
            if self._product is None:
                target.addmm_(rows, weight)
            else:
                target.add_(torch.mm(rows, weight))
        return total

    def _total_batched(self) -> Float[Tensor, "mutant channel"]:
        """Do the same in one batched product, each position padded to as many rows."""
        counts = np.diff(self._starts)
        most = max(int(counts.max()), 1)
        slot = np.repeat(np.arange(len(counts)) * most - self._starts[:-1], counts)
        slot = slot + np.arange(len(slot))
        padded = self._rows.new_zeros((len(counts) * most + 1, self._rows.shape[1]))
        place = torch.from_numpy(slot).to(padded.device)
        padded.index_copy_(0, place, self._rows[: len(slot)])
        product = torch.bmm(padded[:-1].view(len(counts), most, -1), self.weight)
        product = product.reshape(len(counts) * most, -1).to(self._result_dtype)
        product = torch.cat([product, product.new_zeros((1, product.shape[1]))])
        # each mutant sums its rows: a table of places, filled up with the zero row at the end
        order = np.argsort(self._mutants, kind="stable")
        each = np.bincount(self._mutants, minlength=self._n_mutants)
        firsts = np.concatenate([[0], np.cumsum(each)[:-1]])
        table = np.full((self._n_mutants, max(int(each.max()), 1)), len(counts) * most)
        column = np.arange(len(order)) - np.repeat(firsts, each)
        table[self._mutants[order], column] = slot[order]
        index = torch.from_numpy(table.reshape(-1)).to(product.device)
        return product.index_select(0, index).view(*table.shape, -1).sum(1)


def _index(block: Block, like: Tensor) -> Tensor:
    return torch.from_numpy(block.mutants.reshape(-1)).to(like.device)
