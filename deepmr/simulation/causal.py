"""A causal graph of tasks: what each reads, motifs or other tasks, and by which form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from deepmr.simulation import forms

__all__ = ["CausalGraph", "Node"]

_SETTINGS = ("form", "of", "against", "top", "base", "half", "steepness", "hidden")
_SHARES = ("cooperative", "soft_or", "maximum")
_TOP = 100.0
_ROUNDS = 500
_TOLERANCE = 1e-12
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of a causal graph: expected counts are base + top x activity.

    Args:
        name: Its name; letters, digits and underscores.
        form: One of the words of `forms.FORMS`.
        of: Weight of each input; an input is a motif, a node, or a product of them, ``A*B``.
            Additive: the counts that an input adds at full dose. Hill: relative weights.
            Competitive: affinities. Otherwise in (0, 1].
        against: Repressors with the share they remove at full dose, in (0, 1]; of the
            competitive form, rivals with their affinities.
        top: Counts that full activity adds; None: the sum of the weights if additive, else 100.
        base: Counts without activity.
        half: Hill form: the dose of half the activity.
        steepness: Hill form: the exponent.
        hidden: The node is no task: nobody measures it.

    Raises:
        ValueError: If a setting is out of its range.

    Example:
        >>> Node(name="P", of={"A": 60.0, "C": 60.0}).counts_at_full_activity
        120.0
    """

    name: str
    form: str = "additive"
    of: Mapping[str, float] = field(default_factory=dict)
    against: Mapping[str, float] = field(default_factory=dict)
    top: float | None = None
    base: float = 1.0
    half: float = 0.5
    steepness: float = 2.0
    hidden: bool = False

    def __post_init__(self) -> None:
        where = f"task {self.name} of the graph"
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a task's name is letters, digits and _, got {self.name!r}")
        if self.form not in forms.FORMS:
            raise ValueError(f"{where}: form is one of {', '.join(forms.FORMS)}; got {self.form!r}")
        if not self.of and (self.form != "additive" or not self.against):
            raise ValueError(f"{where} needs at least one input under `of`, got none")
        repeated = set(self.of) & set(self.against)
        if repeated:
            raise ValueError(f"{where}: {min(repeated)} stands under `of` and `against`")
        for term, weight in [*self.of.items(), *self.against.items()]:
            if not np.isfinite(weight) or weight <= 0:
                raise ValueError(
                    f"{where}: the weight of {term} must be positive, got {weight}; "
                    "an input that lowers it goes under `against`"
                )
        shares = dict(self.against) if self.form != "competitive" else {}
        shares |= dict(self.of) if self.form in _SHARES else {}
        for term, weight in shares.items():
            if weight > 1:
                raise ValueError(
                    f"{where}: the weight of {term} is a share, at most 1; got {weight}"
                )
        for name in ("half", "steepness", "base"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{where}: {name} must be positive, got {getattr(self, name)}")
        if self.top is not None and not self.top > 0:
            raise ValueError(f"{where}: top must be positive, got {self.top}")

    @classmethod
    def from_dict(cls, name: str, content: Any) -> Node:
        """Build a node from its declaration.

        Args:
            name: Name of the node.
            content: Mapping of settings by name; ``of`` and ``against`` map inputs to weights,
                or list inputs of weight 1.

        Raises:
            ValueError: If a setting is unknown or out of its range.
        """
        where = f"task {name} of the graph"
        if not isinstance(content, Mapping):
            raise ValueError(  # noqa: TRY004 - a user's declaration, not a programmer's argument
                f"{where} is a mapping of {', '.join(_SETTINGS)}; got {content!r}"
            )
        unknown = [key for key in content if key not in _SETTINGS]
        if unknown:
            raise ValueError(f"{where} has {', '.join(_SETTINGS)}; got {unknown[0]!r}")
        settings = dict(content)
        for key in ("of", "against"):
            settings[key] = _weights(where, key, settings.get(key, {}))
        for key in ("top", "base", "half", "steepness"):
            if settings.get(key) is not None:
                settings[key] = _number(where, key, settings[key])
        return cls(name=name, **settings)

    @property
    def counts_at_full_activity(self) -> float:
        """Counts that full activity adds to the base."""
        if self.top is not None:
            return self.top
        return float(sum(self.of.values())) if self.form == "additive" and self.of else _TOP

    @property
    def parents(self) -> tuple[str, ...]:
        """Names of the motifs and nodes that it reads, each once."""
        names = [name for term in (*self.of, *self.against) for name in members(term)]
        return tuple(dict.fromkeys(names))

    def activity(
        self,
        of: Float64[np.ndarray, "*batch input"],
        against: Float64[np.ndarray, "*batch other"],
    ) -> Float64[np.ndarray, "*batch"]:
        """Return the activity at given doses of its inputs, in their order."""
        weights = np.array(list(self.of.values()), dtype=np.float64)
        others = np.array(list(self.against.values()), dtype=np.float64)
        if self.form == "competitive":
            return forms.competitive(of, weights, against, others)
        settings = {"half": self.half, "steepness": self.steepness} if self.form == "hill" else {}
        active = forms.FORMS[self.form](of, weights, **settings) if self.of else 1.0
        return np.asarray(active * forms.repression(against, others))


def _ancestors(name: str, parents: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(parents[name])
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting += parents.get(parent, ())
    return frozenset(found)


def members(term: str) -> tuple[str, ...]:
    """Return the names in an input: one, or those of a product such as ``A*B``."""
    return tuple(part.strip() for part in term.split("*"))


def _weights(where: str, key: str, given: Any) -> dict[str, float]:
    if isinstance(given, Mapping):
        return {str(name): _number(where, str(name), weight) for name, weight in given.items()}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return {str(name): 1.0 for name in given}
    raise ValueError(f"{where}: {key} maps inputs to weights or lists them, got {given!r}")


def _number(where: str, key: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"{where}: {key} is a number, got {given!r}")  # noqa: TRY004 - as above
    return float(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalGraph:
    """Tasks as functions of motif doses and of one another.

    A dose is an occupancy in [0, 1]; a node hands its activity on. Nodes may form a loop only if
    ``feedback`` says so; its activities are then the fixed point reached from zero.

    Args:
        motifs: Name in the motif library by the short name that nodes use.
        nodes: The nodes, tasks and hidden ones, in the order of the outputs.
        feedback: Whether loops are meant.

    Raises:
        ValueError: If a parent is unknown, a loop is not meant or does not settle, two names
            are alike, no node is a task, or a node reaches no motif.

    Example:
        >>> graph = CausalGraph.from_dict(
        ...     {"motifs": {"A": "GATA_disc1", "B": "TAL1_known1"},
        ...      "tasks": {"X": {"of": {"A": 100}}, "Y": {"of": {"X": 60, "B": 40}}}})
        >>> graph.counts(np.array([1.0, 0.5])).tolist()
        [101.0, 81.0]
    """

    motifs: Mapping[str, str]
    nodes: tuple[Node, ...]
    feedback: bool = False
    _above: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _order: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [*self.motifs, *(node.name for node in self.nodes)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"names in a graph must differ, got {repeated[0]} more than once")
        if not self.tasks:
            raise ValueError("a graph needs at least one task that is not hidden, got none")
        for node in self.nodes:
            unknown = [name for name in node.parents if name not in names]
            if unknown:
                raise ValueError(
                    f"task {node.name} of the graph reads {unknown[0]}, which is no motif "
                    f"and no task; there are {', '.join(names)}"
                )
        parents = {node.name: node.parents for node in self.nodes}
        above = {node.name: _ancestors(node.name, parents) for node in self.nodes}
        object.__setattr__(self, "_above", above)
        for node in self.nodes:
            loop = self.loop(node.name)
            if loop and not self.feedback:
                raise ValueError(
                    f"the graph has a loop of {', '.join(loop)}; set feedback: true if it is meant"
                )
            if not self.reached(node.name):
                raise ValueError(f"task {node.name} of the graph reaches no motif")
        object.__setattr__(self, "_order", self._layers())
        if any(self.loop(node.name) for node in self.nodes):
            corners = np.random.default_rng(0).integers(0, 2, (256, len(self.motifs)))
            self.activity(corners.astype(np.float64))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> CausalGraph:
        """Build a graph from its declaration in plain data.

        Args:
            content: ``motifs`` (short name: name in the library), ``tasks`` (name: settings of
                `Node`), and where wanted ``hidden`` (nodes that are no tasks) and ``feedback``.

        Raises:
            ValueError: In one line, if a rule is broken.
        """
        known = ("motifs", "tasks", "hidden", "feedback")
        unknown = [key for key in content if key not in known]
        if unknown:
            raise ValueError(f"a graph has {', '.join(known)}; got {unknown[0]!r}")
        for key in ("motifs", "tasks", "hidden"):
            if not isinstance(content.get(key, {}), Mapping):
                raise ValueError(  # noqa: TRY004 - a user's declaration
                    f"{key} of a graph is a mapping by name, got {content[key]!r}"
                )
        nodes = [Node.from_dict(str(n), c) for n, c in content.get("tasks", {}).items()]
        nodes += [
            replace(Node.from_dict(str(n), c), hidden=True)
            for n, c in content.get("hidden", {}).items()
        ]
        return cls(
            motifs={str(k): str(v) for k, v in content.get("motifs", {}).items()},
            nodes=tuple(nodes),
            feedback=bool(content.get("feedback", False)),
        )

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, hidden nodes left out."""
        return tuple(node.name for node in self.nodes if not node.hidden)

    def node(self, name: str) -> Node:
        """Return the node of that name.

        Raises:
            LookupError: If there is none.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise LookupError(
            f"no task of the graph is called {name!r}; there are {', '.join(self.tasks)}"
        )

    def parents(self, name: str) -> tuple[str, ...]:
        """Return what a node reads; nothing for a motif."""
        return () if name in self.motifs else self.node(name).parents

    def ancestors(self, name: str) -> frozenset[str]:
        """Return every motif and node from which a path leads to this one."""
        return self._above.get(name, frozenset())

    def reached(self, name: str) -> frozenset[str]:
        """Return the motifs from which a path leads to this node."""
        return frozenset(self.ancestors(name) & set(self.motifs))

    def loop(self, name: str) -> tuple[str, ...]:
        """Return the nodes of the loop that a node is part of; empty if it is in none."""
        above = self._above.get(name, frozenset())
        return tuple(n.name for n in self.nodes if n.name in above and name in self._above[n.name])

    def _layers(self) -> tuple[tuple[str, ...], ...]:
        """Return nodes, or whole loops, each behind all it reads."""
        groups = {self.loop(node.name) or (node.name,) for node in self.nodes}
        return tuple(sorted(groups, key=lambda g: (len(self.ancestors(g[0])), g)))

    def activity(
        self, doses: Float64[np.ndarray, "*batch motif"]
    ) -> Float64[np.ndarray, "*batch node"]:
        """Return the activity of every node at given motif doses.

        Args:
            doses: Occupancy of each motif, in [0, 1], in the order of `motifs`.

        Raises:
            ValueError: If a loop does not settle.
        """
        value = {name: doses[..., i] for i, name in enumerate(self.motifs)}
        for group in self._order:
            value |= (
                self._settle(group, value)
                if self.loop(group[0])
                else {group[0]: self._one(self.node(group[0]), value)}
            )
        return np.stack([value[node.name] for node in self.nodes], axis=-1)

    def _one(self, node: Node, value: Mapping[str, np.ndarray]) -> Float64[np.ndarray, "*batch"]:
        def stack(terms: Iterator[str]) -> np.ndarray:
            columns = [np.prod([value[n] for n in members(term)], axis=0) for term in terms]
            empty = np.empty((*next(iter(value.values())).shape, 0))
            return np.stack(columns, axis=-1) if columns else empty

        return node.activity(stack(iter(node.of)), stack(iter(node.against)))

    def _settle(
        self, group: tuple[str, ...], value: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        shape = next(iter(value.values())).shape
        state = {name: np.zeros(shape) for name in group}
        for _ in range(_ROUNDS):
            change = 0.0
            for name in group:
                new = self._one(self.node(name), {**value, **state})
                change = max(change, float(np.max(np.abs(new - state[name]), initial=0.0)))
                state[name] = new
            if change < _TOLERANCE:
                return state
        raise ValueError(
            f"the loop of {', '.join(group)} did not settle in {_ROUNDS} rounds; weaken an edge"
        )

    def counts(
        self, doses: Float64[np.ndarray, "*batch motif"]
    ) -> Float64[np.ndarray, "*batch task"]:
        """Return the expected counts of every task at given motif doses.

        Args:
            doses: Occupancy of each motif, in [0, 1], in the order of `motifs`.
        """
        shown = [i for i, node in enumerate(self.nodes) if not node.hidden]
        base = np.array([self.nodes[i].base for i in shown])
        top = np.array([self.nodes[i].counts_at_full_activity for i in shown])
        return np.asarray(base + top * self.activity(doses)[..., shown])
