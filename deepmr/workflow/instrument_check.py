"""Assumption check on the instruments that a run's own rule chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from deepmr.inference.estimation import Answer
from deepmr.verdict import Check, Measure
from deepmr.workflow.judgement import Judgement

__all__ = ["with_instrument_check"]

_PASSES, _FAILS = 0.5, 0.1  # share of loci with an instrument: pass from, fail below


def with_instrument_check(judgement: Judgement, answers: Sequence[Answer]) -> Judgement:
    """Return the judgement; its panel of assumptions begins with the loci that have instruments.

    The panel's other checks look at effects as large as the networks have any. Whether an effect is
    precise and large enough for the rule of the run is another question, on which slopes rest.

    Args:
        judgement: Verdict on a pair.
        answers: Causal effects; of the direction that the verdict answers, the first counts.
    """
    if not judgement.panel or not answers:
        return judgement
    verdict = judgement.verdict
    asked = (verdict.exposure, verdict.outcome)
    if verdict.structure == "reverse":
        asked = asked[::-1]
    chosen = next((a for a in answers if (a.exposure, a.outcome) == asked), answers[0])
    counts = chosen.local.estimate.n_instruments
    share = float(np.mean(counts > 0)) if len(counts) else 0.0
    state = "pass" if share >= _PASSES else "fail" if share < _FAILS else "doubt"
    advice = (
        "ask loci at which the exposure acts, or lower instruments.min_effect; train longer or "
        "on more data if effects are small beside their errors"
    )
    check = Check(
        name="instruments",
        state=state,
        number=Measure(value=share),
        meaning="share of the loci with an instrument by this run's rule",
        advice="" if state == "pass" else advice,
    )
    return replace(judgement, panel=(check, *judgement.panel))
