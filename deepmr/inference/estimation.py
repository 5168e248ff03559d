"""Estimate causal effects from variant effects: one for each locus, and the pooled effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effect_shard import EffectShard
from deepmr.inference.concordant import CONCORDANT, FLOOR, Concordant
from deepmr.inference.contract import LocalInference
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.meta import MetaAnalysisResult

__all__ = ["Answer", "estimate", "true_slope"]

_LEAST_TRUE = 0.1
"""Least root mean square exposure effect of a locus with a true slope, of the loci's median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Causal effects in one direction by one estimator: local and pooled.

    Args:
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.
        method: Short name of the estimator.
        local: Causal effect of each locus.
        pooled: Meta-analysis over loci.
        true_local: True slope over each locus's instruments; NaN where unknown.
        true_pooled: Mean of the true slopes over the loci that have an estimate; NaN if unknown.
    """

    exposure: str
    outcome: str
    method: str
    local: LocalInference
    pooled: MetaAnalysisResult
    true_local: Float64[np.ndarray, " locus"]
    true_pooled: float


def true_slope(
    exposure: Float64[np.ndarray, "locus variant"],
    outcome: Float64[np.ndarray, "locus variant"],
    instruments: Bool[np.ndarray, "locus variant"],
) -> Float64[np.ndarray, " locus"]:
    """Return the slope through the origin of noiseless outcome effects on exposure effects.

    Over exactly the variants an estimate used, equally weighted: the estimand of a local effect.
    Instruments chosen by mistake may hardly move the exposure in truth; a slope there divides by
    almost nothing. Loci whose root mean square exposure effect is below a tenth of the loci's
    median have no true slope.

    Args:
        exposure: True exposure effects.
        outcome: True outcome effects.
        instruments: Variants that the estimate was computed from.

    Returns:
        One slope per locus; NaN where the instruments have no exposure effect, or almost none.

    Example:
        >>> x = np.array([[1.0, 2.0], [1.5, 1.0], [0.001, 0.0]])
        >>> true_slope(x, 0.5 * x, np.ones((3, 2), dtype=bool)).tolist()
        [0.5, 0.5, nan]
    """
    x, y = np.where(instruments, exposure, 0.0), np.where(instruments, outcome, 0.0)
    square = np.sum(x * x, axis=-1)
    size = np.sqrt(square / np.maximum(instruments.sum(axis=-1), 1))
    least = _LEAST_TRUE * np.median(size[size > 0]) if (size > 0).any() else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.sum(x * y, axis=-1) / square
    return np.asarray(np.where((size > 0) & (size >= least), slope, np.nan))


def estimate(
    shards: Iterable[EffectShard],
    loci: Loci,
    pair: tuple[str, str],
    question: Question,
    *,
    targets: Mapping[str, str] | None = None,
    scale: Mapping[str, float] | None = None,
) -> list[Answer]:
    """Estimate the effects of a pair of tasks in both directions with every estimator.

    Args:
        shards: Effects of all loci in the order of ``loci``; read one at a time.
        loci: The loci, with true effects where they are known.
        pair: Names of the exposure's and the outcome's task.
        question: Statistical settings.
        targets: What each task measures, by name; by default its name. Instruments by motif need
            it.
        scale: Size of each task's effects by name (`deepmr.verdict.effect_scale`), which tells the
            concordant instruments; without it (the default) there is no concordant slope.

    Returns:
        One answer for each direction and method: forward first; the concordant slope before the
        estimators in their order.
    """
    methods = question.methods(concordant=scale is not None)
    keys = [
        (exposure, outcome, method)
        for exposure, outcome in (pair, pair[::-1])
        for method in methods
    ]
    parts: dict[tuple[str, str, str], list[LocalInference]] = {key: [] for key in keys}
    start = 0
    for shard in shards:
        codes = loci.codes[start : start + len(shard.loci)]
        start += len(codes)
        rules = {task: question.rule_at(codes, (targets or {}).get(task, task)) for task in pair}
        here: dict[tuple[str, str], list[LocalInference]] = {}
        for exposure, outcome, method in keys:
            rule = rules[exposure]
            if method == CONCORDANT and scale is not None:
                rule = Concordant(rule=rule, floor=FLOOR * scale[outcome])
            found = question.inference.local(
                shard.effects, exposure, outcome, rule=rule, estimator=methods[method]
            )
            if method == CONCORDANT:
                found = replace(found, estimate=replace(found.estimate, method=CONCORDANT))
            found = _sharing(found, *here.setdefault((exposure, outcome), []))
            here[exposure, outcome].append(found)
            parts[exposure, outcome, method].append(found)
    answers: list[Answer] = []
    for key in keys:
        joined = LocalInference.join(parts.pop(key))
        alike = [one.local for one in answers if (one.exposure, one.outcome) == key[:2]]
        answers.append(_answer(key, _sharing(joined, *alike), loci, question))
    return answers


def _sharing(found: LocalInference, *others: LocalInference) -> LocalInference:
    """Return a result that refers to another's instruments where they are equal, to save memory.

    Instruments grow with loci and variants, and a rule that depends on the exposure alone selects
    the same for every method.
    """
    for other in others:
        if np.array_equal(found.instruments, other.instruments):
            return replace(found, instruments=other.instruments)
    return found


def _answer(
    key: tuple[str, str, str], local: LocalInference, loci: Loci, question: Question
) -> Answer:
    exposure, outcome, method = key
    truth = np.full(len(loci), np.nan)
    if loci.true_effects is not None:
        columns = [loci.true_tasks.index(name) for name in (exposure, outcome)]
        x, y = (loci.true_effects[:, column] for column in columns)
        truth = true_slope(x, y, local.instruments[:, : x.shape[-1]])
    known = np.isfinite(local.estimate.effect.value) & np.isfinite(truth)
    return Answer(
        exposure=exposure,
        outcome=outcome,
        method=method,
        local=local,
        pooled=question.inference.pool(local, pooling=question.pooling),
        true_local=truth,
        true_pooled=float(truth[known].mean()) if known.any() else float("nan"),
    )
