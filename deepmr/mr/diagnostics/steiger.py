"""Steiger's test of the causal direction, by the variance explained in each trait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from jaxtyping import Bool, Float64

from deepmr.distributions import normal_log_tail, t_log_tail
from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate

__all__ = ["Direction", "steiger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Variance the instruments explain in exposure and outcome, and the test between them.

    Args:
        r_exposure: Correlation of each variant with the exposure; NaN where masked.
        r_outcome: The same for the outcome.
        r2_exposure: Sum of squares over instruments.
        r2_outcome: The same for the outcome.
        forward: True where more is explained in the exposure: exposure to outcome.
        difference: Fisher's z of the exposure minus that of the outcome, with its error.
        sensitivity_ratio: How many times more of the possible measurement errors agree with the
            inferred direction than contradict it.
    """

    r_exposure: Float64[np.ndarray, "*batch variant"]
    r_outcome: Float64[np.ndarray, "*batch variant"]
    r2_exposure: Float64[np.ndarray, "*batch"]
    r2_outcome: Float64[np.ndarray, "*batch"]
    forward: Bool[np.ndarray, "*batch"]
    difference: Estimate
    sensitivity_ratio: Float64[np.ndarray, "*batch"]


def _correlation(
    beta: np.ndarray, se: np.ndarray, n: np.ndarray, mask: np.ndarray, source: str
) -> np.ndarray:
    f = (beta / se) ** 2
    if source == "normal_p":
        # The F whose p-value equals the normal one: what remains when only p-values are known.
        tail = np.log(2.0) + normal_log_tail(np.sqrt(f))
        f = _f_from_log_p(tail, n - 2)
    r = np.sign(beta) * np.sqrt(f / (n - 2 + f))
    return np.asarray(np.where(mask, r, np.nan))


def _f_from_log_p(log_p: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Invert the t distribution's two-sided log p-value by Newton steps in log space."""
    t = np.sqrt(-2 * np.minimum(log_p, -1e-12))
    df = np.broadcast_to(df, t.shape)
    for _ in range(60):
        tail = t_log_tail(t, df)
        hazard = np.exp(scipy.stats.t.logpdf(t, df) - tail)
        t = np.maximum(t + (np.log(2.0) + tail - log_p) / hazard, 0.0)
    return np.asarray(t**2)


def _sensitivity(r_exposure: np.ndarray, r_outcome: np.ndarray) -> np.ndarray:
    """Integrate over all measurement precisions of the two traits, in closed form."""
    a, b = np.maximum(r_exposure, r_outcome), np.minimum(r_exposure, r_outcome)
    with np.errstate(divide="ignore", invalid="ignore"):
        net = a * np.log(a) - b * np.log(b) + a * b * (np.log(b) - np.log(a))
        against = -2 * b - b * np.log(a) - a * b * np.log(a) + 2 * a * b
        return np.asarray(np.abs(net - against) / against)


def steiger(effects: EffectSizes, *, source: Literal["effect", "normal_p"] = "effect") -> Direction:
    """Test whether instruments explain more of the exposure than of the outcome.

    If the variants act on the exposure first, each explains more of its variance: r^2 = F /
    (n - 2 + F) with F = (beta / se)^2. Summed over instruments, the two correlations are compared
    by Fisher's z. It assumes independent samples and independent instruments, and it fails when
    the exposure is measured (or predicted) much worse than the outcome: read the sensitivity
    ratio, and for two tasks of one network compare how well each is predicted.

    Args:
        effects: The instruments, with ``n_exposure`` and ``n_outcome``.
        source: Take F from the effects, or from normal p-values as R does when only those are
            given.

    Raises:
        ValueError: If a sample size is missing.

    References:
        Hemani, Tilling and Davey Smith 2017, doi:10.1371/journal.pgen.1007081;
        Steiger 1980, doi:10.1037/0033-2909.87.2.245.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(steiger(ldl_chd()).forward)
        True
    """
    if effects.n_exposure is None or effects.n_outcome is None:
        raise ValueError(
            "steiger needs the sample sizes behind both effects, got "
            f"n_exposure={effects.n_exposure}, n_outcome={effects.n_outcome}; "
            "give EffectSizes n_exposure and n_outcome"
        )
    sizes = [_sizes(n, effects) for n in (effects.n_exposure, effects.n_outcome)]
    with np.errstate(divide="ignore", invalid="ignore"):
        r_x = _correlation(
            effects.beta_exposure, effects.se_exposure, sizes[0], effects.mask, source
        )
        r_y = _correlation(effects.beta_outcome, effects.se_outcome, sizes[1], effects.mask, source)
        r2_x, r2_y = (np.asarray(np.nansum(r**2, axis=-1)) for r in (r_x, r_y))
        z = np.arctanh(np.sqrt(r2_x)) - np.arctanh(np.sqrt(r2_y))
        n_x, n_y = (np.nanmean(np.where(effects.mask, n, np.nan), axis=-1) for n in sizes)
        se = np.asarray(np.sqrt(1 / (n_x - 3) + 1 / (n_y - 3)))
    return Direction(
        r_exposure=r_x,
        r_outcome=r_y,
        r2_exposure=r2_x,
        r2_outcome=r2_y,
        forward=np.asarray(r2_x > r2_y),
        difference=Estimate(value=np.asarray(z), se=se),
        sensitivity_ratio=_sensitivity(np.asarray(np.sqrt(r2_x)), np.asarray(np.sqrt(r2_y))),
    )


def _sizes(n: np.ndarray, effects: EffectSizes) -> np.ndarray:
    """Bring a sample size per locus, per variant or for all to the effects' shape."""
    n = np.asarray(n, dtype=np.float64)
    if n.ndim and n.shape == effects.mask.shape[:-1]:
        n = n[..., None]
    return np.broadcast_to(n, effects.mask.shape)
