"""Tables of the report on all pairs: edges, direct effects, slopes of a pair, known relations."""

from __future__ import annotations

from typing import Any

import numpy as np

from deepmr.report.number import MISSING, interval_text, number_text, p_text, typeset
from deepmr.report.pairs_content import PairsContent
from deepmr.report.table import Cell, Table
from deepmr.report.verdict_text import slope_meaning

__all__ = [
    "direct_table",
    "edges_table",
    "known_tables",
    "slope_texts",
    "slopes_of_pair",
    "table_rows",
]


def slope_texts(row: Any, stem: str = "") -> tuple[str, str]:
    """Return a slope and its interval as texts.

    Args:
        row: Row of a table.
        stem: What its columns' names begin with; nothing by default.
    """
    numbers = [float(row[f"{stem}{name}"]) for name in ("value", "ci_lower", "ci_upper")]
    value, lower, upper = (typeset(text) for text in interval_text(*numbers))
    known = all(np.isfinite(numbers))
    return value, f"{lower} to {upper}" if known else typeset(MISSING)


def table_rows(table: Any) -> list[dict[str, Any]]:
    """Return the rows of a table of columns.

    Args:
        table: Columns by name, ``exposure`` among them.
    """
    count = len(table["exposure"])
    return [{name: column[k] for name, column in table.items()} for k in range(count)]


def _q(value: float) -> Cell:
    text = (
        typeset(p_text(float(-np.log10(max(value, 1e-320)))))
        if np.isfinite(value)
        else typeset(MISSING)
    )
    return Cell(text=text, value=float(value))


def edges_table(content: PairsContent) -> Table:
    """Return the pairs that are edges of the graph.

    Args:
        content: What is reported.
    """
    rows = []
    for row in table_rows(content.tables.edges):
        renamed = {**row, "value": row["effect"]}
        value, span = slope_texts(renamed)
        rows.append(
            (
                Cell(text=str(row["exposure"])),
                Cell(text=str(row["outcome"])),
                Cell(text=value, value=float(row["effect"])),
                Cell(text=span, value=float(row["ci_lower"])),
                Cell(text=str(row["method"]).replace("_", " ")),
                _q(row["q_bh"]),
                _q(row["q_by"]),
                Cell(text=str(row["kind"])),
                Cell(text=str(row["through"]).replace(";", ", ")),
                Cell(text=str(row["caveats"]).replace(";", ", ")),
            )
        )
    header = ("Exposure", "Outcome", "Slope", "95 % interval", "Method", "q (BH)")
    return Table(header=(*header, "q (BY)", "Kind", "Through", "Caveats"), rows=tuple(rows))


def direct_table(content: PairsContent) -> Table:
    """Return the effects with other tasks held fixed, or why there are none.

    Args:
        content: What is reported.
    """
    rows = []
    for row in table_rows(content.tables.direct):
        total, _ = slope_texts(row, "total_")
        value, span = slope_texts(row, "direct_")
        share, share_span = slope_texts(row, "proportion_")
        rows.append(
            (
                Cell(text=str(row["exposure"])),
                Cell(text=str(row["outcome"])),
                Cell(text=str(row["given"]).replace(";", ", "), wrap=True),
                Cell(text=total, value=float(row["total_value"])),
                Cell(text=value, value=float(row["direct_value"])),
                Cell(text=span, value=float(row["direct_ci_lower"])),
                Cell(text=share, value=float(row["proportion_value"])),
                Cell(text=share_span, value=float(row["proportion_ci_lower"])),
                Cell(
                    text=typeset(number_text(float(row["conditional_f"]))),
                    value=float(row["conditional_f"]),
                ),
                Cell(text=str(row["reason"]), wrap=True),
            )
        )
    header = ("Exposure", "Outcome", "Held fixed", "Total", "Direct", "95 % interval")
    header += ("Share mediated", "its interval", "Conditional F", "Why none")
    return Table(header=header, rows=tuple(rows))


def slopes_of_pair(content: PairsContent, names: tuple[str, str]) -> Table:
    """Return the slopes of two tasks on each other by every method.

    Args:
        content: What is reported.
        names: The two tasks.
    """
    rows, methods = [], content.estimators()
    for pair in (names, names[::-1]):
        for method in methods:
            row = content.row(*pair, method)
            if row is None:
                continue
            value, span = slope_texts(row)
            meaning = slope_meaning(str(row["structure"]), *pair) or "effect"
            if not np.isfinite(row["value"]):
                few = "no instrument" if not row["n_loci_instruments"] else "too few instruments"
                meaning = f"no slope: {few}"
            rows.append(
                (
                    Cell(text=f"{pair[0]} → {pair[1]}"),
                    Cell(text=method.replace("_", " ")),
                    Cell(text=value, value=float(row["value"])),
                    Cell(text=span, value=float(row["ci_lower"])),
                    _q(row["q_bh"]),
                    Cell(text=f"{int(row['n_loci']):,}", value=float(row["n_loci"])),
                    Cell(text=f"{int(row['n_instruments']):,}", value=float(row["n_instruments"])),
                    Cell(text=meaning, wrap=True),
                )
            )
    header = ("Direction", "Method", "Slope", "95 % interval", "q (BH)", "Loci", "Instruments")
    return Table(header=(*header, "Stands for"), rows=tuple(rows))


def known_tables(content: PairsContent) -> dict[str, Any]:
    """Return how the edges stand beside known relations; empty where none were given.

    Args:
        content: What is reported.
    """
    known = content.tables.known
    if known is None:
        return {}

    def share(one: Any) -> str:
        if not one["n"]:
            return "none to count"
        return (
            f"{int(one['k'])} of {int(one['n'])} ({one['share']:.2f}, 95 % interval "
            f"{one['low']:.2f} to {one['high']:.2f})"
        )

    rows = tuple(
        (
            Cell(text=str(row["exposure"])),
            Cell(text=str(row["outcome"])),
            Cell(text=str(row["expected"])),
            Cell(text=str(row["structure"])),
            Cell(text=typeset(number_text(float(row["effect"]))), value=float(row["effect"])),
            _q(float(row["q_bh"])),
            Cell(
                text="as expected" if row["agrees"] else "not as expected",
                state="pass" if row["agrees"] else "fail",
            ),
        )
        for row in known.rows
    )
    calibration = tuple(
        (
            Cell(text=f"{one['level']:g}", value=float(one["level"])),
            Cell(text=str(int(one["n"])), value=float(one["n"])),
            Cell(text=str(int(one["k"])), value=float(one["k"])),
            Cell(text=share(one)),
        )
        for one in known.calibration
    )
    header = ("Exposure", "Outcome", "Expected", "Verdict", "Slope", "q (BH)", "Result")
    levels = ("q up to", "Known pairs", "Not causal", "Share that is not causal")
    return {
        "precision": share(known.precision),
        "recall": share(known.recall),
        "table": Table(header=header, rows=rows),
        "calibration": Table(header=levels, rows=calibration),
    }
