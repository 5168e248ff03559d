"""Check the standard errors of single-variant effects against a simulation's true effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmr.effect_shard import Effects
from deepmr.inference import EffectZScores, effect_z_scores
from deepmr.inference.single_effects import honest_effects
from deepmr.loci import Loci

__all__ = ["effect_errors"]

_STRONG = 0.1
"""Smallest true effect that is compared, as a share of the task's largest: smaller effects do not
become instruments."""


def effect_errors(
    measured: Effects, loci: Loci, pair: Sequence[str], *, honest: bool = False
) -> dict[str, EffectZScores]:
    """Compare estimated with true effects on two tasks, in units of their standard errors.

    Args:
        measured: Effects of all loci.
        loci: The loci, with true effects where they are known.
        pair: Names of the tasks.
        honest: Compare the errors for intervals (`honest_effects`) rather than those of the
            members' mean (the default).

    Returns:
        Z-scores by task; empty where true effects are unknown, or no effect has a standard error,
        as of one network alone.
    """
    if loci.true_effects is None or measured.n_members < 2:
        return {}
    columns = [loci.true_tasks.index(task) for task in pair]
    truth = np.asarray(loci.true_effects, dtype=np.float64)[:, columns]
    least = _STRONG * np.abs(truth).max(axis=(0, 2))
    parts: list[list[np.ndarray]] = [[], []]
    first, df = 0, np.inf
    for shard in measured.read(list(pair)):
        effects = honest_effects(shard.effects, *pair) if honest else shard.effects.summarise(*pair)
        df = effects.df
        true = truth[first : first + len(shard.loci), :, : effects.mask.shape[-1]]
        first += len(shard.loci)
        for k, (value, se) in enumerate(
            (
                (effects.beta_exposure, effects.se_exposure),
                (effects.beta_outcome, effects.se_outcome),
            )
        ):
            strong = effects.mask & (se > 0) & (np.abs(true[:, k]) > least[k])
            parts[k].append(np.stack([value[strong], se[strong], true[:, k][strong]]))
    joined = [np.concatenate(part, axis=-1) for part in parts]
    return {
        task: effect_z_scores(*found, df=df)
        for task, found in zip(pair, joined, strict=True)
        if found.size
    }
