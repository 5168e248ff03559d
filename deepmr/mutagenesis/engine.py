"""Contract of a mutagenesis engine, and the effects it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from deepmr.mutagenesis.variants import Variants

__all__ = ["Engine", "RawEffects"]


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
