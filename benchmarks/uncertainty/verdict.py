"""What a way's standard errors are worth: against the truth, or against independent networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from scipy import stats

from benchmarks.paper_simulation.evidence import Evidence
from benchmarks.paper_simulation.verdict import judge
from benchmarks.uncertainty.evidence import Measured
from deepmr.effects import MemberEffects
from deepmr.inference import effect_z_scores

__all__ = ["against_others", "against_truth", "agreement"]

_STRONG = 0.1
"""Share of a task's largest effect from which on effects count: the others are next to none."""


def against_truth(
    measured: Measured,
    truth: Float64[np.ndarray, "locus task variant"],
    in_motif: Bool[np.ndarray, "locus task variant"],
) -> dict[str, Any]:
    """Return effects' z-scores and errors, and the default inference's verdict.

    Z-scores are of effects whose truth is above a tenth of the largest, a choice made without
    looking at the estimate.
    """
    members = measured.members
    record: dict[str, Any] = _cost(measured)
    effects = members.summarise(*members.tasks)
    columns = (
        (effects.beta_exposure, effects.se_exposure),
        (effects.beta_outcome, effects.se_outcome),
    )
    for k, (task, (value, se)) in enumerate(zip(members.tasks, columns, strict=True)):
        true = truth[:, k]
        strong = effects.mask & (np.abs(true) > _STRONG * np.abs(true).max())
        found = effect_z_scores(value, se, true, df=effects.df, mask=strong)
        record |= {
            f"scale {task}": found.inflation,
            f"beyond {task}": found.beyond,
            f"rmse {task}": found.rms_error,
            f"se {task}": float(np.median(se[strong])),
            f"rank {task}": _rank(se[strong], np.abs(value - true)[strong]),
        }
    evidence = Evidence(
        members=members,
        truth=truth,
        in_motif=in_motif,
        effect=float("nan"),
        validation_mse=np.full((1, 2), np.nan),
        noise_floor=np.full(2, np.nan),
        seconds=float("nan"),
    )
    return record | judge(evidence, "default", reverse=False)


def agreement(one: MemberEffects, other: MemberEffects) -> dict[str, float]:
    """Compare one way's spread with another's, over variants that both have.

    Returns:
        For each task the ratio of the members' standard deviations (root mean squares over
        variants, which few members do not bias) and their rank correlation, over effects above a
        tenth of the largest by the second way.
    """
    record = {}
    for task in one.tasks:
        size = np.abs(other.of(task).mean(axis=-2))
        kept = one.mask & other.mask & (size > _STRONG * size.max())
        a, b = (members.of(task).std(axis=-2, ddof=1)[kept] for members in (one, other))
        record |= {
            f"ratio {task}": float(np.sqrt(np.mean(a**2) / np.mean(b**2))),
            f"rank {task}": _rank(a, b),
        }
    return record


def against_others(one: MemberEffects, others: MemberEffects) -> dict[str, float]:
    """Compare a single network's effects with the mean of networks that it is none of.

    Where no truth is known, other trainings say how far a network's effects lie from those of
    the next: if its standard errors are the spread of trainings, then (one - mean of n others) /
    (se sqrt(1 + 1 / n)) is distributed as t.

    Returns:
        For each task the median of that ratio's size over that of |t|: 1 where the errors hold, 2
        where they are half of what they should be. What all trainings share stays unseen.
    """
    record = {}
    first, second = (members.summarise(*members.tasks) for members in (one, others))
    law = stats.t(first.df)
    for task, value, se, mean in (
        (one.tasks[0], first.beta_exposure, first.se_exposure, second.beta_exposure),
        (one.tasks[1], first.beta_outcome, first.se_outcome, second.beta_outcome),
    ):
        kept = first.mask & (np.abs(mean) > _STRONG * np.abs(mean).max()) & (se > 0)
        z = (value - mean)[kept] / (se[kept] * np.sqrt(1.0 + 1.0 / others.n_members))
        record[f"scale {task}"] = float(np.median(np.abs(z)) / law.ppf(0.75))
    return record


def _rank(one: Float64[np.ndarray, " n"], other: Float64[np.ndarray, " n"]) -> float:
    return float(stats.spearmanr(one, other).statistic)


def _cost(measured: Measured) -> dict[str, Any]:
    return {
        "members": measured.members.n_members,
        "training_seconds": measured.training_seconds,
        "mutagenesis_seconds": measured.mutagenesis_seconds,
    }
