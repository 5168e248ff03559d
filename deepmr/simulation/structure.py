"""The true structure of every pair of tasks in a causal graph."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.simulation.causal import CausalGraph, members

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

    def turned(self) -> PairStructure:
        """Return the same pair with exposure and outcome exchanged."""
        return replace(
            self,
            exposure=self.outcome,
            outcome=self.exposure,
            word={"forward": "reverse", "reverse": "forward"}.get(self.word, self.word),
            own_exposure=self.own_outcome,
            own_outcome=self.own_exposure,
        )


def _key(graph: CausalGraph, name: str) -> Any:
    """Return what a node is a function of: equal keys, equal up to a monotone change of scale."""
    if name in graph.motifs:
        return ("motif", name)
    node = graph.node(name)
    if graph.loop(name):
        term = next(iter((*node.of, *node.against)))
        alone = len(node.of) + len(node.against) == 1 and len(members(term)) == 1
        return _key(graph, term) if alone else ("node", name)
    of = [(_term_key(graph, term), weight) for term, weight in node.of.items()]
    if len(of) == 1 and not node.against:
        return of[0][0]
    if not of and len(node.against) == 1:
        return _term_key(graph, next(iter(node.against)))
    against = tuple(sorted((_term_key(graph, t), w) for t, w in node.against.items()))
    if node.form in ("additive", "hill", "competitive"):
        total = sum(weight for _, weight in of)
        shares = tuple(sorted((key, round(weight / total, 12)) for key, weight in of))
        if not against:  # Hill and competition without rivals: monotone in the weighted sum
            return ("sum", shares)
        if node.form == "additive":
            return ("sum", shares, against)
        if node.form == "competitive":
            return ("competitive", tuple(sorted(of)), against)
        return ("hill", shares, against, node.half, node.steepness)
    if node.form == "cooperative" and all(weight == 1 for _, weight in of) and not against:
        return ("product", tuple(sorted(key for key, _ in of)))
    return (node.form, tuple(sorted(of)), against)


def _term_key(graph: CausalGraph, term: str) -> Any:
    names = members(term)
    if len(names) == 1:
        return _key(graph, names[0])
    return ("product", tuple(sorted(str(_key(graph, name)) for name in names)))


def _descends(
    graph: CausalGraph, name: str, source: Hashable, *, stop: frozenset[Hashable]
) -> bool:
    """Tell whether a path leads from a node with that key to this one.

    Args:
        graph: The graph.
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
        key = _key(graph, parent)
        if key == source:
            return True
        if key not in stop:
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
    first, second = (
        graph.reached(graph.node(exposure).name),
        graph.reached(graph.node(outcome).name),
    )
    kind, word, direct = _classify(graph, exposure, outcome)
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


def _classify(graph: CausalGraph, x: str, y: str) -> tuple[str, str, bool]:
    key_x, key_y = _key(graph, x), _key(graph, y)
    if key_x == key_y:
        return "same", KINDS["same"], False
    loop = graph.loop(x)
    if y in loop:
        direct = _direct(graph, x, y) and _direct(graph, y, x)
        return "feedback", KINDS["feedback"], direct
    down = _descends(graph, y, key_x, stop=frozenset())
    up = _descends(graph, x, key_y, stop=frozenset())
    if down or up:
        cause, effect = (x, y) if down else (y, x)
        kind = "bypassed" if _bypassed(graph, cause, effect) else "directed"
        return kind, "forward" if down else "reverse", _direct(graph, cause, effect)
    first, second = graph.reached(x), graph.reached(y)
    if not first & second:
        kind = "unrelated"
    elif first == second:
        kind = "equal"
    else:
        kind = "nested" if first < second or second < first else "common"
    return kind, KINDS[kind], False


def _direct(graph: CausalGraph, cause: str, effect: str) -> bool:
    own = {_key(graph, cause), _key(graph, effect)}
    others = frozenset(_key(graph, task) for task in graph.tasks) - own
    return _descends(graph, effect, _key(graph, cause), stop=others)


def _bypassed(graph: CausalGraph, cause: str, effect: str) -> bool:
    """Tell whether a motif that moves the cause reaches the effect without passing it."""
    own = _key(graph, cause)
    if own[0] == "motif":
        return False
    return any(
        _descends(graph, effect, ("motif", motif), stop=frozenset({own}))
        for motif in graph.reached(cause)
    )


def structure_table(graph: CausalGraph) -> list[dict[str, Any]]:
    """Return one row for each unordered pair of tasks, in the order of the tasks.

    Besides the fields of `PairStructure`: ``alignment_forward`` (mean squared cosine, over
    random doses, between the changes of exposure and outcome with the motifs of the exposure:
    1 where these move the outcome through the exposure alone or could do so, so that no change
    of sequence speaks against it; NaN where they do not move it), ``alignment_reverse``, and
    ``effect_forward``, ``effect_reverse``: the median change of one's counts per count of the
    other along those motifs, which is the total causal effect where the one causes the other.

    Args:
        graph: The causal graph.
    """
    gradient = _gradients(graph)
    names = list(graph.motifs)
    rows = []
    for (i, x), (j, y) in combinations(enumerate(graph.tasks), 2):
        pair = pair_structure(graph, x, y)
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
