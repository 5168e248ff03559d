"""Networks as they are given: one forward pass each, without draws of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.uncertainty.members import ForwardPass, Members, Trained

__all__ = ["Given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Each network is a member, dropout off: for ``inference=given_model``.

    One network has no spread: it is asked what it says (`deepmr.inference.GivenModel`), not what
    training again would say.

    Example:
        >>> from torch import nn
        >>> one = Given()([Trained(network=nn.Linear(1, 1))])
        >>> len(one), one.spread
        (1, 'given model')
    """

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return each network as a member.

        Args:
            trained: The trained networks, one or more.

        Raises:
            ValueError: If there is none.
        """
        if not trained:
            raise ValueError("uncertainty=given needs at least 1 network, got none")
        several = len(trained) > 1
        return Members(
            members=tuple((ForwardPass(network=one.network),) for one in trained),
            spread="ensemble" if several else "given model",
            note=""
            if several
            else "One network, taken as given: the answer is what it says, "
            "not what training again would say.",
        )
