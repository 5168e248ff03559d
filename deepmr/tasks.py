"""What a model predicts: tasks, and the table that names its outputs in order."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "Task", "TaskTable", "read_tasks"]

KINDS = ("binary", "count", "signal")


@dataclass(frozen=True, slots=True)
class Task:
    """One output of a model.

    Args:
        name: Unique in its table, e.g. ``K562_GATA1``.
        target: What is measured, e.g. ``GATA1`` or ``H3K27ac``; by default the name.
        assay: e.g. ``TF ChIP-seq``.
        biosample: e.g. ``K562``.
        kind: ``binary`` (peak or not), ``count`` (reads; modelled on the Anscombe scale
            2 sqrt(y + 3/8)) or ``signal`` (a real number, modelled as it is).

    Raises:
        ValueError: If ``kind`` is none of these, or the name is empty.
    """

    name: str
    target: str = ""
    assay: str = ""
    biosample: str = ""
    kind: str = "binary"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a task needs a name, got an empty one")
        if not self.target:
            object.__setattr__(self, "target", self.name)
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

    def pair(self, exposure: str, outcome: str) -> tuple[Task, Task]:
        """Find the exposure and the outcome of a question, each as `select` does.

        Raises:
            LookupError: If one is unknown or ambiguous.
            ValueError: If both are the same task.
        """
        first, second = self.select(exposure), self.select(outcome)
        if first == second:
            raise ValueError(
                f"exposure and outcome must differ, got {first.name} for both; "
                f"known are: {', '.join(self.names)}"
            )
        return first, second

    @classmethod
    def of(cls, tasks: Sequence[Task | str]) -> TaskTable:
        """Build a table from tasks, or from plain names of binary tasks.

        Raises:
            ValueError: If two share a name, there is none, or one string stands for the list.

        Example:
            >>> TaskTable.of(["GATA1", Task("TAL1", kind="count")]).names
            ('GATA1', 'TAL1')
        """
        if isinstance(tasks, str):
            raise ValueError(  # noqa: TRY004  (bad input, told in one line)
                f"tasks must be a list with a name for each output, got {tasks!r}"
            )
        return cls(tuple(Task(task) if isinstance(task, str) else task for task in tasks))

    def to_records(self) -> list[dict[str, str]]:
        """Return plain dictionaries, one a task."""
        return [asdict(task) for task in self.tasks]

    @classmethod
    def from_records(cls, records: Sequence[dict[str, Any]]) -> TaskTable:
        """Rebuild a table from `to_records`."""
        return cls(tuple(Task(**record) for record in records))


def read_tasks(path: Path | str) -> TaskTable:
    """Read a network's outputs from a tab-separated file with a header.

    Columns: ``name`` and, where known, ``target, assay, biosample, kind`` (see `Task`).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing or a row breaks a rule; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"tasks={path}: no such file")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        header = [name for name in reader.fieldnames or [] if name]
        known = ("name", "target", "assay", "biosample", "kind")
        if "name" not in header:
            raise ValueError(
                f"{path} must have a tab-separated header with name (and {', '.join(known[1:])}), "
                f"got {', '.join(header) or 'nothing'}"
            )
        tasks = []
        for number, row in enumerate(reader, start=2):
            try:
                tasks.append(Task(**{key: row[key] for key in known if row.get(key)}))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
    return TaskTable(tuple(tasks))
