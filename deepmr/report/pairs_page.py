"""The report on all pairs of tasks: a sortable matrix, the graph, and each pair's own answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write
from deepmr.report.number import MISSING, interval_text, number_text, p_text, typeset
from deepmr.report.pairs_content import PairsContent
from deepmr.report.provenance import facts_of
from deepmr.report.table import Cell, Table
from deepmr.report.template import fill
from deepmr.report.verdict_text import (
    caveat_sentences,
    reason_sentences,
    slope_meaning,
    verdict_sentence,
)

__all__ = ["render_pairs_report", "write_pairs_report"]

_LETTERS = {"forward": "→", "both": "⇄", "inseparable": "=", "shared": "·", "undecided": "?"}
_FILES = {
    "pairs.parquet": "pooled slope of every pair by every method, with q-values and verdict",
    "direct.parquet": "direct effects, with what was held fixed",
    "edges.parquet": "the pairs that are edges",
    "graph.graphml": "the graph, for Gephi, igraph or networkx",
    "graph.cyjs": "the graph, for Cytoscape",
    "verdicts.json": "every verdict with reasons and the numbers behind it",
    "known.json": "the known relations held against the edges",
    "config.yaml": "every setting of the run",
    "effects/": "effect of every variant as each network sees it",
    "figures/": "the figures above",
}
_BLUE, _RED = "0, 114, 178", "213, 94, 0"


def write_pairs_report(path: Path | str, content: PairsContent) -> None:
    """Write the report on all pairs as a single HTML file, atomically.

    Args:
        path: The HTML file; one that is there is replaced.
        content: What is reported.

    Raises:
        OSError: If the folder cannot be written to.
    """
    with atomic_write(path) as stream:
        stream.write(render_pairs_report(content))


def render_pairs_report(content: PairsContent) -> str:
    """Return the report on all pairs as HTML: everything inside, no request allowed.

    Args:
        content: What is reported.
    """
    return fill(
        "pairs.html",
        ("page", "pairs"),
        content=content,
        lead=_lead(content),
        matrix=_matrix(content),
        edges=_edges(content),
        direct=_direct(content),
        sections=_sections(content),
        known=None if content.known is None else _known(content),
        figures=content.figures,
        files=[(name, _FILES.get(name, "")) for name in content.tables.files],
        facts=facts_of(content.provenance),
        unproven=_unproven(content),
    )


def _anchor(content: PairsContent, exposure: str, outcome: str) -> str:
    """Return the name of a pair's section, whichever way it is asked; names may hold anything."""
    order = {name: k for k, name in enumerate(dict.fromkeys(content.exposures + content.outcomes))}
    first, second = sorted((order[exposure], order[outcome]))
    return f"pair-{first}-{second}"


def _lead(content: PairsContent) -> list[str]:
    pairs = len(content.verdicts)
    found = len(content.tables.edges["exposure"])
    kinds = [str(kind) for kind in content.tables.edges.get("kind", [])]
    empty = sum(
        int(row["n_loci_instruments"]) == 0
        for pair in content.verdicts
        if (row := content.row(*pair)) is not None
    )
    sentences = [
        f"{found} of {pairs} ordered pairs are edges: the verdict says that the exposure acts on "
        f"the outcome, at a false discovery rate of the slope of at most {content.level:g}."
    ]
    if "mediated" in kinds:
        sentences.append(
            f"{kinds.count('mediated')} of them are mediated: nothing is left of the effect when "
            "another task is held fixed."
        )
    if empty:
        sentences.append(
            f"{empty} {'pair has' if empty == 1 else 'pairs have'} no instrument at any locus: "
            "nothing moves the exposure both precisely and strongly enough. They stay in the "
            "table, without a slope."
        )
    return sentences


def _unproven(content: PairsContent) -> str:
    """Say which arrows of the matrix are no edges; empty where all are."""
    table = content.tables.edges
    edges = set(zip(table["exposure"], table["outcome"], strict=True))
    left = [
        f"{exposure} → {outcome}"
        for (exposure, outcome), verdict in content.verdicts.items()
        if verdict.structure in ("forward", "both") and (exposure, outcome) not in edges
    ]
    if not left:
        return ""
    shown = ", ".join(left[:20]) + (f" and {len(left) - 20} more" if len(left) > 20 else "")
    return (
        "An arrow in the matrix, but no edge, since the slope is no discovery (its q-value is "
        f"above {content.level:g}, or there is none): {shown}."
    )


