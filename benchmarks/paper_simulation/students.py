"""The parametric bootstrap of a round: students of its ensemble, and what they correct."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from benchmarks.paper_simulation.evidence import (
    Round,
    ensemble_effects,
    ensemble_plan,
    read_members,
    write_members,
)
from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference import Inference, StudentEstimates
from deepmr.inference.contract import Estimator, Pooling
from deepmr.instruments import Rule
from deepmr.workflow.estimation import true_slope

__all__ = ["Student", "ask", "gather_students"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """An ensemble trained on data drawn from a round's.

    Args:
        members: Its effects at the round's loci.
        teacher: Those of the ensemble that taught it.
    """

    members: MemberEffects
    teacher: Float64[np.ndarray, "locus task variant"]


def gather_students(one: Round, cache: Path, n: int, *, noise: str) -> list[Student]:
    """Return a round's students, from their files or trained now.

    Where the ensemble's weights are gone, it is trained once more, as it was.
    """
    paths = [cache / f"{one.name}-{noise}-student-{k}.npz" for k in range(1, n + 1)]
    teacher = cache / "train" / one.name
    for k, path in enumerate(paths, start=1):
        if not path.is_file():
            _make(one, cache, teacher, k, path, noise=noise)
    shutil.rmtree(teacher, ignore_errors=True)
    found = []
    for path in paths:
        members, truth = read_members(path)
        found.append(Student(members=members, teacher=truth))
    return found


def _make(one: Round, cache: Path, teacher: Path, k: int, path: Path, *, noise: str) -> None:
    from deepmr.workflow.fit import fit

    if not (teacher / "manifest.json").is_file():
        fit(ensemble_plan(one, cache, teacher.name))
    student = ensemble_plan(
        one,
        cache,
        path.stem,
        extra=("data=teacher", f"data.run={teacher}", f"data.noise={noise}"),
        seed=100 * one.seed + k,
    )
    if not (student.folder / "manifest.json").is_file():
        fit(student)
    write_members(path, ensemble_effects(student))
    shutil.rmtree(student.folder)


def ask(
    students: Sequence[Student],
    question: tuple[str, str],
    *,
    inference: Inference,
    rule: Rule,
    estimator: Estimator,
    pooling: Pooling,
    mask: np.ndarray | None = None,
) -> StudentEstimates:
    """Ask every student a round's question, as the round's ensemble is asked.

    Args:
        students: Of the round.
        question: Exposure and outcome.
        inference: The one to be corrected.
        rule: Which variants are instruments.
        estimator: Of a locus.
        pooling: Of loci.
        mask: Variants that may serve.
    """
    local, teacher, pooled, mean = [], [], [], []
    for student in students:
        members = student.members
        if mask is not None:
            members = replace(members, mask=members.mask & mask)
        cause, effect = (members.tasks.index(name) for name in question)
        found = inference.local(members, *question, rule=rule, estimator=estimator)
        truth = true_slope(student.teacher[:, cause], student.teacher[:, effect], found.instruments)
        known = np.isfinite(truth) & np.isfinite(found.estimate.effect.value)
        local.append(found.estimate.effect)
        teacher.append(truth)
        pooled.append(inference.pool(found, pooling=pooling).pooled)
        mean.append(truth[known].mean() if known.any() else np.nan)
        method = found.estimate.method
    return StudentEstimates(
        exposure=question[0],
        outcome=question[1],
        method=method,
        local=_stacked(local),
        teacher=np.stack(teacher),
        pooled=_stacked(pooled),
        teacher_pooled=np.array(mean),
    )


def _stacked(parts: Sequence[Estimate]) -> Estimate:
    return Estimate(
        value=np.stack([part.value for part in parts]),
        se=np.stack([part.se for part in parts]),
        df=np.stack([np.broadcast_to(part.df, part.value.shape) for part in parts]),
    )
