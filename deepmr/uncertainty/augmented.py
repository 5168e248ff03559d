"""Test-time augmentation: one network, shown the same locus in several ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.mutagenesis import augmentations
from deepmr.uncertainty.members import (
    ForwardPass,
    Members,
    Trained,
    select_network,
    within_networks,
)

__all__ = ["Augmented"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmented:
    """Test-time augmentation: predict from both strands and from shifted windows.

    With one network its augmentations are the members: their spread shows by how much the network
    breaks a symmetry that it should have, and nothing of what it never learned. With several, they
    are averaged within each, and the networks are the members.

    Args:
        strands: ``both`` or ``forward``. Leave the other strand out if the network never saw it
            in training.
        shifts: Bases. Substitutions that a shift moves out of the window are left out.
        network: Ask only this one of several networks, by position.
        shared: Variance that the augmentations' errors share, relative to the variance between
            them; 1 takes the standard deviation over them for the standard error.

    Raises:
        ValueError: If strands are unknown or shifts repeat.

    References:
        Wang et al. 2019, doi:10.1016/j.neucom.2019.01.103 (test-time augmentation as uncertainty).
    """

    strands: str = "both"
    shifts: Sequence[int] = (-2, 0, 2)
    network: int | None = None
    shared: float = 1.0

    def __post_init__(self) -> None:
        augmentations(strands=self.strands, shifts=self.shifts)

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the augmentations, or their averages.

        Raises:
            ValueError: If a network that stands alone has one augmentation.
        """
        applied = augmentations(strands=self.strands, shifts=self.shifts)
        passes = [
            [ForwardPass(network=one.network, augmentation=each) for each in applied]
            for one in select_network(trained, self.network)
        ]
        return within_networks(
            passes,
            name="tta",
            shared=self.shared,
            identity=[self.strands, list(self.shifts), self.network],
            noun="augmentations (strands and shifts)",
        )
