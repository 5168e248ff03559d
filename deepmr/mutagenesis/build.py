"""Choosing an engine for a model."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from torch import nn

from deepmr.mutagenesis.augmentation import Augmentation, AugmentationAverage, augmentations
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.engine import Engine
from deepmr.mutagenesis.incremental import Incremental, NotTraceableError
from deepmr.mutagenesis.verification import Verified

__all__ = ["build_engine"]

_LOG = logging.getLogger(__name__)
_LEAST_SAVING = 1.3
"""Arithmetic saved below which bookkeeping may cost more than it spares."""
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
    """Return an engine that measures mutation effects with a model.

    Args:
        model: Maps ``(batch, 4, length)`` to ``(batch, task)``; used in evaluation mode and
            given back as it was.
        length: Bases of a locus.
        engine: ``incremental`` computes what a substitution changes, exactly; ``dense`` runs the
            network once for each mutant; ``auto`` takes the first where its arithmetic saves
            enough, decided by counting, so that every process decides alike.
        chunk: Mutants evaluated together; by default what stays in the CPU's caches, or what free
            memory holds if that is less. Results at different chunks, or of batches of other
            loci, differ in their last bits: on resume pass the engine's ``chunk``.
        precision: ``float32``, ``float64``, ``tf32`` (CUDA), or ``bfloat16`` (incremental only:
            products of changes in bfloat16 on float32 references).
        strands: ``forward``, or ``both`` for the average with the reverse complement.
        shifts: Bases by which the locus is moved before it is read, averaged; see ``Augmentation``.
        check: Mutants of each batch that the incremental engine is compared on with whole
            forward passes; 0 leaves that out.

    Raises:
        ValueError: If an option is unknown, the model does not map to ``(batch, task)``, or
            ``engine="incremental"`` is asked of a model whose structure cannot be found.
    """
    if engine not in {"auto", "incremental", "dense"}:
        raise ValueError(f"engine must be auto, incremental or dense, got {engine!r}")
    shown = augmentations(strands=strands, shifts=shifts)
    if precision not in _TOLERANCE:
        raise ValueError(f"precision must be one of {', '.join(_TOLERANCE)}, got {precision!r}")
    if check < 0:
        raise ValueError(f"check must be 0 or more mutants a batch, got {check}")
    built: Engine | None = None
    if engine != "dense":
        built = _incremental(model, length, chunk, precision, required=engine == "incremental")
    if built is None:
        built = Dense(model, length=length, chunk=chunk, precision=precision)
    elif check:
        tolerance = _TOLERANCE[precision]
        built = Verified(built, model, length=length, sample=check, tolerance=tolerance)
    if shown == (Augmentation(),):
        return built
    return AugmentationAverage([(built, augmentation) for augmentation in shown])


def _incremental(
    model: nn.Module, length: int, chunk: int | None, precision: str, *, required: bool
) -> Incremental | None:
    Dense(model, length=length, chunk=1)  # refuses a model of another form, and says so
    name = type(model).__name__
    try:
        built = Incremental(model, length=length, chunk=chunk, precision=precision)
    except NotTraceableError as error:
        if required:
            raise NotTraceableError(
                f"engine=incremental needs a network whose structure can be found, but of {name} "
                f"{error}; use engine=auto or engine=dense"
            ) from error
        _LOG.warning("%s runs densely, mutant by mutant: %s", name, error)
        return None
    if built.fallback_reasons:
        _LOG.warning(
            "%s runs incrementally up to %s; the rest runs on every mutant as a whole",
            name,
            "; ".join(built.fallback_reasons),
        )
    if not required and precision != "bfloat16" and built.expected_speedup() < _LEAST_SAVING:
        _LOG.info("%s runs densely: incrementally it would save too little", name)
        return None
    return built
