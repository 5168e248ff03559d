"""The exact incremental engine: compute only what a substitution changes.

The reference runs once. Then the *change* that a substitution makes is pushed through the network
inside the span of positions it can reach: a convolution of width k over w changed positions costs
w k products, where recomputing the w + k - 1 values it touches costs (w + k - 1) k.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from deepmr.mutagenesis.borrowed import borrowed, device_of
from deepmr.mutagenesis.cost import saving
from deepmr.mutagenesis.dense import check_loci
from deepmr.mutagenesis.effects import RawEffects
from deepmr.mutagenesis.ends import Plan
from deepmr.mutagenesis.layers import Convolution, Layer
from deepmr.mutagenesis.network import Network, run_reference
from deepmr.mutagenesis.sorting import sort_network
from deepmr.mutagenesis.tail import Tail
from deepmr.mutagenesis.variants import Variants
from deepmr.mutagenesis.window import Block, Change, Span
from deepmr.sequence import one_hot

__all__ = ["Incremental"]

_MOST_LOCI = 16
"""Loci that share blocks at most, where one is too small to fill a block."""
_BLOCK_BYTES = 4 << 20
"""Size of a block's largest array by default: what stays in a core's caches."""


class Incremental:
    """Push changes through the network.

    Args:
        model: Maps ``(batch, 4, length)`` to ``(batch, task)``.
        length: Bases of a locus.
        chunk: Mutants of one block; by default as many as keep its arrays in cache.
        precision: ``float32``, ``tf32``, ``float64``, or ``bfloat16``: products of changes rounded
            to 8 bits, on references in float32 (relative errors of effects around half a percent).

    Raises:
        NotTraceableError: If the model's structure cannot be found.
        ValueError: If the precision is unknown or the chunk is below 1.
    """

    def __init__(
        self, model: nn.Module, *, length: int, chunk: int | None = None, precision: str = "float32"
    ) -> None:
        if precision not in {"float32", "tf32", "float64", "bfloat16"}:
            raise ValueError(
                f"precision must be float32, tf32, float64 or bfloat16, got {precision!r}"
            )
        if chunk is not None and chunk < 1:
            raise ValueError(f"chunk must be 1 or more, got {chunk}")
        self._model = model
        self._length = length
        self._precision = precision
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self._product = torch.bfloat16 if precision == "bfloat16" else None
        self._stamp: tuple[tuple[int, int], ...] = ()
        with borrowed(model):
            self._network = self._sorted_network()
        self._n_tasks = self._network.n_tasks
        self.chunk = chunk or self._default_chunk()

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result."""
        return {"engine": "incremental", "chunk": self.chunk, "precision": self._precision}

    @property
    def remainder(self) -> tuple[str, ...]:
        """Nodes that had to be run as a whole, and why; empty where all is incremental."""
        return tuple(self._network.reasons)

    def saving(self) -> float:
        """Return the arithmetic of whole forward passes over this engine's."""
        return saving(self._network, self.chunk)

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Raises:
            ValueError: If loci do not match the variants or the engine's length.
        """
        check_loci(codes, variants, self._length)
        shape = (variants.n_loci, self._n_tasks, variants.n_variants)
        dtype = np.float64 if self._dtype == torch.float64 else np.float32
        reference, difference = np.zeros(shape[:2], dtype=dtype), np.zeros(shape, dtype=dtype)
        with borrowed(self._model, tf32=self._precision == "tf32"):
            network = self._sorted_network()
            together = self._loci_together(variants.n_variants)
            for first in range(0, variants.n_loci, together):
                part = slice(first, first + together)
                locus, column = np.nonzero(variants.mask[part])
                offset = variants.offset[part][locus, column]
                # in the order of their positions, as LinearOverPositions counts on
                order = np.lexsort((locus, offset))
                locus, column = locus[order], column[order]
                loci = _Loci(network, codes[part], self._dtype, device_of(self._model))
                mutants = _Mutants(locus, offset[order], variants.alt[part][locus, column])
                effects = loci.effects(mutants, self.chunk).cpu().numpy()
                difference[part][locus, :, column] = effects
                reference[part] = loci.output.cpu().numpy()
        return RawEffects(reference=reference, difference=difference)

    def _loci_together(self, n_variants: int) -> int:
        """Return how many loci fill a block, where one does not."""
        per_phase = max(1, n_variants // self._network.total_stride)
        return min(_MOST_LOCI, max(1, self.chunk // per_phase))

    def _sorted_network(self) -> Network:
        """Return the sorted network, made anew if a parameter has changed since."""
        tensors = [*self._model.parameters(), *self._model.buffers()]
        stamp = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)  # noqa: SLF001
        if stamp != self._stamp:
            model = self._model
            if self._dtype == torch.float64:
                model = copy.deepcopy(model).double()
            self._network = sort_network(
                model, length=self._length, dtype=self._dtype, product=self._product
            )
            self._stamp = stamp
        return self._network

    def _default_chunk(self) -> int:
        spans = self._network.spans(0)
        widest = max(
            (
                spans[name].width * channels
                for name, (channels, _) in self._network.shapes().items()
                if name in spans
            ),
            default=1,
        )
        return int(max(48, _BLOCK_BYTES // 4 // widest))


@dataclass(frozen=True, slots=True)
class _Mutants:
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


class _Loci:
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

    def effects(self, mutants: _Mutants, chunk: int) -> Float[Tensor, "mutant task"]:
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
        self, mutants: _Mutants, tail: Tail | None, chunk: int
    ) -> Float[Tensor, "mutant task"]:
        """Return the change of the output, once every block has reached its ends."""
        network = self._network
        n_mutants = len(mutants.locus)
        locus = torch.from_numpy(mutants.locus).to(self.output.device)
        changes = {
            end.name: end.total().view(n_mutants, *self._values[end.name].shape[1:])
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
