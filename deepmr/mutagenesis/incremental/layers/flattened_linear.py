"""A linear layer on flattened channels and positions: only changed inputs are multiplied."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.layers.global_pooling import BlockPlan, GlobalLayer
from deepmr.mutagenesis.incremental.layers.position_layer import References, row_width
from deepmr.mutagenesis.incremental.layers.weight_layout import laid_out
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta, Span

__all__ = ["FlattenedLinear"]

_TILE = 64
"""Many outputs are filled up to a multiple: odd numbers of columns cost a third more."""
_WINDOW_BYTES = 1 << 20
"""Weights of a window below which each site is one product: they stay in a core's cache."""
_MANY_MUTANTS = 32
"""Mutants a site from which one product beats one for each position, whatever the weights."""
_LARGEST_WINDOW = 16 << 20
"""Weights of a window in bytes above which no number of mutants makes reading them again pay."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The positions that any mutant can change, relative to its site.

    Args:
        span: Those positions, for all phases together.
        sites: Of each step of the total stride: its first mutant, one past its last, and the
            position on the axis to which the span is relative.
        scale: Positions from one step to the next.
    """

    span: Span
    sites: list[tuple[int, int, int]]
    scale: int

    @classmethod
    def of(cls, plan: BlockPlan, source: str, axis: Axis) -> _Window:
        """Return the window of a layer's input; mutants are numbered in the order of their sites.

        Args:
            plan: All blocks of some loci.
            source: Name of the input.
            axis: Position axis of the input.
        """
        span = Span(0, 0)
        step = np.zeros(plan.n_mutants, dtype=np.int64)
        for block, spans in zip(plan.blocks, plan.spans, strict=True):
            span = span.union(spans[source])
            step[block.mutants] = block.steps
        scale = plan.blocks[0].scale(axis)
        edges = np.flatnonzero(np.diff(step, prepend=-1, append=-1))
        sites = [
            (int(first), int(last), int(step[first]) * scale) for first, last in pairwise(edges)
        ]
        return cls(span, sites, scale)

    def copy(
        self, block: Block, delta: Delta, rows: Float[Tensor, "mutant position channel"]
    ) -> None:
        """Copy the deltas of one block to the rows of its mutants.

        Args:
            block: The block.
            delta: Its deltas.
            rows: Deltas of all mutants at every position of the window.
        """
        first = delta.span.start - self.span.start
        target = rows[:, first : first + delta.span.width]
        values = delta.values.permute(1, 2, 0, 3)
        by_alternative, by_site = (_spacing(block.mutants[:, 0]), _spacing(block.mutants[0]))
        if by_alternative is None or by_site is None:
            target[block.rows(rows.device)] = values.flatten(0, 1).to(rows.dtype)
            return
        to_mutant, *inner = target.stride()
        target.as_strided(
            values.shape,
            (by_alternative * to_mutant, by_site * to_mutant, *inner),
            target.storage_offset() + int(block.mutants[0, 0]) * to_mutant,
        ).copy_(values)


def _spacing(numbers: Int[np.ndarray, " number"]) -> int | None:
    """Return the constant difference of ascending numbers; None if it is not constant."""
    gaps = np.diff(numbers)
    if len(gaps) == 0:
        return 1
    return int(gaps[0]) if bool((gaps == gaps[0]).all()) else None


class FlattenedLinear(GlobalLayer):
    """A linear layer whose input is all channels at all positions.

    Each position has weights of its own, and the sites of a block lie at different positions. So
    the deltas of all blocks are first gathered. Where the weights of all positions that a mutant
    changes (its window) fit a core's cache, or many mutants share them, the mutants of each site
    are one product with the weights of their window; otherwise each position is one product.

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
        self._module = module
        self._outputs = module.out_features
        self._product_dtype = product_dtype

    def lay_out_weights(self, channels: int) -> None:
        """Copy the weights to (position, in, out) order.

        Args:
            channels: Channels of the input's rows; weights of those it lacks are zero.
        """
        length, outputs = self.axis.length, self._outputs
        wide = -outputs % _TILE if outputs > 4 * _TILE else row_width(outputs) - outputs

        def by_position(weight: Tensor) -> Tensor:
            reordered = weight.view(outputs, -1, length).permute(2, 1, 0)
            return F.pad(reordered, (0, wide, 0, channels - reordered.shape[1]))

        weight = self._module.weight
        dtype = self._product_dtype or weight.dtype
        self.weight = laid_out(weight, f"position {length} {channels}", dtype, by_position)

    def multiply_adds(self, channels: int) -> int:
        """Return the multiply-adds of one input position with some channels."""
        return channels * self.weight.shape[2]

    def allocate(self, references: References, plan: BlockPlan) -> None:
        """Allocate what the deltas of all blocks are gathered in."""
        source = references[self.source]
        self._result_dtype = source.dtype
        self._n_mutants = plan.n_mutants
        self._window = _Window.of(plan, self.source, self.axis)
        size = self._window.span.width * self.weight[0].numel() * self.weight.element_size()
        crowded = plan.n_mutants >= _MANY_MUTANTS * len(self._window.sites)
        if size <= _WINDOW_BYTES or (crowded and size <= _LARGEST_WINDOW):
            shape = (plan.n_mutants, self._window.span.width, self.weight.shape[1])
            self._rows = source.new_zeros(shape, dtype=self._product_dtype or source.dtype)
            return
        self._window = None
        self._allocate_by_position(source, plan)

    def _allocate_by_position(self, source: Tensor, plan: BlockPlan) -> None:
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
        if self._window is not None:
            self._window.copy(block, delta, self._rows)
            return
        rows = delta.values.reshape(-1, delta.values.shape[-1]).to(self._rows.dtype)
        self._rows.index_copy_(0, self._places[id(block)], rows)

    def delta(self) -> Float[Tensor, "mutant channel"]:
        """Multiply the rows of each site or position by its weights."""
        total = self._by_position() if self._window is None else self._by_site(self._window)
        self._rows = self._rows[:0]
        return total[:, : self._outputs]

    def _by_site(self, window: _Window) -> Float[Tensor, "mutant channel"]:
        shape = (self._n_mutants, self.weight.shape[2])
        total = self._rows.new_zeros(shape, dtype=self._result_dtype)
        channels = self.weight.shape[1]
        for first, last, origin in window.sites:
            # positions beyond the ends of the axis have no weights, and deltas of zero
            start = max(0, origin + window.span.start)
            stop = min(self.axis.length, origin + window.span.stop)
            if start >= stop:
                continue
            left = start - origin - window.span.start
            rows = self._rows[first:last, left : left + stop - start]
            weight = self.weight[start:stop].view((stop - start) * channels, -1)
            target = total[first:last]
            if self._product_dtype is None:
                torch.mm(rows.flatten(1), weight, out=target)
            else:
                target.copy_(torch.mm(rows.flatten(1), weight))
        return total

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
