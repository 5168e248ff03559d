"""Answers on all pairs of tasks: pooled effects, verdicts, direct effects and the causal graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepmr.causal_graph import (
    Edge,
    EffectMoments,
    Mediation,
    TaskGraph,
    benjamini_hochberg,
    benjamini_yekutieli,
    edge_kind,
    mediation,
    middle_of_estimators,
)
from deepmr.inference import LocalInference, OverMembers
from deepmr.inference.question import Question
from deepmr.meta import MetaAnalysisResult
from deepmr.verdict import MemberAgreement, PairStatistics, Verdict, judge
from deepmr.workflow.pair_parts import PairPart
from deepmr.workflow.task_selection import PairSelection

__all__ = ["CombinedAnswer", "DirectRow", "MethodAnswer", "PairAnswers", "answer_pairs", "turned"]

_TURNED = {"forward": "reverse", "reverse": "forward"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodAnswer:
    """Pooled effects of every ordered pair by one estimator.

    Args:
        pooled: Meta-analyses over loci, batch axis ``pair``.
        n_instruments: Instruments of all loci, by pair.
        n_loci: Loci with an instrument, by pair.
        q_bh: False discovery rate over the pairs (Benjamini and Hochberg).
        q_by: The same under any dependence (Benjamini and Yekutieli).
    """

    pooled: MetaAnalysisResult
    n_instruments: np.ndarray
    n_loci: np.ndarray
    q_bh: np.ndarray
    q_by: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedAnswer:
    """Slope of every ordered pair by the estimator in the middle, and q-values over all of them.

    Args:
        methods: Names of the estimators.
        middle: Position of the estimator whose p-value is the middle one, by pair.
        value: Its pooled slope.
        lower: Lower end of its 95 % interval.
        upper: Upper end.
        q_bh: False discovery rate of the combined p-values (Benjamini and Hochberg).
        q_by: The same under any dependence.
    """

    methods: tuple[str, ...]
    middle: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    q_bh: np.ndarray
    q_by: np.ndarray

    @classmethod
    def of(cls, methods: Mapping[str, MethodAnswer]) -> CombinedAnswer:
        """Combine the estimators' answers."""
        effects = [one.pooled.pooled for one in methods.values()]
        log_p, middle = middle_of_estimators(np.stack([one.log_p_value for one in effects]))
        ends = [one.interval() for one in effects]

        def chosen(columns: Sequence[np.ndarray]) -> np.ndarray:
            return np.asarray(np.take_along_axis(np.stack(columns), middle[None], axis=0)[0])

        return cls(
            methods=tuple(methods),
            middle=middle,
            value=chosen([one.value for one in effects]),
            lower=chosen([low for low, _ in ends]),
            upper=chosen([high for _, high in ends]),
            q_bh=benjamini_hochberg(log_p),
            q_by=benjamini_yekutieli(log_p),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRow:
    """Effect of an exposure on an outcome with other tasks held fixed.

    Args:
        exposure: Name of the exposure.
        outcome: Name of the outcome.
        given: Names of the tasks held fixed.
        position: Row of ``found``.
        found: Total, direct and indirect effect, and the proportion that is indirect.
        reason: Why there is no direct effect; empty where there is one.
    """

    exposure: str
    outcome: str
    given: tuple[str, ...]
    position: int
    found: Mediation
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswers:
    """Answers on every pair of a selection.

    Args:
        selection: The pairs.
        methods: Pooled effects by estimator, in their order.
        combined: Slope by the estimator in the middle, with the pairs' q-values.
        verdicts: Verdict of each ordered pair, exposure to outcome.
        direct: Direct effects that were estimated or refused.
        graph: Edges by verdict and q-value.
        n_loci: Loci that were asked.
    """

    selection: PairSelection
    methods: Mapping[str, MethodAnswer]
    combined: CombinedAnswer
    verdicts: Mapping[tuple[str, str], Verdict]
    direct: tuple[DirectRow, ...]
    graph: TaskGraph
    n_loci: int

    @property
    def first(self) -> MethodAnswer:
        """Answer by the first estimator."""
        return next(iter(self.methods.values()))


def turned(verdict: Verdict) -> Verdict:
    """Return a verdict as seen from the other task: what was the outcome is the exposure.

    Example:
        >>> turned(Verdict(exposure="X", outcome="Y", structure="forward")).structure
        'reverse'
    """
    swap = {"forward": "reverse", "reverse": "forward", "exposure": "outcome"}
    swap["outcome"] = "exposure"
    evidence = {}
    for name, one in verdict.evidence.items():
        stem, _, last = name.rpartition("_")
        if name == "concordance_difference":
            evidence[name] = replace(one, value=-one.value, low=-one.high, high=-one.low)
        else:
            evidence[f"{stem}_{swap[last]}" if last in swap else name] = one
    return replace(
        verdict,
        exposure=verdict.outcome,
        outcome=verdict.exposure,
        structure=_TURNED.get(verdict.structure, verdict.structure),
        evidence=evidence,
    )


def answer_pairs(
    parts: Sequence[PairPart],
    selection: PairSelection,
    question: Question,
    *,
    level: float = 0.05,
    given: Sequence[str] | None = None,
    direct: bool = True,
    seed: int = 0,
) -> PairAnswers:
    """Pool, judge and assemble: what follows from all shards together.

    Args:
        parts: Of all shards, in their order.
        selection: The pairs.
        question: Estimators, inference and pooling.
        level: Largest false discovery rate of an edge.
        given: Tasks held fixed for every pair; by default (None) those that mediate an edge, one at
            a time.
        direct: Whether direct effects are estimated.
        seed: Of the bootstrap behind the verdicts' intervals.
    """
    methods = {name: _pool([p.local[name] for p in parts], question) for name in parts[0].local}
    statistics = PairStatistics.join([part.statistics for part in parts])
    agreement = MemberAgreement.join([part.agreement for part in parts])
    verdicts = _verdicts(selection, judge(statistics, agreement=agreement, seed=seed))
    combined = CombinedAnswer.of(methods)
    edges = _edges(selection, combined, verdicts, level)
    moments = [part.moments for part in parts if part.moments is not None]
    rows: list[DirectRow] = []
    if direct and moments:
        joined = EffectMoments.join(moments)
        asked = _given_list(selection, given) if given is not None else _chains(edges)
        rows = _mediations(joined, asked, _shared(question))
    return PairAnswers(
        selection=selection,
        methods=methods,
        combined=combined,
        verdicts=verdicts,
        direct=tuple(rows),
        graph=TaskGraph(
            tasks=selection.tasks, edges=tuple(_with_kind(edge, rows) for edge in edges)
        ),
        n_loci=statistics.n_loci,
    )


def _pool(parts: Sequence[LocalInference], question: Question) -> MethodAnswer:
    local = LocalInference.join(parts)
    pooled = question.inference.pool(local, pooling=question.pooling)
    count = local.estimate.n_instruments
    log_p = pooled.pooled.log_p_value
    return MethodAnswer(
        pooled=pooled,
        n_instruments=count.sum(axis=-1),
        n_loci=(count > 0).sum(axis=-1),
        q_bh=benjamini_hochberg(log_p),
        q_by=benjamini_yekutieli(log_p),
    )


def _verdicts(selection: PairSelection, found: Sequence[Verdict]) -> dict[tuple[str, str], Verdict]:
    both = {(one.exposure, one.outcome): one for one in found}
    return {
        pair: both[pair] if pair in both else turned(both[pair[::-1]]) for pair in selection.ordered
    }


def _edges(
    selection: PairSelection,
    answer: CombinedAnswer,
    verdicts: Mapping[tuple[str, str], Verdict],
    level: float,
) -> list[Edge]:
    return [
        Edge(
            exposure=exposure,
            outcome=outcome,
            effect=float(answer.value[k]),
            interval=(float(answer.lower[k]), float(answer.upper[k])),
            method=answer.methods[int(answer.middle[k])],
            q_bh=float(answer.q_bh[k]),
            q_by=float(answer.q_by[k]),
            caveats=verdicts[exposure, outcome].caveats,
        )
        for k, (exposure, outcome) in enumerate(selection.ordered)
        if verdicts[exposure, outcome].structure in ("forward", "both") and answer.q_bh[k] <= level
    ]


Asked = list[tuple[str, tuple[str, ...], str]]
"""Exposure, tasks held fixed, outcome."""


def _chains(edges: Sequence[Edge]) -> Asked:
    """Return every edge with each task that lies between its ends, one at a time."""
    joined = {(edge.exposure, edge.outcome) for edge in edges}
    middle: dict[str, list[str]] = {}
    for exposure, outcome in joined:
        middle.setdefault(exposure, []).append(outcome)
    return [
        (edge.exposure, (between,), edge.outcome)
        for edge in edges
        for between in sorted(middle[edge.exposure])
        if (between, edge.outcome) in joined
        and (between, edge.exposure) not in joined  # a loop has no order of its tasks
    ]


def _given_list(selection: PairSelection, given: Sequence[str]) -> Asked:
    asked = []
    for exposure, outcome in selection.ordered:
        held = tuple(name for name in given if name not in (exposure, outcome))
        if held:
            asked.append((exposure, held, outcome))
    return asked


def _mediations(moments: EffectMoments, asked: Asked, shared: float) -> list[DirectRow]:
    """Estimate questions with the same number of tasks held fixed together."""
    at = {name: k for k, name in enumerate(moments.tasks)}
    rows: dict[int, DirectRow] = {}
    for size in sorted({len(held) for _, held, _ in asked}):
        chosen = [k for k, (_, held, _) in enumerate(asked) if len(held) == size]
        found = mediation(
            moments,
            np.array([at[asked[k][0]] for k in chosen]),
            np.array([[at[name] for name in asked[k][1]] for k in chosen]),
            np.array([at[asked[k][2]] for k in chosen]),
            shared=shared,
        )
        for position, k in enumerate(chosen):
            exposure, held, outcome = asked[k]
            rows[k] = DirectRow(
                exposure=exposure,
                outcome=outcome,
                given=held,
                position=position,
                found=found,
                reason=_reason(exposure, held, found, position),
            )
    return [rows[k] for k in sorted(rows)]


def _reason(exposure: str, held: tuple[str, ...], found: Mediation, position: int) -> str:
    if np.isfinite(found.direct.value[position]):
        return ""
    return (
        f"{exposure} cannot be told apart from {', '.join(held)}: they leave "
        f"{100 * found.distinct[position]:.1f} % of its squared effects, conditional F "
        f"{found.conditional_f[position]:.1f}"
    )


def _shared(question: Question) -> float:
    inference = question.inference
    return inference.error.shared if isinstance(inference, OverMembers) else 0.0


def _with_kind(edge: Edge, rows: Sequence[DirectRow]) -> Edge:
    given, total = [], edge.effect
    for row in rows:
        if (row.exposure, row.outcome) == (edge.exposure, edge.outcome):
            low, high = row.found.direct.interval()
            total = float(row.found.total.value[row.position])
            given.append(
                (", ".join(row.given), float(low[row.position]), float(high[row.position]))
            )
    kind, through = edge_kind(total, given)
    return replace(edge, kind=kind, through=through)
