"""Parametric bootstrap: what students of a known teacher get wrong, the teacher got wrong too.

The trained ensemble is taken as truth. Data are simulated from its predictions, students are
trained on them as it was trained, and the students' estimates are compared with the
teacher's slopes, which are known without error. This module is the statistics only; training
happens elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from scipy import stats

from deepmr.estimate import Estimate

__all__ = ["TeacherCorrection", "teacher_correction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherCorrection:
    """How to move and widen an interval.

    Args:
        kind: ``multiplicative`` divides the estimate by ``ratio``; ``additive`` subtracts
            ``shift``.
        ratio: Students' slope over the teacher's; below 1 where training shrinks effects.
        ratio_se: Its standard error over replicates.
        shift: Students' mean error, in units of the effect.
        shift_se: Its standard error over replicates.
        widening: Factor on the standard error that makes the students' intervals, once corrected,
            cover as promised; never below 1.
        n_replicates: Students' ensembles behind it.
    """

    kind: Literal["multiplicative", "additive"]
    ratio: float
    ratio_se: float
    shift: float
    shift_se: float
    widening: float
    n_replicates: int

    def apply(self, effect: Estimate) -> Estimate:
        """Return the corrected estimate, its error widened and the correction's own added."""
        if self.kind == "additive":
            return Estimate(
                value=np.asarray(effect.value - self.shift),
                se=np.asarray(np.hypot(self.widening * effect.se, self.shift_se)),
                df=effect.df,
            )
        value = effect.value / self.ratio
        own = self.widening * effect.se / abs(self.ratio)
        return Estimate(
            value=np.asarray(value),
            se=np.asarray(np.hypot(own, value * self.ratio_se / self.ratio)),
            df=effect.df,
        )


def teacher_correction(
    teacher: Float64[np.ndarray, "*locus"],
    students: Estimate,
    *,
    kind: Literal["multiplicative", "additive"] = "multiplicative",
    level: float = 0.95,
) -> TeacherCorrection:
    """Learn a correction from students' estimates of a teacher's known slopes.

    The bias is estimated per replicate over all loci (one ratio or shift, since a locus alone is
    too noisy) and averaged; its standard error is the replicates'. Widening is what the students'
    corrected intervals need to cover the teacher's slopes at ``level``.

    Args:
        teacher: Slopes of the teacher, by locus, over the students' instruments.
        students: Estimates of shape (replicate, *locus), with their errors.
        kind: Shrinkage is proportional to the effect; bias from confounding is not.
        level: Coverage that the widening aims at.

    Raises:
        ValueError: If shapes do not agree, there are fewer than two replicates, or, for a ratio,
            the teacher's slopes or the students' mean are zero.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, sections 10.2 and 14.3.
    """
    if students.value.ndim < 1 or students.value.shape[1:] != teacher.shape:
        raise ValueError(
            f"students must have shape (replicate, *locus) for a teacher of {teacher.shape}, got "
            f"{students.value.shape}"
        )
    n = students.value.shape[0]
    if n < 2:
        raise ValueError(f"a bootstrap needs at least 2 replicates, got {n}; train more students")
    value = students.value.reshape(n, -1)
    truth = np.broadcast_to(teacher.reshape(1, -1), value.shape)
    seen = ~np.isnan(value) & ~np.isnan(truth)
    square = np.sum(truth**2, axis=1, where=seen)
    shifts = np.sum(value - truth, axis=1, where=seen) / np.maximum(seen.sum(axis=1), 1)
    if kind == "multiplicative" and bool(np.any(square == 0)):
        raise ValueError(
            "a multiplicative correction needs a teacher with effects, got slopes of zero; "
            "choose kind=additive"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sum(value * truth, axis=1, where=seen) / square
    ratio, shift = float(ratios.mean()), float(shifts.mean())
    if kind == "multiplicative" and ratio <= 0:
        raise ValueError(
            f"students must recover the teacher's sign, got a mean ratio of {ratio:.3g}; "
            "they have not learned the teacher"
        )
    unwidened = TeacherCorrection(
        kind=kind,
        ratio=ratio,
        ratio_se=float(ratios.std(ddof=1) / np.sqrt(n)),
        shift=shift,
        shift_se=float(shifts.std(ddof=1) / np.sqrt(n)),
        widening=1.0,
        n_replicates=n,
    )
    widening = _widening(
        unwidened.apply(students), teacher, seen.reshape(students.value.shape), level
    )
    return TeacherCorrection(
        kind=kind,
        ratio=unwidened.ratio,
        ratio_se=unwidened.ratio_se,
        shift=unwidened.shift,
        shift_se=unwidened.shift_se,
        widening=widening,
        n_replicates=n,
    )


def _widening(
    corrected: Estimate,
    teacher: Float64[np.ndarray, "*locus"],
    seen: Bool[np.ndarray, "replicate *locus"],
    level: float,
) -> float:
    df = np.broadcast_to(corrected.df, corrected.value.shape)
    reach = np.where(
        np.isinf(df), stats.norm.ppf(0.5 + level / 2), stats.t.ppf(0.5 + level / 2, df)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(corrected.value - teacher) / (reach * corrected.se)
    known = seen & ~np.isnan(ratio)
    return max(1.0, float(np.quantile(ratio[known], level))) if bool(np.any(known)) else 1.0
