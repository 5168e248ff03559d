"""Estimators without their standard errors, for callers that read only the values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

from deepmr.mr.result import MREstimate

__all__ = ["value_only"]


def value_only(estimator: Callable[..., MREstimate]) -> Callable[..., MREstimate]:
    """Return the estimator without its standard error, where that costs time of its own.

    Medians and modes take ``error="none"``: the standard error is then NaN, the value the same to
    the bit. Other estimators find value and error together and are returned as they are.

    Args:
        estimator: An estimator, its options filled in or not (`functools.partial`).

    Example:
        >>> from deepmr.mr import egger, ldl_chd, weighted_median
        >>> fast = value_only(partial(weighted_median, iterations=10_000))
        >>> round(float(fast(ldl_chd()).effect.value), 3), float(fast(ldl_chd()).effect.se)
        (2.683, nan)
        >>> value_only(egger) is egger
        True
    """
    if "error" in inspect.signature(estimator).parameters:
        return partial(estimator, error="none")
    return estimator
