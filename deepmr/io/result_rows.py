"""Rows of the result tables from estimates, with p-values and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepmr.estimate import Estimate, p_beyond
from deepmr.meta import MetaAnalysisResult
from deepmr.mr import MREstimate

__all__ = ["estimates_rows", "join_flags", "meta_rows"]


def estimates_rows(
    chrom: np.ndarray | Sequence[str],
    start: np.ndarray | Sequence[int],
    end: np.ndarray | Sequence[int],
    *,
    exposure: str,
    outcome: str,
    estimate: MREstimate,
    true_value: np.ndarray | float | None = None,
    smallest: float = 0.0,
) -> dict[str, np.ndarray]:
    """Return the local effects of one estimator in one direction as rows of ``estimates.parquet``.

    Args:
        chrom: Chromosome of each locus.
        start: First base of each locus, 0-based.
        end: End of each locus (half-open).
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        estimate: Estimates with one batch axis, the loci.
        true_value: True effect over the same variants, one per locus or one for all; None (the
            default) where unknown.
        smallest: Smallest slope of interest (`p_beyond`), 0 by default.

    Raises:
        ValueError: If the estimate's batch axis is not that of the loci.
    """
    chrom = np.asarray(chrom, dtype=object)
    shape = chrom.shape
    if chrom.ndim != 1 or estimate.effect.value.shape != shape:
        raise ValueError(
            f"estimates of {estimate.method} need one batch axis, the {len(chrom)} loci; "
            f"got shape {estimate.effect.value.shape}"
        )
    pleiotropy, heterogeneity = estimate.pleiotropy, estimate.heterogeneity
    return {
        "chrom": chrom,
        "start": _fill(start, shape, np.int64),
        "end": _fill(end, shape, np.int64),
        "exposure": _fill(exposure, shape, object),
        "outcome": _fill(outcome, shape, object),
        "method": _fill(estimate.method, shape, object),
        "n_instruments": _fill(estimate.n_instruments, shape, np.int64),
        **_estimate_columns(estimate.effect, shape, smallest),
        "intercept": _fill(np.nan if pleiotropy is None else pleiotropy.value, shape),
        "intercept_se": _fill(np.nan if pleiotropy is None else pleiotropy.se, shape),
        "q": _fill(np.nan if heterogeneity is None else heterogeneity.q, shape),
        "q_df": _fill(np.nan if heterogeneity is None else heterogeneity.df, shape),
        "flags": join_flags(estimate.flags, shape),
        "true_value": _fill(np.nan if true_value is None else true_value, shape),
    }


def meta_rows(
    *,
    exposure: str,
    outcome: str,
    method: str,
    result: MetaAnalysisResult,
    true_value: np.ndarray | float | None = None,
    structure: str | None = None,
    true_structure: str | None = None,
    smallest: float = 0.0,
) -> dict[str, np.ndarray]:
    """Return a pooled result as rows of ``meta.parquet``: one, or one per element of its batch.

    Args:
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        method: Short name of the estimator whose effects were pooled.
        result: The pooled effect.
        true_value: True effect over the same loci and variants; None (the default) where unknown.
        structure: Structure of the verdict on exposure and outcome; by default (None) empty.
        true_structure: What a simulation's grammar does, in the same words; by default (None)
            empty.
        smallest: Smallest slope of interest (`p_beyond`), 0 by default.

    Raises:
        ValueError: If the result has more than one batch axis.
    """
    if result.pooled.value.ndim > 1:
        raise ValueError(
            f"pooled results become rows from at most one batch axis, "
            f"got shape {result.pooled.value.shape}"
        )
    shape = np.atleast_1d(result.pooled.value).shape
    return {
        "exposure": _fill(exposure, shape, object),
        "outcome": _fill(outcome, shape, object),
        "method": _fill(method, shape, object),
        "pooling": _fill(result.method, shape, object),
        "n_loci": _fill(result.n_loci, shape, np.int64),
        **_estimate_columns(result.pooled, shape, smallest),
        "q": _fill(result.heterogeneity.q, shape),
        "q_df": _fill(result.heterogeneity.df, shape),
        "tau2": _fill(result.tau2, shape),
        "i2": _fill(result.heterogeneity.i2, shape),
        "prediction_lower": _fill(result.prediction_lower, shape),
        "prediction_upper": _fill(result.prediction_upper, shape),
        "true_value": _fill(np.nan if true_value is None else true_value, shape),
        "structure": _fill(structure or "", shape, object),
        "true_structure": _fill(true_structure or "", shape, object),
    }


def _fill(value: Any, shape: tuple[int, ...], dtype: type = np.float64) -> np.ndarray:
    return np.array(np.broadcast_to(np.asarray(value, dtype=dtype), shape))


def _estimate_columns(
    estimate: Estimate, shape: tuple[int, ...], smallest: float
) -> dict[str, np.ndarray]:
    """Return the columns of an estimate, derived ones included.

    A value that is NaN has no interval and no p-value either, whatever its standard error.
    """
    lower, upper = estimate.interval()
    missing = np.isnan(estimate.value)
    columns = {
        "value": estimate.value,
        "se": estimate.se,
        "df": np.broadcast_to(estimate.df, estimate.value.shape),
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": estimate.p_value,
        "neg_log10_p": estimate.neg_log10_p,
        "p_smallest": p_beyond(estimate, smallest),
    }
    return {name: _fill(np.where(missing, np.nan, v), shape) for name, v in columns.items()}


def join_flags(flags: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Return, for each locus, the names of its flags joined by ``;``, in the mapping's order.

    Args:
        flags: Named warnings, each broadcasting to the loci.
        shape: Shape of the loci.

    Example:
        >>> join_flags({"few": np.array([True, False]), "weak": np.array([True, True])}, (2,))
        array(['few;weak', 'weak'], dtype=object)
    """
    joined = np.full(shape, "", dtype=object)
    for name, raised in flags.items():
        first = joined == ""
        named = np.where(first, name, joined + f";{name}")
        joined = np.where(np.broadcast_to(raised, shape), named, joined)
    return joined.astype(object)