def _matrix(content: PairsContent) -> list[dict[str, Any]]:
    values = np.array([abs(float(v)) for v in content.tables.pairs["value"] if np.isfinite(v)])
    limit = float(np.quantile(values, 0.95)) if values.size else 1.0
    limit = limit if limit > 0 else 1.0
    return [
        {
            "name": exposure,
            "cells": [_cell(content, exposure, outcome, limit) for outcome in content.outcomes],
        }
        for exposure in content.exposures
    ]


def _cell(content: PairsContent, exposure: str, outcome: str, limit: float) -> dict[str, Any]:
    row = content.row(exposure, outcome)
    if row is None:
        return {"link": "", "text": "", "value": "", "style": "", "title": "", "strong": False}
    value, word = float(row["value"]), str(row["structure"])
    known = np.isfinite(value)
    depth = 0.55 * min(abs(value) / limit, 1.0) if known else 0.0
    tint = f"background: rgba({_BLUE if value < 0 else _RED}, {depth:.2f})" if known else ""
    title = f"{exposure} → {outcome}: {word}"
    if known:
        title += (
            f"; slope {number_text(value)}, q {p_text(-np.log10(max(row['q_bh_pair'], 1e-300)))}"
        )
    else:
        title += "; no slope"
    return {
        "link": _anchor(content, exposure, outcome),
        "text": f"{typeset(number_text(value, digits=2))}",
        "mark": _LETTERS.get(word, ""),
        "value": repr(value) if known else "",
        "style": tint,
        "title": title,
        "strong": word in ("forward", "both"),
    }


def _slope(row: Any, stem: str = "") -> tuple[str, str]:
    numbers = [float(row[f"{stem}{name}"]) for name in ("value", "ci_lower", "ci_upper")]
    value, lower, upper = (typeset(text) for text in interval_text(*numbers))
    known = all(np.isfinite(numbers))
    return value, f"{lower} to {upper}" if known else typeset(MISSING)


def _rows(table: Any) -> list[dict[str, Any]]:
    count = len(table["exposure"])
    return [{name: column[k] for name, column in table.items()} for k in range(count)]


def _edges(content: PairsContent) -> Table:
    rows = []
    for row in _rows(content.tables.edges):
        renamed = {**row, "value": row["effect"]}
        value, span = _slope(renamed)
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


def _q(value: float) -> Cell:
    text = (
        typeset(p_text(float(-np.log10(max(value, 1e-320)))))
        if np.isfinite(value)
        else typeset(MISSING)
    )
    return Cell(text=text, value=float(value))


def _direct(content: PairsContent) -> Table:
    rows = []
    for row in _rows(content.tables.direct):
        total, _ = _slope(row, "total_")
        value, span = _slope(row, "direct_")
        share, share_span = _slope(row, "proportion_")
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


def _sections(content: PairsContent) -> list[dict[str, Any]]:
    done: set[str] = set()
    sections = []
    for exposure, outcome in content.verdicts:
        anchor = _anchor(content, exposure, outcome)
        if anchor in done:
            continue
        done.add(anchor)
        verdict = content.verdicts[exposure, outcome]
        back = content.verdicts.get((outcome, exposure))
        if verdict.structure == "reverse" and back is not None:
            verdict = back
        names = (verdict.exposure, verdict.outcome)
        sections.append(
            {
                "anchor": anchor,
                "title": f"{names[0]} and {names[1]}",
                "word": verdict.structure,
                "verdict": verdict_sentence(verdict),
                "reasons": reason_sentences(verdict),
                "caveats": caveat_sentences(verdict),
                "slopes": _pair_slopes(content, names),
                "direct": _pair_direct(content, names),
            }
        )
    return sections


def _pair_slopes(content: PairsContent, names: tuple[str, str]) -> Table:
    rows, methods = [], content.methods()
    for pair in (names, names[::-1]):
        for method in methods:
            row = content.row(*pair, method)
            if row is None:
                continue
            value, span = _slope(row)
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


def _pair_direct(content: PairsContent, names: tuple[str, str]) -> list[str]:
    sentences = []
    for row in _rows(content.tables.direct):
        if (row["exposure"], row["outcome"]) not in (names, names[::-1]):
            continue
        if row["reason"]:
            sentences.append(f"{row['reason']}.")
            continue
        value, span = _slope(row, "direct_")
        total, _ = _slope(row, "total_")
        held = str(row["given"]).replace(";", ", ")
        sentences.append(
            f"With {held} held fixed, {row['outcome']} changes by {value} ({span}) per unit of "
            f"{row['exposure']}; by {total} in total."
        )
    return sentences


def _known(content: PairsContent) -> dict[str, Any]:
    known = content.known
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
