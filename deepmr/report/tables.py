"""Tables of the report: pooled slopes, slopes of single loci, calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from deepmr.report.content import ReportContent
from deepmr.report.number import (
    MISSING,
    interval_text,
    matching_text,
    number_text,
    p_text,
    percent_text,
    typeset,
)
from deepmr.report.score_names import score_name
from deepmr.report.table import Cell, Table
from deepmr.report.verdict_text import is_effect

__all__ = [
    "MOST_LOCI",
    "Cell",
    "Table",
    "calibration_table",
    "loci_table",
    "pooled_table",
    "slopes_table",
]

MOST_LOCI = 200
"""Rows of the table of loci; ``estimates.parquet`` has all."""


_Column = Callable[[Mapping[str, Any]], Cell]


def _number(value: float) -> Cell:
    return Cell(text=typeset(number_text(value)), value=value)


def _p(neg_log10_p: float) -> Cell:
    """Return a p-value's cell; sorted by its logarithm, which does not underflow."""
    return Cell(text=typeset(p_text(neg_log10_p)), value=-neg_log10_p)


def _percent(fraction: float) -> str:
    return typeset(MISSING) if np.isnan(fraction) else percent_text(fraction)


def _effect(row: Mapping[str, Any]) -> Cell:
    return Cell(text=typeset(_texts(row)[0]), value=float(row["value"]))


def _interval(row: Mapping[str, Any]) -> Cell:
    return Cell(text=_span(*_texts(row)[1:]), value=float(row["ci_lower"]))


def _prediction(row: Mapping[str, Any]) -> Cell:
    low, high = float(row["prediction_lower"]), float(row["prediction_upper"])
    return Cell(text=_span(*interval_text((low + high) / 2, low, high)[1:]), value=low)


def _noiseless(row: Mapping[str, Any]) -> Cell:
    """Return the noiseless slope to the decimals of the estimate it stands beside."""
    true = float(row["true_value"])
    return Cell(text=typeset(matching_text(true, _texts(row)[0])), value=true)


