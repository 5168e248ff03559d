"""A graph of tasks: edges by verdict and q-value, direct effects where they were estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["EDGE_KINDS", "Edge", "TaskGraph", "edge_kind"]

EDGE_KINDS = ("direct", "mediated", "unclear", "total")
"""Of an edge: ``direct`` (left when its mediators are held fixed), ``mediated`` (nothing is left),
``unclear`` (the interval allows both, or exposure and mediator cannot be told apart), ``total``
(no mediator was found or held fixed)."""

_MEDIATED = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One task acts on another, by the verdict.

    Args:
        exposure: Name of the task that acts.
        outcome: Name of the task that it acts on.
        effect: Pooled slope by the estimator in the middle (`middle_of_estimators`).
        interval: Ends of its 95 % interval.
        method: That estimator's short name.
        q_bh: False discovery rate of the slope over all estimators (Benjamini and Hochberg).
        q_by: The same under any dependence (Benjamini and Yekutieli).
        caveats: What the verdict cannot exclude.
        kind: One of `EDGE_KINDS`.
        through: Tasks that mediate it, where its kind is ``mediated``.

    Raises:
        ValueError: If the kind is unknown.
    """

    exposure: str
    outcome: str
    effect: float
    interval: tuple[float, float]
    method: str
    q_bh: float
    q_by: float
    caveats: tuple[str, ...] = ()
    kind: str = "total"
    through: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in EDGE_KINDS:
            raise ValueError(f"Edge.kind is one of {', '.join(EDGE_KINDS)}; got {self.kind!r}")

    def to_row(self) -> dict[str, Any]:
        """Return plain values, the columns of ``edges.parquet``; lists are joined by ``;``."""
        lower, upper = self.interval
        return {
            "exposure": self.exposure,
            "outcome": self.outcome,
            "effect": self.effect,
            "ci_lower": lower,
            "ci_upper": upper,
            "method": self.method,
            "q_bh": self.q_bh,
            "q_by": self.q_by,
            "caveats": ";".join(self.caveats),
            "kind": self.kind,
            "through": ";".join(self.through),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGraph:
    """Tasks and the edges between them.

    Args:
        tasks: Names of the tasks; those without an edge are nodes, too.
        edges: One for each ordered pair in which one acts on the other.

    Raises:
        ValueError: If an edge names another task.

    Example:
        >>> edge = Edge(exposure="X", outcome="Y", effect=0.5, interval=(0.4, 0.6),
        ...             method="ivw", q_bh=0.001, q_by=0.004, kind="mediated", through=("M",))
        >>> graph = TaskGraph(tasks=("X", "M", "Y"), edges=(edge,))
        >>> graph.to_networkx().number_of_edges(), len(graph.direct.edges)
        (1, 0)
        >>> graph.to_cytoscape()["elements"]["edges"][0]["data"]["through"]
        'M'
        >>> "graphml" in graph.to_graphml()
        True
    """

    tasks: tuple[str, ...]
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        known = set(self.tasks)
        for edge in self.edges:
            if not {edge.exposure, edge.outcome} <= known:
                raise ValueError(
                    f"TaskGraph.edges must join its tasks, got {edge.exposure} -> {edge.outcome}"
                )

    @property
    def direct(self) -> TaskGraph:
        """The graph without the edges that other tasks mediate."""
        kept = tuple(edge for edge in self.edges if edge.kind != "mediated")
        return TaskGraph(tasks=self.tasks, edges=kept)

    def rows(self) -> list[dict[str, Any]]:
        """Return plain values, one row an edge; caveats and mediators joined by ``;``."""
        return [edge.to_row() for edge in self.edges]

    def to_networkx(self) -> nx.DiGraph[str]:
        """Return the graph with all that is known of an edge as its attributes."""
        import networkx as nx  # late: most commands draw no graph

        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.tasks)
        for row in self.rows():
            ends = row.pop("exposure"), row.pop("outcome")
            graph.add_edge(*ends, **row)
        return graph

    def to_graphml(self) -> str:
        """Return the graph as GraphML, which Cytoscape, Gephi and yEd read."""
        import networkx as nx

        return "\n".join(nx.generate_graphml(self.to_networkx())) + "\n"

    def to_cytoscape(self) -> dict[str, Any]:
        """Return the graph as Cytoscape's JSON (``elements`` with ``nodes`` and ``edges``)."""
        nodes = [{"data": {"id": task, "value": task, "name": task}} for task in self.tasks]
        edges = []
        for row in self.rows():
            ends = {"source": row["exposure"], "target": row["outcome"]}
            name = f"{row['exposure']}->{row['outcome']}"
            numbers = {k: (None if v != v else v) for k, v in row.items()}  # JSON has no NaN
            edges.append({"data": {"id": name, **ends, **numbers}})
        return {"data": {"name": "Deep MR"}, "elements": {"nodes": nodes, "edges": edges}}


def edge_kind(
    total: float, direct: Sequence[tuple[str, float, float]]
) -> tuple[str, tuple[str, ...]]:
    """Return an edge's kind, and its mediators.

    An edge is mediated if with one of the mediators held fixed nothing is left: the interval of the
    direct effect holds 0, and no effect of half the total or more. It is direct if with each of
    them an effect is left.

    Args:
        total: Total effect.
        direct: Name of a mediator with the ends of the direct effect's interval given it; NaN where
            the two cannot be told apart.

    Example:
        >>> edge_kind(0.5, [("M", -0.02, 0.03), ("K", 0.3, 0.6)])
        ('mediated', ('M',))
        >>> edge_kind(0.5, [("K", 0.3, 0.6)]), edge_kind(0.5, [("K", -0.1, 0.6)])
        (('direct', ()), ('unclear', ()))
        >>> edge_kind(0.5, [])
        ('total', ())
    """
    if not direct:
        return "total", ()
    through = tuple(
        name
        for name, low, high in direct
        if low <= 0.0 <= high and max(abs(low), abs(high)) < _MEDIATED * abs(total)
    )
    if through:
        return "mediated", through
    left = all(low > 0.0 or high < 0.0 for _, low, high in direct)
    return ("direct" if left else "unclear"), ()
