"""Intervals corrected by students: ensembles trained on data drawn from this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference.contract import Estimator, Inference, LocalInference, Pooling
from deepmr.inference.per_member import PerMember
from deepmr.inference.teacher import Kind, TeacherCorrection, teacher_correction
from deepmr.instruments import Rule
from deepmr.meta.result import MetaAnalysisResult
from deepmr.mr.result import MREstimate

__all__ = ["ParametricBootstrap", "StudentEstimates"]

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentEstimates:
    """What students found of their teacher: one question, one estimator.

    Args:
        exposure: Name of the task asked as cause.
        outcome: Name of the task asked as effect.
        method: Name of the estimator.
        local: Effects of the loci, by the inference that is to be corrected.
        teacher: The teacher's slopes over each student's instruments.
        pooled: Pooled effects.
        teacher_pooled: The teacher's mean slope over the loci that each of them rests on.

    Raises:
        ValueError: If shapes do not agree.
    """

    exposure: str
    outcome: str
    method: str
    local: Estimate
    teacher: Float64[np.ndarray, "replicate locus"]
    pooled: Estimate
    teacher_pooled: Float64[np.ndarray, " replicate"]

    def __post_init__(self) -> None:
        shapes = (self.local.value.shape, self.pooled.value.shape)
        if shapes != (self.teacher.shape, self.teacher_pooled.shape):
            raise ValueError(
                "students need the teacher's slopes in the shape of their own, got "
                f"{self.teacher.shape} and {self.teacher_pooled.shape} for {shapes[0]} and "
                f"{shapes[1]}"
            )

    @property
    def key(self) -> Key:
        """Exposure, outcome and method."""
        return self.exposure, self.outcome, self.method

    @property
    def n_loci(self) -> int:
        """Estimates of loci by all students."""
        return int(np.sum(np.isfinite(self.local.value) & np.isfinite(self.teacher)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParametricBootstrap:
    """Another way of inference, its bias and its intervals corrected by students.

    Students are ensembles trained, as this one was, on data drawn from this one's predictions,
    whose slopes are therefore known. As much as they get wrong the ensemble is taken to have got
    wrong: errors of loci are widened until the students' intervals cover, and the pooled error is
    at least that of the students. Effects stay where they are unless ``kind`` asks to divide them
    by the students' ratio, or to subtract their shift. It sees the error that all members share
    (the training set's noise, the recipe's shrinkage) as far as the ensemble resembles the truth,
    and no error that the ensemble itself does not have: an effect that it missed altogether, say.

    Args:
        base: The inference to correct, by which the students were asked, too.
        students: What they found, for every question and estimator asked.
        kind: See `teacher_correction`.

    Raises:
        ValueError: If there are no students.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 10.
    """

    students: Sequence[StudentEstimates]
    base: Inference = field(default_factory=PerMember)
    kind: Kind = "none"

    def __post_init__(self) -> None:
        if not self.students:
            raise ValueError("a parametric bootstrap needs students, got none")

    def corrections(self, key: Key) -> tuple[TeacherCorrection, TeacherCorrection] | None:
        """Return the corrections of loci and of the pooled effect; None if students found nothing.

        Raises:
            LookupError: If students were not asked this question by this estimator.
        """
        found = [one for one in self.students if one.key == key]
        if not found:
            asked = "; ".join(" ".join(one.key) for one in self.students)
            raise LookupError(f"students were not asked {' '.join(key)}; they were asked: {asked}")
        students = found[0]
        if int(np.isfinite(students.teacher_pooled + students.pooled.value).sum()) < 2:
            return None
        return (
            teacher_correction(students.teacher, students.local, kind=self.kind),
            teacher_correction(students.teacher_pooled, students.pooled, kind=self.kind),
        )

    def __call__(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> MREstimate:
        """Return the corrected effect of each locus."""
        return self.local(members, exposure, outcome, rule=rule, estimator=estimator).estimate

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the corrected effect of each locus.

        Where fewer than two students have an estimate, nothing can be corrected: effects are
        missing, and flagged ``no_students``.

        Raises:
            LookupError: If students were not asked this question by this estimator.
            ValueError: If the base does not look at members.
        """
        found = self.base.local(members, exposure, outcome, rule=rule, estimator=estimator)
        if found.slopes is None:
            raise ValueError(
                "a parametric bootstrap corrects inference over members, got a base without "
                "slopes; choose per_member as base"
            )
        effect = found.estimate.effect
        both = self.corrections((exposure, outcome, found.estimate.method))
        if both is None:
            effect = Estimate(
                value=np.full_like(effect.value, np.nan),
                se=np.full_like(effect.value, np.nan),
                df=effect.df,
            )
            slopes = np.full_like(found.slopes, np.nan)
        else:
            effect, slopes = both[0].apply(effect), found.slopes
        flags = dict(found.estimate.flags) | {
            "no_students": np.full(effect.value.shape, both is None)
        }
        return LocalInference(
            estimate=replace(found.estimate, effect=effect, flags=flags),
            instruments=found.instruments,
            slopes=slopes,
            correction=None if both is None else both[1],
        )

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Pool as the base does, then correct."""
        found = self.base.pool(local, pooling=pooling)
        if local.correction is None:
            return found
        pooled = local.correction.apply_pooled(found.pooled)
        ratio = local.correction.ratio if local.correction.kind == "multiplicative" else 1.0
        tau2 = np.asarray(found.tau2 / ratio**2)
        return replace(
            found,
            pooled=pooled,
            tau2=tau2,
            prediction=replace(pooled, se=np.asarray(np.sqrt(pooled.se**2 + tau2))),
        )

    def notes(self) -> list[str]:
        """Say what is done to which effects, a sentence each."""
        told = []
        for one in self.students:
            question = f"{one.exposure} on {one.outcome}, {one.method}"
            both = self.corrections(one.key)
            if both is None:
                told.append(f"Parametric bootstrap, {question}: no students, so no effect.")
                continue
            local, pooled = both
            told.append(
                f"Parametric bootstrap, {question}: effects of loci {_done(local)}, errors times "
                f"{local.widening:.2f}, by {one.n_loci} estimates of {local.n_replicates} "
                f"students; the pooled effect {_done(pooled)}."
            )
        return told


def _done(correction: TeacherCorrection) -> str:
    if correction.kind == "none":
        return f"left (students err by {correction.shift:.3g} ± {correction.shift_se:.2g})"
    if correction.kind == "additive":
        return f"lowered by {correction.shift:.3g} (± {correction.shift_se:.2g})"
    return f"divided by {correction.ratio:.3f} (± {correction.ratio_se:.2g})"
