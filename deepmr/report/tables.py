"""The page's tables: every cell with its text, and the number by which it is sorted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepmr.report.content import ReportContent
from deepmr.report.number import (
    MISSING,
    interval_text,
    number_text,
    p_text,
    percent_text,
    typeset,
)

__all__ = ["Cell", "Table", "calibration_table", "loci_table", "pooled_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell.

    Args:
        text: What is shown.
        value: What it is sorted by; None for text.
        title: What is shown on hovering.
    """

    text: str
    value: float | None = None
    title: str = ""

    @property
    def sort_value(self) -> str:
        """The value as the page's script reads it; missing ones sort last."""
        return "" if self.value is None or np.isnan(self.value) else repr(float(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    Args:
        header: Names of the columns.
        rows: Cells of each row, in the order of the header.
        emphasised: Rows to set apart.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    emphasised: frozenset[int] = frozenset()


def _number(value: float) -> Cell:
    return Cell(text=typeset(number_text(value)), value=value)


def _p(neg_log10_p: float) -> Cell:
    """Return a p-value's cell; sorted by its logarithm, which does not underflow."""
    return Cell(text=typeset(p_text(neg_log10_p)), value=-neg_log10_p)


def _range(middle: float, lower: float, upper: float) -> tuple[str, str]:
    """Return the texts of an estimate and of its range."""
    value, low, high = (typeset(text) for text in interval_text(middle, lower, upper))
    missing = np.isnan(lower) or np.isnan(upper)
    return value, typeset(MISSING) if missing else f"{low} to {high}"


def pooled_table(content: ReportContent) -> Table:
    """Return the pooled effects of every method, both directions."""
    meta = content.meta
    known = bool(np.isfinite(meta["true_value"]).any())
    poolings = len(set(meta["pooling"].tolist())) > 1
    rows, emphasised = [], set()
    for row in range(len(meta["value"])):
        entry = {name: column[row] for name, column in meta.items()}
        if entry["exposure"] == content.exposure and entry["method"] == content.method:
            emphasised |= {row} if entry["pooling"] == content.pooling else set()
        number = {k: float(entry[k]) for k in entry if isinstance(entry[k], np.floating)}
        low, high = number["prediction_lower"], number["prediction_upper"]
        value, interval = _range(number["value"], number["ci_lower"], number["ci_upper"])
        cells = [
            Cell(text=f"{entry['exposure']} → {entry['outcome']}"),
            Cell(text=str(entry["method"]).replace("_", " ")),
            *([Cell(text=str(entry["pooling"]).replace("_", " "))] if poolings else []),
            Cell(text=value, value=number["value"]),
            Cell(text=interval, value=number["ci_lower"]),
            Cell(text=_range((low + high) / 2, low, high)[1], value=low),
            _p(number["neg_log10_p"]),
            Cell(text=f"{int(entry['n_loci']):,}", value=float(entry["n_loci"])),
            Cell(text=percent_text(number["i2"]), value=number["i2"]),
            _number(float(np.sqrt(number["tau2"]))),
            *([_number(number["true_value"])] if known else []),
        ]
        rows.append(tuple(cells))
    header = ["Question", "Method", *(["Pooling"] if poolings else []), "Effect", "95 % interval"]
    header += ["A new locus", "p", "Loci", "I²", "τ", *(["Truth"] if known else [])]
    return Table(header=tuple(header), rows=tuple(rows), emphasised=frozenset(emphasised))


def loci_table(content: ReportContent) -> tuple[Table, int]:
    """Return the loci with the most certain effects by the headline's method, and how many exist.

    The reverse effect stands beside it, joined by locus.
    """
    estimates = content.estimates
    forward = _rows(estimates, content.exposure, content.outcome, content.method)
    reverse = {
        _key(estimates, row): row
        for row in _rows(estimates, content.outcome, content.exposure, content.method)
    }
    strength = np.nan_to_num(estimates["neg_log10_p"][forward], nan=-1.0)
    order = [forward[k] for k in np.argsort(-strength, kind="stable")]
    known = bool(np.isfinite(estimates["true_value"][forward]).any()) if forward else False
    rows = []
    for row in order[: content.most_loci]:
        number = {
            name: float(estimates[name][row])
            for name in ("value", "ci_lower", "ci_upper", "neg_log10_p", "intercept", "true_value")
        }
        value, interval = _range(number["value"], number["ci_lower"], number["ci_upper"])
        back = reverse.get(_key(estimates, row))
        flags = estimates["flags"][row].replace(";", ", ").replace("_", " ")
        chrom, start, end = _key(estimates, row)
        rows.append(
            (
                Cell(text=f"{chrom}:{start}-{end}"),
                Cell(
                    text=f"{int(estimates['n_instruments'][row])}",
                    value=float(estimates["n_instruments"][row]),
                ),
                Cell(text=value, value=number["value"]),
                Cell(text=interval, value=number["ci_lower"]),
                _p(number["neg_log10_p"]),
                _heterogeneity(float(estimates["q"][row]), float(estimates["q_df"][row])),
                _reverse(estimates, back),
                *([_number(number["true_value"])] if known else []),
                Cell(text=flags or typeset(MISSING)),
            )
        )
    header = ("Locus", "Instruments", "Effect", "95 % interval", "p", "Q / df", "Reverse effect")
    header += (*(("Truth",) if known else ()), "Flags")
    return Table(header=header, rows=tuple(rows)), len(forward)


def _rows(
    estimates: Mapping[str, np.ndarray], exposure: str, outcome: str, method: str
) -> list[int]:
    found = (estimates["exposure"] == exposure) & (estimates["outcome"] == outcome)
    return [int(row) for row in np.flatnonzero(found & (estimates["method"] == method))]


def _key(estimates: Mapping[str, np.ndarray], row: int) -> tuple[str, int, int]:
    return (
        str(estimates["chrom"][row]),
        int(estimates["start"][row]),
        int(estimates["end"][row]),
    )


def _reverse(estimates: Mapping[str, np.ndarray], row: int | None) -> Cell:
    if row is None:
        return _number(float("nan"))
    middle, lower, upper = (float(estimates[n][row]) for n in ("value", "ci_lower", "ci_upper"))
    value, interval = _range(middle, lower, upper)
    return Cell(text=value, value=middle, title=f"95 % interval {interval}")


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
            Cell(text=metric.replace("_", " ")),
            _number(found["before"]),
            _number(found["after"]),
        )
        for task in tasks
        for (name, metric), found in score.items()
        if name == task and set(found) == {"before", "after"}
    ]
    return Table(header=("Task", "Score", "Before", "After"), rows=tuple(rows))
