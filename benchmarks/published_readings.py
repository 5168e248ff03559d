"""What each shipped yaml's pair of tasks is, read by hand from what the network itself returns.

Written from the papers and packages, without `deepmr.models`, so that a reading in a yaml that is
wrong shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["ASKED", "Asked", "Sites"]

Sites = tuple[int, int]
"""First and last base of the region, in output positions on the strand that is read."""

Reading = Callable[[nn.Module, Tensor, Sites], list[Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A yaml's question: two of its tasks, and how a hand reads them.

    Args:
        pair: Names of exposure and outcome.
        read: From the network inside, one-hot sequences ``(batch, 4, length)`` in the order A, C,
            G, T and the sites: values of both, ``(batch,)`` each.
        settings: Further settings of the command; none by default.
        stranded: Whether each region is read on its own strand; False by default.
    """

    pair: tuple[str, str]
    read: Reading
    settings: tuple[str, ...] = ()
    stranded: bool = False


def _logits(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made = network(x)
    return [made[:, 0], made[:, 1]]


def _selene(network: nn.Module, x: Tensor, sites: Sites) -> list[Tensor]:
    return _logits(network, x[:, [0, 2, 1, 3]], sites)  # A, G, C, T


def _bpnet(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    profile, counts = network(x)
    share = torch.softmax(profile.flatten(1), dim=1).view_as(profile)[:, :, 400:600]
    return [counts[:, 0], counts[:, 0] + share.sum(dim=(1, 2)).log()]


def _enformer(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    human = network(x.transpose(1, 2))["human"]
    first = (human.shape[1] - 3) // 2
    return [human[:, first : first + 3, track].sum(dim=1).log() for track in (42, 4799)]


def _borzoi(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made = network(x)
    first = (made.shape[2] - 16) // 2
    return [made[:, track, first : first + 16].sum(dim=1).log() for track in (2824, 1397)]


def _splice(network: nn.Module, x: Tensor, sites: Sites) -> list[Tensor]:
    p = torch.softmax(network(x), dim=1)
    found = [p[:, 1, sites[0]], p[:, 2, sites[1]]]
    return [one.log() - (1 - one).log() for one in found]


def _pangolin(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made = network(x)
    found = [made[:, channel, (made.shape[2] - 1) // 2] for channel in (1, 7)]
    return [one.log() - (1 - one).log() for one in found]


def _puffin(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made = network(x)
    first = (made.shape[2] - 200) // 2
    return [made[:, channel, first : first + 200].mean(dim=1) for channel in (0, 4)]


def _grelu(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made: Any = network(x)
    return [made[:, 0, 0], made[:, 1, 0]]


def _twice(network: nn.Module, x: Tensor, _: Sites) -> list[Tensor]:
    made = network(x)
    return [made, made]


_TASKS = ("task_0", "task_1")

ASKED: Mapping[str, Asked] = {
    "deepsea_published": Asked(pair=_TASKS, read=_selene),
    "beluga": Asked(pair=_TASKS, read=_selene),
    "basset": Asked(pair=_TASKS, read=_logits),
    "danq": Asked(pair=_TASKS, read=_logits),
    "bpnet_lite": Asked(pair=("counts", "centre"), read=_bpnet),
    "chrombpnet_lite": Asked(pair=("counts", "centre"), read=_bpnet),
    "enformer_pytorch": Asked(pair=("dnase", "cage"), read=_enformer),
    "borzoi_pytorch": Asked(pair=("GATA1", "dnase"), read=_borzoi),
    "grelu": Asked(pair=("K562", "HepG2"), read=_grelu),
    "openspliceai": Asked(pair=("acceptor", "donor"), read=_splice, stranded=True),
    "pangolin": Asked(pair=("heart_splice", "brain_splice"), read=_pangolin, stranded=True),
    "puffin": Asked(pair=("cage", "pro_cap"), read=_puffin, stranded=True),
    "legnet": Asked(
        pair=("activity", "again"),
        read=_twice,  # one task: its only number is read twice, for the command's sake
        settings=("+model.outputs.again={layout: n, kind: signal, activation: none}",),
    ),
}
"""Of every yaml of a published network."""
