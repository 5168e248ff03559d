"""A linear layer on flattened channels and positions: only changed inputs are multiplied."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.global_pooling import BlockPlan, GlobalLayer
from deepmr.mutagenesis.incremental.layers.position_layer import References
from deepmr.mutagenesis.incremental.layers.weight_layout import laid_out
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta

__all__ = ["FlattenedLinear"]

_TILE = 64
"""Outputs are padded to a multiple: matrix products of odd numbers of columns cost a third more."""
_BATCHED_WEIGHTS = 100_000
"""Weights a position below which one batched product beats one product for each position."""


class FlattenedLinear(GlobalLayer):
    """A linear layer whose input is all channels at all positions.

    Each position has weights of its own, and the sites of a block lie at different positions. So
    the deltas of all blocks are first gathered by position; then each position is one product.

    Args:
        name: Name of the node in the traced graph.
        source: Name of the node that it takes as input.
        axis: Position axis of the input.
        module: The linear layer.
        product_dtype: Dtype of matrix products; that of the weights if None.
    """

    def __init__(
        self,
        name: str,
        source: str,
        axis: Axis,
        module: nn.Linear,
        product_dtype: torch.dtype | None,
    ) -> None:
        super().__init__(name, source, axis)

        def by_position(weight: Tensor) -> Tensor:
            reordered = weight.view(weight.shape[0], -1, axis.length).permute(2, 1, 0)
            return F.pad(reordered, (0, padding))

        self._outputs = module.out_features
        padding = -self._outputs % _TILE if self._outputs > 4 * _TILE else 0
        self._product_dtype = product_dtype
        dtype = product_dtype or module.weight.dtype
        self.weight = laid_out(module.weight, f"position {axis.length}", dtype, by_position)

    def multiply_adds(self, channels: int) -> int:
        """Return the multiply-adds of one input position with some channels."""
        return channels * self.weight.shape[2]

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Allocate one row for every changed position of every mutant, ordered by position.

        Mutants are numbered in the order of their sites, and spans move with their sites. So the
        mutants that change one position have consecutive numbers.
        """
        position, mutant, edges = self._rows_of(plan)
        length = self.axis.length
        inside = (position >= 0) & (position < length)
        # rows beyond the ends of the axis are zero and share a last row, which no position reads
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
        self._rows = source.new_empty(shape, dtype=self._product_dtype or source.dtype)
        self._places = {
            id(block): torch.from_numpy(place[a:b]).to(source.device)
            for block, a, b in zip(plan.blocks, edges[:-1], edges[1:], strict=True)
        }

    def _rows_of(
        self, plan: BlockPlan
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

    def accumulate(self, block: Block, delta: Delta) -> None:
        """Copy the input's delta of one block to its rows."""
        rows = delta.values.reshape(-1, delta.values.shape[-1]).to(self._rows.dtype)
        self._rows.index_copy_(0, self._places[id(block)], rows)

    def delta(self) -> Float[Tensor, "mutant channel"]:
        """Multiply the rows of each position by its weights, and sum over positions."""
        if self.weight.shape[1] * self.weight.shape[2] < _BATCHED_WEIGHTS:
            total = self._batched()
        else:
            total = self._by_position()
        self._rows = self._rows[:0]
        return total[:, : self._outputs]

    def _by_position(self) -> Float[Tensor, "mutant channel"]:
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
            if self._product_dtype is None:
                target.addmm_(rows, weight)
            else:
                target.add_(torch.mm(rows, weight))
        return total

    def _batched(self) -> Float[Tensor, "mutant channel"]:
        """Return the same from one batched product, each position padded to as many rows."""
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
        # each mutant sums its rows: a table of row numbers, padded with the zero row at the end
        order = np.argsort(self._mutants, kind="stable")
        each = np.bincount(self._mutants, minlength=self._n_mutants)
        firsts = np.concatenate([[0], np.cumsum(each)[:-1]])
        table = np.full((self._n_mutants, max(int(each.max()), 1)), len(counts) * most)
        column = np.arange(len(order)) - np.repeat(firsts, each)
        table[self._mutants[order], column] = slot[order]
        index = torch.from_numpy(table.reshape(-1)).to(product.device)
        return product.index_select(0, index).view(*table.shape, -1).sum(1)
