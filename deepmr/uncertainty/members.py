"""What a way of uncertainty makes of trained networks: members, each read once or several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from torch import nn

from deepmr.mutagenesis import Augmentation, AugmentationAverage, Engine, Saturation, Variants

__all__ = ["Member", "Members", "Reading", "Trained", "Uncertainty", "nested", "only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network.

    Args:
        network: With its best weights.
        snapshots: Loads the networks that its training left on the way (see
            `deepmr.lightning.snapshots`); by default there are none.
    """

    network: nn.Module
    snapshots: Callable[[], Sequence[nn.Module]] = tuple


_AS_IT_IS = Augmentation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a locus.

    Args:
        network: Who looks.
        view: What it is shown.
    """

    network: nn.Module
    view: Augmentation = _AS_IT_IS


Member = tuple[Reading, ...]
"""Readings whose raw outputs are averaged: their effects count as one network's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members of an interrogation, whose spread gives standard errors.

    Args:
        members: One or more.
        spread: What they are, in a word or a few: ``ensemble``, ``dropout``, ...
        shared: Variance that their errors have in common, relative to the variance between them;
            see `deepmr.effects.MemberEffects`.
        identity: What the effects depend on beyond weights, view and number of members: seeds.
        note: What the reader of a report must know; empty where there is nothing to say.
    """

    members: tuple[Member, ...]
    spread: str
    shared: float = 0.0
    identity: Any = None
    note: str = ""

    def __len__(self) -> int:
        return len(self.members)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All readings of all members, in order."""
        return tuple(reading for member in self.members for reading in member)

    @property
    def networks(self) -> list[nn.Module]:
        """Every network once, in order."""
        return list({id(one.network): one.network for one in self.readings}.values())

    @property
    def margin(self) -> int:
        """Bases at either end of a locus that some reading does not show: shifts push them out."""
        return max(abs(one.view.shift) for one in self.readings)

    def variants(
        self,
        codes: UInt8[np.ndarray, "locus length"],
        *,
        region: Sequence[int] | Sequence[Sequence[int]] | None = None,
        every: int = 1,
    ) -> Variants:
        """Return all substitutions that every reading shows, or those of a region.

        Args:
            codes: Bases of the loci.
            region: See `deepmr.mutagenesis.Saturation`.
            every: Likewise.

        Raises:
            ValueError: If a region reaches beyond the loci, or ``every`` is below 1.
        """
        length = codes.shape[1]
        found = Saturation(length=length, region=region, every=every).of(0, codes)
        return found.within(self.margin, length=length).substitutions

    def engines(
        self, build: Callable[..., Engine], *, length: int, chunk: int | None = None
    ) -> list[Engine]:
        """Return an engine for each member.

        Args:
            build: Builds one for a network, such as `deepmr.mutagenesis.build_engine`.
            length: Bases of a locus.
            chunk: Mutants evaluated together.
        """
        built = {
            id(network): build(network, length=length, chunk=chunk) for network in self.networks
        }
        return [
            built[id(member[0].network)]
            if len(member) == 1 and member[0].view == _AS_IT_IS
            else AugmentationAverage([(built[id(one.network)], one.view) for one in member])
            for member in self.members
        ]


@runtime_checkable
class Uncertainty(Protocol):
    """A way from trained networks to members."""

    def __call__(self, trained: Sequence[Trained]) -> Members:
        """Return the members.

        Raises:
            ValueError: If these networks cannot give a standard error this way.
        """
        ...


def only(trained: Sequence[Trained], network: int | None) -> Sequence[Trained]:
    """Return one of several networks, or all of them.

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


def nested(
    readings: Sequence[Sequence[Reading]],
    *,
    name: str,
    shared: float,
    identity: Any,
    said: str,
) -> Members:
    """Return members from readings that lie within networks.

    Readings of one network share its errors. Where there are several networks each is one member,
    its readings averaged; five networks of four readings are five members, not twenty. A network
    that stands alone has its readings for members.

    Args:
        readings: Of each network.
        name: Of the way.
        shared: Variance that readings of one network have in common, relative to that between
            them.
        identity: See `Members`.
        said: What the readings are, in the plural.

    Raises:
        ValueError: If a network that stands alone has fewer than two readings.
    """
    if len(readings) > 1:
        return Members(
            members=tuple(tuple(one) for one in readings),
            spread=f"ensemble, {name} averaged",
            identity=identity,
            note=f"Each of {len(readings)} networks is one member, the average of its {said}.",
        )
    if len(readings[0]) < 2:
        raise ValueError(
            f"uncertainty={name} needs at least 2 {said} of a network that stands alone, got "
            f"{len(readings[0])}"
        )
    return Members(
        members=tuple((one,) for one in readings[0]),
        spread=name,
        shared=shared,
        identity=identity,
        note=f"Standard errors come from {len(readings[0])} {said} of one network, not from "
        "networks trained independently.",
    )
