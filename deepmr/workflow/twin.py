"""The untrained twin of a network, measured: a negative control, and the guard of one network."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from deepmr.effect_shard import Effects
from deepmr.loci import Loci
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.verdict import effect_scale, locus_maximum
from deepmr.workflow.measurement import Compute, measure_in_memory

__all__ = ["Twin", "measure_twin", "scale_of_tasks", "twin_guard", "untrained_twin"]

_SHARE = 5
"""The twin is run on the first 1 / 5 of the loci: a fifth of the cost."""

_GUARD_LOCI = 20
"""Of one network alone the twin is the guard of reliability, and a percentile over fewer loci would
be their largest value: it is run on at least so many, where there are as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Effects of an untrained twin at the first loci of a question.

    Args:
        effects: The effects on both tasks.
        scale: Scale of each task (`deepmr.verdict.effect_scale`), in its unit.
        n_loci: Number of loci.
    """

    effects: Effects
    scale: Float64[np.ndarray, " task"]
    n_loci: int


def measure_twin(
    networks: Networks,
    loci: Loci,
    variants: VariantSet,
    compute: Compute,
    pair: tuple[str, str],
    *,
    seed: int,
) -> Twin | str:
    """Measure networks with random weights at some of the loci.

    Args:
        networks: The trained networks.
        loci: All loci of the question.
        variants: Their variants.
        compute: Engine and precision.
        pair: Names of the tasks.
        seed: Of the random weights.

    Returns:
        The twin, or the reason why there is none, as a clause for the report.
    """
    twin = untrained_twin(networks, seed=seed)
    if isinstance(twin, str):
        return twin
    least = min(len(loci), _GUARD_LOCI) if len(networks.members) < 2 else 2
    few = loci.first(max(len(loci) // _SHARE, least))
    effects = measure_in_memory(twin, few, variants, compute, pair)
    return Twin(effects=effects, scale=scale_of_tasks(effects, pair), n_loci=len(few))


def scale_of_tasks(effects: Effects, pair: tuple[str, str]) -> Float64[np.ndarray, " task"]:
    """Return the scale of two tasks over all loci.

    Args:
        effects: Effects of all loci.
        pair: Names of the tasks.
    """
    maxima = [locus_maximum(shard.effects) for shard in effects.read(pair)]
    return effect_scale(np.concatenate(maxima))


def twin_guard(
    effects: Effects,
    pair: tuple[str, str],
    scale: Float64[np.ndarray, " task"],
    twin: Twin | str,
) -> Float64[np.ndarray, " task"] | None:
    """Return the twin's scale as it would be over all loci: both are compared over the same.

    Args:
        effects: The network's own effects at all loci, the twin's first.
        pair: Names of the tasks.
        scale: Their scale over all loci.
        twin: The twin, or why there is none.

    Returns:
        What `deepmr.verdict.judge` takes as ``twin_scale``; None without a twin.
    """
    if isinstance(twin, str):
        return None
    maxima = np.concatenate([locus_maximum(shard.effects) for shard in effects.read(pair)])
    same = effect_scale(maxima[: twin.n_loci])
    ratio = np.divide(scale, same, out=np.ones_like(scale), where=same > 0)
    return np.asarray(twin.scale * ratio)


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
            reset = getattr(layer, "reset_parameters", None)
            if reset is not None:
                reset()
    return twin.eval()
