"""Z-scores of estimated against known effects: a check of the effects' standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.distributions import normal_quantile, t_deviation, t_quantile

__all__ = ["EffectZScores", "effect_z_scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectZScores:
    """Summary of the z-scores (estimate - truth) / SE, with the values expected of valid errors.

    Args:
        n: Number of effects compared; they come from the same networks, so are not independent.
        mean: Mean z-score; 0 without bias.
        sd: Standard deviation of the z-scores.
        expected_sd: Standard deviation of Student's t with ``df`` degrees of freedom; infinite for
            2 or fewer.
        inflation: Median of |z| over that of |t|: 1 for valid standard errors, 2 where they are
            half of what they should be. Unlike the SD it exists for any number of members.
        beyond: Share of effects outside their 95 % t interval; .05 for valid standard errors.
        rms_error: Root mean square of estimate - truth.
        rms_se: Root mean square of the standard errors: what ``rms_error`` should be.
        df: Degrees of freedom of the standard errors.
    """

    n: int
    mean: float
    sd: float
    expected_sd: float
    inflation: float
    beyond: float
    rms_error: float
    rms_se: float
    df: float

    @property
    def shared_bias(self) -> float:
        """Share of the mean squared error beyond the standard errors'; 0 where they explain it."""
        if self.rms_error == 0:
            return 0.0
        return max(0.0, 1.0 - (self.rms_se / self.rms_error) ** 2)


def effect_z_scores(
    value: Float64[np.ndarray, "*batch variant"],
    se: Float64[np.ndarray, "*batch variant"],
    truth: Float64[np.ndarray, "*batch variant"],
    *,
    df: float,
    mask: Bool[np.ndarray, "*batch variant"] | None = None,
) -> EffectZScores:
    """Compare estimated effects with known ones, in units of their standard errors.

    Only variants with a positive standard error are used. ``mask`` must not depend on the
    estimates, otherwise selection appears as bias.

    Args:
        value: Estimated effects, such as an ensemble's means.
        se: Standard errors of ``value``.
        truth: True effects, in the unit of ``value``.
        df: Degrees of freedom of the standard errors: members - 1.
        mask: False where a variant is left out; by default (None) all are used.

    Raises:
        ValueError: If no effect has a positive standard error.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = effect_z_scores(
        ...     rng.normal(0, 2.0, 10_000), np.ones(10_000), np.zeros(10_000), df=np.inf
        ... )
        >>> round(z.sd, 1), round(z.inflation, 1), round(z.shared_bias, 2)
        (2.0, 2.0, 0.75)
    """
    kept = (se > 0) & ~np.isnan(value) & ~np.isnan(truth)
    if mask is not None:
        kept &= mask
    if not bool(np.any(kept)):
        raise ValueError("z-scores need effects with a positive standard error, got none")
    error = value[kept] - truth[kept]
    z = error / se[kept]
    quantile = normal_quantile if np.isinf(df) else partial(t_quantile, df=df)
    return EffectZScores(
        n=int(z.size),
        mean=float(z.mean()),
        sd=float(z.std()),
        expected_sd=t_deviation(df),
        inflation=float(np.median(np.abs(z)) / quantile(0.75)),
        beyond=float(np.mean(np.abs(z) > quantile(0.975))),
        rms_error=float(np.sqrt(np.mean(error**2))),
        rms_se=float(np.sqrt(np.mean(se[kept] ** 2))),
        df=float(df),
    )
