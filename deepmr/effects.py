"""Variant effects by member of an ensemble, and as summary statistics with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from deepmr.effect_sizes import EffectSizes, MultivariableEffectSizes, SampleSizes

__all__ = ["EffectSizes", "MemberEffects", "MultivariableEffectSizes", "SampleSizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEffects:
    """Effects of variants on every kept task by member of an ensemble.

    Effects are kept by member because a member's errors are correlated: between all variants of a
    locus, between exposure and outcome, and between loci.

    Args:
        value: Alternative minus reference, on the effect scale of each task.
        tasks: Names of the tasks on the ``task`` axis.
        offset: Position of each variant from the locus's start, in bases.
        ref: Reference base, 0 to 3 for A, C, G, T; -1 where unknown.
        alt: Alternative base, 0 to 3 for A, C, G, T; -1 where unknown.
        mask: False where a variant does not exist (an unknown reference base, padding).
        shared: Shared error variance (ratio to the variance between members): 0 (the default) for
            networks trained independently, whose mean has a smaller error than each; 1 for draws
            from one network, or for resamples, whose standard deviation is itself the standard
            error.
        se: Standard errors that came with the effects, for one member whose effects were measured
            or published with them; None (the default) where the members' spread gives them.

    Raises:
        ValueError: If shapes differ, task names repeat, ``shared`` is negative, or several
            members have standard errors of their own.
    """

    value: Float64[np.ndarray, "*batch task member variant"]
    tasks: tuple[str, ...]
    offset: Int[np.ndarray, "*batch variant"]
    ref: Int[np.ndarray, "*batch variant"]
    alt: Int[np.ndarray, "*batch variant"]
    mask: Bool[np.ndarray, "*batch variant"]
    shared: float = 0.0
    se: Float64[np.ndarray, "*batch task variant"] | None = None

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
        if self.se is not None and (
            self.n_members > 1 or self.se.shape != (*self.value.shape[:-2], self.value.shape[-1])
        ):
            raise ValueError(
                f"MemberEffects.se belongs to one member and has a number a task and variant, got "
                f"{self.n_members} members and shape {self.se.shape}"
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

    def at(self, index: int | slice) -> MemberEffects:
        """Return one element of the first batch axis, such as one locus.

        Args:
            index: Position on that axis.
        """
        return MemberEffects(
            value=self.value[index],
            tasks=self.tasks,
            offset=self.offset[index],
            ref=self.ref[index],
            alt=self.alt[index],
            mask=self.mask[index],
            shared=self.shared,
            se=None if self.se is None else self.se[index],
        )

    @staticmethod
    def join(parts: Sequence[MemberEffects]) -> MemberEffects:
        """Join batches of loci along their first axis.

        Batches may differ in their number of variants: missing ones are masked.

        Args:
            parts: Effects with one batch axis each, of the same tasks and members.

        Raises:
            ValueError: If there is no part.
        """
        if not parts:
            raise ValueError("MemberEffects.join needs at least one part, got none")
        width = max(part.mask.shape[-1] for part in parts)

        def padded(name: str, fill: float) -> np.ndarray:
            columns = []
            for part in parts:
                column = getattr(part, name)
                short = [(0, 0)] * (column.ndim - 1) + [(0, width - column.shape[-1])]
                columns.append(np.pad(column, short, constant_values=fill))
            return np.concatenate(columns)

        first = parts[0]
        return MemberEffects(
            value=padded("value", 0.0),
            tasks=first.tasks,
            offset=padded("offset", 0),
            ref=padded("ref", -1),
            alt=padded("alt", -1),
            mask=padded("mask", False),
            shared=first.shared,
            se=None if first.se is None else padded("se", np.nan),
        )

    def of(self, task: str) -> Float64[np.ndarray, "*batch member variant"]:
        """Return the members' effects on one task.

        Args:
            task: Name of the task.

        Raises:
            LookupError: If the task was not kept.
        """
        if task not in self.tasks:
            raise LookupError(f"no effects were kept for {task!r}; kept: {', '.join(self.tasks)}")
        return np.asarray(self.value[..., self.tasks.index(task), :, :])

    def exact(self, exposure: str, outcome: str) -> EffectSizes:
        """Return the members' mean effects with errors of 0: what the model given says.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.

        Raises:
            LookupError: If a task was not kept.
        """
        x, y = self.of(exposure).mean(axis=-2), self.of(outcome).mean(axis=-2)
        none = np.zeros_like(x)
        return EffectSizes(
            beta_exposure=x, se_exposure=none, beta_outcome=y, se_outcome=none, mask=self.mask
        )

    def summarise(self, exposure: str, outcome: str) -> EffectSizes:
        """Return the ensemble's mean effects with the standard errors *of that mean*.

        The standard error is the members' standard deviation (ddof 1) over the square root of
        their number, or, with a shared error variance, times the root of 1 / members + ``shared``.
        The correlation between exposure and outcome errors is that of the members'
        deviations from their mean, pooled over the variants of a locus. Standard errors that came
        with the effects (``se``) are taken as they are, known and independent.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.

        Raises:
            LookupError: If a task was not kept.
            ValueError: If there are fewer than two members: one network has no spread.
        """
        n = self.n_members
        if self.se is not None:
            row_x, row_y = self.tasks.index(exposure), self.tasks.index(outcome)
            return EffectSizes(
                beta_exposure=self.of(exposure)[..., 0, :],
                se_exposure=self.se[..., row_x, :],
                beta_outcome=self.of(outcome)[..., 0, :],
                se_outcome=self.se[..., row_y, :],
                mask=self.mask,
            )
        if n < 2:
            raise ValueError(
                f"standard errors need at least 2 members, got {n}; "
                "train an ensemble, use uncertainty=dropout, or ask what this network says "
                "(inference=given_model)"
            )
        x, y = self.of(exposure), self.of(outcome)
        mean_x, mean_y = x.mean(axis=-2), y.mean(axis=-2)
        dx, dy = x - mean_x[..., None, :], y - mean_y[..., None, :]
        factor = np.sqrt((1.0 + n * self.shared) / (n * (n - 1.0)))
        se_x = factor * np.sqrt(np.sum(dx**2, axis=-2))
        se_y = factor * np.sqrt(np.sum(dy**2, axis=-2))
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
