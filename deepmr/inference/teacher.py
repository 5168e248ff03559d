"""Parametric bootstrap: what students of a known teacher get wrong, the teacher got wrong too.

The trained ensemble is taken as truth. Data are simulated from its predictions, students are
trained on them as it was trained, and the students' estimates are compared with the
teacher's slopes, which are known without error. This module is the arithmetic;
`deepmr.inference.parametric_bootstrap` applies it, ``train.py data=teacher`` trains the students.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from scipy import stats

from deepmr.estimate import Estimate

__all__ = ["Kind", "TeacherCorrection", "teacher_correction"]

Kind = Literal["none", "multiplicative", "additive", "auto"]

_KNOWN = 0.1
"""Relative standard error up to which a ratio counts as known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherCorrection:
    """How to move and widen an interval.

    Args:
        kind: ``multiplicative`` divides the estimate by ``ratio``; ``additive`` subtracts
            ``shift``; ``none`` leaves it, and lets the students' errors, bias included, widen it.
        ratio: Students' slope over the teacher's; below 1 where training shrinks effects.
        ratio_se: Its standard error over replicates.
        shift: Students' mean error, in units of the effect.
        shift_se: Its standard error over replicates.
        widening: Factor on the standard error that makes the students' intervals cover as
            promised, each corrected by the others; never below 1. It so holds the correction's
            own error.
        n_replicates: Students' ensembles behind it.
    """

    kind: Literal["none", "multiplicative", "additive"]
    ratio: float
    ratio_se: float
    shift: float
    shift_se: float
    widening: float
    n_replicates: int

    def apply(self, effect: Estimate) -> Estimate:
        """Return corrected effects of loci, their errors widened."""
        value, se = effect.value, effect.se
        if self.kind == "additive":
            value = value - self.shift
        if self.kind == "multiplicative":
            value, se = value / self.ratio, se / abs(self.ratio)
        return Estimate(value=np.asarray(value), se=np.asarray(self.widening * se), df=effect.df)

    def apply_pooled(self, effect: Estimate) -> Estimate:
        """Return the corrected pooled effect, its error at least that of the replicates.

        A handful of replicates has no 95th percentile, so ``widening`` does not serve. Their
        errors have a variance: the error is the larger of the effect's own and that, plus the
        correction's own. Degrees of freedom are Satterthwaite's: replicates - 1 where the
        replicates decide, and all of them where no bias was estimated from them (``none``).

        References:
            Satterthwaite 1946, doi:10.2307/3002019 (degrees of freedom).
        """
        n, freedom = self.n_replicates, self.n_replicates - 1.0
        value, own = effect.value, effect.se**2
        if self.kind == "multiplicative":
            value, own = value / self.ratio, own / self.ratio**2
            mean = np.square(value * self.ratio_se / self.ratio)
            spread = n * mean
        else:
            mean = np.broadcast_to(np.square(self.shift_se), own.shape)
            spread = n * mean
        if self.kind == "additive":
            value = value - self.shift
        if self.kind == "none":
            spread = self.shift**2 + mean * freedom  # the mean square error of n replicates
            mean, freedom = np.zeros_like(mean), float(n)
        decide = spread > own
        larger = np.maximum(own, spread)
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = (larger + mean) ** 2 / (larger**2 / effect.df + mean**2 / freedom)
        df = np.where(decide, freedom, joint)
        return Estimate(
            value=np.asarray(value),
            se=np.asarray(np.sqrt(larger + mean)),
            df=np.where(df > 0, df, effect.df),
        )


