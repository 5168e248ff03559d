"""Confidence intervals of tau2 and I2."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy
from jaxtyping import Bool, Float64

from deepmr.distributions import chi2_quantile, chi2_tail, normal_quantile
from deepmr.estimate import Heterogeneity
from deepmr.meta.sample import Sample, prepare
from deepmr.meta.tau2_search import solve_q

__all__ = ["i2_interval", "tau2_interval"]


def tau2_interval(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    method: Literal["q_profile", "jackson"] = "q_profile",
    level: float = 0.95,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Return an exact interval of tau2 (exact if effects and errors are normal).

    It inverts a test, and so does not depend on which estimator tau2 comes from; an estimate may
    lie outside it. Ends below 0 are 0. Needs 2 loci; with fewer both ends are NaN.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        method: ``q_profile``: the values of tau2 at which Q(tau2) is no surprise for a chi-square.
            ``jackson``: those at which Q with the fixed weights 1 / se is none; it needs the
            eigenvalues of a matrix as large as the number of loci, and is meant for at most a
            few thousand of them.
        level: Coverage.
        mask: False where a locus is to be left out; by default none is.

    Raises:
        ValueError: If the method is unknown, the level is not inside (0, 1), or as
            `random_effects` does.

    References:
        Viechtbauer 2007, doi:10.1002/sim.2514 (Q-profile); Jackson 2013, doi:10.1002/jrsm.1081;
        Imhof 1961, doi:10.1093/biomet/48.3-4.419 (distribution of a weighted sum of chi-squares).

    Example:
        >>> low, high = tau2_interval(np.array([0.3, 0.8, -0.4]), np.full(3, 0.1))
        >>> round(float(low), 3), round(float(high), 1)
        (0.088, 14.3)
    """
    if method not in ("q_profile", "jackson"):
        raise ValueError(f"method is one of q_profile, jackson; got {method!r}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    sample = prepare(value, se, mask=mask)
    ends = np.full((2, len(sample.effect)), np.nan)
    enough = np.flatnonzero(sample.df > 0)
    for rows in np.array_split(enough, max(1, sample.effect.size // 2**17)):
        if not len(rows):
            continue
        part = sample.take(rows)
        for end, tail in enumerate((0.5 + level / 2, 0.5 - level / 2)):
            ends[end, rows] = (
                _profile(part, tail) if method == "q_profile" else _jackson(part, tail)
            )
    batch = value.shape[:-1]
    return ends[0].reshape(batch), ends[1].reshape(batch)


def i2_interval(
    heterogeneity: Heterogeneity, *, level: float = 0.95
) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
    """Return the test-based interval of I2 from Q; fractions, NaN with fewer than 3 loci.

    Args:
        heterogeneity: Cochran's Q and its degrees of freedom.
        level: Coverage, 0.95 by default.

    References:
        Higgins and Thompson 2002, doi:10.1002/sim.1186 (interval of log H from Q).

    Example:
        >>> low, high = i2_interval(Heterogeneity(q=np.asarray(38.0), df=np.asarray(2.0)))
        >>> round(float(low), 2), round(float(high), 2)
        (0.88, 0.98)
    """
    q, df = heterogeneity.q, heterogeneity.df
    with np.errstate(divide="ignore", invalid="ignore"):
        large = (np.log(q) - np.log(df)) / (2 * (np.sqrt(2 * q) - np.sqrt(2 * df - 1)))
        small = np.sqrt((1 - 1 / (3 * (df - 1) ** 2)) / (2 * (df - 1)))
        error = np.where(q > df + 1, large, small)
        centre = np.log(np.maximum(q / df, 1.0)) / 2
        half = normal_quantile(0.5 + level / 2) * error
        low, high = (np.maximum(np.exp(centre + sign * half), 1.0) for sign in (-1, 1))
        known = df > 1
        return (
            np.where(known, 1 - 1 / low**2, np.nan),
            np.where(known, 1 - 1 / high**2, np.nan),
        )


def _profile(sample: Sample, probability: float) -> Float64[np.ndarray, " row"]:
    root, found = solve_q(sample, chi2_quantile(probability, sample.df))
    return np.where(found, root, np.nan)


def _jackson(sample: Sample, probability: float) -> Float64[np.ndarray, " row"]:
    """Find the tau2 at which Q with weights 1 / se lies at a quantile of its distribution."""
    roots = np.full(len(sample.effect), np.nan)
    for row in range(len(roots)):
        kept = sample.present[row] > 0
        y, v = sample.effect[row, kept], sample.variance[row, kept]
        w = 1.0 / np.sqrt(v)
        q = float(np.sum(w * (y - np.sum(w * y) / np.sum(w)) ** 2))
        a = np.diag(w) - np.outer(w, w) / np.sum(w)

        def excess(tau2: float, a: np.ndarray = a, v: np.ndarray = v, q: float = q) -> float:
            root = np.sqrt(v + tau2)
            lam = np.linalg.eigvalsh(root[:, None] * a * root[None, :])[1:]
            return _weighted_chi2_sf(q, lam) - (1.0 - probability)

        if excess(0.0) >= 0:
            roots[row] = 0.0
            continue
        high = max(q / float(np.trace(a)), float(np.mean(v)))
        while excess(high) < 0:
            high *= 4.0
        roots[row] = scipy.optimize.brentq(excess, 0.0, high, xtol=1e-9 * high)
    return roots


def _weighted_chi2_sf(q: float, weight: Float64[np.ndarray, " term"]) -> float:
    """P(sum of weight_i chi2_1 > q) by Imhof's integral, on a scale where the mean is 1.

    The integrand falls as u^(-1 - terms / 2), and is smooth: a fine trapezoid in log u.
    """
    if len(weight) == 1:  # two loci: a single chi-square, for which the integral falls too slowly
        return chi2_tail(q / weight[0], 1)
    lam = np.maximum(weight, 0.0) / np.sum(weight)
    x = q / float(np.sum(weight))
    log_u = np.linspace(-14.0, np.log(1e7), 20_000)
    u = np.exp(log_u)
    theta, log_rho = -0.5 * x * u, np.zeros_like(u)
    for one in lam[lam > 1e-12]:
        theta += 0.5 * np.arctan(one * u)
        log_rho += 0.25 * np.log1p((one * u) ** 2)
    integral = np.trapezoid(np.sin(theta) * np.exp(-log_rho), log_u)
    return float(np.clip(0.5 + integral / np.pi, 0.0, 1.0))
