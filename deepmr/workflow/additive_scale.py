"""Effects on the scale on which causes add up: expected counts rather than their roots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from deepmr.anscombe import expected_count
from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects

__all__ = ["ADDITIVE", "additive_effects"]

ADDITIVE = {"anscombe": "count"}
"""Effect scales that direct effects leave, and for which: a sum of causes is linear in counts, not
in 2 sqrt(count + 3/8). Log-odds, probabilities and signals stay as they are."""


def additive_effects(shard: EffectShard, units: Mapping[str, str]) -> MemberEffects:
    """Return a shard's effects with those of counts as differences of expected counts.

    Every member's prediction for the unchanged sequence says where on the Anscombe scale its effect
    lies, so nothing is measured anew.

    Args:
        shard: Effects on the scale that they were measured on.
        units: Unit of each task's effects.
    """
    turned = np.array([units[task] in ADDITIVE for task in shard.effects.tasks])
    if not turned.any():
        return shard.effects
    value = shard.effects.value.copy()
    before = shard.reference[:, turned][..., None]
    value[:, turned] = expected_count(before + value[:, turned]) - expected_count(before)
    return replace(shard.effects, value=value)
