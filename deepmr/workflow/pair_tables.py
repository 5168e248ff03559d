"""Tables of all pairs, built from their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deepmr.estimate import Estimate
from deepmr.io.pair_schemas import EVIDENCE
from deepmr.io.tables import ResultTable
from deepmr.verdict import Verdict
from deepmr.workflow.pair_answers import DirectRow, MethodAnswer, PairAnswers

__all__ = ["direct_table", "edge_table", "pair_table"]


def pair_table(answers: PairAnswers) -> ResultTable:
    """Return a row for each ordered pair and estimator, pair by pair."""
    n_pairs, methods = len(answers.selection.ordered), list(answers.methods)
    columns = [_method_columns(answers.methods[name], name, n_pairs) for name in methods]
    order = np.arange(n_pairs * len(methods)).reshape(len(methods), n_pairs).T.ravel()
    joined = {
        name: np.concatenate([np.asarray(one[name]) for one in columns])[order]
        for name in columns[0]
    }
    joined |= _pair_columns(answers, methods, order)
    said = [_verdict_columns(answers.verdicts[pair]) for pair in answers.selection.ordered]
    repeated = np.repeat(np.arange(n_pairs), len(methods))
    words = ("structure", "caveats", "reason")
    verdicts = {
        name: np.array([one[name] for one in said], dtype=object if name in words else np.float64)[
            repeated
        ]
        for name in said[0]
    }
    pairs = np.array(answers.selection.ordered, dtype=object)[repeated]
    return ResultTable({"exposure": pairs[:, 0], "outcome": pairs[:, 1], **joined, **verdicts})


def _method_columns(answer: MethodAnswer, name: str, n_pairs: int) -> dict[str, np.ndarray]:
    pooled = answer.pooled
    effect, missing = pooled.pooled, np.full(n_pairs, np.nan)
    lower, upper = effect.interval()
    ends = (missing, missing) if pooled.prediction is None else pooled.prediction.interval()
    spread = pooled.heterogeneity
    return {
        "method": np.full(n_pairs, name, dtype=object),
        "pooling": np.full(n_pairs, pooled.method, dtype=object),
        "n_loci": pooled.n_loci,
        "n_loci_instruments": answer.n_loci,
        "n_instruments": answer.n_instruments,
        "value": effect.value,
        "se": effect.se,
        "df": np.broadcast_to(effect.df, effect.value.shape),
        "ci_lower": lower,
        "ci_upper": upper,
        "p_value": effect.p_value,
        "neg_log10_p": effect.neg_log10_p,
        "q_bh": answer.q_bh,
        "q_by": answer.q_by,
        "q": missing if spread is None else spread.q,
        "q_df": missing if spread is None else np.asarray(spread.df, dtype=np.float64),
        "tau2": pooled.tau2,
        "i2": missing if spread is None else spread.i2,
        "prediction_lower": ends[0],
        "prediction_upper": ends[1],
    }


def _pair_columns(
    answers: PairAnswers, methods: list[str], order: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the q-values of the pairs, and which estimator stands for each."""
    combined = answers.combined
    is_middle = np.arange(len(methods))[:, None] == combined.middle
    return {
        "q_bh_pair": np.tile(combined.q_bh, len(methods))[order],
        "q_by_pair": np.tile(combined.q_by, len(methods))[order],
        "middle": is_middle.ravel()[order],
    }


def _verdict_columns(verdict: Verdict) -> dict[str, Any]:
    names = [f"{name}_{way}" for way in ("forward", "reverse") for name in EVIDENCE]
    names += ["concordance_difference", "reliability_exposure", "reliability_outcome"]
    numbers = {
        name: verdict.evidence[name].value if name in verdict.evidence else np.nan for name in names
    }
    return {
        "structure": verdict.structure,
        "caveats": ";".join(verdict.caveats),
        "reason": verdict.reasons[0] if verdict.reasons else "",
        **numbers,
    }


def direct_table(answers: PairAnswers) -> ResultTable:
    """Return a row for each exposure, outcome and set of tasks held fixed."""
    rows = [_direct_row(row) for row in answers.direct]
    return ResultTable(_columns(rows, ("exposure", "outcome", "given")))


def _direct_row(row: DirectRow) -> dict[str, Any]:
    found, at = row.found, row.position
    numbers: dict[str, Any] = {}
    for name in ("total", "direct", "indirect", "proportion"):
        numbers |= _numbers(name, getattr(found, name), at)
    return {
        "exposure": row.exposure,
        "outcome": row.outcome,
        "given": ";".join(row.given),
        **numbers,
        "direct_p": float(found.direct.p_value[at]),
        "distinct": float(found.distinct[at]),
        "conditional_f": float(found.conditional_f[at]),
        "reason": row.reason,
    }


def _numbers(name: str, estimate: Estimate, at: int) -> Mapping[str, float]:
    lower, upper = estimate.interval()
    return {
        f"{name}_value": float(estimate.value[at]),
        f"{name}_se": float(estimate.se[at]),
        f"{name}_ci_lower": float(lower[at]),
        f"{name}_ci_upper": float(upper[at]),
    }


def edge_table(answers: PairAnswers) -> ResultTable:
    """Return a row for each edge of the graph."""
    return ResultTable(_columns(answers.graph.rows(), ("exposure", "outcome", "kind")))


_TEXT = {"exposure", "outcome", "given", "reason", "caveats", "kind", "through", "method"}


def _columns(rows: list[dict[str, Any]], least: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Turn rows into columns; without rows the least of them, empty."""
    names = list(rows[0]) if rows else list(least)
    return {
        name: np.array([row[name] for row in rows], dtype=object if name in _TEXT else np.float64)
        for name in names
    }
