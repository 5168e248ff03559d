"""The scale of a task's effects: how large an effect of a single variant becomes on it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MemberEffects

__all__ = ["effect_scale", "locus_maximum", "scaled_effects"]

_QUANTILE = 0.9


def _present(effects: MemberEffects) -> np.ndarray:
    """Return effects' mean over members, NaN where a variant is missing."""
    mean = effects.value.mean(axis=-2)
    return np.asarray(np.where(effects.mask[..., None, :], mean, np.nan))


def locus_maximum(effects: MemberEffects) -> Float64[np.ndarray, "locus task"]:
    """Return the largest absolute effect of each locus on each task, of the ensemble's mean.

    This is the first of two passes over shards: concatenate its results over shards and give
    them to `effect_scale`.

    Args:
        effects: Effects of one shard, batch axis ``locus``.

    Returns:
        Effect-scale units of each task; 0 where a locus has no variant.

    Example:
        >>> e = MemberEffects(
        ...     value=np.array([[[[0.5, -2.0, 9.0]]]]), tasks=("X",), offset=np.zeros((1, 3), int),
        ...     ref=np.zeros((1, 3), int), alt=np.ones((1, 3), int),
        ...     mask=np.array([[True, True, False]]),
        ... )
        >>> locus_maximum(e).tolist()
        [[2.0]]
    """
    size = np.abs(_present(effects))
    if size.shape[-1] == 0:
        return np.zeros(size.shape[:-1])
    return np.asarray(np.where(np.isnan(size), 0.0, size).max(axis=-1))


def effect_scale(maximum: Float64[np.ndarray, "locus task"]) -> Float64[np.ndarray, " task"]:
    """Return each task's scale: the 90th percentile over loci of the largest absolute effect.

    A high percentile rather than the maximum, so that one extreme locus does not set it; rather
    than the median, as a task's sites may be present at a minority of loci.

    Args:
        maximum: As `locus_maximum` returns, over all loci of the run.

    Raises:
        ValueError: If there is no locus.

    Example:
        >>> effect_scale(np.array([[1.0], [2.0], [3.0]])).round(2).tolist()
        [2.8]
    """
    if maximum.shape[0] == 0:
        raise ValueError("effect_scale needs at least one locus, got none; measure some loci first")
    return np.asarray(np.quantile(maximum, _QUANTILE, axis=0))


def scaled_effects(
    effects: MemberEffects, scale: Float64[np.ndarray, " task"]
) -> Float64[np.ndarray, "task locus variant"]:
    """Return the ensemble's mean effects over their task's scale; 0 for missing variants.

    A task whose scale is 0 (no variant moves it) has scaled effects of 0.

    Args:
        effects: Effects of one shard, batch axis ``locus``.
        scale: As `effect_scale` returns.

    Raises:
        ValueError: If there is not one scale a task.
    """
    if scale.shape != (len(effects.tasks),):
        raise ValueError(
            f"scaled_effects needs one scale for each of {len(effects.tasks)} tasks, "
            f"got shape {scale.shape}"
        )
    mean = np.moveaxis(_present(effects), -2, 0)
    divisor = np.where(scale > 0, scale, np.inf)[:, None, None]
    return np.asarray(np.where(np.isnan(mean), 0.0, mean) / divisor)
