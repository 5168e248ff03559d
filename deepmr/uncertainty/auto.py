"""Default source of members: the ensemble, dropout draws of a network, or the network given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.mutagenesis import has_dropout
from deepmr.uncertainty.dropout import Dropout
from deepmr.uncertainty.ensemble import Ensemble, Given
from deepmr.uncertainty.members import Members, Trained

__all__ = ["Auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """Members from the ensemble if there are two networks or more, else from dropout draws.

    A single network without dropout has no spread: it is taken as given (`Given`).

    Args:
        draws: Number of dropout masks of a single network, 30 by default.
        seed: Seed of the masks, 0 by default.

    Raises:
        ValueError: If there are fewer than two draws.
    """

    draws: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        Dropout(draws=self.draws)

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the members.

        Args:
            trained: The trained networks, one or more.

        Raises:
            TypeError: If a single network has dropout of a kind that has no fixed form.
        """
        if len(trained) > 1:
            return Ensemble()(trained)
        if not has_dropout(trained[0].network):
            return Given()(trained)
        return Dropout(draws=self.draws, seed=self.seed)(trained)