def _texts(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return interval_text(float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"]))


def _span(lower: str, upper: str) -> str:
    missing = MISSING in (lower, upper)
    return typeset(MISSING) if missing else f"{typeset(lower)} to {typeset(upper)}"


def _flags(row: Mapping[str, Any]) -> Cell:
    names = row["flags"].replace(";", ", ").replace("_", " ")
    return Cell(text=names or typeset(MISSING), wrap=True)


def _name(text: str) -> Cell:
    return Cell(text=text.replace("_", " "))


def _build(columns: Mapping[str, _Column], rows: list[dict[str, Any]], **marks: Any) -> Table:
    return Table(
        header=tuple(columns),
        rows=tuple(tuple(cell(row) for cell in columns.values()) for row in rows),
        **marks,
    )


def pooled_table(content: ReportContent) -> Table:
    """Return the pooled slopes of every method, both directions.

    Args:
        content: What is reported; the row of its headline is set apart.
    """
    meta = content.meta
    columns: dict[str, _Column] = {
        "Question": lambda row: Cell(text=f"{row['exposure']} → {row['outcome']}"),
        "Method": lambda row: _name(row["method"]),
        "Pooling": lambda row: _name(row["pooling"]),
        "Slope": _effect,
        "95 % interval": _interval,
        "95 % PI": _prediction,
        "p": lambda row: _p(float(row["neg_log10_p"])),
        "Loci": lambda row: Cell(text=f"{int(row['n_loci']):,}", value=float(row["n_loci"])),
        "I²": lambda row: Cell(text=_percent(float(row["i2"])), value=float(row["i2"])),
        "τ": lambda row: _number(float(np.sqrt(row["tau2"]))),
        "Noiseless slope": _noiseless,
        "In the simulation": _in_simulation,
    }
    if not np.isfinite(meta["true_value"]).any():
        del columns["Noiseless slope"]
    if not any(meta.get("true_structure", ())):
        del columns["In the simulation"]
    if len(set(meta["pooling"].tolist())) == 1:
        del columns["Pooling"]
    rows = _records(meta, range(len(meta["value"])))
    asked = (content.exposure, content.outcome, content.method, content.pooling)
    bold = frozenset(
        k
        for k, row in enumerate(rows)
        if (row["exposure"], row["outcome"], row["method"], row["pooling"]) == asked
    )
    return _build(columns, rows, emphasised=bold)


def _in_simulation(row: Mapping[str, Any]) -> Cell:
    """Say whether the simulation's grammar has an effect in the row's direction."""
    word = str(row["true_structure"] or "")
    if not word:
        return Cell(text=typeset(MISSING))
    return Cell(text="effect" if is_effect(word) else "no effect")


def slopes_table(rows: Mapping[str, np.ndarray]) -> Table:
    """Return the slopes of one locus, a row per direction and method.

    Args:
        rows: Rows of the locus of the table of estimates: columns by name.

    Example:
        >>> columns = {"exposure": ["X"], "outcome": ["Y"], "method": ["ivw"], "flags": [""]}
        >>> numbers = {"n_instruments": [7.0], "value": [0.5], "ci_lower": [0.4],
        ...     "ci_upper": [0.6], "neg_log10_p": [3.0], "true_value": [np.nan]}
        >>> rows = {name: np.array(column) for name, column in (columns | numbers).items()}
        >>> [cell.text for cell in slopes_table(rows).rows[0]]
        ['X → Y', 'ivw', '7', '0.50', '0.40 to 0.60', '1×10⁻³', '–']
    """
    columns: dict[str, _Column] = {
        "Question": lambda row: Cell(text=f"{row['exposure']} → {row['outcome']}"),
        "Method": lambda row: _name(row["method"]),
        "Instruments": lambda row: _number(float(row["n_instruments"])),
        "Slope": _effect,
        "95 % interval": _interval,
        "p": lambda row: _p(float(row["neg_log10_p"])),
        "Noiseless slope": _noiseless,
        "Flags": _flags,
    }
    if not np.isfinite(rows["true_value"]).any():
        del columns["Noiseless slope"]
    return _build(columns, _records(rows, range(len(rows["value"]))))


def loci_table(content: ReportContent) -> tuple[Table, int]:
    """Return the loci with the smallest p-values by the headline's method, and how many exist.

    The slope of the other direction stands beside, joined by locus. At most `MOST_LOCI` rows.

    Args:
        content: What is reported.
    """
    estimates = content.estimates
    forward = _rows(estimates, content.exposure, content.outcome, content.method)
    back = _records(estimates, _rows(estimates, content.outcome, content.exposure, content.method))
    reverse = {_key(row): row for row in back}
    columns: dict[str, _Column] = {
        "Locus": lambda row: Cell(text="{}:{}-{}".format(*_key(row))),
        "Instruments": lambda row: _number(float(row["n_instruments"])),
        "Slope": _effect,
        "95 % interval": _interval,
        "p": lambda row: _p(float(row["neg_log10_p"])),
        "Q / df": lambda row: _heterogeneity(float(row["q"]), float(row["q_df"])),
        "Slope the other way": lambda row: _reverse(reverse.get(_key(row))),
        "Noiseless slope": _noiseless,
        "Flags": _flags,
    }
    if not np.isfinite(estimates["true_value"][forward]).any():
        del columns["Noiseless slope"]
    if not np.isfinite(estimates["q"][forward]).any():
        del columns["Q / df"]
    strength = np.nan_to_num(estimates["neg_log10_p"][forward], nan=-1.0)
    order = np.argsort(-strength, kind="stable")[:MOST_LOCI]
    return _build(columns, _records(estimates, [forward[k] for k in order])), len(forward)


def _records(table: Mapping[str, np.ndarray], rows: Iterable[int]) -> list[dict[str, Any]]:
    return [{name: column[row] for name, column in table.items()} for row in rows]


def _rows(
    estimates: Mapping[str, np.ndarray], exposure: str, outcome: str, method: str
) -> list[int]:
    found = (estimates["exposure"] == exposure) & (estimates["outcome"] == outcome)
    return [int(row) for row in np.flatnonzero(found & (estimates["method"] == method))]


def _key(row: Mapping[str, Any]) -> tuple[str, int, int]:
    return str(row["chrom"]), int(row["start"]), int(row["end"])


def _reverse(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return _number(float("nan"))
    effect = _effect(row)
    return Cell(text=effect.text, value=effect.value, title=f"95 % interval {_interval(row).text}")


def _heterogeneity(q: float, df: float) -> Cell:
    if not (np.isfinite(q) and df > 0):
        return Cell(text=typeset(MISSING), value=float("nan"))
    return Cell(text=f"{number_text(q / df)}", value=q / df, title=f"Q = {q:.4g}, df = {df:g}")


def calibration_table(
    metrics: Mapping[str, np.ndarray], tasks: tuple[str, ...], *, split: str = "test"
) -> Table:
    """Return the ensemble's scores on held-out data before and after calibration.

    Args:
        metrics: Columns of ``metrics.parquet``.
        tasks: The tasks to show.
        split: The split the scores are from: not the one the calibrators were fitted on.
    """
    score: dict[tuple[str, str], dict[str, float]] = {}
    alone = np.isnan(metrics["member"].astype(float)) & (metrics["split"] == split)
    for row in np.flatnonzero(alone):
        key = (metrics["task"][row], metrics["metric"][row])
        if key[0] in tasks and metrics["stage"][row] in ("before", "after"):
            score.setdefault(key, {})[metrics["stage"][row]] = float(metrics["value"][row])
    rows = [
        (
            Cell(text=task),
            *(Cell(text=word) for word in score_name(metric)),
            _number(found["before"]),
            _number(found["after"]),
        )
        for task in tasks
        for (name, metric), found in score.items()
        if name == task and set(found) == {"before", "after"}
    ]
    return Table(header=("Task", "Score", "Better", "Before", "After"), rows=tuple(rows))
