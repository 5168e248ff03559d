"""Members of an interrogation: the networks, draws or augmentations behind standard errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import nn

from deepmr.mutagenesis import Augmentation, AugmentationAverage, Engine, said_once

__all__ = [
    "ForwardPass",
    "Member",
    "Members",
    "Trained",
    "Uncertainty",
    "select_network",
    "within_networks",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network, with the snapshots of its training.

    Args:
        network: The network with its best weights.
        snapshots: Function that loads the snapshots of the training (see
            `deepmr.lightning.snapshots`); by default there are none.
    """

    network: nn.Module
    snapshots: Callable[[], Sequence[nn.Module]] = tuple


_AS_IT_IS = Augmentation()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPass:
    """A forward-pass configuration: a network and the input augmentation applied before it.

    Args:
        network: Maps ``(batch, 4, length)`` to ``(batch, task)``.
        augmentation: Strand and shift of the input; the identity by default.
    """

    network: nn.Module
    augmentation: Augmentation = _AS_IT_IS


Member = tuple[ForwardPass, ...]
"""Forward passes whose raw outputs are averaged: their effects count as one network's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members of an interrogation; the variance between them gives standard errors.

    Args:
        members: Forward passes of each member; those of one member are averaged.
        spread: Source of the members, such as ``ensemble`` or ``dropout``.
        shared: Shared error variance (ratio to the variance between members), 0 by default; see
            `deepmr.effects.MemberEffects`.
        identity: Settings that change effects besides weights, augmentation and number of
            members, such as seeds; None by default.
        note: Sentence for the report; empty by default.
        error_ratios: Shared error of held-out predictions (ratio to the variance between members)
            of the tasks whose noise floor is known; empty by default.
    """

    members: tuple[Member, ...]
    spread: str
    shared: float = 0.0
    identity: Any = None
    note: str = ""
    error_ratios: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.members)

    @property
    def passes(self) -> tuple[ForwardPass, ...]:
        """Forward passes of all members, in order."""
        return tuple(one for member in self.members for one in member)

    @property
    def networks(self) -> list[nn.Module]:
        """Every network once, in order."""
        return list({id(one.network): one.network for one in self.passes}.values())

    @property
    def margin(self) -> int:
        """Bases at either end of a locus outside the window of a shifted forward pass."""
        return max(abs(one.augmentation.shift) for one in self.passes)

    def engines(
        self, build: Callable[..., Engine], *, length: int, chunk: int | None = None
    ) -> list[Engine]:
        """Return an engine for each member.

        Args:
            build: Builds an engine for a network, such as `deepmr.mutagenesis.build_engine`.
            length: Length of a locus in bases.
            chunk: Mutants per forward pass; by default (None) the engine chooses.
        """
        with said_once():
            built = {
                id(network): build(network, length=length, chunk=chunk) for network in self.networks
            }
        return [
            built[id(member[0].network)]
            if len(member) == 1 and member[0].augmentation == _AS_IT_IS
            else AugmentationAverage([(built[id(one.network)], one.augmentation) for one in member])
            for member in self.members
        ]


@runtime_checkable
class Uncertainty(Protocol):
    """Source of members: from trained networks to the members of an interrogation."""

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the members.

        Args:
            trained: The trained networks.

        Raises:
            ValueError: If these networks cannot give standard errors by this method.
        """
        ...


def select_network(trained: Sequence[Trained], network: int | None) -> Sequence[Trained]:
    """Return one of several networks, or all of them.

    Args:
        trained: The trained networks.
        network: Position of one network, from 0; None for all.

    Raises:
        ValueError: If there is no such network.
    """
    if network is None:
        return trained
    if not 0 <= network < len(trained):
        raise ValueError(
            f"uncertainty.network is the position of one of {len(trained)} networks (0 to "
            f"{len(trained) - 1}), got {network}"
        )
    return trained[network : network + 1]


def within_networks(
    passes: Sequence[Sequence[ForwardPass]],
    *,
    name: str,
    shared: float,
    identity: Any,
    noun: str,
) -> Members:
    """Return members from several forward passes of each network.

    Forward passes of one network have correlated errors. Each of several networks is one member,
    its passes averaged: five networks of four passes are five members, not twenty. The passes of a
    single network are its members.

    Args:
        passes: Forward passes of each network.
        name: Name of the source of members, such as ``dropout``.
        shared: Shared error variance (ratio to the variance between passes of one network).
        identity: Settings that change effects; see `Members`.
        noun: Plural noun for the passes in messages, such as ``dropout draws``.

    Raises:
        ValueError: If a single network has fewer than two passes.
    """
    if len(passes) > 1:
        return Members(
            members=tuple(tuple(one) for one in passes),
            spread=f"ensemble, {name} averaged",
            identity=identity,
            note=f"Each of {len(passes)} networks is one member, the average of its {noun}.",
        )
    if len(passes[0]) < 2:
        raise ValueError(
            f"uncertainty={name} needs at least 2 {noun} of a single network, got {len(passes[0])}"
        )
    return Members(
        members=tuple((one,) for one in passes[0]),
        spread=name,
        shared=shared,
        identity=identity,
        note=f"Standard errors come from {len(passes[0])} {noun} of one network, not from "
        "networks trained independently.",
    )
