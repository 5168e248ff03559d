"""Mutation effects: what mutagenesis measures and Mendelian randomization consumes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

__all__ = ["EffectSizes", "MemberEffects", "MultivariableEffectSizes"]


def _zero() -> np.ndarray:
    return np.zeros(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSizes:
    """Effects of variants on one exposure and one outcome, with standard errors.

    The analogue of two-sample GWAS summary statistics. All statistics work on the trailing
    ``variant`` axis, with any leading batch axes; a masked variant is as if it were absent, and
    so is one with a missing (NaN) effect or standard error: the mask given to the constructor
    is narrowed accordingly.

    Args:
        beta_exposure: Change in the exposure, alternative minus reference, on the effect scale.
        se_exposure: Its standard error.
        beta_outcome: Change in the outcome, alternative minus reference, on the effect scale.
        se_outcome: Its standard error.
        mask: True where a variant is an instrument; by default everywhere.
        error_correlation: Correlation between the errors of ``beta_exposure`` and
            ``beta_outcome`` of one variant (same networks, or overlapping samples);
            broadcasts to ``*batch variant``; 0 by default.
        instrument_correlation: Correlation between the effects' errors of different variants.
        instrument_factor: The same as a low-rank factor F: the correlation is F F' off the
            diagonal and 1 on it.
        n_exposure: Sample size behind the exposure effects, where there is one (Steiger).
        n_outcome: Sample size behind the outcome effects, where there is one.
        df: Degrees of freedom of the standard errors: members - 1 for an ensemble, whose few
            members make them noisy themselves; infinite where they count as known.

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
    error_correlation: Float64[np.ndarray, "..."] = field(default_factory=_zero)
    instrument_correlation: Float64[np.ndarray, "*batch variant variant"] | None = None
    instrument_factor: Float64[np.ndarray, "*batch variant rank"] | None = None
    n_exposure: Float64[np.ndarray, "..."] | None = None
    n_outcome: Float64[np.ndarray, "..."] | None = None
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
            n_exposure=floats(n_exposure),
            n_outcome=floats(n_outcome),
        )

    @property
    def n_instruments(self) -> Int[np.ndarray, "*batch"]:
        """Number of unmasked variants."""
        return np.asarray(np.sum(self.mask, axis=-1))

    def reversed(self) -> EffectSizes:
        """Swap exposure and outcome: the question asked the other way round."""
        return EffectSizes(
            beta_exposure=self.beta_outcome,
            se_exposure=self.se_outcome,
            beta_outcome=self.beta_exposure,
            se_outcome=self.se_exposure,
            mask=self.mask,
            error_correlation=self.error_correlation,
            instrument_correlation=self.instrument_correlation,
            instrument_factor=self.instrument_factor,
            n_exposure=self.n_outcome,
            n_outcome=self.n_exposure,
            df=self.df,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableEffectSizes:
    """Effects of variants on several exposures and one outcome.

    Args:
        beta_exposure: Changes in the exposures, alternative minus reference.
        se_exposure: Their standard errors.
        beta_outcome: Change in the outcome.
        se_outcome: Its standard error.
        mask: True where a variant is an instrument; narrowed where anything is NaN.
        exposure_error_correlation: Correlation between the exposures' errors of one variant;
            the identity by default.

    Raises:
        ValueError: If shapes differ or a standard error is negative.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEffects:
    """Effects of variants on every kept task, as each network of an ensemble sees them.

    This is what a shard holds. The members are kept because their errors are shared: by all
    variants of a locus, by exposure and outcome, and by all loci.

    Args:
        value: Alternative minus reference, on the effect scale of each task.
        tasks: Names of the tasks on the ``task`` axis.
        offset: Position of each variant from the locus's start, in bases.
        ref: Reference base, 0 to 3 for A, C, G, T; -1 where unknown.
        alt: Alternative base, likewise.
        mask: False where a variant does not exist (an unknown reference base, padding).
        shared: Variance that the members' errors have in common, relative to the variance between
            members: 0 for networks trained independently, whose mean errs less than each; 1 for
            draws from one network, however many, or for resamples, whose spread is itself the
            error.

    Raises:
        ValueError: If shapes differ, task names repeat, or ``shared`` is negative.
    """

    value: Float64[np.ndarray, "*batch task member variant"]
    tasks: tuple[str, ...]
    offset: Int[np.ndarray, "*batch variant"]
    ref: Int[np.ndarray, "*batch variant"]
    alt: Int[np.ndarray, "*batch variant"]
    mask: Bool[np.ndarray, "*batch variant"]
    shared: float = 0.0

    def __post_init__(self) -> None:
        if not self.shared >= 0:
            raise ValueError(
                f"MemberEffects.shared must not be negative, got {self.shared}; it is a variance"
            )
        if self.value.shape[-3] != len(self.tasks) or len(set(self.tasks)) != len(self.tasks):
            raise ValueError(
                f"MemberEffects.tasks must name each of {self.value.shape[-3]} tasks once, "
                f"got {', '.join(self.tasks)}"
            )
        shape = (*self.value.shape[:-3], self.value.shape[-1])
        for name in ("offset", "ref", "alt", "mask"):
            column: Shaped[np.ndarray, "..."] = getattr(self, name)
            if column.shape != shape:
                raise ValueError(
                    f"MemberEffects.{name} must have shape {shape}, got {column.shape}"
                )

    @property
    def n_members(self) -> int:
        """Number of networks (or draws from one)."""
        return int(self.value.shape[-2])

    def at(self, index: int) -> MemberEffects:
        """Return one element of the first batch axis, one locus say."""
        return MemberEffects(
            value=self.value[index],
            tasks=self.tasks,
            offset=self.offset[index],
            ref=self.ref[index],
            alt=self.alt[index],
            mask=self.mask[index],
            shared=self.shared,
        )

    def of(self, task: str) -> Float64[np.ndarray, "*batch member variant"]:
        """Return one task's effects.

        Raises:
            LookupError: If the task was not kept.
        """
        if task not in self.tasks:
            raise LookupError(f"no effects were kept for {task!r}; kept: {', '.join(self.tasks)}")
        return np.asarray(self.value[..., self.tasks.index(task), :, :])

    def summarise(self, exposure: str, outcome: str) -> EffectSizes:
        """Return the ensemble's mean effects with the standard errors *of that mean*.

        The standard error is the members' standard deviation (ddof 1) over the square root of
        their number, or, where they share errors, times the root of 1 / members + ``shared``. The
        correlation between exposure and outcome errors is that of the members'
        deviations from their mean, pooled over the variants of a locus.

        Raises:
            LookupError: If a task was not kept.
            ValueError: If there are fewer than two members: one network has no spread.
        """
        n = self.n_members
        if n < 2:
            raise ValueError(
                f"standard errors need at least 2 members, got {n}; "
                "train an ensemble, or use uncertainty=dropout"
            )
        x, y = self.of(exposure), self.of(outcome)
        mean_x, mean_y = x.mean(axis=-2), y.mean(axis=-2)
        dx, dy = x - mean_x[..., None, :], y - mean_y[..., None, :]
        scale = np.sqrt((1.0 + n * self.shared) / (n * (n - 1.0)))
        se_x = scale * np.sqrt(np.sum(dx**2, axis=-2))
        se_y = scale * np.sqrt(np.sum(dy**2, axis=-2))
        kept = self.mask[..., None, :]
        cross = np.sum(dx * dy, axis=(-2, -1), where=kept)
        square = np.sum(dx**2, axis=(-2, -1), where=kept) * np.sum(dy**2, axis=(-2, -1), where=kept)
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = np.where(square > 0, cross / np.sqrt(square), 0.0)
        return EffectSizes(
            beta_exposure=mean_x,
            se_exposure=se_x,
            beta_outcome=mean_y,
            se_outcome=se_y,
            mask=self.mask,
            error_correlation=np.clip(correlation, -1.0, 1.0)[..., None],
            df=n - 1.0,
        )

    def member(self, k: int, exposure: str, outcome: str) -> EffectSizes:
        """Return one member's effects, without standard errors of their own (all 1).

        For estimators that are run member by member, where weights may only come from elsewhere.
        """
        x, y = self.of(exposure)[..., k, :], self.of(outcome)[..., k, :]
        one = np.ones_like(x)
        return EffectSizes(
            beta_exposure=x, se_exposure=one, beta_outcome=y, se_outcome=one, mask=self.mask
        )
