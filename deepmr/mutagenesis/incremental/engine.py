"""The exact incremental engine: compute only what a substitution changes.

The reference runs once. Then the *change* that a substitution makes is pushed through the network
inside the span of positions it can reach: a convolution of width k over w changed positions costs
w k products, where recomputing the w + k - 1 values it touches costs (w + k - 1) k.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from deepmr.mutagenesis.dense import Dense, check_loci, free_bytes
from deepmr.mutagenesis.engine import RawEffects
from deepmr.mutagenesis.incremental.compile import sort_network
from deepmr.mutagenesis.incremental.compiled_network import Network
from deepmr.mutagenesis.incremental.cost import expected_speedup
from deepmr.mutagenesis.incremental.propagation import Loci, Mutants
from deepmr.mutagenesis.model_state import device_of, evaluation_mode
from deepmr.mutagenesis.variants import Variants

__all__ = ["Incremental"]

_MOST_LOCI = 16
"""Loci that share blocks at most, where one is too small to fill a block."""
_BLOCK_BYTES = 8 << 20
"""Size of a block's largest array by default: what stays in a CPU's caches."""
_MOST_MUTANTS = 16_384
"""Mutants of a block at most, where memory is no limit."""


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
        self.length = length
        self._precision = precision
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self._product = torch.bfloat16 if precision == "bfloat16" else None
        self._whole: Dense | None = None
        self._stamp: tuple[tuple[int, int], ...] | None = None  # () of a network without weights
        with evaluation_mode(model):
            self._network = self._sorted_network()
        self._n_tasks = self._network.n_tasks
        self.chunk = chunk or self._default_chunk()

    @property
    def settings(self) -> dict[str, str | int | float]:
        """What decides the bits of the result."""
        return {"engine": "incremental", "chunk": self.chunk, "precision": self._precision}

    @property
    def fallback_reasons(self) -> tuple[str, ...]:
        """Nodes that had to be run as a whole, and why; empty where all is incremental."""
        return tuple(self._network.reasons)

    def expected_speedup(self) -> float:
        """Return the arithmetic of whole forward passes over this engine's."""
        return expected_speedup(self._network, self.chunk)

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Raises:
            ValueError: If loci do not match the variants or the engine's length.
        """
        check_loci(codes, variants, self.length)
        shape = (variants.n_loci, self._n_tasks, variants.n_variants)
        dtype = np.float64 if self._dtype == torch.float64 else np.float32
        reference, difference = np.zeros(shape[:2], dtype=dtype), np.zeros(shape, dtype=dtype)
        with evaluation_mode(self._model, tf32=self._precision == "tf32"):
            network = self._sorted_network()
            together = self._loci_together(variants.n_variants)
            for first in range(0, variants.n_loci, together):
                part = slice(first, first + together)
                locus, column = np.nonzero(variants.mask[part])
                offset = variants.offset[part][locus, column]
                # in the order of their positions, as LinearOverPositions counts on
                order = np.lexsort((locus, offset))
                locus, column = locus[order], column[order]
                loci = Loci(network, codes[part], self._dtype, device_of(self._model))
                mutants = Mutants(locus, offset[order], variants.alt[part][locus, column])
                effects = loci.effects(mutants, self.chunk).cpu().numpy()
                difference[part][locus, :, column] = effects
                reference[part] = loci.output.cpu().numpy()
        return RawEffects(reference=reference, difference=difference)

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return the outputs for whole sequences, by forward passes (bfloat16: in float32)."""
        if self._whole is None:
            precision = "float32" if self._product is not None else self._precision
            self._whole = Dense(self._model, length=self.length, precision=precision)
        return self._whole.predict(codes)

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
                model, length=self.length, dtype=self._dtype, product=self._product
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
        device = device_of(self._model)
        room = free_bytes(device) // 16 if device.type == "cuda" else _BLOCK_BYTES
        return int(max(48, min(room // 4 // widest, _MOST_MUTANTS)))
