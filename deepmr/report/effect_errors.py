"""Check of single-variant standard errors against a simulation's noiseless effects."""

from __future__ import annotations

from collections.abc import Mapping

from deepmr.inference import EffectZScores
from deepmr.report.number import number_text, percent_text, typeset
from deepmr.report.tables import Cell, Table

__all__ = ["effect_error_sentence", "effect_error_table"]

_HOLDS = (0.8, 1.25)
"""Ratios of the median |z| to its nominal value that still pass for 1."""


def effect_error_sentence(found: Mapping[str, EffectZScores]) -> str:
    """Say whether the standard errors of single-variant effects hold, for each task.

    Args:
        found: Comparison with the simulation's noiseless effects, by task.

    Returns:
        One or two sentences; empty without a comparison.

    Example:
        >>> import numpy as np
        >>> from deepmr.inference import effect_z_scores
        >>> z = effect_z_scores(np.array([2.0, -2.0]), np.ones(2), np.zeros(2), df=np.inf)
        >>> effect_error_sentence({"GATA1": z})
        'Standard errors of single-variant effects are underestimated 2.97 times (GATA1) \
(simulation check); use them for no per-variant interval. Errors of slopes come from the members.'
    """
    grouped: dict[str, list[str]] = {}
    for task, one in found.items():
        word, times = _held_against_truth(one.inflation)
        grouped.setdefault(word, []).append(f"{times}({task})")
    if not grouped:
        return ""
    said = ", ".join(f"{word} {' and '.join(parts)}" for word, parts in grouped.items())
    sentence = f"Standard errors of single-variant effects are {said} (simulation check)"
    if list(grouped) == ["right"]:
        return f"{sentence}."
    return (
        f"{sentence}; use them for no per-variant interval. Errors of slopes come from the members."
    )


def _held_against_truth(scale: float) -> tuple[str, str]:
    if _HOLDS[0] <= scale <= _HOLDS[1]:
        return "right", ""
    if scale > 1:
        return "underestimated", f"{number_text(scale)} times "
    return "overestimated", f"{number_text(1 / scale) if scale > 0 else 'infinitely many'} times "


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
