"""Monte Carlo dropout: members from random dropout masks of a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.mutagenesis import dropout_draws
from deepmr.uncertainty.members import (
    ForwardPass,
    Members,
    Trained,
    select_network,
    within_networks,
)

__all__ = ["Dropout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout:
    """Monte Carlo dropout, with one mask for a reference and all its alternatives.

    With one network its draws are the members. With several, draws are averaged within each, and
    the networks are the members.

    Args:
        draws: Number of masks of each network, 30 by default.
        seed: Seed of the masks, 0 by default.
        network: Position of the network to use; all networks by default (None).
        shared: Shared error variance (ratio to the variance between draws); with 1, the default,
            the standard deviation over draws is the standard error. With 0 it would be that of the
            draws' mean, which vanishes with the number of draws.

    Raises:
        ValueError: If there are fewer than two draws.

    References:
        Gal and Ghahramani 2016, doi:10.48550/arXiv.1506.02142.
    """

    draws: int = 30
    seed: int = 0
    network: int | None = None
    shared: float = 1.0

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise ValueError(f"uncertainty.draws must be at least 2, got {self.draws}")

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the draws of one network, or the averages within several.

        Args:
            trained: The trained networks.

        Raises:
            ValueError: If a network has no dropout: all its draws would be the same.
        """
        passes = [
            [
                ForwardPass(network=drawn)
                for drawn in dropout_draws(one.network, draws=self.draws, seed=self.seed + k)
            ]
            for k, one in enumerate(select_network(trained, self.network))
        ]
        return within_networks(
            passes,
            name="dropout",
            shared=self.shared,
            identity=[self.seed, self.draws, self.network],
            noun="dropout draws",
        )
