"""A causal graph of tasks as nodes and arrows."""

from __future__ import annotations

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from deepmr.plot.style import COLOURS, FADED, INK, new_axes, style

__all__ = ["causal_graph", "layered_layout"]

_STYLES = {
    "direct": ("-", "direct: left when mediators are held fixed"),
    "total": ("-", "no mediator found"),
    "unclear": ((0, (4, 2)), "direct or mediated: unclear"),
    "mediated": ((0, (1, 2)), "mediated by other tasks"),
}
_POSITIVE, _NEGATIVE = COLOURS[0], COLOURS[1]


def layered_layout(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """Return places of the nodes: causes above effects, those without an edge in a row below.

    Layers are generations of the graph without its loops; within a layer nodes lie near the mean
    place of their causes, which leaves fewer crossings.

    Args:
        graph: Tasks and edges.

    Example:
        >>> place = layered_layout(nx.DiGraph([("X", "M"), ("M", "Y")]))
        >>> place["X"][1] > place["M"][1] > place["Y"][1]
        True
    """
    joined = graph.subgraph([node for node in graph if graph.degree(node) > 0])
    loops = nx.condensation(joined) if len(joined) else nx.DiGraph()
    place: dict[str, tuple[float, float]] = {}
    depth = 0
    for depth, layer in enumerate(nx.topological_generations(loops)):
        nodes = [node for group in layer for node in sorted(loops.nodes[group]["members"])]

        def above(node: str) -> float:
            causes = [place[cause][0] for cause in graph.predecessors(node) if cause in place]
            return float(np.mean(causes)) if causes else 0.0

        ordered = sorted(nodes, key=lambda node: (above(node), node))
        width = len(ordered)
        for k, node in enumerate(ordered):
            place[node] = ((k + 0.5) / width, -float(depth) - 0.18 * (k % 2 if width > 6 else 0))
    alone = [node for node in graph if node not in place]
    for k, node in enumerate(alone):
        below = -(depth + 1.0) if place else 0.0
        place[node] = ((k + 0.5) / len(alone), below)
    return place


@style()
def causal_graph(graph: nx.DiGraph, *, ax: Axes | None = None) -> Axes:
    """Draw a causal graph: arrows by verdict, solid where direct, dotted where mediated.

    Args:
        graph: As `deepmr.causal_graph.TaskGraph.to_networkx` returns it: edges with ``effect``,
            ``kind`` and ``caveats``.
        ax: Axes to draw into; by default those of a new figure.
    """
    place = layered_layout(graph)
    layers = len({round(y) for _, y in place.values()}) or 1
    widest = max(
        (
            sum(round(y) == level for _, y in place.values())
            for level in {round(y) for _, y in place.values()}
        ),
        default=1,
    )
    ax = new_axes(ax, width=min(max(5.0, 0.95 * widest), 12.0), height=1.4 + 1.5 * layers)
    kinds, signs = set(), set()
    for exposure, outcome, data in graph.edges(data=True):
        positive = data["effect"] >= 0
        colour = _POSITIVE if positive else _NEGATIVE
        kinds.add(data["kind"])
        signs.add(positive)
        ax.add_patch(
            FancyArrowPatch(
                place[exposure],
                place[outcome],
                arrowstyle="-|>",
                mutation_scale=11,
                shrinkA=13,
                shrinkB=13,
                connectionstyle="arc3,rad=0.06",
                color=colour,
                alpha=0.45 if data["kind"] == "mediated" else 0.85,
                linewidth=1.2,
                linestyle=_STYLES[data["kind"]][0],
                zorder=1,
            )
        )
    for node, (x, y) in place.items():
        ax.text(
            *(x, y, node),
            ha="center",
            va="center",
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": "white",
                "edgecolor": INK if graph.degree(node) else FADED,
                "linewidth": 0.9,
            },
        )
    heights = [y for _, y in place.values()]
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(min(heights) - 0.5, max(heights) + 0.5)
    ax.axis("off")
    _legend(ax, kinds, signs)
    return ax


def _legend(ax: Axes, kinds: set[str], signs: set[bool]) -> None:
    handles = [
        Line2D([], [], color=INK, linestyle=line, label=meaning)
        for kind, (line, meaning) in _STYLES.items()
        if kind in kinds
    ]
    handles += [
        Line2D([], [], color=_POSITIVE if sign else _NEGATIVE, label=meaning)
        for sign, meaning in ((True, "positive slope"), (False, "negative slope"))
        if sign in signs
    ]
    if handles:
        ax.figure.legend(handles=handles, loc="outside lower center", ncols=2)
