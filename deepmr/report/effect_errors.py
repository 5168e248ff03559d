"""Check of single-variant standard errors against a simulation's noiseless effects."""

from __future__ import annotations

from collections.abc import Mapping

from deepmr.inference import EffectZScores
from deepmr.report.number import number_text, percent_text, typeset
from deepmr.report.tables import Cell, Table

__all__ = ["effect_error_sentence", "effect_error_table"]

_LEAST = 0.90
"""Coverage of 95 % intervals below which they are called too narrow."""


def effect_error_sentence(found: Mapping[str, EffectZScores]) -> str:
    """Say whether 95 % intervals of single-variant effects hold, for each task.

    Args:
        found: Comparison with the simulation's noiseless effects, by task.

    Returns:
        One or two sentences; empty without a comparison.

    Example:
        >>> import numpy as np
        >>> from deepmr.inference import effect_z_scores
        >>> z = effect_z_scores(np.array([2.0, -1.0]), np.ones(2), np.zeros(2), df=np.inf)
        >>> effect_error_sentence({"GATA1": z})
        '95 % intervals of single effects hold the noiseless effect for 50 % (GATA1) of the \
variants (simulation check): too narrow, use them for no variant alone. Errors of slopes are \
their own.'
    """
    if not found:
        return ""
    covered = {task: 1.0 - one.beyond for task, one in found.items()}
    parts = " and ".join(f"{percent_text(share)} ({task})" for task, share in covered.items())
    sentence = (
        f"95 % intervals of single effects hold the noiseless effect for {parts} of the variants "
        "(simulation check)"
    )
    if min(covered.values()) >= _LEAST:
        return f"{sentence}."
    return f"{sentence}: too narrow, use them for no variant alone. Errors of slopes are their own."


def effect_error_table(
    found: Mapping[str, EffectZScores], units: Mapping[str, str] | None = None
) -> Table:
    """Return each task's z-scores against the simulation's noiseless effects.

    Args:
        found: Comparison with the noiseless effects, by task.
        units: What several units of each task's effects are called; none by default.
    """
    of_task = units or {}
    rows = [
        (
            Cell(text=f"{task} ({of_task[task]})" if task in of_task else task),
            Cell(text=f"{one.n:,}", value=float(one.n)),
            Cell(text=typeset(number_text(one.inflation)), value=one.inflation),
            Cell(text=percent_text(one.beyond), value=one.beyond),
            Cell(text=typeset(number_text(one.rms_error)), value=one.rms_error),
            Cell(text=typeset(number_text(one.rms_se)), value=one.rms_se),
        )
        for task, one in found.items()
    ]
    return Table(
        header=(
            "Task",
            "Effects",
            "Median |z| / nominal",
            "Outside their 95 %",
            "Actual error (RMS)",
            "Standard error (RMS)",
        ),
        rows=tuple(rows),
    )
