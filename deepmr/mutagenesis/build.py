"""Choosing an engine for a model."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from deepmr.mutagenesis.averaged import Averaged
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.effects import Engine

__all__ = ["build_engine"]


def build_engine(
    model: nn.Module,
    *,
    length: int,
    engine: str = "auto",
    chunk: int | None = None,
    precision: str = "float32",
    strands: str = "forward",
    shifts: Sequence[int] = (0,),
) -> Engine:
    """Return an engine that measures mutation effects with a model.

    Args:
        model: Maps ``(batch, 4, length)`` to ``(batch, task)``; used in evaluation mode and
            given back as it was.
        length: Bases of a locus.
        engine: ``dense`` runs the network once for each mutant.
        chunk: Mutants evaluated together; chosen from free memory by default. Results at
            different chunks differ in their last bits: on resume pass ``engine.chunk``.
        precision: ``float32`` or ``float64``.
        strands: ``forward``, or ``both`` for the average with the reverse complement.
        shifts: Bases by which the locus is moved before it is read, averaged; see ``Averaged``.

    Raises:
        ValueError: If an option is unknown, or the model does not map to ``(batch, task)``.
    """
    if engine not in {"auto", "dense"}:
        raise ValueError(f"engine must be auto, incremental or dense, got {engine!r}")
    if strands not in {"forward", "both"}:
        raise ValueError(f"strands must be forward or both, got {strands!r}")
    built = Dense(model, length=length, chunk=chunk, precision=precision)
    if strands == "forward" and tuple(shifts) == (0,):
        return built
    return Averaged(built, both_strands=strands == "both", shifts=shifts)
