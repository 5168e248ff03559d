"""Which pairs of tasks a question about many of them means: names, lists, globs and ``all``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from jaxtyping import Int

from deepmr.tasks import TaskTable

__all__ = ["PairSelection", "is_many", "select_pairs"]

_GLOB = frozenset("*?[")
Query = str | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSelection:
    """Ordered pairs of tasks: every exposure with every outcome but itself.

    Args:
        exposures: Names of the exposures, in the order of the tasks.
        outcomes: Names of the outcomes.
        tasks: Names of both together, in the order of the tasks.

    Raises:
        ValueError: If there is no pair.

    Example:
        >>> PairSelection(exposures=("A", "B"), outcomes=("B",), tasks=("A", "B")).ordered
        (('A', 'B'),)
    """

    exposures: tuple[str, ...]
    outcomes: tuple[str, ...]
    tasks: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.ordered:
            raise ValueError(
                f"pairs of tasks need two of them, got {', '.join(self.tasks) or 'none'} alone as "
                "exposure and outcome; name more with exposure= and outcome="
            )

    @property
    def ordered(self) -> tuple[tuple[str, str], ...]:
        """Exposure and outcome of every pair, exposure by exposure."""
        return tuple((x, y) for x in self.exposures for y in self.outcomes if x != y)

    @property
    def unordered(self) -> Int[np.ndarray, "pair 2"]:
        """Positions in ``tasks`` of every pair that is asked in one direction or both."""
        at = {name: k for k, name in enumerate(self.tasks)}
        found = {tuple(sorted((at[x], at[y]))) for x, y in self.ordered}
        return np.array(sorted(found), dtype=np.int64)

    @property
    def words(self) -> str:
        """The question in a few words."""
        n = len(self.ordered)
        return (
            f"{n} {'pair' if n == 1 else 'pairs'} of {len(self.exposures)} "
            f"{'exposure' if len(self.exposures) == 1 else 'exposures'} and {len(self.outcomes)} "
            f"{'outcome' if len(self.outcomes) == 1 else 'outcomes'}"
        )

    def check_given(self, names: Sequence[str]) -> None:
        """Refuse tasks held fixed whose effects nobody measures.

        Args:
            names: Of ``pairs.direct``.

        Raises:
            LookupError: If one is neither exposure nor outcome.
        """
        for name in names:
            if name not in self.tasks:
                raise LookupError(
                    f"pairs.direct names {name!r}, which is neither exposure nor outcome here; "
                    f"add it to exposure= (here are {', '.join(self.tasks[:12])})"
                )


def is_many(query: object) -> bool:
    """Say whether a setting names more than one task: ``all``, a list or a glob.

    Example:
        >>> is_many("all"), is_many(["GATA1"]), is_many("H3K*"), is_many("GATA1")
        (True, True, True, False)
    """
    if isinstance(query, str):
        return query == "all" or bool(_GLOB & set(query))
    return isinstance(query, Sequence)


def select_pairs(table: TaskTable, exposure: Query, outcome: Query) -> PairSelection:
    """Return the pairs that exposure and outcome name.

    Args:
        table: The networks' tasks.
        exposure: A task's name or unambiguous target, a glob over names and targets (``H3K*``), a
            list of both, or ``all``.
        outcome: The same.

    Raises:
        LookupError: If a name or a glob fits no task.
        ValueError: If a list names one task twice, or no pair is left.

    Example:
        >>> tasks = TaskTable.of(["GATA1", "TAL1", "H3K4me3", "H3K27ac"])
        >>> select_pairs(tasks, ["GATA1", "TAL1"], "H3K*").words
        '4 pairs of 2 exposures and 2 outcomes'
    """
    chosen = {"exposure": _named(table, exposure, "exposure")}
    chosen["outcome"] = _named(table, outcome, "outcome")
    either = set(chosen["exposure"]) | set(chosen["outcome"])
    return PairSelection(
        exposures=tuple(name for name in table.names if name in chosen["exposure"]),
        outcomes=tuple(name for name in table.names if name in chosen["outcome"]),
        tasks=tuple(name for name in table.names if name in either),
    )


def _named(table: TaskTable, query: Query, role: str) -> list[str]:
    given = [query] if isinstance(query, str) else list(query)
    if not given:
        raise ValueError(f"{role}= must name a task, got an empty list")
    found: dict[str, str] = {}
    for one in given:
        for name in _matches(table, str(one)):
            exact = not is_many(one)
            if exact and found.get(name) == "exact":
                raise ValueError(
                    f"{role}= names {name} twice (the second time as {one!r}); two exposures that "
                    "are one and the same cannot be told apart: leave one out"
                )
            found[name] = "exact" if exact else found.get(name, "glob")
    return list(found)


def _matches(table: TaskTable, query: str) -> list[str]:
    if query == "all":
        return list(table.names)
    if not is_many(query):
        return [table.select(query).name]
    folded = query.casefold()
    found = [
        task.name
        for task in table
        if fnmatchcase(task.name.casefold(), folded) or fnmatchcase(task.target.casefold(), folded)
    ]
    if not found:
        known = ", ".join(table.names[:12]) + (", ..." if len(table) > 12 else "")
        raise LookupError(f"no task is called like {query!r}; known are: {known}")
    return found
