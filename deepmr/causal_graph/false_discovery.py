"""False discovery rates of many questions asked at once: q-values from p-values."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["benjamini_hochberg", "benjamini_yekutieli", "middle_of_estimators"]


def benjamini_hochberg(
    log_p: Float64[np.ndarray, "*batch test"],
) -> Float64[np.ndarray, "*batch test"]:
    """Return the smallest false discovery rate at which each test is a discovery.

    Valid for independent p-values and for positively dependent ones. Questions about pairs of
    tasks share tasks and are dependent in ways that nobody has proved to be positive:
    `benjamini_yekutieli` holds for any dependence.

    Args:
        log_p: Natural logarithm of the p-values, which does not underflow; NaN for a question
            without an answer, which is not counted as a test.

    Returns:
        q-values between 0 and 1; NaN where the p-value is.

    References:
        Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.

    Example:
        >>> benjamini_hochberg(np.log([0.01, 0.04, 0.03, 0.5, np.nan])).round(4).tolist()
        [0.04, 0.0533, 0.0533, 0.5, nan]
    """
    return _adjusted(log_p, dependent=False)


def benjamini_yekutieli(
    log_p: Float64[np.ndarray, "*batch test"],
) -> Float64[np.ndarray, "*batch test"]:
    """Return q-values that hold under any dependence between the tests.

    As `benjamini_hochberg`, times 1 + 1/2 + ... + 1/n, the price of not knowing the dependence:
    6.5 for 380 pairs.

    Args:
        log_p: Natural logarithm of the p-values; NaN for a question without an answer.

    References:
        Benjamini and Yekutieli 2001, doi:10.1214/aos/1013699998.

    Example:
        >>> benjamini_yekutieli(np.log([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
        [0.0833, 0.1111, 0.1111, 1.0]
    """
    return _adjusted(log_p, dependent=True)


def middle_of_estimators(
    log_p: Float64[np.ndarray, "estimator ..."],
) -> tuple[Float64[np.ndarray, "*batch"], Int64[np.ndarray, "*batch"]]:
    """Combine the p-values of several estimators of one effect into one, and name the middle one.

    The k-th smallest of n p-values times n / k is a p-value whatever the dependence between
    them. k is n // 2 + 1: with three estimators the second smallest times 1.5. A mean slope over
    loci that a few wild ones carry away does not hide what the others agree on, and one estimator
    alone makes no discovery.

    Args:
        log_p: Natural logarithm of each estimator's p-value; NaN, where it has none, counts as 1.

    Returns:
        Logarithm of the combined p-value (NaN where no estimator has one), and the position of the
        estimator whose p-value is the k-th smallest.

    References:
        Rueschendorf 1982, doi:10.2307/3213513 (the factor n / k).

    Example:
        >>> combined, middle = middle_of_estimators(np.log([[0.6], [0.002], [0.01]]))
        >>> np.exp(combined).round(3).tolist(), middle.tolist()
        ([0.015], [2])
    """
    n = len(log_p)
    k = n // 2 + 1
    filled = np.where(np.isnan(log_p), 0.0, log_p)
    middle = np.asarray(np.argsort(filled, axis=0, kind="stable")[k - 1], dtype=np.int64)
    found = np.take_along_axis(filled, middle[None], axis=0)[0] + np.log(n / k)
    missing = np.all(np.isnan(log_p), axis=0)
    return np.where(missing, np.nan, np.minimum(found, 0.0)), middle


def _adjusted(
    log_p: Float64[np.ndarray, "*batch test"], *, dependent: bool
) -> Float64[np.ndarray, "*batch test"]:
    present = ~np.isnan(log_p)
    n = present.sum(axis=-1, keepdims=True)
    order = np.argsort(np.where(present, log_p, np.inf), axis=-1, kind="stable")
    ordered = np.take_along_axis(np.where(present, log_p, np.inf), order, axis=-1)
    rank = np.arange(1, log_p.shape[-1] + 1)
    raised = ordered + np.log(np.maximum(n, 1)) - np.log(rank)
    if dependent:
        harmonic = np.concatenate([[1.0], np.cumsum(1.0 / rank)])  # at 0 tests there is none
        raised = raised + np.log(harmonic[n])
    lowest = np.minimum.accumulate(raised[..., ::-1], axis=-1)[..., ::-1]
    q = np.empty_like(lowest)
    np.put_along_axis(q, order, np.exp(np.minimum(lowest, 0.0)), axis=-1)
    return np.asarray(np.where(present, q, np.nan))
