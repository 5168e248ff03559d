"""Forms of regulation: how the doses of a node's inputs combine to its activity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

__all__ = [
    "FORMS",
    "additive",
    "competitive",
    "cooperative",
    "hill",
    "maximum",
    "repression",
    "soft_or",
]

Doses = Float64[np.ndarray, "*batch input"]
Weights = Float64[np.ndarray, " input"]
Activity = Float64[np.ndarray, "*batch"]


def additive(doses: Doses, weights: Weights) -> Activity:
    """Return the weighted mean of the doses: every input adds its share.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: Positive weight of each input.

    Example:
        >>> float(additive(np.array([1.0, 0.5]), np.array([60.0, 40.0])))
        0.8
    """
    return np.asarray(doses @ (weights / weights.sum()))


def cooperative(doses: Doses, weights: Weights) -> Activity:
    """Return the product over inputs of 1 - w + w dose: with weights of 1 a logical AND.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: How far the absence of an input reduces the product, in (0, 1].

    Example:
        >>> float(cooperative(np.array([1.0, 0.5]), np.array([1.0, 1.0])))
        0.5
    """
    return np.asarray(np.prod(1.0 - weights + weights * doses, axis=-1))


def soft_or(doses: Doses, weights: Weights) -> Activity:
    """Return 1 - product of 1 - w dose: any input suffices.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: Activity that an input reaches alone, in (0, 1].

    Example:
        >>> float(soft_or(np.array([0.5, 0.5]), np.array([1.0, 1.0])))
        0.75
    """
    return np.asarray(1.0 - np.prod(1.0 - weights * doses, axis=-1))


def maximum(doses: Doses, weights: Weights) -> Activity:
    """Return the largest w dose: the strongest input alone counts.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: Activity that an input reaches alone, in (0, 1].

    Example:
        >>> float(maximum(np.array([0.9, 0.5]), np.array([0.5, 1.0])))
        0.5
    """
    return np.asarray(np.max(weights * doses, axis=-1))


def hill(doses: Doses, weights: Weights, *, half: float, steepness: float) -> Activity:
    """Return the Hill function of the weighted mean dose, scaled to reach 1 at full dose.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: Positive weight of each input.
        half: Mean dose of half the activity an unlimited dose would have.
        steepness: Hill coefficient.

    Example:
        >>> round(float(hill(np.array([0.25]), np.array([1.0]), half=0.25, steepness=1.0)), 4)
        0.625
    """
    power = additive(doses, weights) ** steepness
    return np.asarray(power * (1.0 + half**steepness) / (power + half**steepness))


def competitive(
    doses: Doses,
    weights: Weights,
    against: Float64[np.ndarray, "*batch rival"],
    against_weights: Float64[np.ndarray, " rival"],
) -> Activity:
    """Return the occupancy of one site that inputs and rivals compete for.

    a / (1 + a + r), with a and r the weighted sums of inputs and rivals; scaled to 1 at full
    dose without a rival.

    Args:
        doses: Doses of the inputs, each in [0, 1].
        weights: Affinity of each input at full dose.
        against: Doses of the rivals.
        against_weights: Affinity of each rival at full dose.

    Example:
        >>> one = np.array([1.0])
        >>> float(competitive(one, 3 * one, one, 4 * one))
        0.5
    """
    bound = doses @ weights
    full = weights.sum()
    return np.asarray(bound / (1.0 + bound + against @ against_weights) * (1.0 + full) / full)


def repression(
    against: Float64[np.ndarray, "*batch repressor"],
    against_weights: Float64[np.ndarray, " repressor"],
) -> Activity:
    """Return the share of activity that repressors leave: the product of 1 - r dose.

    Args:
        against: Doses of the repressors, each in [0, 1].
        against_weights: Share that a repressor removes at full dose, in (0, 1].

    Example:
        >>> round(float(repression(np.array([1.0]), np.array([0.8]))), 4)
        0.2
    """
    return np.asarray(np.prod(1.0 - against_weights * against, axis=-1))


FORMS: dict[str, Callable[..., Activity]] = {
    "additive": additive,
    "cooperative": cooperative,
    "soft_or": soft_or,
    "maximum": maximum,
    "hill": hill,
    "competitive": competitive,
}
"""Forms by the word that a graph's declaration uses; any but competitive may be repressed too."""
