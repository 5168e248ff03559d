"""The assumptions behind a run's answer: instruments of its own rule, and the verdict's panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepmr.inference.estimation import Answer
from deepmr.verdict import (
    Check,
    Measure,
    PairEvidence,
    PredictionQuality,
    Verdict,
    assumption_panel,
)
from deepmr.workflow.calibration_slope import CALIBRATION_SLOPE

__all__ = ["check_assumptions"]

_PASSES, _FAILS = 0.5, 0.1  # share of loci with an instrument: pass from, fail below


def check_assumptions(
    verdict: Verdict,
    evidence: PairEvidence,
    answers: Sequence[Answer],
    *,
    reliability: float,
    n_members: int,
    metrics: Mapping[str, np.ndarray] | None = None,
) -> tuple[Check, ...]:
    """Check the assumptions behind the direction that a verdict answers.

    The verdict's panel looks at effects as large as the networks have any. Whether an effect is
    precise and large enough for the rule of the run is another question, on which slopes rest: it
    comes first.

    Args:
        verdict: Verdict on the pair.
        evidence: What it rests on.
        answers: Causal effects; of the direction that the verdict answers, the first counts.
            Without any, instruments are not checked.
        reliability: The guard over its threshold, the lesser of both tasks.
        n_members: Networks of the ensemble.
        metrics: Columns of the training run's ``metrics.parquet``; None (the default) for none.
    """
    pair = (verdict.exposure, verdict.outcome)
    backward = verdict.structure == "reverse"
    panel = assumption_panel(
        evidence,
        pair=0,
        direction=int(backward),
        reliability=reliability,
        n_members=n_members,
        quality=_prediction_quality(metrics, pair),
    )
    return (*_instruments(answers, pair[::-1] if backward else pair), *panel)


def _instruments(answers: Sequence[Answer], pair: tuple[str, str]) -> list[Check]:
    """Judge the share of loci at which the run's rule finds an instrument."""
    if not answers:
        return []
    chosen = next((a for a in answers if (a.exposure, a.outcome) == pair), answers[0])
    counts = chosen.local.estimate.n_instruments
    share = float(np.mean(counts > 0)) if len(counts) else 0.0
    state = "pass" if share >= _PASSES else "fail" if share < _FAILS else "doubt"
    advice = (
        "ask loci at which the exposure acts, or lower instruments.min_effect; train longer or "
        "on more data if effects are small beside their errors"
    )
    return [
        Check(
            name="instruments",
            state=state,
            number=Measure(value=share),
            meaning="share of the loci with an instrument by this run's rule",
            advice="" if state == "pass" else advice,
        )
    ]


def _prediction_quality(
    metrics: Mapping[str, Any] | None, pair: tuple[str, str]
) -> tuple[PredictionQuality, ...]:
    """Return R2 (or 2 AUROC - 1) and calibration slope of the ensemble on the test split.

    Ranks do not change under calibration, so that those before it serve where there are no others.
    """
    if metrics is None:
        return ()
    kept = np.isnan(metrics["member"].astype(float)) & (metrics["split"] == "test")
    found = []
    for task in pair:
        before, after = (
            {
                str(metrics["metric"][row]): float(metrics["value"][row])
                for row in np.flatnonzero(
                    kept & (metrics["task"] == task) & (metrics["stage"] == stage)
                )
            }
            for stage in ("before", "after")
        )
        score = before | after
        found.append(
            PredictionQuality(
                explained=score.get("r2", 2.0 * score.get("auroc", np.nan) - 1.0),
                calibration_slope=after.get(CALIBRATION_SLOPE, np.nan),
            )
        )
    return tuple(found)
