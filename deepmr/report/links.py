"""Links from the report to its data: CSV within the page, parquet in the run's folder."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmr.report.content import ReportContent
from deepmr.report.downloads import csv_uri, table_columns
from deepmr.report.gallery import LocusCard
from deepmr.report.methods import Methods
from deepmr.report.table import Table

__all__ = [
    "FILES",
    "Link",
    "bibtex_links",
    "data_links",
    "figure_links",
    "files_beside",
    "listed_files",
    "locus_links",
    "table_links",
]

FILES: Mapping[str, str] = {
    "meta.parquet": "pooled slopes, a row a direction and method",
    "estimates.parquet": "slope of every locus, a row a locus, direction and method",
    "instruments.parquet": "every instrument with position, alleles, effects and standard errors",
    "loci.parquet": "the loci, with numbers of variants and predictions for the reference",
    "variants.parquet": "effects of the listed variants",
    "verdict.json": "verdict, reasons, numbers behind it, controls, assumptions",
    "pairs.parquet": "pooled slope of every pair by every method, with q-values and verdict",
    "direct.parquet": "direct effects, with what was held fixed",
    "edges.parquet": "the pairs that are edges of the graph",
    "graph.graphml": "the graph, for Gephi, igraph or networkx",
    "graph.cyjs": "the graph, for Cytoscape",
    "verdicts.json": "every pair's verdict with reasons and the numbers behind it",
    "known.json": "the known relations held against the edges",
    "config.yaml": "every setting of the run",
    "effects/": "effect of every variant as each network sees it",
    "figures/": "the figures above as SVG",
}
"""Files of a run's folder that a page may link to, with what they hold."""

_LARGEST_LOCUS = 150_000
"""Bytes of a gallery locus's variants as CSV within the page at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to data.

    Args:
        href: Where it leads: a ``data:`` URI, or a file beside the page.
        text: What is shown.
        save: Name under which it is saved; empty (the default) for a file beside the page.
    """

    href: str
    text: str
    save: str = ""


def files_beside(folder: Path) -> list[str]:
    """Return the files of a run's folder that its page links to, relative to it.

    Args:
        folder: The run's folder.
    """
    return [name for name in FILES if (folder / name).exists()]


def table_links(
    name: str, columns: Mapping[str, np.ndarray], files: Sequence[str] = ()
) -> list[Link]:
    """Return the links under a table: CSV within the page, parquet beside it.

    Args:
        name: Name of the table.
        columns: Its columns.
        files: Files beside the page; none by default.
    """
    file = f"{name}.parquet"
    return [*_csv(name, columns), *([Link(href=file, text="parquet")] if file in files else [])]


def bibtex_links(methods: Methods | None) -> list[Link]:
    """Return the link to the references as a file; none where nothing is cited.

    Args:
        methods: The methods, with their references.
    """
    if methods is None or not methods.keys:
        return []
    href = f"data:text/plain;base64,{base64.b64encode(methods.bibtex.encode()).decode()}"
    return [Link(href=href, text="references.bib", save="references.bib")]


def _csv(name: str, columns: Mapping[str, np.ndarray], **limit: int) -> list[Link]:
    href = csv_uri(columns, **limit)
    return [Link(href=href, text="CSV", save=f"{name}.csv")] if href else []


def _parquet(content: ReportContent, name: str) -> list[Link]:
    file = f"{name}.parquet"
    return [Link(href=file, text="parquet")] if file in content.supplement.files else []


def data_links(content: ReportContent, tables: Mapping[str, Table]) -> dict[str, list[Link]]:
    """Return the links under each table of the page.

    Args:
        content: What is reported.
        tables: Tables that are in the page alone, by name.
    """
    found = {name: _csv(name, table_columns(table)) for name, table in tables.items()}
    files = content.supplement.files
    found["meta"] = table_links("meta", content.meta, files)
    found["estimates"] = table_links("estimates", content.estimates, files)
    found["bibtex"] = bibtex_links(content.supplement.methods)
    return found


def figure_links(
    content: ReportContent, links: Mapping[str, Sequence[Link]]
) -> dict[str, Sequence[Link]]:
    """Return the links under each figure, by the table that holds its numbers.

    A CSV that a table links to already is not put into the page again: the figure's link leads to
    that table.

    Args:
        content: What is reported.
        links: As `data_links` returns them.
    """
    found: dict[str, Sequence[Link]] = {
        "threshold": _csv("threshold", content.supplement.threshold)
    }
    for name, section in (("meta", "effect"), ("estimates", "loci")):
        where = [Link(href=f"#{section}-data", text="its data")] if links[name] else []
        found[name] = [*where, *_parquet(content, name)]
    return found


def locus_links(card: LocusCard) -> list[Link]:
    """Return the links under a locus of the gallery.

    Args:
        card: The locus.
    """
    return _csv(f"variants-{card.name.replace(':', '-')}", card.data, most=_LARGEST_LOCUS)


def listed_files(content: ReportContent) -> list[tuple[str, str]]:
    """Return the files that the page lists, with what they hold.

    Args:
        content: What is reported.
    """
    return [(name, FILES.get(name, "")) for name in content.supplement.files]
