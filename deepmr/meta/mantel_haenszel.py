"""Pooling of 2 x 2 tables: log odds ratios, log risk ratios, risk differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.estimate import Estimate, Heterogeneity
from deepmr.meta.fit import fit
from deepmr.meta.pooling import common_effect
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare

__all__ = ["MantelHaenszel", "Measure", "mantel_haenszel", "table_effects"]

Measure = Literal["or", "rr", "rd"]
Cells = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class MantelHaenszel:
    """Mantel and Haenszel's common effect, and random effects with heterogeneity around it."""

    common: MetaAnalysisResult
    random: MetaAnalysisResult


def table_effects(
    event_1: Float64[np.ndarray, "*batch locus"],
    none_1: Float64[np.ndarray, "*batch locus"],
    event_0: Float64[np.ndarray, "*batch locus"],
    none_0: Float64[np.ndarray, "*batch locus"],
    *,
    measure: Measure,
    increment: float = 0.5,
) -> tuple[Float64[np.ndarray, "*batch locus"], Float64[np.ndarray, "*batch locus"]]:
    """Return the effect and standard error of each table: group 1 against group 0.

    A table with an empty cell has ``increment`` added to all four (for the risk difference only
    in its error). One in which nobody, or everybody, had the event says nothing about a
    ratio: NaN.

    Args:
        event_1: Events in group 1.
        none_1: Members of group 1 without event.
        event_0: Events in group 0.
        none_0: Members of group 0 without event.
        measure: ``or``: log odds ratio; ``rr``: log risk ratio; ``rd``: risk difference.
        increment: Continuity correction.

    Raises:
        ValueError: If a count is negative or the measure unknown.

    Example:
        >>> cells = [np.array([float(n)]) for n in (4, 119, 11, 128)]
        >>> value, se = table_effects(*cells, measure="rr")
        >>> round(float(value[0]), 4), round(float(se[0] ** 2), 4)
        (-0.8893, 0.3256)
    """
    raw = (event_1, none_1, event_0, none_0)
    (a, b, c, d), telling = _cells(raw, measure, increment)
    n1, n0 = a + b, c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "or":
            value = np.log(a * d / (b * c))
            variance = 1 / a + 1 / b + 1 / c + 1 / d
        elif measure == "rr":
            value = np.log(a / n1) - np.log(c / n0)
            variance = 1 / a - 1 / n1 + 1 / c - 1 / n0
        else:
            value = event_1 / (event_1 + none_1) - event_0 / (event_0 + none_0)
            variance = a * b / n1**3 + c * d / n0**3
        return np.where(telling, value, np.nan), np.where(telling, np.sqrt(variance), np.nan)


