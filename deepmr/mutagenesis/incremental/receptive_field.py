"""Where a substitution reaches: spans of positions, sites of equal phase, views of references.

A network's position axis at a node has a stride in bases. A site is a mutated position ``p``;
with the network's total stride ``S`` it is ``p = phase + S * step``. All sites of one phase have
the same geometry at every node: the positions that can change there are ``scale * step + [start,
stop)``, where ``scale`` is ``S`` over the node's stride and ``[start, stop)`` depends on the
phase alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Axis", "Block", "Change", "Rows", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """Positions ``start`` to ``stop`` (exclusive) relative to a site; empty if stop <= start."""

    start: int
    stop: int

    @property
    def width(self) -> int:
        """Number of positions."""
        return max(0, self.stop - self.start)

    def moved(self, by: int) -> Span:
        """Return the span shifted."""
        return Span(self.start + by, self.stop + by)

    def union(self, other: Span) -> Span:
        """Return the hull of two spans; an empty one adds nothing."""
        if not self.width:
            return other
        if not other.width:
            return self
        return Span(min(self.start, other.start), max(self.stop, other.stop))


@dataclass(frozen=True, slots=True)
class Axis:
    """A node's position axis: how many positions, and how many bases apart."""

    length: int
    stride: int


@dataclass(frozen=True, eq=False)
class Block:
    """Mutants processed together: sites of one phase, each with the same number of alternatives.

    Args:
        phase: The sites' common position modulo the total stride.
        total: The network's total stride in bases.
        steps: Each site's position is ``phase + total * step``; ascending.
        loci: Each site's locus.
        mutants: Number of each mutant among all, alternatives first.
    """

    phase: int
    total: int
    steps: Int[np.ndarray, " site"]
    loci: Int[np.ndarray, " site"]
    mutants: Int[np.ndarray, "alternative site"]

    @property
    def n_alternatives(self) -> int:
        """Mutants at each site."""
        return int(self.mutants.shape[0])

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return int(self.mutants.shape[1])

    @cached_property
    def spacing(self) -> int | None:
        """The common distance between steps of one locus; None if there is none."""
        gaps = np.diff(self.steps)
        if len(gaps) == 0:
            return 1
        regular = np.all(gaps == gaps[0]) and np.all(self.loci == self.loci[0])
        return int(gaps[0]) if bool(regular) else None

    def scale(self, axis: Axis) -> int:
        """Positions of ``axis`` between one step and the next."""
        return self.total // axis.stride

    def trimmed(self, span: Span, axis: Axis) -> Span:
        """Cut a span to what lies on the axis for at least one site."""
        scale = self.scale(axis)
        return Span(
            max(span.start, -int(self.steps[-1]) * scale),
            min(span.stop, axis.length - int(self.steps[0]) * scale),
        )

    def positions(self, span: Span, axis: Axis) -> Int[np.ndarray, "position site"]:
        """Return the absolute positions of a span for every site."""
        origin = self.steps * self.scale(axis)
        return np.arange(span.start, span.stop)[:, None] + origin[None, :]

    def crosses_edge(self, span: Span, axis: Axis) -> bool:
        """Whether any site's span leaves the axis."""
        scale = self.scale(axis)
        first, last = int(self.steps[0]) * scale, int(self.steps[-1]) * scale
        return bool(first + span.start < 0 or last + span.stop > axis.length)

    def erase_outside(
        self, values: Float[Tensor, "position alternative site channel"], span: Span, axis: Axis
    ) -> None:
        """Set to zero, in place, what lies beyond either end of the axis: nothing exists there."""
        if not self.crosses_edge(span, axis):
            return
        at = self.positions(span, axis)
        position, site = np.nonzero((at < 0) | (at >= axis.length))
        n_alternatives, n_sites = self.mutants.shape
        rows = (position[:, None] * n_alternatives + np.arange(n_alternatives)) * n_sites
        index = torch.from_numpy((rows + site[:, None]).reshape(-1)).to(values.device)
        values.view(-1, values.shape[-1]).index_fill_(0, index, 0.0)


@dataclass(slots=True)
class Change:
    """How a node's values differ from the reference within a span around each site of a block.

    Args:
        values: Alternative minus reference; zero beyond the ends of the axis.
        span: Which positions, relative to each site.
    """

    values: Float[Tensor, "position alternative site channel"]
    span: Span

    def part(self, span: Span) -> Float[Tensor, "position alternative site channel"]:
        """Return the values of a span inside this one."""
        first = span.start - self.span.start
        return self.values[first : first + span.width]


class Rows:
    """A reference laid out by position, padded so that every span of every site exists.

    Args:
        values: Channels at each position of each locus, or of one that stands for all.
        axis: The positions.
        margin: Positions to add at either end.
        fill: The value of those.
    """

    def __init__(
        self, values: Float[Tensor, "locus position channel"], axis: Axis, margin: int, fill: float
    ) -> None:
        loci, length, channels = values.shape
        self._axis = axis
        self._margin = margin
        self._padded = values.new_full((loci, length + 2 * margin, channels), fill)
        self._padded[:, margin : margin + length] = values

    def around(self, block: Block, span: Span) -> Float[Tensor, "position 1 site channel"]:
        """Return the reference within a span around each site: a view where sites are regular."""
        scale = block.scale(self._axis)
        loci, length, channels = self._padded.shape
        places = length * (block.loci if loci > 1 else np.zeros_like(block.loci)) + self._margin
        if block.spacing is not None:
            first = int(places[0]) + int(block.steps[0]) * scale + span.start
            return self._padded.as_strided(
                (span.width, 1, block.n_sites, channels),
                (channels, 0, block.spacing * scale * channels, 1),
                first * channels,
            )
        at = torch.from_numpy(block.positions(span, self._axis) + places)
        rows = self._padded.view(-1, channels)
        rows = rows.index_select(0, at.reshape(-1).to(self._padded.device))
        return rows.view(span.width, 1, block.n_sites, channels)
