"""The exact incremental engine: propagate only the difference that a substitution makes.

The reference sequence runs once. Then the *delta* of each substitution (alternative minus
reference) is propagated from layer to layer, inside the span of positions that its receptive field
reaches: a convolution of width k over w changed positions costs w k products, where recomputing
the w + k - 1 outputs that it touches costs (w + k - 1) k.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import nn

from deepmr.mutagenesis.dense import Dense, check_loci, check_options, free_bytes
from deepmr.mutagenesis.engine import RawEffects, count_mutants
from deepmr.mutagenesis.incremental.compile import compile_network
from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork
from deepmr.mutagenesis.incremental.cost import expected_speedup
from deepmr.mutagenesis.incremental.propagation import Mutants, Propagation
from deepmr.mutagenesis.model_state import device_of, evaluation_mode, in_float64, made_in_float64
from deepmr.mutagenesis.variants import Variants

__all__ = ["Incremental", "keep_freed_memory"]

_PRECISIONS = ("float32", "tf32", "float64", "bfloat16")
_MOST_LOCI = 16
"""Loci that share blocks at most, where one has too few variants to fill a block."""
_MOST_BLOCKS = 2
"""Blocks of one phase that loci share at most: layers behind the positions start once for all."""
_BLOCK_BYTES = 4 << 20
"""Bytes of a block's largest array by default: what stays in a CPU's caches."""
_GATHERED_BYTES = 64 << 20
"""Bytes of the deltas gathered for a flattened layer, where loci share blocks."""
_MOST_MUTANTS = 16_384
"""Mutants of a block at most, where memory is no limit."""


class Incremental:
    """Engine that propagates each variant's delta through the network, exactly.

    Layers without a rule for deltas (recurrent layers, attention) run in full on every mutant;
    ``fallback_reasons`` names them.

    Args:
        model: Maps one-hot sequences ``(batch, 4, length)`` to raw outputs ``(batch, task)``.
        length: Bases of a locus.
        chunk: Mutants of one block; by default as many as keep its arrays in cache.
        precision: ``float32`` (the default), ``tf32``, ``float64``, or ``bfloat16``: products of
            deltas rounded to 8 bits, on references in float32 (relative errors of effects around
            half a percent).

    Raises:
        NotTraceableError: If torch.fx cannot trace the model, or it carries forward hooks.
        ValueError: If the precision is unknown or the chunk is below 1.

    Example:
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> engine = Incremental(network, length=9)
        >>> engine.fallback_reasons
        ()
        >>> from deepmr.mutagenesis import saturation
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> engine(codes, saturation(codes)).difference.shape
        (1, 3, 27)
    """

    def __init__(
        self, model: nn.Module, *, length: int, chunk: int | None = None, precision: str = "float32"
    ) -> None:
        check_options("incremental", chunk, precision, _PRECISIONS)
        keep_freed_memory()
        self._model = model
        self.length = length
        self._precision = precision
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self._product_dtype = torch.bfloat16 if precision == "bfloat16" else None
        self._dense: Dense | None = None
        self._versions: tuple[tuple[int, int], ...] | None = None  # () where there is none
        with evaluation_mode(model), made_in_float64(self._dtype):
            self._network = self._compiled_network()
        self._n_tasks = self._network.n_tasks
        self.chunk = chunk or self._default_chunk()

    @property
    def settings(self) -> dict[str, str | int | float]:
        """Options that decide the bits of the result."""
        return {"engine": "incremental", "chunk": self.chunk, "precision": self._precision}

    @property
    def fallback_reasons(self) -> tuple[str, ...]:
        """Why nodes run in full on every mutant, one each; empty if all propagate deltas."""
        return tuple(self._network.fallback.reasons)

    def expected_speedup(self) -> float:
        """Return the arithmetic of whole forward passes over that of this engine, by counting."""
        return expected_speedup(self._network, self.chunk)

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Args:
            codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
            variants: Substitutions of these loci.

        Raises:
            ValueError: If loci do not match the variants or the engine's length.
        """
        check_loci(codes, variants, self.length)
        shape = (variants.n_loci, self._n_tasks, variants.n_variants)
        dtype = np.float64 if self._dtype == torch.float64 else np.float32
        reference, difference = np.zeros(shape[:2], dtype=dtype), np.zeros(shape, dtype=dtype)
        with (
            evaluation_mode(self._model, tf32=self._precision == "tf32"),
            made_in_float64(self._dtype),
        ):
            network = self._compiled_network()
            together = self._loci_together(variants.n_variants)
            for first in range(0, variants.n_loci, together):
                part = slice(first, first + together)
                locus, column = np.nonzero(variants.mask[part])
                offset = variants.offset[part][locus, column]
                # sorted by position: FlattenedLinear relies on it
                order = np.lexsort((locus, offset))
                locus, column = locus[order], column[order]
                run = Propagation(network, codes[part], self._dtype, device_of(self._model))
                mutants = Mutants(locus, offset[order], variants.alt[part][locus, column])
                effects = run.effects(mutants, self.chunk).cpu().numpy()
                difference[part][locus, :, column] = effects
                reference[part] = run.output.cpu().numpy()
                count_mutants(len(locus))
        return RawEffects(reference=reference, difference=difference)

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for whole sequences, by forward passes (bfloat16: in float32).

        Args:
            codes: Base codes of the sequences.
        """
        if self._dense is None:
            precision = "float32" if self._product_dtype is not None else self._precision
            self._dense = Dense(self._model, length=self.length, precision=precision)
        return self._dense.predict(codes)

    def _loci_together(self, n_variants: int) -> int:
        """Return how many loci share blocks: more than one if one does not fill a block."""
        per_phase = max(1, n_variants // self._network.total_stride)
        widest = max([1, *self._network.gathered_values()])
        kept = _GATHERED_BYTES // (4 * widest * max(1, n_variants))
        return max(1, min(_MOST_LOCI, _MOST_BLOCKS * self.chunk // per_phase, kept))

    def _compiled_network(self) -> CompiledNetwork:
        """Return the compiled network, compiled again if a parameter has changed since."""
        tensors = [*self._model.parameters(), *self._model.buffers()]
        versions = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)  # noqa: SLF001
        if versions != self._versions:
            self._network = compile_network(
                in_float64(self._model) if self._dtype == torch.float64 else self._model,
                length=self.length,
                dtype=self._dtype,
                product_dtype=self._product_dtype,
            )
            self._versions = versions
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


_LARGEST = (32 << 20) - (64 << 10)
"""Bytes of one allocation, just below the largest that glibc learns from (32 MiB)."""


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB of freed memory, once a process.

    The arrays of a block are some megabytes each. By default glibc maps such an array anew each
    time and unmaps it when it is freed, and the system has to clear every page of it: up to half of
    the time of small networks. glibc raises its thresholds to the size of the largest mapped array
    that was freed, and trims its heap at twice that; so one array that is allocated, never
    touched and freed suffices. Other allocators take no notice.

    References:
        mallopt(3), M_MMAP_THRESHOLD (dynamic thresholds).

    Example:
        >>> keep_freed_memory()
    """
    torch.empty(_LARGEST, dtype=torch.uint8)
