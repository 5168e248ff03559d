"""Influence of single loci on the pooled effect: leave-one-out, cumulative, Baujat."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.meta.fit import fit
from deepmr.meta.pooling import Adjustment, random_effects
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare
from deepmr.meta.tau2 import Tau2Method

__all__ = ["Baujat", "Influence", "baujat", "cumulative", "influence", "leave_one_out"]

_BLOCK = 2**22
"""Effects pooled at once when every locus is left out in turn: 32 MiB an array."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """How much each locus moves the result; NaN for loci that had no estimate.

    Args:
        studentised: Distance of a locus from the mean of the others, in its standard errors.
        dffits: Change of the mean without the locus, in standard errors of its fitted value.
        cooks_distance: That change squared, over the variance of the mean.
        covariance_ratio: Variance of the mean without the locus over that with it.
        tau2: Variance between loci without it.
        q: Cochran's Q without it.
        weight: Its share of the weights.
    """

    studentised: Float64[np.ndarray, "*batch locus"]
    dffits: Float64[np.ndarray, "*batch locus"]
    cooks_distance: Float64[np.ndarray, "*batch locus"]
    covariance_ratio: Float64[np.ndarray, "*batch locus"]
    tau2: Float64[np.ndarray, "*batch locus"]
    q: Float64[np.ndarray, "*batch locus"]
    weight: Float64[np.ndarray, "*batch locus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baujat:
    """Each locus's part in the heterogeneity, and its pull on the mean.

    Args:
        heterogeneity: The locus's term of Q: its squared Pearson residual.
        influence: Squared change of the mean without the locus, over the variance of the mean
            without it.
    """

    heterogeneity: Float64[np.ndarray, "*batch locus"]
    influence: Float64[np.ndarray, "*batch locus"]


def leave_one_out(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    tau2: Tau2Method = "reml",
    adjustment: Adjustment = "hartung_knapp",
) -> MetaAnalysisResult:
    """Pool without each locus in turn; the result has a last axis for the locus left out.

    The work grows with the square of the number of loci (10,000 loci: tens of seconds).

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        tau2: Estimator of the variance between loci, ``reml`` by default.
        adjustment: Adjustment of the pooled error, ``hartung_knapp`` by default.

    Raises:
        ValueError: As `random_effects` does.

    Example:
        >>> r = leave_one_out(np.array([0.1, 0.2, 0.9]), np.full(3, 0.1), tau2="zero")
        >>> r.pooled.value.round(2).tolist()
        [0.55, 0.5, 0.15]
    """
    return _with_masks(value, se, np.not_equal, np.arange(value.shape[-1]), tau2, adjustment)


def cumulative(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    order: Int[np.ndarray, " locus"] | None = None,
    tau2: Tau2Method = "reml",
    adjustment: Adjustment = "hartung_knapp",
) -> MetaAnalysisResult:
    """Pool the first locus, the first two, and so on; the last axis counts them.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        order: Positions of the loci in the order they come in; by default as they are.
        tau2: Estimator of the variance between loci, ``reml`` by default.
        adjustment: Adjustment of the pooled error, ``hartung_knapp`` by default.

    Raises:
        ValueError: If ``order`` is no permutation of the loci, or as `random_effects` does.

    Example:
        >>> r = cumulative(np.array([0.1, 0.2, 0.9]), np.full(3, 0.1), tau2="zero")
        >>> r.pooled.value.round(2).tolist()
        [0.1, 0.15, 0.4]
    """
    n_loci = value.shape[-1]
    positions = np.arange(n_loci) if order is None else order
    if not np.array_equal(np.sort(positions), np.arange(n_loci)):
        raise ValueError(
            f"order must name each of the {n_loci} loci once, by position; got {positions}"
        )
    return _with_masks(
        value[..., positions],
        se[..., positions],
        np.less_equal,
        np.arange(n_loci),
        tau2,
        adjustment,
    )


def influence(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    tau2: Tau2Method = "reml",
) -> Influence:
    """Return case-deletion diagnostics of each locus, tau2 estimated again each time.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        tau2: Estimator of the variance between loci, ``reml`` by default.

    Raises:
        ValueError: As `random_effects` does.

    References:
        Viechtbauer and Cheung 2010, doi:10.1002/jrsm.11 (all definitions).

    Example:
        >>> influence(np.array([0.1, 0.2, 0.9]), np.full(3, 0.1)).dffits.round(2).tolist()
        [-0.52, -0.31, 4.33]
    """
    full = random_effects(value, se, tau2=tau2, adjustment="none")
    without = leave_one_out(value, se, tau2=tau2, adjustment="none")
    present, variance = _columns(value, se)
    share = present / (variance + full.tau2[..., None]) * (full.pooled.se**2)[..., None]
    change = full.pooled.value[..., None] - without.pooled.value
    spread = variance + without.tau2
    with np.errstate(divide="ignore", invalid="ignore"):
        return Influence(
            studentised=present
            * (value - without.pooled.value)
            / np.sqrt(spread + without.pooled.se**2),
            dffits=present * change / np.sqrt(share * spread),
            cooks_distance=present * change**2 / full.pooled.se[..., None] ** 2,
            covariance_ratio=present * without.pooled.se**2 / full.pooled.se[..., None] ** 2,
            tau2=present * without.tau2,
            q=present * without.heterogeneity.q,
            weight=share,
        )


def baujat(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    tau2: Tau2Method | float = "zero",
) -> Baujat:
    """Place each locus by its part in the heterogeneity and its pull on the mean.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        tau2: ``zero``, as Baujat did it: terms of Cochran's Q around the common effect, in closed
            form. With any other estimator tau2 is held at its value over all loci.

    Raises:
        ValueError: As `random_effects` does.

    References:
        Baujat et al. 2002, doi:10.1002/sim.1221.

    Example:
        >>> baujat(np.array([0.1, 0.2, 0.9]), np.full(3, 0.1)).heterogeneity.round(2).tolist()
        [9.0, 4.0, 25.0]
    """
    full = random_effects(value, se, tau2=tau2, adjustment="none")
    present, variance = _columns(value, se)
    sample = prepare(value, se)
    model = fit(sample, full.tau2.reshape(-1))
    weight = model.weight.reshape(value.shape)
    residual = value - full.pooled.value[..., None]
    rest = np.sum(weight, axis=-1, keepdims=True) - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        change = weight * residual / rest
        return Baujat(
            heterogeneity=present * residual**2 / (variance + full.tau2[..., None]),
            influence=present * change**2 * rest,
        )


def _columns(
    value: Float64[np.ndarray, "*batch locus"], se: Float64[np.ndarray, "*batch locus"]
) -> tuple[Float64[np.ndarray, "*batch locus"], Float64[np.ndarray, "*batch locus"]]:
    """Return 1 where a locus is present and NaN where not, and the variances."""
    sample = prepare(value, se)
    present = np.where(sample.present > 0, 1.0, np.nan).reshape(value.shape)
    return present, sample.variance.reshape(value.shape)


def _with_masks(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    keeps: np.ufunc,
    cases: Int[np.ndarray, " case"],
    tau2: Tau2Method,
    adjustment: Adjustment,
) -> MetaAnalysisResult:
    """Pool the loci that ``keeps(locus, case)`` keeps, for each case, a block at a time."""
    n_loci = value.shape[-1]
    step = max(1, _BLOCK // max(value.size, 1))
    parts = []
    for start in range(0, max(len(cases), 1), step):
        kept: Bool[np.ndarray, "case locus"] = keeps(
            np.arange(n_loci)[None, :], cases[start : start + step, None]
        )
        shape = (*value.shape[:-1], len(kept), n_loci)
        parts.append(
            random_effects(
                np.where(kept, value[..., None, :], np.nan),
                np.broadcast_to(se[..., None, :], shape),
                tau2=tau2,
                adjustment=adjustment,
            )
        )
    return _join(parts)


def _join(parts: list[Result]) -> Result:
    """Join results along their last axis."""
    first: Any = parts[0]
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for field in fields(first):
        column = [getattr(part, field.name) for part in parts]
        if is_dataclass(column[0]):
            joined[field.name] = _join(column)
        elif isinstance(column[0], np.ndarray):
            joined[field.name] = np.concatenate(column, axis=-1)
        else:
            joined[field.name] = column[0]
    return type(first)(**joined)  # type: ignore[no-any-return]
