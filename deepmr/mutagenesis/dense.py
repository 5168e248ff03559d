"""The dense engine: one forward pass for every mutant, in chunks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from deepmr.mutagenesis.engine import RawEffects, count_mutants
from deepmr.mutagenesis.model_state import device_of, evaluation_mode, in_float64, made_in_float64
from deepmr.mutagenesis.variants import Variants
from deepmr.sequence import one_hot

__all__ = ["Dense", "check_loci", "check_options", "free_bytes", "mutate"]

_PRECISIONS = ("float32", "tf32", "float64")
_USUAL_CHUNK = 96
"""Mutants of a forward pass by default; more leave the CPU's caches and gain nothing."""
_LARGEST_CHUNK = 1024
"""The same of small networks, where starting an operation takes longer than its arithmetic."""
_CHUNK_BYTES = 8 << 20
"""Bytes of activations up to which a network counts as small at a chunk."""


class Dense:
    """Engine that runs a whole forward pass for every mutant.

    Args:
        model: Maps one-hot sequences ``(batch, 4, length)`` to raw outputs ``(batch, task)``.
        length: Bases of a locus.
        chunk: Mutants of one forward pass; by default 96, of small networks up
            to 1,024, or as many as free memory holds if that is less.
        precision: ``float32`` (the default), ``tf32`` (matrix products on CUDA devices rounded to
            10 bits) or ``float64`` (on a copy of the model).

    Raises:
        ValueError: If the precision is unknown, the chunk is below 1, or the model's output is
            not ``(batch, task)``.

    Example:
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> engine = Dense(network, length=9)
        >>> engine.predict(np.zeros((2, 9), dtype=np.uint8)).shape
        (2, 3)
    """

    def __init__(
        self, model: nn.Module, *, length: int, chunk: int | None = None, precision: str = "float32"
    ) -> None:
        check_options("dense", chunk, precision, _PRECISIONS)
        self._model = model
        self.length = length
        self._precision = precision
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        self.n_tasks, sample_bytes = _probe(model, length)
        self.chunk = chunk or _chunk(sample_bytes, device_of(model))

    @property
    def settings(self) -> dict[str, str | int | float]:
        """Options that decide the bits of the result."""
        return {"engine": "dense", "chunk": self.chunk, "precision": self._precision}

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Args:
            codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
            variants: Substitutions of these loci.

        Raises:
            ValueError: If loci do not match the variants or the engine's length.
        """
        check_loci(codes, variants, self.length)
        locus, column = np.nonzero(variants.mask)
        dtype = np.dtype(np.float64 if self._dtype == torch.float64 else np.float32)
        difference = np.zeros((variants.n_loci, self.n_tasks, variants.n_variants), dtype=dtype)
        with evaluation_mode(self._in_precision(), tf32=self._precision == "tf32") as model:
            reference = self._predict(model, codes)
            for start in range(0, len(locus), self.chunk):
                rows, columns = (
                    locus[start : start + self.chunk],
                    column[start : start + self.chunk],
                )
                mutants = mutate(codes, variants, rows, columns)
                outputs = self._predict(model, mutants)
                difference[rows, :, columns] = outputs - reference[rows]
                count_mutants(len(rows))
        return RawEffects(reference=reference, difference=difference)

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for whole sequences.

        Args:
            codes: Base codes of the sequences, 0 to 3 for A, C, G, T and 4 for unknown.
        """
        with evaluation_mode(self._in_precision(), tf32=self._precision == "tf32") as model:
            return self._predict(model, codes)

    def _in_precision(self) -> nn.Module:
        if self._dtype == torch.float64:
            return in_float64(self._model)
        return self._model

    def _predict(
        self, model: nn.Module, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        device = device_of(model)
        with made_in_float64(self._dtype):
            parts: list[Tensor] = [
                model(one_hot(torch.from_numpy(part).to(device), self._dtype)).cpu()
                for part in (
                    codes[start : start + self.chunk] for start in range(0, len(codes), self.chunk)
                )
            ]
        return np.asarray(torch.cat(parts).numpy())


def mutate(
    codes: UInt8[np.ndarray, "locus length"],
    variants: Variants,
    locus: Int[np.ndarray, " mutant"],
    column: Int[np.ndarray, " mutant"],
) -> UInt8[np.ndarray, "mutant length"]:
    """Return mutated loci, one substitution each.

    Args:
        codes: Base codes of the loci.
        variants: Substitutions of these loci.
        locus: Row of each mutant's locus.
        column: Column of each mutant's variant.

    Example:
        >>> from deepmr.mutagenesis import saturation
        >>> codes = np.array([[0, 1]], dtype=np.uint8)
        >>> mutate(codes, saturation(codes), np.array([0, 0]), np.array([0, 5])).tolist()
        [[1, 1], [0, 3]]
    """
    mutants = codes[locus].copy()
    mutants[np.arange(len(locus)), variants.offset[locus, column]] = variants.alt[locus, column]
    return mutants


def check_options(
    engine: str, chunk: int | None, precision: str, precisions: Sequence[str]
) -> None:
    """Check the options of an engine.

    Args:
        engine: Name of the engine, for the message.
        chunk: Mutants evaluated together; None for the default.
        precision: The precision asked for.
        precisions: Those that the engine computes in.

    Raises:
        ValueError: If the precision is not among them, or the chunk is below 1.

    Example:
        >>> check_options("dense", 0, "float32", ["float32"])
        Traceback (most recent call last):
        ValueError: chunk must be 1 or more mutants, got 0
    """
    if precision not in precisions:
        raise ValueError(
            f"precision of the {engine} engine must be one of {', '.join(precisions)}, "
            f"got {precision!r}"
        )
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be 1 or more mutants, got {chunk}")


def check_loci(codes: UInt8[np.ndarray, "locus length"], variants: Variants, length: int) -> None:
    """Check that variants belong to the loci, and the loci to an engine.

    Args:
        codes: Base codes of the loci.
        variants: Substitutions of these loci.
        length: Bases of a locus that the engine was built for.

    Raises:
        ValueError: If lengths or numbers of loci differ, or a variant's reference base is not that
            of its locus.
    """
    if codes.shape[1] != length:
        raise ValueError(
            f"the engine was built for loci of {length} bases, got {codes.shape[1]}; "
            "build one for this length"
        )
    if variants.n_loci != codes.shape[0]:
        raise ValueError(
            f"variants of {variants.n_loci} loci do not fit {codes.shape[0]} sequences"
        )
    locus, column = np.nonzero(variants.mask)
    offset = variants.offset[locus, column]
    if len(offset) and int(offset.max()) >= length:
        raise ValueError(
            f"a variant's offset must lie within the locus of {length} bases, got {offset.max()}"
        )
    wrong = codes[locus, offset] != variants.ref[locus, column]
    if bool(wrong.any()):
        k = int(np.argmax(wrong))
        raise ValueError(
            "a variant's ref must be the base of its locus, got "
            f"{variants.ref[locus, column][k]} where locus {locus[k]} has "
            f"{codes[locus, offset][k]} at offset {offset[k]}; "
            "were the variants made for other sequences?"
        )


def _probe(model: nn.Module, length: int) -> tuple[int, int]:
    """Return the number of outputs and the bytes of the activations of one sequence."""
    sizes: list[int] = []

    def measure(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size())

    handles = [
        module.register_forward_hook(measure)
        for module in model.modules()
        if not any(True for _ in module.children())
    ]
    try:
        with evaluation_mode(model):
            codes = torch.zeros((1, length), dtype=torch.uint8, device=device_of(model))
            output = model(one_hot(codes))
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        what = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        raise ValueError(
            f"{type(model).__name__} cannot read one sequence of shape (1, 4, {length}): batch, "
            f"channels A, C, G, T, then {length} bases ({type(error).__name__}: {what}); has it "
            "another input length (loci.length), or its channels last?"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    if not isinstance(output, Tensor) or output.ndim != 2 or output.shape[0] != 1:
        shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            f"mutagenesis needs a model from (batch, 4, length) to (batch, task), got {shape} "
            f"for one sequence of {length} bases"
        )
    return int(output.shape[1]), 2 * max(sizes, default=0) + 4 * 4 * length


def _chunk(sample_bytes: int, device: torch.device) -> int:
    usual = max(_USUAL_CHUNK, min(_LARGEST_CHUNK, _CHUNK_BYTES // max(sample_bytes, 1)))
    return int(max(1, min(usual, free_bytes(device) // 4 // max(sample_bytes, 1))))


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a device in bytes, within a container's limit.

    Args:
        device: A CUDA device or the CPU.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return free
    return free if limit == "max" else max(0, min(free, int(limit) - int(used)))
