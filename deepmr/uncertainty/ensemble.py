"""Each trained network is a member: deep ensembles, networks as given, and the default source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepmr.mutagenesis import has_dropout
from deepmr.uncertainty.dropout import Dropout
from deepmr.uncertainty.members import ForwardPass, Members, Trained

__all__ = ["Auto", "Ensemble", "Given"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Each network is a member: other seeds (``ensemble=5``), resamples (``bootstrap=true``).

    Args:
        shared: Shared error variance (ratio to the variance between members); 0 by default, for
            networks that differ by their seed: the standard error is that of their mean. With 1
            the standard deviation over resamples of the training data is a bootstrap standard
            error.

    References:
        Lakshminarayanan, Pritzel and Blundell 2017, doi:10.48550/arXiv.1612.01474.
    """

    shared: float = 0.0

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return each network as a member.

        Args:
            trained: The trained networks, two or more.

        Raises:
            ValueError: If there are fewer than two.
        """
        if len(trained) < 2:
            raise ValueError(
                f"uncertainty=ensemble needs at least 2 networks, got {len(trained)}; train with "
                "ensemble=5, or use uncertainty=dropout"
            )
        return Members(
            members=tuple((ForwardPass(network=one.network),) for one in trained),
            spread="ensemble",
            shared=self.shared,
        )


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
