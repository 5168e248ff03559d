"""Choice of an engine for a model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import nn

from deepmr.mutagenesis.augmentation import Augmentation, AugmentationAverage, augmentations
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.engine import Engine
from deepmr.mutagenesis.incremental import Incremental, NotTraceableError
from deepmr.mutagenesis.repeatability import check_repeatable
from deepmr.mutagenesis.verification import Verified

__all__ = ["build_engine", "said_once"]

_LOG = logging.getLogger(__name__)
_SAID: ContextVar[set[str] | None] = ContextVar("_SAID", default=None)
_LEAST_SPEEDUP = 1.3
"""Expected speedup below which bookkeeping may cost more than it saves."""
_TOLERANCE = {"float32": 1e-3, "tf32": 3e-2, "float64": 1e-9, "bfloat16": 5e-2}


def build_engine(
    model: nn.Module,
    *,
    length: int,
    engine: str = "auto",
    chunk: int | None = None,
    precision: str = "float32",
    strands: str = "forward",
    shifts: Sequence[int] = (0,),
    check: int = 4,
) -> Engine:
    """Return an engine that measures variant effects of a model.

    Args:
        model: Maps one-hot sequences ``(batch, 4, length)`` to raw outputs ``(batch, task)``; used
            in evaluation mode, its flags restored.
        length: Bases of a locus.
        engine: ``incremental`` propagates only what a substitution changes, exactly; ``dense``
            runs a whole forward pass for each mutant; ``auto`` (the default) is incremental where
            counting finds enough less arithmetic, so that every process decides alike.
        chunk: Mutants evaluated together; by default what stays in the CPU's caches, or what free
            memory holds if that is less. Results at different chunks, or of batches of other
            loci, differ in their last bits: on resume pass the engine's ``chunk``.
        precision: ``float32`` (the default), ``float64``, ``tf32`` (CUDA), or ``bfloat16``
            (incremental only: products of deltas in bfloat16 on float32 references).
        strands: ``forward`` (the default), or ``both`` for the average with the reverse
            complement.
        shifts: Bases by which the sequence is moved before the forward pass, averaged over; see
            `Augmentation`. ``(0,)`` by default.
        check: Mutants of each batch on which the incremental engine is compared with whole
            forward passes; 4 by default, 0 for none.

    Raises:
        ValueError: If an option is unknown, the model does not map to ``(batch, task)``, its
            outputs change between calls or with the rest of the batch, or
            ``engine="incremental"`` is required of a model that torch.fx cannot trace.

    Example:
        >>> import numpy as np
        >>> from deepmr.mutagenesis import saturation
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> engine = build_engine(network, length=9, strands="both")
        >>> codes = np.zeros((1, 9), dtype=np.uint8)
        >>> engine(codes, saturation(codes)).difference.shape
        (1, 3, 27)
    """
    if engine not in {"auto", "incremental", "dense"}:
        raise ValueError(f"engine must be auto, incremental or dense, got {engine!r}")
    averaged = augmentations(strands=strands, shifts=shifts)
    if precision not in _TOLERANCE:
        raise ValueError(f"precision must be one of {', '.join(_TOLERANCE)}, got {precision!r}")
    if check < 0:
        raise ValueError(f"check must be 0 or more mutants of each batch, got {check}")
    built: Engine | None = None
    if engine != "dense":
        built = _incremental(model, length, chunk, precision, required=engine == "incremental")
    if built is None:
        built = Dense(model, length=length, chunk=chunk, precision=precision)
    elif check:
        tolerance = _TOLERANCE[precision]
        built = Verified(built, model, length=length, sample=check, tolerance=tolerance)
    check_repeatable(model, length=length)
    if averaged == (Augmentation(),):
        return built
    return AugmentationAverage([(built, augmentation) for augmentation in averaged])


@contextmanager
def said_once() -> Iterator[None]:
    """Log each sentence of `build_engine` once within this context: members are built alike.

    Example:
        >>> with said_once():
        ...     engines = [build_engine(nn.Sequential(nn.Flatten(), nn.Linear(36, 1)), length=9)]
    """
    token = _SAID.set(set()) if _SAID.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _SAID.reset(token)


def _say(level: int, text: str, *values: Any) -> None:
    said, sentence = _SAID.get(), text % values
    if said is not None:
        if sentence in said:
            return
        said.add(sentence)
    _LOG.log(level, "%s", sentence)


def _incremental(
    model: nn.Module, length: int, chunk: int | None, precision: str, *, required: bool
) -> Incremental | None:
    Dense(model, length=length, chunk=1)  # raises if the model does not map to (batch, task)
    inner = getattr(model, "architecture", None)  # of an adapter, its network's
    name = inner if isinstance(inner, str) else type(model).__name__
    try:
        built = Incremental(model, length=length, chunk=chunk, precision=precision)
    except NotTraceableError as error:
        if required:
            raise NotTraceableError(
                "engine=incremental needs a network whose structure torch.fx can trace, but of "
                f"{name} {error}; use engine=auto or engine=dense"
            ) from error
        _say(logging.WARNING, "%s runs densely, a forward pass for each mutant: %s", name, error)
        return None
    except (TypeError, RuntimeError, IndexError, AttributeError) as error:
        if required:
            raise
        _say(
            logging.WARNING,
            "%s runs densely, a forward pass for each mutant: its reference pass failed (%s)",
            name,
            error,
        )
        return None
    if not required and precision != "bfloat16" and built.expected_speedup() < _LEAST_SPEEDUP:
        why = "; ".join(built.fallback_reasons)
        _say(
            logging.INFO,
            "%s runs densely: the incremental engine would save too little%s",
            name,
            f" ({why}: from there on, it runs in full)" if why else "",
        )
        return None
    if built.fallback_reasons:
        _say(
            logging.WARNING,
            "%s runs incrementally up to: %s; from there on, in full for each mutant",
            name,
            "; ".join(built.fallback_reasons),
        )
    return built
