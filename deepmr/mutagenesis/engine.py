"""Contract of a mutagenesis engine, and the effects it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.variants import Variants

__all__ = ["AroundEngine", "Engine", "RawEffects", "count_mutants", "counted_by"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEffects:
    """Effects of variants on a network's raw outputs, before any link or calibration.

    Args:
        reference: Raw outputs for the reference sequences, in the network's units (usually logit).
        difference: Raw output for the alternative minus that for the reference; 0 where the
            variant is masked.

    Raises:
        ValueError: If loci or tasks differ between the two.

    Example:
        >>> RawEffects(reference=np.zeros((1, 2)), difference=np.zeros((1, 2, 3))).difference.shape
        (1, 2, 3)
    """

    reference: Float[np.ndarray, "locus task"]
    difference: Float[np.ndarray, "locus task variant"]

    def __post_init__(self) -> None:
        if self.difference.shape[:2] != self.reference.shape:
            raise ValueError(
                f"RawEffects.difference must have shape (locus, task, variant) with "
                f"{self.reference.shape} first, got {self.difference.shape}"
            )


@runtime_checkable
class Engine(Protocol):
    """Contract of an engine: loci and their substitutions to effects on raw outputs.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> isinstance(Dense(network, length=9), Engine)
        True
    """

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""

    @property
    def settings(self) -> dict[str, str | int | float]:
        """Options that decide the bits of the result: stored, and required again on resume."""

    @property
    def length(self) -> int:
        """Bases of a locus."""

    def __call__(self, codes: UInt8[np.ndarray, "locus length"], variants: Variants) -> RawEffects:
        """Return the effects of ``variants`` on every output.

        Args:
            codes: Base codes of the loci, 0 to 3 for A, C, G, T and 4 for unknown.
            variants: Substitutions of these loci.
        """

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for whole sequences, by forward passes.

        Args:
            codes: Base codes of the sequences.
        """


class AroundEngine:
    """Base class of an engine that passes loci on to another, and takes its options.

    Args:
        engine: The other engine.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def chunk(self) -> int:
        """Mutants evaluated together."""
        return self._engine.chunk

    @property
    def length(self) -> int:
        """Bases of a locus."""
        return self._engine.length

    @property
    def settings(self) -> dict[str, str | int | float]:
        """Options that decide the bits of the result."""
        return self._engine.settings

    def predict(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float[np.ndarray, "sequence task"]:
        """Return raw outputs for whole sequences, by forward passes.

        Args:
            codes: Base codes of the sequences.
        """
        return self._engine.predict(codes)


_LISTENER: ContextVar[Callable[[int], None] | None] = ContextVar("listener", default=None)


@contextmanager
def counted_by(listener: Callable[[int], None]) -> Iterator[None]:
    """Context manager: engines tell the listener of each group of mutants that is done.

    Args:
        listener: Takes the number of mutants.

    Example:
        >>> done = []
        >>> with counted_by(done.append):
        ...     count_mutants(96)
        >>> done
        [96]
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def count_mutants(n: int) -> None:
    """Tell the listener, if there is one; called by engines.

    Args:
        n: Number of mutants.
    """
    listener = _LISTENER.get()
    if listener is not None:
        listener(n)
