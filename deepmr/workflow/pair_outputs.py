"""Write the results on all pairs: tables, graph, figures, report, terminal summary, tracker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write, write_json
from deepmr.io.pair_schemas import DIRECT, EDGES, PAIRS
from deepmr.io.tables import write_table
from deepmr.lightning.tracking import Tracker
from deepmr.report import Figure, PairsContent, PairsTables, files_beside, write_pairs_report
from deepmr.workflow.outputs import finish_run, made_by, write_figures
from deepmr.workflow.pair_findings import PairFindings
from deepmr.workflow.pair_methods import pair_methods, pair_unit
from deepmr.workflow.result_tables import metadata_of
from deepmr.workflow.run_folder import RunFolder

__all__ = ["pair_summary", "write_pair_page", "write_pair_run", "write_pair_tables"]


def write_pair_run(
    findings: PairFindings,
    folder: RunFolder,
    tracker: Tracker,
    *,
    device: str,
    started: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write tables, graph, report and tracker; the manifest last.

    Args:
        findings: Results on all pairs.
        folder: The run's folder, open.
        tracker: The experiment tracker.
        device: Where effects were computed, such as ``cpu``.
        started: When the run began.
        facts: Further entries of the manifest; none by default.
    """
    path = folder.work
    tables = write_pair_tables(findings, path)
    print(pair_summary(findings))
    page = write_pair_page(
        findings, path / "report.html", made_by(folder), figures=path / "figures"
    )
    _log(findings, tracker, page[:-1])
    finish_run(
        findings,
        folder,
        tracker,
        device=device,
        started=started,
        outputs=[*tables, *page],
        facts=facts,
    )


def write_pair_tables(findings: PairFindings, folder: Path) -> list[Path]:
    """Write pairs, direct effects and edges as parquet, the graph as GraphML and Cytoscape JSON.

    Args:
        findings: Results on all pairs.
        folder: The run's folder.

    Returns:
        Paths of the files.
    """
    tables = {
        "pairs": (findings.pairs(), PAIRS),
        "direct": (findings.direct(), DIRECT),
        "edges": (findings.edges(), EDGES),
    }
    written = []
    for name, (table, schema) in tables.items():
        written.append(folder / f"{name}.parquet")
        write_table(written[-1], table, schema, metadata=metadata_of(findings))
    written.append(folder / "graph.graphml")
    with atomic_write(written[-1]) as stream:
        stream.write(findings.graph.to_graphml())
    written.append(folder / "graph.cyjs")
    write_json(written[-1], findings.graph.to_cytoscape())
    written.append(folder / "verdicts.json")
    write_json(written[-1], [one.to_record() for one in findings.answers.verdicts.values()])
    if findings.known is not None:
        written.append(folder / "known.json")
        write_json(written[-1], findings.known.to_record())
    return written


def pair_summary(findings: PairFindings) -> str:
    """Return the answers on all pairs as a few lines for the terminal.

    Args:
        findings: Results on all pairs.
    """
    answers = findings.answers
    words = Counter(one.structure for one in answers.verdicts.values())
    empty = int(np.sum(answers.first.n_loci == 0))
    lines = [
        f"{answers.selection.words}, {answers.n_loci} loci",
        "verdicts: " + ", ".join(f"{n} {word}" for word, n in words.most_common()),
    ]
    if empty:
        lines.append(f"{empty} pairs have no instrument at any locus; the table says which")
    lines += findings.hints()
    edges = answers.graph.edges
    lines.append(f"edges (q at most {findings.settings.level:g}): {len(edges)}")
    shown = sorted(edges, key=lambda edge: -abs(edge.effect))[:20]
    for edge in shown:
        through = f", through {', '.join(edge.through)}" if edge.through else ""
        caveats = f" ({', '.join(edge.caveats)})" if edge.caveats else ""
        lines.append(
            f"  {edge.exposure} -> {edge.outcome}  {edge.effect:.3g} "
            f"({edge.interval[0]:.3g} to {edge.interval[1]:.3g}), {edge.kind}{through}{caveats}"
        )
    if len(edges) > len(shown):
        lines.append(f"  and {len(edges) - len(shown)} more in edges.parquet")
    if findings.known is not None:
        for name in ("precision", "recall"):
            one = getattr(findings.known, name)
            lines.append(f"known relations, {name}: {int(one['k'])} of {int(one['n'])}")
    return "\n".join(lines)


