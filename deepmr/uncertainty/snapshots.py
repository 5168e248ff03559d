"""Snapshot ensembles: members from the learning-rate cycles of one training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from deepmr.uncertainty.members import (
    ForwardPass,
    Members,
    Trained,
    select_network,
    within_networks,
)

__all__ = ["Snapshots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Snapshot ensemble: weights at the end of each cycle of the learning rate.

    With one network its snapshots are the members. With several, they are averaged within each,
    and the networks are the members. Train with ``experiment=snapshots``.

    Args:
        last: Number of snapshots to use, counted from the end; by default (None) all.
        network: Position of the network to use; all networks by default (None).
        shared: Shared error variance (ratio to the variance between snapshots), 1 by default:
            they come from one initialisation, one data set and one training.

    Raises:
        ValueError: If ``last`` is below two.

    References:
        Huang et al. 2017, doi:10.48550/arXiv.1704.00109.
    """

    last: int | None = None
    network: int | None = None
    shared: float = 1.0

    def __post_init__(self) -> None:
        if self.last is not None and self.last < 2:
            raise ValueError(f"uncertainty.last must be at least 2, got {self.last}")

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the snapshots of one network, or the averages within several.

        Args:
            trained: The trained networks.

        Raises:
            ValueError: If a network has fewer than two snapshots, or fewer than ``last``.
        """
        passes = [self._passes(one) for one in select_network(trained, self.network)]
        return within_networks(
            passes,
            name="snapshots",
            shared=self.shared,
            identity=[self.last, self.network],
            noun="snapshots",
        )

    def _passes(self, trained: Trained) -> list[ForwardPass]:
        found: Sequence[nn.Module] = trained.snapshots()
        wanted = self.last or 2
        if len(found) < wanted:
            raise ValueError(
                f"uncertainty=snapshots needs at least {wanted} snapshots of a network, got "
                f"{len(found)}; train with experiment=snapshots, or use another uncertainty="
            )
        return [ForwardPass(network=one) for one in found[-self.last if self.last else 0 :]]
