"""Do effects' standard errors hold? Z-scores against known effects should have unit variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy import stats

__all__ = ["EffectZScores", "effect_z_scores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectZScores:
    """How (estimate - truth) / SE is distributed, and how it should be.

    Args:
        n: Number of effects compared; they share networks, so they are not independent draws.
        mean: Of the z-scores; 0 without bias.
        sd: Of the z-scores about ``mean``.
        expected_sd: That of t with the members' degrees of freedom; infinite for 2 or fewer.
        scale: Median of |z| over that of |t|: 1 where the errors hold, 2 where they are half of
            what they should be. Unlike the SD it exists for any number of members.
        beyond: Share of effects outside their own 95 % t interval; .05 where the errors hold.
        rms_error: Root mean square of estimate - truth.
        rms_se: Root mean square of the standard errors: what ``rms_error`` should be.
        df: Degrees of freedom of the standard errors.
    """

    n: int
    mean: float
    sd: float
    expected_sd: float
    scale: float
    beyond: float
    rms_error: float
    rms_se: float
    df: float

    @property
    def shared_bias(self) -> float:
        """Share of the squared error that the members' spread cannot explain; 0 if it does."""
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
    """Compare effects with the truth, in units of their standard errors.

    Only variants with a positive standard error count; choose them (by ``mask``) without looking
    at the estimate, else selection shows up as bias.

    Args:
        value: Estimated effects, such as an ensemble's means.
        se: Their standard errors.
        truth: The true effects, on the same scale.
        df: Degrees of freedom of the errors: members - 1.
        mask: False where a variant does not count.

    Raises:
        ValueError: If no effect has a positive standard error.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> z = effect_z_scores(
        ...     rng.normal(0, 2.0, 10_000), np.ones(10_000), np.zeros(10_000), df=np.inf
        ... )
        >>> round(z.sd, 1), round(z.scale, 1), round(z.shared_bias, 2)
        (2.0, 2.0, 0.75)
    """
    kept = (se > 0) & ~np.isnan(value) & ~np.isnan(truth)
    if mask is not None:
        kept &= mask
    if not bool(np.any(kept)):
        raise ValueError("z-scores need effects with a positive standard error, got none")
    error = value[kept] - truth[kept]
    z = error / se[kept]
    law = stats.norm() if np.isinf(df) else stats.t(df)
    return EffectZScores(
        n=int(z.size),
        mean=float(z.mean()),
        sd=float(z.std()),
        expected_sd=float(law.std()),
        scale=float(np.median(np.abs(z)) / law.ppf(0.75)),
        beyond=float(np.mean(np.abs(z) > law.ppf(0.975))),
        rms_error=float(np.sqrt(np.mean(error**2))),
        rms_se=float(np.sqrt(np.mean(se[kept] ** 2))),
        df=float(df),
    )
