"""Test-time augmentation: members from both strands and shifted windows."""

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

    With one network its augmentations are the members: the variance between them measures how far
    the network is from strand and shift symmetry, not what it failed to learn. With several
    networks, augmentations are averaged within each, and the networks are the members.

    Args:
        strands: ``both`` (default) or ``forward``, for a network trained on one strand alone.
        shifts: Shifts of the window in bases, -2, 0 and 2 by default. Substitutions that a shift
            moves out of the window are left out.
        network: Position of the network to use; all networks by default (None).
        shared: Shared error variance (ratio to the variance between augmentations); with 1, the
            default, the standard deviation over augmentations is the standard error.

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
        """Return the augmentations of one network, or the averages within several.

        Args:
            trained: The trained networks.

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
