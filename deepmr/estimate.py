"""Estimates with standard errors, intervals and p-values, and heterogeneity statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64
from scipy.special import ndtr, stdtr

from deepmr.distributions import (
    chi2_log_tail,
    normal_log_tail,
    normal_quantile,
    t_log_tail,
    t_quantile,
)

__all__ = ["Estimate", "Heterogeneity", "check_smallest", "p_beyond"]

_LN10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate with standard error and degrees of freedom; intervals and p-values are derived.

    Args:
        value: The estimate; NaN where the method has none (too few instruments, for example).
        se: Standard error, in the unit of ``value``.
        df: Degrees of freedom of Student's t; infinite (normal) by default.
        bounds: 95 % confidence set of methods that are not Wald (Fieller sets, profile
            likelihood), as a union of ranges, NaN-padded along ``range``; None by default.
        log_p: Natural log of the two-sided p-value of methods that are not Wald; None by default.

    Raises:
        ValueError: If shapes do not broadcast, a standard error is negative, or df is not positive.

    Example:
        >>> e = Estimate(value=np.asarray(1.0), se=np.asarray(0.25))
        >>> [round(float(b), 3) for b in e.interval()]
        [0.51, 1.49]
    """

    value: Float64[np.ndarray, "*batch"]
    se: Float64[np.ndarray, "*batch"]
    df: Float64[np.ndarray, "..."] = field(default_factory=lambda: np.asarray(np.inf))
    bounds: Float64[np.ndarray, "*batch range 2"] | None = None
    log_p: Float64[np.ndarray, "*batch"] | None = None

    def __post_init__(self) -> None:
        if np.broadcast_shapes(self.value.shape, self.df.shape) != self.value.shape:
            raise ValueError(
                f"Estimate.df must broadcast to the value's shape {self.value.shape}, "
                f"got {self.df.shape}"
            )
        if bool(np.any(self.se < 0)):
            raise ValueError(f"Estimate.se must not be negative, got {np.nanmin(self.se)}")
        if bool(np.any(self.df <= 0)):
            raise ValueError(f"Estimate.df must be positive, got {np.nanmin(self.df)}")

    @property
    def z(self) -> Float64[np.ndarray, "*batch"]:
        """The value over its standard error."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.value / self.se)

    @property
    def log_p_value(self) -> Float64[np.ndarray, "*batch"]:
        """Natural log of the two-sided p-value of ``value = 0``; finite far beyond z = 38."""
        if self.log_p is not None:
            return self.log_p
        z = np.abs(self.z)
        df = np.broadcast_to(self.df, self.value.shape)
        tail = np.where(np.isinf(df), normal_log_tail(z), t_log_tail(z, df))
        return np.asarray(np.minimum(np.log(2.0) + tail, 0.0))

    @property
    def p_value(self) -> Float64[np.ndarray, "*batch"]:
        """Two-sided p-value; underflows to 0 beyond z = 38, where ``neg_log10_p`` does not."""
        return np.asarray(np.exp(self.log_p_value))

    @property
    def neg_log10_p(self) -> Float64[np.ndarray, "*batch"]:
        """Minus the decimal logarithm of the two-sided p-value."""
        return np.asarray(-self.log_p_value / _LN10)

    def at(self, index: int) -> Estimate:
        """Return one element of the first batch axis.

        Args:
            index: Position on that axis.
        """
        return Estimate(
            value=np.asarray(self.value[index]),
            se=np.asarray(self.se[index]),
            df=np.asarray(np.broadcast_to(self.df, self.value.shape)[index]),
            bounds=None if self.bounds is None else self.bounds[index],
            log_p=None if self.log_p is None else np.asarray(self.log_p[index]),
        )

    def interval(
        self, level: float = 0.95
    ) -> tuple[Float64[np.ndarray, "*batch"], Float64[np.ndarray, "*batch"]]:
        """Return the lower and upper confidence bounds.

        Where ``bounds`` holds several ranges this is their hull.

        Args:
            level: Confidence level, .95 by default.

        Raises:
            ValueError: If ``level`` is outside (0, 1), or is not 0.95 for a method that
                stores its confidence set.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
        if self.bounds is not None:
            if level != 0.95:
                raise ValueError(
                    f"this method's confidence set is stored at level 0.95, got {level}; "
                    "ask the estimator for another level"
                )
            empty = np.all(np.isnan(self.bounds), axis=(-2, -1))
            low = np.min(np.where(np.isnan(self.bounds), np.inf, self.bounds)[..., 0], axis=-1)
            high = np.max(np.where(np.isnan(self.bounds), -np.inf, self.bounds)[..., 1], axis=-1)
            return np.where(empty, np.nan, low), np.where(empty, np.nan, high)
        tail = 0.5 + level / 2
        df = np.broadcast_to(self.df, self.value.shape)
        quantile = np.where(np.isinf(df), normal_quantile(tail), t_quantile(tail, df))
        return np.asarray(self.value - quantile * self.se), np.asarray(
            self.value + quantile * self.se
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Heterogeneity statistic (Cochran's or Ruecker's Q) with its degrees of freedom.

    Args:
        q: Weighted sum of squared residuals, chi-square with ``df`` under homogeneity.
        df: Degrees of freedom of ``q``; 0 where homogeneity cannot be tested.

    References:
        Higgins and Thompson 2002, doi:10.1002/sim.1186 (I2 and H2 from Q).
    """

    q: Float64[np.ndarray, "*batch"]
    df: Float64[np.ndarray, "*batch"]

    def at(self, index: int) -> Heterogeneity:
        """Return one element of the first batch axis.

        Args:
            index: Position on that axis.
        """
        return Heterogeneity(q=np.asarray(self.q[index]), df=np.asarray(self.df[index]))

    @property
    def i2(self) -> Float64[np.ndarray, "*batch"]:
        """Share of variation beyond chance, (Q - df) / Q, floored at 0; a fraction, not percent."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.maximum(0.0, (self.q - self.df) / self.q))

    @property
    def h2(self) -> Float64[np.ndarray, "*batch"]:
        """Q over its degrees of freedom; 1 under homogeneity."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.q / self.df)

    @property
    def log_p(self) -> Float64[np.ndarray, "*batch"]:
        """Natural log of the p-value of homogeneity."""
        return np.asarray(
            np.where(self.df > 0, chi2_log_tail(self.q, np.maximum(self.df, 1.0)), np.nan)
        )

    @property
    def p_value(self) -> Float64[np.ndarray, "*batch"]:
        """P-value of homogeneity."""
        return np.asarray(np.exp(self.log_p))


def check_smallest(smallest: float) -> None:
    """Verify that a smallest slope of interest is a number of at least 0.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_smallest(0.05)
    """
    if not (np.isfinite(smallest) and smallest >= 0):
        raise ValueError(
            f"smallest_slope must be a number of at least 0, got {smallest}; it is a slope, in "
            "outcome units per unit of the exposure"
        )


def p_beyond(estimate: Estimate, smallest: float) -> Float64[np.ndarray, "*batch"]:
    """Return the p-value of a true slope within plus or minus the smallest one of interest.

    A network's tasks are never without any slope: sites of unrelated motifs resemble one another,
    which gives slopes of .01 to .03 that many loci tell from 0 beyond doubt, and that mean nothing.

    Args:
        estimate: The slope, with a Wald interval.
        smallest: Smallest slope of interest, in outcome units per unit of the exposure, 0 or
            more. With 0 the p-value is the usual two-sided one.

    Returns:
        The largest two-sided p-value over all true slopes within the range; NaN without an
        estimate, or without a standard error of its own (profile likelihoods, Fieller sets).

    Raises:
        ValueError: If ``smallest`` is negative or not finite.

    References:
        Murphy and Myors 1999, doi:10.1037/0021-9010.84.2.234 (minimum-effect tests).

    Example:
        >>> slope = Estimate(value=np.asarray(0.02), se=np.asarray(0.004))
        >>> f"{float(p_beyond(slope, 0.0)):.0e} {float(p_beyond(slope, 0.05)):.2f}"
        '6e-07 1.00'
    """
    check_smallest(smallest)
    if estimate.bounds is not None or estimate.log_p is not None:
        return np.full(estimate.value.shape, np.nan)
    value, df = np.abs(estimate.value), np.broadcast_to(estimate.df, estimate.value.shape)
    se = np.where(estimate.se > 0, estimate.se, np.nan)
    tails = []
    for distance in (value - smallest, value + smallest):
        z = -distance / se
        tails.append(np.where(np.isinf(df), ndtr(z), stdtr(np.where(np.isinf(df), 1.0, df), z)))
    return np.asarray(np.minimum(tails[0] + tails[1], 1.0))