def write_pair_page(
    findings: PairFindings,
    path: Path,
    provenance: Mapping[str, Any],
    *,
    figures: Path | None = None,
) -> list[Path]:
    """Write the report as one HTML file, and its figures as SVG files.

    Args:
        findings: Results on all pairs.
        path: The HTML file.
        provenance: Command, versions and settings behind the result.
        figures: Folder for SVG files; by default (None) figures are in the page alone.

    Returns:
        Paths of the files, the page last.
    """
    exposures, outcomes = _ordered(findings)
    drawn = draw_pair_figures(findings, exposures, outcomes)
    written = write_figures(drawn, figures)
    members, loci = findings.networks.members, findings.variants.loci
    write_pairs_report(
        path,
        PairsContent(
            exposures=exposures,
            outcomes=outcomes,
            tables=PairsTables(
                pairs=findings.pairs(),
                direct=findings.direct(),
                edges=findings.edges(),
                known=findings.known,
                unit=pair_unit(findings),
                files=() if figures is None else files_beside(path.parent),
            ),
            verdicts=findings.answers.verdicts,
            n_loci=findings.answers.n_loci,
            level=findings.settings.level,
            figures=list(drawn.values()),
            methods=pair_methods(findings, provenance.get("packages", {})),
            provenance={
                "network": findings.networks.description,
                "uncertainty": f"{len(members)} members ({members.spread})",
                "loci": f"{len(loci)} ({loci.split})",
                **provenance,
            },
            notes=[*findings.notes, *findings.hints()],
        ),
    )
    return [*written, path]


def draw_pair_figures(
    findings: PairFindings, exposures: Sequence[str], outcomes: Sequence[str]
) -> dict[str, Figure]:
    """Draw the matrix and the graph.

    Args:
        findings: Results on all pairs.
        exposures: Rows of the matrix in their order.
        outcomes: Its columns.
    """
    from deepmr.plot import causal_graph, effect_matrix, to_svg  # late: matplotlib

    slope, words = _grid(findings, exposures, outcomes)
    figures = {
        "matrix": Figure(
            name="Slopes of all pairs",
            caption="Pooled slope of each exposure on each outcome; tasks with similar slopes are "
            "neighbours. An arrow marks an effect by the verdict; a colour without one is a slope "
            "over variants that both tasks share.",
            content=to_svg(effect_matrix(slope, words, exposures=exposures, outcomes=outcomes)),
        )
    }
    if findings.graph.edges:
        figures["graph"] = Figure(
            name="Causal graph",
            caption="Edges by verdict and q-value, causes above effects. Dotted: nothing is left "
            "when another task is held fixed. What no task of the network stands for is not in it.",
            content=to_svg(causal_graph(findings.graph.to_networkx())),
        )
    return figures


def _grid(
    findings: PairFindings, exposures: Sequence[str], outcomes: Sequence[str]
) -> tuple[np.ndarray, list[list[str]]]:
    answers = findings.answers
    at = {pair: k for k, pair in enumerate(answers.selection.ordered)}
    value = answers.combined.value
    slope = np.array(
        [[value[at[x, y]] if (x, y) in at else np.nan for y in outcomes] for x in exposures]
    )
    words = [
        [answers.verdicts[x, y].structure if (x, y) in at else "" for y in outcomes]
        for x in exposures
    ]
    return slope, words


def _ordered(findings: PairFindings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return exposures and outcomes with similar tasks side by side."""
    from deepmr.plot import task_order

    selection = findings.answers.selection
    slope, _ = _grid(findings, selection.tasks, selection.tasks)
    order = [selection.tasks[k] for k in task_order(slope)]
    return (
        tuple(name for name in order if name in selection.exposures),
        tuple(name for name in order if name in selection.outcomes),
    )


def _log(findings: PairFindings, tracker: Tracker, figures: Sequence[Path]) -> None:
    graph = findings.graph
    tracker.summary(
        {
            "pairs": len(findings.answers.verdicts),
            "edges": len(graph.edges),
            "direct_edges": len(graph.direct.edges),
        }
    )
    tracker.table("pairs", findings.pairs())
    tracker.table("edges", findings.edges())
    if findings.answers.direct:
        tracker.table("direct", findings.direct())
    for path in figures:
        tracker.figure(path.stem, path)
