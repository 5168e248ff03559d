"""Quantiles and tails of the normal, t, chi-square and F distributions, to the bit SciPy's.

`scipy.stats` takes half a second to import, for about a hundred distributions; a command needs
four, whose functions are in `scipy.special`. `tests/test_distributions.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike
from scipy import special

__all__ = [
    "chi2_log_tail",
    "chi2_quantile",
    "chi2_tail",
    "f_log_tail",
    "normal_log_tail",
    "normal_quantile",
    "t_deviation",
    "t_log_tail",
    "t_quantile",
]

_Array = Float64[np.ndarray, "..."]


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution.

    Args:
        probability: Lower tail, in (0, 1).

    Example:
        >>> round(normal_quantile(0.975), 4)
        1.96
    """
    return float(special.ndtri(probability))


def normal_log_tail(z: ArrayLike) -> _Array:
    """Return the natural log of the normal distribution's upper tail.

    Args:
        z: Where the tail begins.

    Example:
        >>> round(float(normal_log_tail(40.0)), 1)
        -804.6
    """
    return np.asarray(special.log_ndtr(-np.asarray(z)))


def t_quantile(probability: float, df: ArrayLike) -> _Array:
    """Return quantiles of Student's t distribution.

    Args:
        probability: Lower tail, in (0, 1).
        df: Degrees of freedom, positive.

    Example:
        >>> round(float(t_quantile(0.975, 4.0)), 3)
        2.776
    """
    return np.asarray(special.stdtrit(np.asarray(df, dtype=np.float64), probability))


def t_deviation(df: float) -> float:
    """Return the standard deviation of Student's t distribution.

    Args:
        df: Degrees of freedom; infinite up to 2 of them, NaN up to 1.

    Example:
        >>> t_deviation(4.0) ** 2, t_deviation(np.inf)
        (2.0000000000000004, 1.0)
    """
    if np.isinf(df):
        return 1.0
    if not df > 2:
        return float("inf") if df > 1 else float("nan")
    return float(np.sqrt(df / (df - 2.0)))


def _log_tail(
    x: np.ndarray,
    upper: np.ndarray,
    tail: Callable[[np.ndarray], np.ndarray],
    below: Callable[[np.ndarray], np.ndarray],
) -> _Array:
    """Return log tails from whichever of the two tails is the smaller one.

    Args:
        x: Where the tail begins.
        upper: Whether that is above the median.
        tail: Upper tail of the elements that a mask marks.
        below: Lower tail of the same.
    """
    found = np.empty(x.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        found[upper] = np.log(tail(upper))
        found[~upper] = np.log1p(-below(~upper))
    return found


def t_log_tail(t: ArrayLike, df: ArrayLike) -> _Array:
    """Return the natural log of the upper tail of Student's t distribution.

    Args:
        t: Where the tail begins.
        df: Degrees of freedom, positive.

    Example:
        >>> round(float(t_log_tail(2.776, 4.0)), 2)
        -3.69
    """
    x, n = np.broadcast_arrays(np.asarray(t, float), np.asarray(df, float))
    return _log_tail(
        x,
        np.asarray(x > 0),
        lambda at: special.stdtr(n[at], -x[at]),
        lambda at: special.stdtr(n[at], x[at]),
    )


def chi2_quantile(probability: ArrayLike, df: ArrayLike) -> _Array:
    """Return quantiles of the chi-square distribution.

    Args:
        probability: Lower tail, in (0, 1).
        df: Degrees of freedom, positive.

    Example:
        >>> round(float(chi2_quantile(0.95, 1.0)), 3)
        3.841
    """
    return np.asarray(
        2
        * special.gammaincinv(
            np.asarray(df, dtype=np.float64) / 2, np.asarray(probability, dtype=np.float64)
        )
    )


def chi2_tail(x: float, df: float) -> float:
    """Return the upper tail of the chi-square distribution.

    Args:
        x: Where the tail begins.
        df: Degrees of freedom, positive.

    Example:
        >>> round(chi2_tail(3.841, 1.0), 3)
        0.05
    """
    return float(special.chdtrc(df, x)) if x > 0 else 1.0 if x <= 0 else float("nan")


def chi2_log_tail(x: ArrayLike, df: ArrayLike) -> _Array:
    """Return the natural log of the upper tail of the chi-square distribution.

    Args:
        x: Where the tail begins.
        df: Degrees of freedom, positive.

    Example:
        >>> round(float(chi2_log_tail(3.841, 1.0)), 3)
        -2.995
    """
    at_x, n = np.broadcast_arrays(np.asarray(x, float), np.asarray(df, float))
    found = _log_tail(
        at_x,
        np.asarray(at_x > chi2_quantile(0.5, n)),
        lambda at: special.chdtrc(n[at], at_x[at]),
        lambda at: special.chdtr(n[at], at_x[at]),
    )
    return np.where((at_x <= 0) & (n > 0), 0.0, found)


def f_log_tail(x: ArrayLike, numerator: ArrayLike, denominator: ArrayLike) -> _Array:
    """Return the natural log of the upper tail of the F distribution.

    Args:
        x: Where the tail begins.
        numerator: Degrees of freedom of the numerator, positive.
        denominator: Degrees of freedom of the denominator, positive.

    Example:
        >>> round(float(f_log_tail(4.96, 1.0, 10.0)), 2)
        -2.99
    """
    at_x, a, b = np.broadcast_arrays(
        *(np.asarray(one, float) for one in (x, numerator, denominator))
    )
    found = _log_tail(
        at_x,
        np.asarray(at_x > special.fdtri(a, b, 0.5)),
        lambda at: special.fdtrc(a[at], b[at], at_x[at]),
        lambda at: special.fdtr(a[at], b[at], at_x[at]),
    )
    return np.where((at_x <= 0) & (a > 0) & (b > 0), 0.0, found)
