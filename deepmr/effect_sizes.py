"""Variant effects with standard errors: the summary statistics of Mendelian randomization."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["EffectSizes", "MultivariableEffectSizes", "SampleSizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSizes:
    """Numbers of observations behind exposure and outcome effects.

    Args:
        exposure: Observations behind ``beta_exposure``; broadcasts to ``*batch variant``; None
            (the default) where they are not known.
        outcome: Observations behind ``beta_outcome``; broadcasts to ``*batch variant``; None
            (the default) where they are not known.

    Example:
        >>> float(SampleSizes(exposure=np.array(1000.0)).exposure)
        1000.0
    """

    exposure: Float64[np.ndarray, "..."] | None = None
    outcome: Float64[np.ndarray, "..."] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSizes:
    """Effects of variants on one exposure and one outcome, with standard errors.

    The analogue of two-sample GWAS summary statistics. All statistics work on the trailing
    ``variant`` axis, with any leading batch axes; a masked variant is
    left out, and so is one with a missing (NaN) effect or standard error: the mask given to the
    constructor is narrowed accordingly.

    Args:
        beta_exposure: Change in the exposure, alternative minus reference, on the effect scale.
        se_exposure: Standard error of ``beta_exposure``, 0 or more.
        beta_outcome: Change in the outcome, alternative minus reference, on the effect scale.
        se_outcome: Standard error of ``beta_outcome``, 0 or more.
        mask: True where a variant is an instrument.
        error_correlation: Correlation between the errors of ``beta_exposure`` and
            ``beta_outcome`` of one variant (same networks, or overlapping samples);
            broadcasts to ``*batch variant``; 0 by default.
        instrument_correlation: Correlation between the effects' errors of different variants; by
            default (None) they are independent.
        instrument_factor: Low-rank factor F of that correlation, which is F F' off the diagonal
            and 1 on it; None by default.
        sample_sizes: Numbers of observations behind the effects; None (the default) for effects
            of a network, which have none. The Steiger test and constrained maximum likelihood
            need them.
        df: Degrees of freedom of the standard errors: members - 1 for an ensemble; infinite (the
            default) where the standard errors are taken as known.

    Raises:
        ValueError: If shapes differ, a standard error is negative or a correlation lies
            outside [-1, 1].

    Example:
        >>> e = EffectSizes.from_arrays([0.1, 0.2], [0.01, 0.01], [0.05, 0.07], [0.02, 0.02])
        >>> int(e.n_instruments)
        2
    """

    beta_exposure: Float64[np.ndarray, "*batch variant"]
    se_exposure: Float64[np.ndarray, "*batch variant"]
    beta_outcome: Float64[np.ndarray, "*batch variant"]
    se_outcome: Float64[np.ndarray, "*batch variant"]
    mask: Bool[np.ndarray, "*batch variant"]
    error_correlation: Float64[np.ndarray, "..."] = field(default_factory=lambda: np.zeros(1))
    instrument_correlation: Float64[np.ndarray, "*batch variant variant"] | None = None
    instrument_factor: Float64[np.ndarray, "*batch variant rank"] | None = None
    sample_sizes: SampleSizes | None = None
    df: float = np.inf

    def __post_init__(self) -> None:
        shape = self.beta_exposure.shape
        columns = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome", "mask")
        present = self.mask.copy()
        for name in columns:
            column = getattr(self, name)
            if column.shape != shape:
                raise ValueError(
                    f"EffectSizes.{name} must have the shape of beta_exposure {shape}, "
                    f"got {column.shape}"
                )
            present &= ~np.isnan(column)
        for name in ("se_exposure", "se_outcome"):
            if bool(np.any((getattr(self, name) < 0) & present)):
                raise ValueError(
                    f"EffectSizes.{name} must not be negative, got "
                    f"{getattr(self, name)[present].min()}; are these variances, or signed effects?"
                )
        if np.broadcast_shapes(self.error_correlation.shape, shape) != shape:
            raise ValueError(
                f"EffectSizes.error_correlation must broadcast to {shape}, "
                f"got {self.error_correlation.shape}"
            )
        if bool(np.any(np.abs(self.error_correlation) > 1)):
            raise ValueError("EffectSizes.error_correlation must lie between -1 and 1")
        if not self.df > 0:
            raise ValueError(f"EffectSizes.df must be positive, got {self.df}")
        object.__setattr__(self, "mask", present)

    @classmethod
    def from_arrays(
        cls,
        beta_exposure: object,
        se_exposure: object,
        beta_outcome: object,
        se_outcome: object,
        *,
        mask: object | None = None,
        error_correlation: object = 0.0,
        instrument_correlation: object | None = None,
        n_exposure: object | None = None,
        n_outcome: object | None = None,
    ) -> EffectSizes:
        """Build effect sizes from anything array-like, converting to float64.

        Args:
            beta_exposure: Exposure effects, ``(*batch, variant)``.
            se_exposure: Standard errors of the exposure effects, same shape.
            beta_outcome: Outcome effects, same shape.
            se_outcome: Standard errors of the outcome effects, same shape.
            mask: True where a variant is an instrument; by default (None) everywhere.
            error_correlation: Correlation between exposure and outcome errors of one variant; 0
                by default.
            instrument_correlation: Correlation between variants, ``(*batch, variant, variant)``;
                by default (None) variants are independent.
            n_exposure: Sample size of the exposure effects, one number or one per variant.
            n_outcome: Sample size of the outcome effects, one number or one per variant.

        Raises:
            ValueError: As the class does.
        """

        def floats(value: object | None) -> np.ndarray | None:
            return None if value is None else np.asarray(value, dtype=np.float64)

        exposure = np.asarray(beta_exposure, dtype=np.float64)
        return cls(
            beta_exposure=exposure,
            se_exposure=np.asarray(se_exposure, dtype=np.float64),
            beta_outcome=np.asarray(beta_outcome, dtype=np.float64),
            se_outcome=np.asarray(se_outcome, dtype=np.float64),
            mask=np.ones(exposure.shape, bool) if mask is None else np.asarray(mask, dtype=bool),
            error_correlation=np.atleast_1d(np.asarray(error_correlation, dtype=np.float64)),
            instrument_correlation=floats(instrument_correlation),
            sample_sizes=None
            if n_exposure is None and n_outcome is None
            else SampleSizes(exposure=floats(n_exposure), outcome=floats(n_outcome)),
        )

    @property
    def n_instruments(self) -> Int[np.ndarray, "*batch"]:
        """Number of unmasked variants."""
        return np.asarray(np.sum(self.mask, axis=-1))

    @property
    def n_exposure(self) -> Float64[np.ndarray, "..."] | None:
        """Sample size of the exposure effects; None where it is not known."""
        return None if self.sample_sizes is None else self.sample_sizes.exposure

    @property
    def n_outcome(self) -> Float64[np.ndarray, "..."] | None:
        """Sample size of the outcome effects; None where it is not known."""
        return None if self.sample_sizes is None else self.sample_sizes.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableEffectSizes:
    """Effects of variants on several exposures and one outcome.

    Args:
        beta_exposure: Changes in the exposures, alternative minus reference, on the effect scale.
        se_exposure: Standard errors of ``beta_exposure``, 0 or more.
        beta_outcome: Change in the outcome, alternative minus reference, on the effect scale.
        se_outcome: Standard error of ``beta_outcome``, 0 or more.
        mask: True where a variant is an instrument; narrowed where anything is NaN.
        exposure_error_correlation: Correlation between the exposures' errors of one variant;
            the identity by default.

    Raises:
        ValueError: If shapes differ or a standard error is negative.

    Example:
        >>> ones = np.ones((2, 3))  # two exposures, three variants; the last one is unknown
        >>> effects = MultivariableEffectSizes(
        ...     beta_exposure=np.array([[1.0, 0.0, np.nan], [0.0, 1.0, 1.0]]), se_exposure=ones,
        ...     beta_outcome=np.array([0.5, 0.2, 0.1]), se_outcome=np.ones(3),
        ...     mask=np.array([True, True, True]))
        >>> effects.mask.tolist()
        [True, True, False]
    """

    beta_exposure: Float64[np.ndarray, "*batch exposure variant"]
    se_exposure: Float64[np.ndarray, "*batch exposure variant"]
    beta_outcome: Float64[np.ndarray, "*batch variant"]
    se_outcome: Float64[np.ndarray, "*batch variant"]
    mask: Bool[np.ndarray, "*batch variant"]
    exposure_error_correlation: Float64[np.ndarray, "*batch exposure exposure"] | None = None

    def __post_init__(self) -> None:
        if self.beta_exposure.shape != self.se_exposure.shape:
            raise ValueError(
                f"MultivariableEffectSizes.se_exposure must have the shape of beta_exposure "
                f"{self.beta_exposure.shape}, got {self.se_exposure.shape}"
            )
        shape = self.beta_outcome.shape
        if (*self.beta_exposure.shape[:-2], self.beta_exposure.shape[-1]) != shape:
            raise ValueError(
                f"MultivariableEffectSizes.beta_outcome must have shape (*batch, variant) of "
                f"beta_exposure {self.beta_exposure.shape}, got {shape}"
            )
        if self.se_outcome.shape != shape or self.mask.shape != shape:
            raise ValueError(
                "MultivariableEffectSizes.se_outcome and mask must have the shape of "
                f"beta_outcome {shape}, got {self.se_outcome.shape} and {self.mask.shape}"
            )
        present = self.mask & ~np.isnan(self.beta_outcome) & ~np.isnan(self.se_outcome)
        missing = np.isnan(self.beta_exposure) | np.isnan(self.se_exposure)
        present &= ~np.any(missing, axis=-2)
        if bool(np.any(self.se_outcome[present] < 0)) or bool(np.any(self.se_exposure < 0)):
            raise ValueError("MultivariableEffectSizes: a standard error must not be negative")
        object.__setattr__(self, "mask", present)
