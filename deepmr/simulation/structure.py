"""The true structure of every pair of tasks in a causal graph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.simulation.causal import CausalGraph, Node, members

__all__ = ["KINDS", "PairStructure", "pair_structure", "structure_table"]

KINDS = {
    "directed": "forward",
    "bypassed": "forward",
    "feedback": "both",
    "same": "inseparable",
    "equal": "shared",
    "nested": "shared",
    "common": "shared",
    "unrelated": "none",
}
"""The expected word of a verdict by the finer kind; ``reverse`` is ``forward`` turned around."""

_STATES = 256
_STEP = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStructure:
    """How two tasks relate in a graph.

    A task X causes Y if X is an ancestor of Y. A task that reads one input alone, by a strictly
    monotone form, cannot be told from that input by any change of sequence: it stands for it.
    So X = 1 + 100 q_A causes whatever reads motif A, and of two tasks of the same function each
    causes what either causes.

    Args:
        exposure: Name of the first task.
        outcome: Name of the second.
        word: forward, reverse, both, inseparable, shared or none.
        kind: directed (all that moves X reaches Y through X alone), bypassed (X causes Y, and an
            input of X reaches Y by another way, too), feedback (each causes the other), same
            (same inputs, same function), equal (same motifs, another function), nested (the
            motifs of one are some of the other's), common (each has motifs of its own besides)
            or unrelated (no motif in common).
        direct: Whether the cause reaches the effect through no other task.
        shared: Motifs that reach both.
        own_exposure: Motifs that reach the exposure only.
        own_outcome: Motifs that reach the outcome only.
    """

    exposure: str
    outcome: str
    word: str
    kind: str
    direct: bool
    shared: tuple[str, ...]
    own_exposure: tuple[str, ...]
    own_outcome: tuple[str, ...]


def _keys(graph: CausalGraph) -> dict[str, Hashable]:
    """Return what each motif and node is a function of.

    Equal keys: equal up to a strictly monotone change of scale.
    """
    keys: dict[str, Hashable] = {motif: ("motif", motif) for motif in graph.motifs}
    loops = {node.name for node in graph.nodes if graph.loop(node.name)}
    for node in graph.nodes:
        if node.name in loops and not _copied(node):
            keys[node.name] = ("node", node.name)
    waiting = [node for node in graph.nodes if node.name not in keys]
    while waiting:  # a loop of copies alone would reach no motif: the graph refuses it
        ready = [node for node in waiting if all(parent in keys for parent in node.parents)]
        keys |= {node.name: _node_key(node, keys) for node in ready}
        waiting = [node for node in waiting if node.name not in keys]
    return keys


def _copied(node: Node) -> str:
    """Return the one input of a node that reads nothing else, or an empty string."""
    terms = (*node.of, *node.against)
    return terms[0] if len(terms) == 1 and len(members(terms[0])) == 1 else ""


def _node_key(node: Node, keys: Mapping[str, Hashable]) -> Hashable:
    of = [(_term_key(term, keys), weight) for term, weight in node.of.items()]
    against = tuple(sorted((_term_key(t, keys), w) for t, w in node.against.items()))
    if len(of) + len(against) == 1:
        key: Hashable = (*of, *against)[0][0]
        return key
    inputs = tuple(sorted(of))
    if node.form in ("additive", "hill", "competitive"):
        total = sum(weight for _, weight in of)
        shares = tuple(sorted((key, round(weight / total, 12)) for key, weight in of))
        if not against:  # Hill and competition without rivals: monotone in the weighted sum
            return ("sum", shares)
        if node.form == "additive":
            return ("sum", shares, against)
        if node.form == "competitive":
            return ("competitive", inputs, against)
        return ("hill", shares, against, node.half, node.steepness)
    if node.form == "cooperative" and all(weight == 1 for _, weight in of) and not against:
        return _product([key for key, _ in inputs])
    return (node.form, inputs, against)


def _term_key(term: str, keys: Mapping[str, Hashable]) -> Any:
    names = members(term)
    return keys[names[0]] if len(names) == 1 else _product([keys[name] for name in names])


def _product(keys: Sequence[Hashable]) -> Hashable:
    return ("product", tuple(sorted(keys, key=str)))


def _descends(
    graph: CausalGraph,
    keys: Mapping[str, Hashable],
    name: str,
    source: Hashable,
    *,
    stop: frozenset[Hashable] = frozenset(),
) -> bool:
    """Tell whether a path leads from a node with that key to this one.

    Args:
        graph: The graph.
        keys: Key of each motif and node.
        name: Where the path ends.
        source: Key of the node where it starts.
        stop: Keys of nodes that the path may not pass.
    """
    seen: set[str] = set()
    waiting = list(graph.parents(name))
    while waiting:
        parent = waiting.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if keys[parent] == source:
            return True
        if keys[parent] not in stop:
            waiting += graph.parents(parent)
    return False


def pair_structure(graph: CausalGraph, exposure: str, outcome: str) -> PairStructure:
    """Return the true structure of a pair of tasks.

    Args:
        graph: The causal graph.
        exposure: Name of a task.
        outcome: Name of another.

    Raises:
        LookupError: If a name is no task of the graph.

    Example:
        >>> graph = CausalGraph.from_dict(
        ...     {"motifs": {"A": "GATA_disc1", "B": "TAL1_known1"},
        ...      "tasks": {"X": {"of": {"A": 100}}, "Y": {"of": {"A": 60, "B": 40}}}})
        >>> pair_structure(graph, "Y", "X").word
        'reverse'
    """
    for name in (exposure, outcome):
        graph.node(name)
    return _pair(graph, _keys(graph), exposure, outcome)


def _pair(
    graph: CausalGraph, keys: Mapping[str, Hashable], exposure: str, outcome: str
) -> PairStructure:
    first, second = graph.reached(exposure), graph.reached(outcome)
    kind, word, direct = _classify(graph, keys, exposure, outcome)
    return PairStructure(
        exposure=exposure,
        outcome=outcome,
        word=word,
        kind=kind,
        direct=direct,
        shared=tuple(sorted(first & second)),
        own_exposure=tuple(sorted(first - second)),
        own_outcome=tuple(sorted(second - first)),
    )


def _classify(
    graph: CausalGraph, keys: Mapping[str, Hashable], x: str, y: str
) -> tuple[str, str, bool]:
    if keys[x] == keys[y]:
        return "same", KINDS["same"], False
    if y in graph.loop(x):
        direct = _direct(graph, keys, x, y) and _direct(graph, keys, y, x)
        return "feedback", KINDS["feedback"], direct
    down = _descends(graph, keys, y, keys[x])
    if down or _descends(graph, keys, x, keys[y]):
        cause, effect = (x, y) if down else (y, x)
        kind = "bypassed" if _bypassed(graph, keys, cause, effect) else "directed"
        word = "forward" if down else "reverse"
        return kind, word, _direct(graph, keys, cause, effect)
    first, second = graph.reached(x), graph.reached(y)
    if not first & second:
        kind = "unrelated"
    elif first == second:
        kind = "equal"
    else:
        kind = "nested" if first < second or second < first else "common"
    return kind, KINDS[kind], False


def _direct(graph: CausalGraph, keys: Mapping[str, Hashable], cause: str, effect: str) -> bool:
    others = frozenset(keys[task] for task in graph.tasks) - {keys[cause], keys[effect]}
    return _descends(graph, keys, effect, keys[cause], stop=others)


def _bypassed(graph: CausalGraph, keys: Mapping[str, Hashable], cause: str, effect: str) -> bool:
    """Tell whether a motif that moves the cause reaches the effect without passing it."""
    own = keys[cause]
    return any(
        keys[motif] != own and _descends(graph, keys, effect, keys[motif], stop=frozenset({own}))
        for motif in graph.reached(cause)
    )


def structure_table(graph: CausalGraph, *, of: str | None = None) -> list[dict[str, Any]]:
    """Return one row for each unordered pair of tasks, in the order of the tasks.

    Besides the fields of `PairStructure`: ``alignment_forward`` (mean squared cosine, over
    random doses, between the changes of exposure and outcome with the motifs of the exposure:
    1 where these move the outcome through the exposure alone or could do so, so that no change
    of sequence speaks against it; NaN where they do not move it), ``alignment_reverse``, and
    ``effect_forward``, ``effect_reverse``: the median change of one's counts per count of the
    other along those motifs, which is the total causal effect where the one causes the other.

    Args:
        graph: The causal graph.
        of: Only pairs with this task; None for all.
    """
    keys = _keys(graph)
    gradient = _gradients(graph)
    names = list(graph.motifs)
    rows = []
    for (i, x), (j, y) in combinations(enumerate(graph.tasks), 2):
        if of not in (None, x, y):
            continue
        pair = _pair(graph, keys, x, y)
        row = {name: getattr(pair, name) for name in PairStructure.__dataclass_fields__}
        for direction, a, b, task in (("forward", i, j, x), ("reverse", j, i, y)):
            columns = [names.index(motif) for motif in sorted(graph.reached(task))]
            aligned, effect = _alignment(gradient[:, a][:, columns], gradient[:, b][:, columns])
            row[f"alignment_{direction}"], row[f"effect_{direction}"] = aligned, effect
        rows.append(row)
    return rows


def _gradients(graph: CausalGraph) -> Float64[np.ndarray, "state task motif"]:
    n = len(graph.motifs)
    doses = np.random.default_rng(0).uniform(0.05, 0.95, (_STATES, 1, n))
    step = _STEP * np.eye(n)
    change = graph.counts(doses + step) - graph.counts(doses - step)
    return np.asarray(np.moveaxis(change, 1, 2) / (2 * _STEP))


def _alignment(
    x: Float64[np.ndarray, "state motif"], y: Float64[np.ndarray, "state motif"]
) -> tuple[float, float]:
    product, xx, yy = (x * y).sum(-1), (x * x).sum(-1), (y * y).sum(-1)
    moved = (xx > 1e-6) & (yy > 1e-6)
    if not moved.any():
        return float("nan"), 0.0
    aligned = product[moved] ** 2 / (xx[moved] * yy[moved])
    return float(aligned.mean()), float(np.median(product[moved] / xx[moved]))
