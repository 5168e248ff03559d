"""What a model predicts: tasks, and the table that names its outputs in order."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["KINDS", "Task", "TaskTable"]

KINDS = ("binary", "count", "signal")


@dataclass(frozen=True, slots=True)
class Task:
    """One output of a model.

    Args:
        name: Unique in its table, e.g. ``K562_GATA1``.
        target: What is measured, e.g. ``GATA1`` or ``H3K27ac``.
        assay: e.g. ``TF ChIP-seq``.
        biosample: e.g. ``K562``.
        kind: ``binary`` (peak or not), ``count`` (reads; modelled on the Anscombe scale
            2 sqrt(y + 3/8)) or ``signal`` (a real number, modelled as it is).

    Raises:
        ValueError: If ``kind`` is none of these, or the name is empty.
    """

    name: str
    target: str
    assay: str = ""
    biosample: str = ""
    kind: str = "binary"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a task needs a name, got an empty one")
        if self.kind not in KINDS:
            raise ValueError(
                f"a task's kind is one of {', '.join(KINDS)}; got {self.kind!r} for {self.name}"
            )


@dataclass(frozen=True, slots=True)
class TaskTable:
    """The outputs of a model, in order.

    Raises:
        ValueError: If two tasks share a name, or there is none.

    Example:
        >>> table = TaskTable((Task("K562_GATA1", "GATA1"), Task("K562_TAL1", "TAL1")))
        >>> table.select("TAL1").name
        'K562_TAL1'
    """

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("a task table needs at least one task, got none")
        names = [task.name for task in self.tasks]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"task names must differ, got {', '.join(repeated)} more than once")

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, position: int) -> Task:
        return self.tasks[position]

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names, in order."""
        return tuple(task.name for task in self.tasks)

    def index(self, task: Task) -> int:
        """Return the position of a task among the outputs."""
        return self.names.index(task.name)

    def subset(self, names: Sequence[str]) -> TaskTable:
        """Return the table of the named tasks, in this table's order."""
        return TaskTable(tuple(task for task in self.tasks if task.name in set(names)))

    def select(self, query: str, biosample: str | None = None) -> Task:
        """Find one task, by its name or, where that is unambiguous, by its target.

        Raises:
            LookupError: If nothing matches (the nearest names are listed) or several do
                (all are listed).
        """
        for task in self.tasks:
            if task.name == query:
                return task
        found = [
            task
            for task in self.tasks
            if task.target.casefold() == query.casefold()
            and (biosample is None or task.biosample == biosample)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(task.name for task in found)
            raise LookupError(f"{query!r} names {len(found)} tasks; use one of: {names}")
        known = {key: None for task in self.tasks for key in (task.name, task.target)}
        lowered = {key.casefold(): key for key in known}
        near = difflib.get_close_matches(query.casefold(), lowered, n=3, cutoff=0.4)
        hint = ", ".join(lowered[key] for key in near) if near else ", ".join(list(known)[:12])
        word = "did you mean" if near else "known are"
        raise LookupError(f"no task is called {query!r}; {word}: {hint}")

    def to_records(self) -> list[dict[str, str]]:
        """Return plain dictionaries, one a task."""
        return [asdict(task) for task in self.tasks]

    @classmethod
    def from_records(cls, records: Sequence[dict[str, Any]]) -> TaskTable:
        """Rebuild a table from `to_records`."""
        return cls(tuple(Task(**record) for record in records))
