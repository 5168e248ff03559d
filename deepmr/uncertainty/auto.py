"""The ensemble where there is one, else dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.uncertainty.dropout import Dropout
from deepmr.uncertainty.ensemble import Ensemble
from deepmr.uncertainty.members import Members, Trained

__all__ = ["Auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """Take two networks or more for an ensemble, and ask a single one through its dropout.

    Args:
        draws: Dropout masks, for a single network.
        seed: Of those.

    Raises:
        ValueError: If there are fewer than two draws.
    """

    draws: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        Dropout(draws=self.draws)

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the members.

        Raises:
            ValueError: If a single network has no dropout.
        """
        if len(trained) > 1:
            return Ensemble()(trained)
        return Dropout(draws=self.draws, seed=self.seed)(trained)
