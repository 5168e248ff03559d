"""The report on all pairs of tasks: a sortable matrix, the graph, and each pair's own answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write
from deepmr.report.links import FILES, Link, bibtex_links, table_links
from deepmr.report.number import number_text, p_text, typeset
from deepmr.report.pairs_content import PairsContent
from deepmr.report.pairs_tables import (
    direct_table,
    edges_table,
    known_tables,
    slope_texts,
    slopes_of_pair,
    table_rows,
)
from deepmr.report.provenance import facts_of
from deepmr.report.template import fill
from deepmr.report.verdict_text import caveat_sentences, reason_sentences, verdict_sentence
from deepmr.verdict import CAVEATS

__all__ = ["render_pairs_report", "write_pairs_report"]

_LETTERS = {"forward": "→", "both": "⇄", "inseparable": "=", "shared": "·", "undecided": "?"}
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
        edges=edges_table(content),
        caveats=_caveats(content),
        contents=_contents(content),
        links=_links(content),
        direct=direct_table(content),
        sections=_sections(content),
        known=known_tables(content),
        figures=content.figures,
        files=[(name, FILES.get(name, "")) for name in content.tables.files],
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


def _contents(content: PairsContent) -> list[tuple[str, str]]:
    """Return the sections of the page: their anchor and what they are called."""
    there = {
        "answer": True,
        "matrix": True,
        "figures": bool(content.figures),
        "edges": True,
        "direct effects": len(content.tables.direct["exposure"]) > 0,
        "known relations": content.tables.known is not None,
        "pairs": True,
        "methods": content.methods is not None,
        "data": True,
    }
    return [
        (name.replace(" ", "-"), name.capitalize()) for name, is_there in there.items() if is_there
    ]


def _links(content: PairsContent) -> dict[str, list[Link]]:
    """Return the links under each table, to the numbers behind it."""
    tables = content.tables
    named = {"pairs": tables.pairs, "edges": tables.edges, "direct": tables.direct}
    links = {name: table_links(name, table, tables.files) for name, table in named.items()}
    return links | {"bibtex": bibtex_links(content.methods)}


def _caveats(content: PairsContent) -> list[tuple[str, str]]:
    """Return the caveats among the edges, each with what it means."""
    named = ";".join(map(str, content.tables.edges.get("caveats", ()))).split(";")
    who = {"exposure": "the exposure", "outcome": "the outcome"}
    return [(name, text.format(**who)) for name, text in CAVEATS.items() if name in named]


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
                "slopes": slopes_of_pair(content, names),
                "direct": _pair_direct(content, names),
            }
        )
    return sections


def _pair_direct(content: PairsContent, names: tuple[str, str]) -> list[str]:
    sentences = []
    for row in table_rows(content.tables.direct):
        if (row["exposure"], row["outcome"]) not in (names, names[::-1]):
            continue
        if row["reason"]:
            sentences.append(f"{row['reason']}.")
            continue
        value, span = slope_texts(row, "direct_")
        total, _ = slope_texts(row, "total_")
        held = str(row["given"]).replace(";", ", ")
        sentences.append(
            f"With {held} held fixed, {row['outcome']} changes by {value} ({span}) per unit of "
            f"{row['exposure']}; by {total} in total."
        )
    return sentences