def teacher_correction(
    teacher: Float64[np.ndarray, "*any"],
    students: Estimate,
    *,
    kind: Kind = "multiplicative",
    level: float = 0.95,
) -> TeacherCorrection:
    """Learn a correction from students' estimates of a teacher's known slopes.

    The bias is estimated per replicate over all loci (one ratio or shift, since a locus alone is
    too noisy) and averaged; its standard error is the replicates'. Widening is what the students'
    corrected intervals need to cover the teacher's slopes at ``level``.

    Args:
        teacher: Slopes of the teacher over the students' instruments, of shape (*locus) or,
            since replicates choose their own instruments, (replicate, *locus).
        students: Estimates of shape (replicate, *locus), with their errors.
        kind: Shrinkage is proportional to the effect; bias from confounding is not. ``auto``
            takes the ratio where it is positive and known to a tenth, else the shift. ``none``
            corrects no bias.
        level: Coverage that the widening aims at.

    Raises:
        ValueError: If shapes do not agree, there are fewer than two replicates, or, for a ratio,
            the teacher's slopes or the students' mean are zero.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, sections 10.2 and 14.3.
    """
    shape = students.value.shape
    if not shape or teacher.shape not in (shape, shape[1:]):
        raise ValueError(
            f"students must have shape (replicate, *locus) for a teacher of {teacher.shape}, got "
            f"{shape}"
        )
    if kind not in get_args(Kind):
        raise ValueError(f"kind is one of {', '.join(get_args(Kind))}; got {kind!r}")
    n = shape[0]
    value = students.value.reshape(n, -1)
    truth = np.broadcast_to(teacher, shape).reshape(n, -1)
    seen = ~np.isnan(value) & ~np.isnan(truth)
    some = seen.any(axis=1)
    n = int(some.sum())
    if n < 2:
        raise ValueError(f"a bootstrap needs at least 2 replicates, got {n}; train more students")
    square = np.sum(truth**2, axis=1, where=seen)[some]
    errors = np.sum(value - truth, axis=1, where=seen)[some]
    shifts = errors / seen.sum(axis=1)[some]
    if kind == "multiplicative" and bool(np.any(square == 0)):
        raise ValueError(
            "a multiplicative correction needs a teacher with effects, got slopes of zero; "
            "choose kind=additive"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.sum(value * truth, axis=1, where=seen)[some] / square
    ratio, shift = float(ratios.mean()), float(shifts.mean())
    ratio_se = float(ratios.std(ddof=1) / np.sqrt(n))
    if kind == "auto":
        kind = "multiplicative" if ratio > 0 and ratio_se <= _KNOWN * ratio else "additive"
    if kind == "multiplicative" and ratio <= 0:
        raise ValueError(
            f"students must recover the teacher's sign, got a mean ratio of {ratio:.3g}; "
            "they have not learned the teacher"
        )
    return TeacherCorrection(
        kind=kind,
        ratio=ratio,
        ratio_se=ratio_se,
        shift=shift,
        shift_se=float(shifts.std(ddof=1) / np.sqrt(n)),
        widening=_widening(
            Estimate(
                value=value[some],
                se=students.se.reshape(shape[0], -1)[some],
                df=np.broadcast_to(students.df, shape).reshape(shape[0], -1)[some],
            ),
            np.where(seen, truth, np.nan)[some],
            ratios if kind == "multiplicative" else np.ones(n),
            shifts if kind == "additive" else np.zeros(n),
            level,
        ),
        n_replicates=n,
    )


def _widening(
    students: Estimate,
    teacher: Float64[np.ndarray, "replicate locus"],
    ratios: Float64[np.ndarray, " replicate"],
    shifts: Float64[np.ndarray, " replicate"],
    level: float,
) -> float:
    """Return what intervals need to cover where each replicate is corrected by the others."""
    ratio, shift = _of_others(ratios)[:, None], _of_others(shifts)[:, None]
    value, se = (students.value - shift) / ratio, students.se / np.abs(ratio)
    tail = 0.5 + level / 2
    reach = np.where(np.isinf(students.df), stats.norm.ppf(tail), stats.t.ppf(tail, students.df))
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.abs(value - teacher) / (reach * se)
    known = ~np.isnan(needed)
    return max(1.0, float(np.quantile(needed[known], level))) if bool(np.any(known)) else 1.0


def _of_others(value: Float64[np.ndarray, " replicate"]) -> Float64[np.ndarray, " replicate"]:
    return np.asarray((value.sum() - value) / (value.size - 1.0))
