"""Standard errors of single effects that include what all members misjudge alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes, MemberEffects

__all__ = ["honest_effects", "partial", "relative_spread"]

_SHARED, _PARTIAL, _OF_SPREAD = 0.5, 0.06, 1.1
"""Error of a single effect that members share: over the variance between them, and relative, of an
effect half as large as the locus's largest or less, and over the members' relative spread at the
locus. Fixed on the development data sets of `benchmarks.intervals` (docs/validity.md)."""

_FEWEST = 30
"""Variants of a locus from which on its largest effect is taken for the loss of a site."""

_STRONG = 0.3
"""Share of a locus's largest effect from which on an effect counts for the relative spread."""


def honest_effects(
    effects: MemberEffects, exposure: str, outcome: str, *, relative: float | None = None
) -> EffectSizes:
    """Return mean effects with errors for intervals of *single* effects.

    The variance of a single effect b is ``(1 / members + s) B + (.06 w b)^2 + (1.1 q b)^2``, with B
    the variance between members, s .5 (or ``shared`` of `MemberEffects`, if that is more), q the
    members' relative spread at the locus (`relative_spread`) and w how partial the effect is
    (`partial`): 0 for the locus's largest, 1 from half of that down. Members misjudge the strength
    of a site alike, the more so, the less they agree on it; and the loss of a whole site is learned
    better than its weakening, which training rarely shows. `MemberEffects.summarise` gives the
    error of the members' mean, by which instruments are chosen. Errors that came with measured
    effects stay as they are.

    Args:
        effects: Effects of two members or more, or with errors of their own.
        exposure: Name of a task.
        outcome: Name of a task.
        relative: Relative error of every effect, in place of ``.06 w``.

    Raises:
        LookupError: If a task was not kept.
        ValueError: If there are fewer than two members.

    Example:
        >>> value = np.array([[[[9.0], [11.0]], [[0.0], [0.0]]]])
        >>> none = np.zeros((1, 1), dtype=np.int64)
        >>> effects = MemberEffects(value=value, tasks=("X", "Y"), offset=none, ref=none,
        ...                         alt=none + 1, mask=none == 0)
        >>> found = honest_effects(effects, "X", "Y")  # 2 / 2 + .5 * 2 + .6^2 + 1.1^2 * 2
        >>> round(float(found.se_exposure[0, 0]), 3), float(found.se_outcome[0, 0])
        (2.186, 0.0)
    """
    found = effects.summarise(exposure, outcome)
    if effects.se is not None:
        return found
    factor = 1.0 / effects.n_members + max(effects.shared, _SHARED)
    errors = []
    for task, mean in ((exposure, found.beta_exposure), (outcome, found.beta_outcome)):
        value = effects.of(task)
        spread = relative_spread(value, effects.mask)[..., None]
        own = _PARTIAL * partial(mean, effects.mask) if relative is None else relative
        square = (own**2 + (_OF_SPREAD * spread) ** 2) * mean**2
        errors.append(np.sqrt(factor * value.var(axis=-2, ddof=1) + square))
    return replace(found, se_exposure=errors[0], se_outcome=errors[1])


def relative_spread(
    value: Float64[np.ndarray, "*batch member variant"], mask: Bool[np.ndarray, "*batch variant"]
) -> Float64[np.ndarray, "*batch"]:
    """Return the standard deviation between members over the size of a locus's strong effects.

    Args:
        value: Effects of every member on one task.
        mask: False where a variant does not exist.

    Returns:
        Root of the sum of variances over that of squared means, over effects of at least three
        tenths of the locus's largest; 0 where no variant has an effect.

    Example:
        >>> value = np.array([[0.9, 0.1, 5.0], [1.1, -0.1, 7.0]])
        >>> float(relative_spread(value, np.array([True, True, False])).round(3))
        0.141
    """
    mean, variance = value.mean(axis=-2), value.var(axis=-2, ddof=1)
    size = np.where(mask, np.abs(mean), 0.0)
    strong = mask & (size > 0) & (size >= _STRONG * size.max(axis=-1, keepdims=True))
    square = np.sum(mean**2, axis=-1, where=strong)
    between = np.sum(variance, axis=-1, where=strong)
    return np.asarray(np.sqrt(between / np.where(square > 0, square, 1.0)))


def partial(
    mean: Float64[np.ndarray, "*batch variant"], mask: Bool[np.ndarray, "*batch variant"]
) -> Float64[np.ndarray, "*batch variant"]:
    """Return how partial effects are: 0 for a locus's largest, 1 for half of it or less.

    With fewer than 30 variants the largest need not be the loss of a site; all count as partial.

    Args:
        mean: Mean effects on one task.
        mask: False where a variant does not exist.

    Example:
        >>> mean = np.array([4.0, -3.0, 2.0, 0.5] + 26 * [0.0])
        >>> partial(mean, np.ones(30, dtype=bool))[:4]
        array([0. , 0.5, 1. , 1. ])
        >>> partial(mean[:4], np.ones(4, dtype=bool))
        array([1., 1., 1., 1.])
    """
    size = np.where(mask, np.abs(mean), 0.0)
    largest = size.max(axis=-1, keepdims=True, initial=0.0)
    share = size / np.where(largest > 0, largest, 1.0)
    few = mask.sum(axis=-1, keepdims=True) < _FEWEST
    return np.asarray(np.where(few, 1.0, np.minimum(2.0 * (1.0 - share), 1.0)))
