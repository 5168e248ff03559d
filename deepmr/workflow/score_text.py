"""Scores before and after calibration with their intervals, as a table for the terminal."""

from __future__ import annotations

import numpy as np

from deepmr.calibration import Score, TaskScore, nll_change
from deepmr.workflow.evaluation import Evaluation

__all__ = ["changes", "score_text"]

_SHOWN = {
    "binary": (("nll", "NLL"), ("brier", "Brier"), ("ece_mass", "ECE")),
    "count": (("nll", "NLL"), ("coverage", "coverage"), ("quantile_error", "quantile error")),
    "signal": (("nll", "NLL"), ("coverage", "coverage"), ("quantile_error", "quantile error")),
}
_TASKS = 15
"""Most tasks with lines of their own; scores.parquet holds all."""


def changes(evaluation: Evaluation) -> dict[str, Score]:
    """Return the paired change of the test NLL of each binary task with labels.

    Args:
        evaluation: Predictions before and after calibration.
    """
    found = {}
    for column, task in enumerate(evaluation.tasks):
        kept = evaluation.mask[:, column]
        if task.kind != "binary" or not kept.any():
            continue
        raw = evaluation.raw[kept, column]
        after = np.asarray(evaluation.calibrators.of(task.name).transform(raw))
        label = evaluation.target[kept, column].astype(np.float64)
        found[task.name] = nll_change(raw, after, label)
    return found


def score_text(evaluation: Evaluation) -> str:
    """Return NLL, Brier score and calibration error before and after, with 95 % intervals.

    Args:
        evaluation: Predictions before and after calibration.
    """
    rows = {(row.task, row.stage, row.score): row for row in evaluation.scores}
    paired = changes(evaluation)
    width = max(10, *(len(name) for name in evaluation.tasks.names[:_TASKS]))
    lines = [f"{'test split':<{width}}  {'':<14}  {'before':<27}  {'after':<27}  change of NLL"]
    for task in list(evaluation.tasks)[:_TASKS]:
        label = task.name
        for score, title in _SHOWN[task.kind]:
            after = rows.get((task.name, "calibrated", score))
            if after is None:
                continue
            cells = [_cell(rows.get((task.name, "raw", score))), _cell(after)]
            change = paired.get(task.name) if score == "nll" else None
            last = "" if change is None else _interval(change, sign="+")
            line = f"{label:<{width}}  {title:<14}  {cells[0]:<27}  {cells[1]:<27}  {last}"
            lines.append(line.rstrip())
            label = ""
    if len(evaluation.tasks) > _TASKS:
        lines.append(f"and {len(evaluation.tasks) - _TASKS} more tasks, in scores.parquet")
    if paired:
        better = sum(one.upper < 0 for one in paired.values())
        worse = sum(one.lower > 0 for one in paired.values())
        lines.append(
            f"NLL lower in {sum(one.value < 0 for one in paired.values())} of {len(paired)} binary "
            f"tasks (beyond its 95 % interval in {better}; higher beyond it in {worse})"
        )
    return "\n".join(lines)


def _cell(row: TaskScore | None) -> str:
    return "-" if row is None else _interval(row)


def _interval(row: TaskScore | Score, *, sign: str = "") -> str:
    if not np.isfinite(row.value):
        return "-"
    return f"{row.value:{sign}.4f} ({row.lower:{sign}.4f} to {row.upper:{sign}.4f})"
