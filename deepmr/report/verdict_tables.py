"""Tables of what stands beside a verdict: negative controls and the assumption panel."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deepmr.report.number import MISSING, interval_text, number_text, typeset
from deepmr.report.tables import Cell, Table
from deepmr.verdict import CONTROLS, Check, Control, ControlNotRun, Measure

__all__ = ["controls_table", "panel_table"]


def controls_table(controls: Sequence[Control], not_run: Sequence[ControlNotRun] = ()) -> Table:
    """Return the negative controls, those run first: what each is, its verdict, passed or failed.

    Args:
        controls: Answers of the controls.
        not_run: Controls that were not run, with the reason.

    Example:
        >>> left = ControlNotRun(name="untrained", reason="a table of effects has no network")
        >>> [cell.text for cell in controls_table((), (left,)).rows[0]][:3]
        ['untrained', 'not run', '–']
    """
    empty = typeset(MISSING)
    run = [
        (
            Cell(text=one.name.replace("_", " ")),
            Cell(text="passed" if one.passed else "failed", state="pass" if one.passed else "fail"),
            Cell(text=one.verdict.structure),
            Cell(text=_measure_text(one.slope)),
            Cell(text=CONTROLS[one.name], wrap=True),
        )
        for one in controls
    ]
    left = [
        (
            Cell(text=one.name.replace("_", " ")),
            Cell(text="not run", state="unknown"),
            Cell(text=empty),
            Cell(text=empty),
            Cell(text=f"{CONTROLS[one.name]}; not run: {one.reason}", wrap=True),
        )
        for one in not_run
    ]
    return Table(
        header=("Control", "Result", "Verdict", "Slope of scaled effects", "What it is"),
        rows=(*run, *left),
    )


def panel_table(panel: Sequence[Check]) -> Table:
    """Return the assumption panel: state, number, what the number is, what to do.

    Args:
        panel: Checks, in the order shown.

    Example:
        >>> number = Measure(value=5.0)
        >>> check = Check(name="ensemble size", state="pass", number=number, meaning="networks")
        >>> [cell.text for cell in panel_table((check,)).rows[0]]
        ['ensemble size', 'pass', '5', 'networks', '–']
    """
    return Table(
        header=("Assumption", "State", "Number", "What the number is", "What to do"),
        rows=tuple(
            (
                Cell(text=check.name),
                Cell(text=check.state, state=check.state),
                Cell(text=_measure_text(check.number)),
                Cell(text=check.meaning, wrap=True),
                Cell(text=check.advice or typeset(MISSING), wrap=True),
            )
            for check in panel
        ),
    )


def _measure_text(measure: Measure) -> str:
    """Return a number with its interval to the decimals that the interval supports."""
    if math.isnan(measure.value):
        return typeset(MISSING)
    if math.isnan(measure.low) or math.isnan(measure.high):
        return typeset(number_text(measure.value))
    value, low, high = map(typeset, interval_text(measure.value, measure.low, measure.high))
    return f"{value} ({low} to {high})"