def mantel_haenszel(
    event_1: Float64[np.ndarray, "*batch locus"],
    none_1: Float64[np.ndarray, "*batch locus"],
    event_0: Float64[np.ndarray, "*batch locus"],
    none_0: Float64[np.ndarray, "*batch locus"],
    *,
    measure: Measure,
    increment: float = 0.5,
) -> MantelHaenszel:
    """Pool 2 x 2 tables by Mantel and Haenszel's weights.

    They need no logarithms of single tables, and so bear many small ones. Random effects take
    DerSimonian and Laird's tau2 from Q around the Mantel-Haenszel effect (as R's meta does).

    Args:
        event_1: Events in group 1.
        none_1: Members of group 1 without event.
        event_0: Events in group 0.
        none_0: Members of group 0 without event.
        measure: As in `table_effects`; ratios are pooled and returned on the log scale.
        increment: Continuity correction of a table with an empty cell, 0.5 by default.

    Raises:
        ValueError: As `table_effects` does.

    References:
        Mantel and Haenszel 1959, doi:10.1093/jnci/22.4.719; Robins, Breslow and Greenland 1986,
        doi:10.2307/2531052 (error of the odds ratio); Greenland and Robins 1985,
        doi:10.2307/2530643 (errors of risk ratio and difference).

    Example:
        >>> counts = ([4, 6, 3], [119, 300, 228], [11, 29, 11], [128, 274, 209])
        >>> cells = [np.array(cell, dtype=float) for cell in counts]
        >>> round(float(mantel_haenszel(*cells, measure="rr").common.pooled.value), 3)
        -1.351
    """
    raw = (event_1, none_1, event_0, none_0)
    value, se = table_effects(*raw, measure=measure, increment=increment)
    cells, telling = _cells(raw, measure, increment)
    used = raw if measure == "rd" else cells
    estimate, error = _pooled(*(np.where(telling, cell, 0.0) for cell in used), measure=measure)
    plain = common_effect(value, se)
    sample = prepare(value, se)
    zero = fit(sample, np.zeros(len(sample.effect)))
    centred = sample.effect - estimate.reshape(-1, 1)
    q = np.sum(zero.weight * centred**2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        tau2 = np.where(sample.df > 0, np.maximum(0.0, (q - sample.df) / zero.trace()), 0.0)
    model = fit(sample, tau2)
    batch = value.shape[:-1]
    heterogeneity = Heterogeneity(q=q.reshape(batch), df=plain.heterogeneity.df)
    common = Estimate(value=estimate, se=error)
    spread = np.sqrt(model.covariance[:, 0, 0]).reshape(batch)
    mean = model.coefficients[:, 0].reshape(batch)
    between = tau2.reshape(batch)
    return MantelHaenszel(
        common=MetaAnalysisResult(
            method="mantel_haenszel",
            n_loci=plain.n_loci,
            pooled=common,
            tau2=plain.tau2,
            heterogeneity=heterogeneity,
            prediction=common,
            typical_variance=plain.typical_variance,
        ),
        random=MetaAnalysisResult(
            method="mantel_haenszel_dl",
            n_loci=plain.n_loci,
            pooled=Estimate(value=mean, se=spread),
            tau2=between,
            heterogeneity=heterogeneity,
            prediction=Estimate(value=mean, se=np.asarray(np.sqrt(spread**2 + between))),
            typical_variance=plain.typical_variance,
        ),
    )


def _cells(
    raw: Cells, measure: Measure, increment: float
) -> tuple[Cells, Bool[np.ndarray, "*batch locus"]]:
    """Return the cells, corrected where one is empty, and whether the table tells anything."""
    if measure not in get_args(Measure):
        raise ValueError(f"measure is one of {', '.join(get_args(Measure))}; got {measure!r}")
    for cell in raw:
        if bool(np.any(cell < 0)):
            raise ValueError(f"a count must not be negative, got {np.nanmin(cell)}")
    a, b, c, d = raw
    telling = (a + b > 0) & (c + d > 0)
    if measure != "rd":
        telling &= (a + c > 0) & (b + d > 0)
    empty = np.any(np.stack(raw) == 0, axis=0)
    extra = np.where(empty, increment, 0.0)
    return (a + extra, b + extra, c + extra, d + extra), telling


def _pooled(
    a: Float64[np.ndarray, "*batch locus"],
    b: Float64[np.ndarray, "*batch locus"],
    c: Float64[np.ndarray, "*batch locus"],
    d: Float64[np.ndarray, "*batch locus"],
    *,
    measure: Measure,
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Return Mantel and Haenszel's effect and its error; empty tables add nothing."""
    n1, n0 = a + b, c + d
    safe = np.where(n1 + n0 > 0, n1 + n0, 1.0)

    def total(column: np.ndarray) -> np.ndarray:
        return np.asarray(np.sum(column, axis=-1))

    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "or":
            r, s = a * d / safe, b * c / safe
            p, q = (a + d) / safe, (b + c) / safe
            variance = (
                total(p * r) / (2 * total(r) ** 2)
                + total(p * s + q * r) / (2 * total(r) * total(s))
                + total(q * s) / (2 * total(s) ** 2)
            )
            return np.asarray(np.log(total(r) / total(s))), np.asarray(np.sqrt(variance))
        if measure == "rr":
            r, s = a * n0 / safe, c * n1 / safe
            spread = total((n1 * n0 * (a + c) - a * c * safe) / safe**2)
            error = np.sqrt(spread / (total(r) * total(s)))
            return np.asarray(np.log(total(r) / total(s))), np.asarray(error)
        weight = total(n1 * n0 / safe)
        inner = np.where(n1 * n0 > 0, n1 * n0, 1.0) * safe**2
        spread = total((a * b * n0**3 + c * d * n1**3) / inner)
        difference = total((a * n0 - c * n1) / safe) / weight
        return np.asarray(difference), np.asarray(np.sqrt(spread) / weight)
