"""The mutants of some loci, and the changes they make from the input to the output."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from deepmr.mutagenesis.incremental.compiled_network import Network, run_reference
from deepmr.mutagenesis.incremental.fallback import Tail
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.global_pooling import Plan
from deepmr.mutagenesis.incremental.layers.layer import Layer
from deepmr.mutagenesis.incremental.receptive_field import Block, Change, Span
from deepmr.sequence import one_hot

__all__ = ["Loci", "Mutants"]


@dataclass(frozen=True, slots=True)
class Mutants:
    """Mutants in the order of their positions, then loci."""

    locus: Int[np.ndarray, " mutant"]
    offset: Int[np.ndarray, " mutant"]
    alt: Int[np.ndarray, " mutant"]

    def blocks(self, total: int, chunk: int) -> list[Block]:
        """Group by the phase of the position, alternatives of a site together."""
        sites = np.stack([self.offset, self.locus], axis=1)
        starts = np.flatnonzero(np.any(np.diff(sites, axis=0, prepend=-1) != 0, axis=1))
        counts = np.diff(starts, append=len(sites))
        each = int(counts[0])
        if np.any(counts != each):
            starts, each = np.arange(len(sites)), 1
        mutants = np.arange(len(sites)).reshape(-1, each).T
        offset = self.offset[starts]
        blocks: list[Block] = []
        for phase in np.unique(offset % total):
            here = np.flatnonzero(offset % total == phase)
            parts = np.array_split(here, -(-len(here) * each // max(chunk, each)))
            blocks += [self._block(int(phase), total, mutants[:, some]) for some in parts]
        return blocks

    def _block(self, phase: int, total: int, mutants: Int[np.ndarray, "alternative site"]) -> Block:
        steps = (self.offset[mutants[0]] - phase) // total
        loci = self.locus[mutants[0]]
        return Block(phase=phase, total=total, steps=steps, loci=loci, mutants=mutants)


class Loci:
    """Some loci: their reference at every node, and the changes their mutants make."""

    def __init__(
        self,
        network: Network,
        codes: UInt8[np.ndarray, "locus length"],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._network = network
        self._codes = codes
        sequences = one_hot(torch.from_numpy(codes.astype(np.int64)).to(device), dtype)
        self._values = run_reference(network.traced, sequences)
        self._references = _References(network, self._values)
        for layer in network.layers:
            layer.refer(self._references)
            if isinstance(layer, Convolution) and layer.into is not None:
                layer.into.refer(self._references)
        self.output: Float[Tensor, "locus task"] = self._values[network.output]
        self._readers = Counter(name for layer in network.layers for name in layer.sources)

    def effects(self, mutants: Mutants, chunk: int) -> Float[Tensor, "mutant task"]:
        """Return the change of the output for every mutant."""
        network = self._network
        n_mutants = len(mutants.offset)
        total = self.output.new_zeros((n_mutants, self.output.shape[1]))
        if n_mutants == 0:
            return total
        blocks = mutants.blocks(network.total_stride, chunk)
        spans = [network.spans(block.phase, block) for block in blocks]
        plan = Plan(blocks=blocks, spans=spans, n_mutants=n_mutants)
        tail = Tail(network, self._values) if network.tail else None
        along = tail is not None and tail.reads_along
        for end in network.ends:
            end.begin(self._references, plan)
        kept = set(tail.frontier) if along else set()
        kept |= {end.source for end in network.ends}
        for block, block_spans in zip(blocks, spans, strict=True):
            changes = self._along(block, block_spans, mutants.alt, kept)
            for end in network.ends:
                if end.source in changes:
                    end.take(block, changes[end.source])
            if along:
                index = torch.from_numpy(block.mutants.reshape(-1)).to(total.device)
                total[index] = tail.run_block(block, changes, chunk)
        if along:
            return total
        return self._behind(mutants, tail, chunk)

    def _behind(
        self, mutants: Mutants, tail: Tail | None, chunk: int
    ) -> Float[Tensor, "mutant task"]:
        """Return the change of the output, once every block has reached its ends."""
        network = self._network
        n_mutants = len(mutants.locus)
        locus = torch.from_numpy(mutants.locus).to(self.output.device)
        changes = {
            end.name: end.total().reshape(n_mutants, *self._values[end.name].shape[1:])
            for end in network.ends
        }
        references = _OfMutants(self._values, locus)
        for vector in network.vectors:
            changes[vector.name] = vector.run(changes, references)
        if tail is not None:
            return tail.run_vectors(changes, references, chunk)
        return changes[network.output]

    def _along(
        self,
        block: Block,
        spans: dict[str, Span],
        alt: Int[np.ndarray, " mutant"],
        kept: set[str],
    ) -> dict[str, Change]:
        """Return the changes of one block at the nodes ``kept``; where nothing changes, none."""
        network = self._network
        changes = {network.source: self._mutations(block, alt)}
        left = Counter(self._readers)
        for layer, name, _ in network.parts():
            if spans[name].width:
                changes[name] = self._run(layer, block, changes, spans, name)
            for source in layer.sources:
                left[source] -= 1
                if not left[source] and source not in kept:
                    changes.pop(source, None)
        return {name: change for name, change in changes.items() if name in kept}

    @staticmethod
    def _run(
        layer: Layer,
        block: Block,
        changes: dict[str, Change],
        spans: dict[str, Span],
        name: str,
    ) -> Change:
        like = next(changes[source] for source in layer.sources if source in changes)
        none = like.values[:0]
        inputs = [changes.get(source, Change(none, Span(0, 0))) for source in layer.sources]
        return Change(layer.run(block, inputs, spans[name]), spans[name])

    def _mutations(self, block: Block, alt: Int[np.ndarray, " mutant"]) -> Change:
        positions = block.phase + block.total * block.steps
        ref = self._codes[block.loci, positions].astype(np.int64)
        one_base = np.eye(4)
        change = one_base[alt[block.mutants]] - one_base[ref][None]
        values = torch.from_numpy(change[None]).to(self.output)
        return Change(values, Span(block.phase, block.phase + 1))


class _References(dict[str, Tensor]):
    """Each node's reference laid out by position, made when first asked for."""

    def __init__(self, network: Network, values: dict[str, Any]) -> None:
        super().__init__()
        self._shapes = network.shapes()
        self._values = values

    def __missing__(self, name: str) -> Tensor:
        channels, length = self._shapes[name]
        value = self._values[name]
        self[name] = value.reshape(-1, channels, length).transpose(1, 2).contiguous()
        return self[name]


class _OfMutants(dict[str, Tensor]):
    """Each node's reference for every mutant, made when first asked for."""

    def __init__(self, values: dict[str, Any], locus: Int[Tensor, " mutant"]) -> None:
        super().__init__()
        self._values = values
        self._locus = locus

    def __missing__(self, name: str) -> Tensor:
        value = self._values[name]
        # one locus stands for all mutants: a view with a batch of 1
        self[name] = value if len(value) == 1 else value.index_select(0, self._locus)
        return self[name]
