"""Propagation of the deltas of all mutants of some loci, from the input to the raw output."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork, run_reference
from deepmr.mutagenesis.incremental.fallback import Fallback
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.global_pooling import BlockPlan
from deepmr.mutagenesis.incremental.layers.vector import MutantReferences
from deepmr.mutagenesis.incremental.receptive_field import Block, Delta, Span
from deepmr.sequence import one_hot

__all__ = ["Mutants", "Propagation"]


@dataclass(frozen=True, slots=True)
class Mutants:
    """Substitutions of some loci, sorted by offset, then locus.

    Args:
        locus: Row of each mutant's locus.
        offset: Position of the substitution from the locus's start, in bases.
        alt: Code of the alternative base, 0 to 3 for A, C, G, T.
    """

    locus: Int[np.ndarray, " mutant"]
    offset: Int[np.ndarray, " mutant"]
    alt: Int[np.ndarray, " mutant"]

    def blocks(self, total_stride: int, chunk: int) -> list[Block]:
        """Group mutants by the phase of their offset, alternatives of a site together.

        Args:
            total_stride: The network's total stride, in bases.
            chunk: Mutants of a block at most.
        """
        sites = np.stack([self.offset, self.locus], axis=1)
        starts = np.flatnonzero(np.any(np.diff(sites, axis=0, prepend=-1) != 0, axis=1))
        counts = np.diff(starts, append=len(sites))
        each = int(counts[0])
        if np.any(counts != each):
            starts, each = np.arange(len(sites)), 1
        mutants = np.arange(len(sites)).reshape(-1, each).T
        offset = self.offset[starts]
        blocks: list[Block] = []
        for phase in np.unique(offset % total_stride):
            here = np.flatnonzero(offset % total_stride == phase)
            for some in np.array_split(here, -(-len(here) * each // max(chunk, each))):
                block = Block(
                    phase=int(phase),
                    total_stride=total_stride,
                    steps=(offset[some] - int(phase)) // total_stride,
                    loci=self.locus[starts[some]],
                    mutants=mutants[:, some],
                )
                blocks.append(block)
        return blocks


class Propagation:
    """The reference forward pass of some loci, and the deltas of their mutants.

    Args:
        network: The compiled network.
        codes: Base codes of the loci.
        dtype: Dtype of the reference.
        device: Device of the network.
    """

    def __init__(
        self,
        network: CompiledNetwork,
        codes: UInt8[np.ndarray, "locus length"],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._network = network
        self._codes = codes
        sequences = one_hot(torch.from_numpy(codes.astype(np.int64)).to(device), dtype)
        self._values = run_reference(network.traced, sequences)
        self._references = _PositionReferences(network, self._values)
        for layer in network.position_layers:
            layer.set_reference(self._references)
            if isinstance(layer, Convolution) and layer.fused is not None:
                layer.fused.set_reference(self._references)
        self.output: Float[Tensor, "locus task"] = self._values[network.output]
        self._readers = Counter(name for layer in network.position_layers for name in layer.sources)

    def effects(self, mutants: Mutants, chunk: int) -> Float[Tensor, "mutant task"]:
        """Return the delta of the raw output for every mutant.

        Args:
            mutants: Substitutions of the loci.
            chunk: Mutants of one block.
        """
        network = self._network
        n_mutants = len(mutants.offset)
        total = self.output.new_zeros((n_mutants, self.output.shape[1]))
        if n_mutants == 0:
            return total
        blocks = mutants.blocks(network.total_stride, chunk)
        spans = [network.spans(block.phase, block) for block in blocks]
        plan = BlockPlan(blocks=blocks, spans=spans, n_mutants=n_mutants)
        fallback = Fallback(network, self._values) if network.fallback.nodes else None
        by_block = fallback is not None and fallback.needs_positions
        for layer in network.global_layers:
            layer.allocate(self._references, plan)
        kept = set(fallback.inputs) if by_block else set()
        kept |= {layer.source for layer in network.global_layers}
        for block, block_spans in zip(blocks, spans, strict=True):
            deltas = self._position_deltas(block, block_spans, mutants.alt, kept)
            for layer in network.global_layers:
                if layer.source in deltas:
                    layer.accumulate(block, deltas[layer.source])
            if by_block:
                total[block.rows(total.device)] = fallback.run_block(block, deltas, chunk)
        if by_block:
            return total
        return self._vector_deltas(mutants, fallback, chunk)

    def _vector_deltas(
        self, mutants: Mutants, fallback: Fallback | None, chunk: int
    ) -> Float[Tensor, "mutant task"]:
        """Return the delta of the raw output from those of the global layers."""
        network = self._network
        n_mutants = len(mutants.locus)
        locus = torch.from_numpy(mutants.locus).to(self.output.device)
        deltas: dict[str, Tensor] = {}
        for layer in network.global_layers:
            shape = self._values[layer.name].shape[1:]
            channels = shape[0] if shape else 1
            deltas[layer.name] = layer.delta()[:, :channels].reshape(n_mutants, *shape)
        references = MutantReferences(self._values, locus)
        for vector in network.vector_layers:
            deltas[vector.name] = vector.run(deltas, references)
        if fallback is not None:
            return fallback.run_vectors(deltas, references, chunk)
        return deltas[network.output]

    def _position_deltas(
        self,
        block: Block,
        spans: dict[str, Span],
        alt: Int[np.ndarray, " mutant"],
        kept: set[str],
    ) -> dict[str, Delta]:
        """Return the deltas of one block at the nodes ``kept``, without those of empty span."""
        network = self._network
        deltas = {network.source: self._input_delta(block, alt)}
        left = Counter(self._readers)
        for layer, name, _ in network.outputs():
            if spans[name].width:
                like = next(deltas[source] for source in layer.sources if source in deltas)
                unchanged = Delta(like.values[:0], Span(0, 0))
                inputs = [deltas.get(source, unchanged) for source in layer.sources]
                deltas[name] = Delta(layer.run(block, inputs, spans[name]), spans[name])
            for source in layer.sources:
                left[source] -= 1
                if not left[source] and source not in kept:
                    deltas.pop(source, None)
        return {name: delta for name, delta in deltas.items() if name in kept}

    def _input_delta(self, block: Block, alt: Int[np.ndarray, " mutant"]) -> Delta:
        """Return the one-hot alternative base minus the one-hot reference base of each mutant."""
        positions = block.phase + block.total_stride * block.steps
        ref = self._codes[block.loci, positions].astype(np.int64)
        one_base = np.eye(4)
        delta = one_base[alt[block.mutants]] - one_base[ref][None]
        values = torch.from_numpy(delta[None]).to(self.output)
        return Delta(values, Span(block.phase, block.phase + 1))


class _PositionReferences(dict[str, Tensor]):
    """Reference of each node as (locus, position, channel), reordered at first use."""

    def __init__(self, network: CompiledNetwork, values: dict[str, Any]) -> None:
        super().__init__()
        self._shapes = network.shapes()
        self._channels_last = network.channels_last
        self._values = values

    def __missing__(self, name: str) -> Tensor:
        channels, length = self._shapes[name]
        value = self._values[name]
        if name in self._channels_last:
            rows = value
        else:
            rows = value.reshape(len(value), -1, length).transpose(1, 2)
        self[name] = F.pad(rows, (0, channels - rows.shape[2])).contiguous()
        return self[name]
