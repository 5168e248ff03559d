"""Delete-a-group jackknife of an MR estimate over the positions of a locus's instruments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import EffectSizes
from deepmr.mr import MREstimate

__all__ = ["JackknifeVariance", "count_positions", "effective_positions", "position_jackknife"]

_GROUPS = 20
"""Most groups of positions: an estimate costs as much as 20 members', however many positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JackknifeVariance:
    """Jackknife variances of a locus's estimates.

    Args:
        effect: Of the causal effect; NaN where fewer than two positions hold instruments, or the
            estimator has no value without one of the groups.
        pleiotropy: Of the pleiotropy intercept; None (the default) for estimators without one.
    """

    effect: Float64[np.ndarray, "*batch"]
    pleiotropy: Float64[np.ndarray, "*batch"] | None = None


def count_positions(
    mask: Bool[np.ndarray, "*batch variant"], offset: Int[np.ndarray, "*batch variant"]
) -> Int[np.ndarray, "*batch"]:
    """Return the number of positions that hold an instrument.

    Args:
        mask: True where a variant is an instrument.
        offset: Position of each variant in its locus, in bases, 0 or more.

    Example:
        >>> int(count_positions(np.array([True, True, True, False]), np.array([4, 4, 7, 9])))
        2
    """
    return np.asarray(_ranks(mask, offset)[1])


def effective_positions(
    exposure: Float64[np.ndarray, "*batch variant"],
    mask: Bool[np.ndarray, "*batch variant"],
    offset: Int[np.ndarray, "*batch variant"],
) -> Float64[np.ndarray, "*batch"]:
    """Return how many positions of equal weight a slope rests on.

    With w the sum of squared exposure effects at a position: (sum w)^2 / sum w^2. A residual
    variance over positions has about one degree of freedom fewer, however many weak ones there are.

    Args:
        exposure: Effects on the exposure.
        mask: True where a variant is an instrument.
        offset: Position of each variant in its locus, in bases, 0 or more.

    Returns:
        At least 1 where there is an instrument with an effect, else 0.

    References:
        Carter, Schnepel and Steigerwald 2017, doi:10.1162/REST_a_00639 (effective number of
        clusters); Satterthwaite 1946, doi:10.2307/3002019 (degrees of freedom).

    Example:
        >>> x, at = np.array([1.0, 1.0, 1.0, 1.0]), np.array([0, 1, 2, 2])
        >>> round(float(effective_positions(x, x > 0, at)), 3)  # weights 1, 1, 2
        2.667
    """
    rank, _ = _ranks(mask, offset)
    shape = (-1, offset.shape[-1])
    weight = np.where(mask, exposure, 0.0).reshape(shape) ** 2
    place = rank.reshape(shape)
    sums = np.zeros_like(weight)
    rows = np.broadcast_to(np.arange(len(place))[:, None], place.shape)
    np.add.at(sums, (rows, np.maximum(place, 0)), weight)
    square = np.vecdot(sums, sums)
    found = np.sum(sums, axis=-1) ** 2 / np.where(square > 0, square, 1.0)
    return np.asarray(found.reshape(offset.shape[:-1]))


def position_jackknife(
    estimator: Callable[[EffectSizes], MREstimate],
    effects: EffectSizes,
    offset: Int[np.ndarray, "*batch variant"],
) -> JackknifeVariance:
    """Return variances of an estimator from leaving groups of neighbouring positions out.

    Substitutions at one position share a context and are left out together. With more than 20
    positions, neighbours form 20 groups of nearly equal size. For medians, which are not smooth,
    the variance is rough and somewhat too small (`benchmarks.given_model`).

    Args:
        estimator: MR estimator; its standard errors are not used.
        effects: The instruments.
        offset: Position of each variant in its locus, in bases, 0 or more.

    References:
        Miller 1974, doi:10.1093/biomet/61.1.1 (the jackknife, and groups).

    Example:
        >>> from deepmr.mr import inverse_variance_weighted
        >>> one = np.ones(4)
        >>> e = EffectSizes.from_arrays(one, one, [1.0, 2.0, 3.0, 4.0], one)
        >>> found = position_jackknife(inverse_variance_weighted, e, np.arange(4))
        >>> bool(np.isclose(found.effect, np.var([1, 2, 3, 4], ddof=1) / 4))  # a mean's
        True
    """
    rank, count = _ranks(effects.mask, offset)
    number = np.asarray(np.minimum(count, _GROUPS))
    crowded = np.asarray(count > _GROUPS)[..., None]
    group = np.where(crowded, rank * _GROUPS // np.maximum(count, 1)[..., None], rank)
    values: list[np.ndarray] = []
    intercepts: list[np.ndarray] = []
    for left_out in range(int(number.max(initial=0))):
        found = estimator(replace(effects, mask=effects.mask & (group != left_out)))
        values.append(found.effect.value)
        if found.pleiotropy is not None:
            intercepts.append(found.pleiotropy.value)
    return JackknifeVariance(
        effect=_variance(values, number),
        pleiotropy=_variance(intercepts, number) if intercepts else None,
    )


def _variance(
    values: list[np.ndarray], number: Int[np.ndarray, "*batch"]
) -> Float64[np.ndarray, "*batch"]:
    if not values:
        return np.full(number.shape, np.nan)
    without = np.stack(values, axis=-1)
    counted = np.arange(without.shape[-1]) < number[..., None]
    n = np.maximum(number, 1)
    mean = np.sum(without, axis=-1, where=counted) / n
    square = np.sum((without - mean[..., None]) ** 2, axis=-1, where=counted)
    return np.asarray(np.where(number > 1, square * (n - 1.0) / n, np.nan))


def _ranks(
    mask: Bool[np.ndarray, "*batch variant"], offset: Int[np.ndarray, "*batch variant"]
) -> tuple[Int[np.ndarray, "*batch variant"], Int[np.ndarray, "*batch"]]:
    """Return each variant's place among its locus's used positions, and their number."""
    width = int(offset.max(initial=0)) + 1
    place = np.where(mask, offset, 0).reshape(-1, offset.shape[-1])
    rows = np.broadcast_to(np.arange(len(place))[:, None], place.shape)
    used = np.zeros((len(place), width), dtype=bool)
    np.logical_or.at(used, (rows, place), mask.reshape(place.shape))
    order = np.cumsum(used, axis=-1) - 1
    rank = np.take_along_axis(order, place, axis=-1).reshape(offset.shape)
    return rank, np.asarray(used.sum(axis=-1).reshape(offset.shape[:-1]))
