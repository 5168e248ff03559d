"""Networks of the same architecture with random weights: the untrained twin of an ensemble."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from deepmr.networks import Networks

__all__ = ["untrained_twin"]


def untrained_twin(networks: Networks, *, seed: int = 0) -> Networks | str:
    """Return copies of the networks with random initial weights, as a negative control.

    Every layer is reset by its own ``reset_parameters``, the network itself last. Source of
    members, tasks and effect scale are those of the trained networks.

    Args:
        networks: The trained networks; not changed.
        seed: Seed of the weights of the first network, 0 by default; the next have the next.

    Returns:
        The untrained networks, or the reason why there are none, as a clause for the report.
    """
    modules = networks.members.networks
    held = [name for module in modules for name in _without_reset(module)]
    if held:
        return f"the weights {held[0]} of its networks cannot be drawn anew"
    twins = {id(module): _reset(module, seed + k) for k, module in enumerate(modules)}
    members = tuple(
        tuple(replace(one, network=twins[id(one.network)]) for one in member)
        for member in networks.members.members
    )
    return replace(
        networks,
        members=replace(networks.members, members=members),
        name=f"{networks.name}-untrained",
        description=f"untrained twin of {networks.description}",
        files=(),
        digests=(),
        metrics=None,
    )


def _without_reset(module: nn.Module) -> list[str]:
    """Return names of parameters that belong to no layer that can reset itself."""
    found: list[str] = []
    for name, layer in module.named_modules():
        own = [key for key, _ in layer.named_parameters(recurse=False)]
        if own and not hasattr(layer, "reset_parameters"):
            found += [f"{name}.{key}".strip(".") for key in own]
    return found


def _reset(module: nn.Module, seed: int) -> nn.Module:
    twin = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in reversed(list(twin.modules())):
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
    return twin.eval()
