"""The files behind a table of effects: members of one set of tasks, or one set a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from deepmr.data.effect_tables.format import EffectFormat, Tasks
from deepmr.data.effect_tables.head import Head, look
from deepmr.data.effect_tables.registry import format_of
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.files import expand_paths
from deepmr.tasks import Task

__all__ = ["Named", "Source", "open_sources"]

Named = str | Path | Sequence[str | Path]
"""A file, a glob, or a list of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a table of effects.

    Args:
        head: Its beginning.
        format: Its format.
        settings: How it is read.
        member: Name of the member that it is; ``""`` where it alone holds all members.
    """

    head: Head
    format: EffectFormat
    settings: ReadSettings
    member: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return self.head.path

    def tasks(self) -> tuple[Task, ...]:
        """Return the tasks that the file has effects on."""
        if self.format.tasks is None:
            raise ValueError(f"format {self.format.name} cannot name its tasks")
        return self.format.tasks(self.head, self.settings)

    def read(self, wanted: Tasks) -> Iterator[EffectRows]:
        """Yield its rows; those of a file that is a member bear its name.

        Args:
            wanted: Names of the tasks; None for all.

        Raises:
            ValueError: If a file that is a member has members of its own, or ratios are not
                positive.
        """
        for rows in self.format.read(self.head, self.settings, wanted):
            if wanted is not None:
                rows = rows.where(np.isin(rows.task, list(wanted)))
            if self.settings.values == "ratio":
                rows = replace(rows, effect=self._logarithm(rows))
            if self.member:
                if (rows.member != "").any() and len(set(rows.member.tolist())) > 1:
                    raise ValueError(
                        f"{self.path} is one of several files, each a member, and has a column of "
                        "members; give it alone"
                    )
                rows = replace(rows, member=np.full(len(rows), self.member, dtype=object))
            if len(rows):
                yield rows

    def _logarithm(self, rows: EffectRows) -> np.ndarray:
        bad = rows.effect <= 0
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"{self.path}: effects.values=ratio needs positive numbers, got "
                f"{rows.effect[row]:g} at {rows.chrom[row]}:{rows.pos[row] + 1}"
            )
        return np.asarray(np.log2(rows.effect))


def open_sources(
    path: Named | Mapping[str, Named], settings: ReadSettings, *, form: str = "auto"
) -> list[list[Source]]:
    """Find the files of a table of effects, and their formats.

    Args:
        path: A file, a glob or a list of files, which are members; or a mapping from tasks to
            those, where each file has one task.
        settings: How they are read.
        form: ``auto``, or the format of all files.

    Returns:
        Sets of files: the members of one set are of the same tasks.

    Raises:
        FileNotFoundError: If a file is missing, or a glob matches nothing.
        ValueError: If a file is no table of effects.
    """
    if isinstance(path, Mapping):
        if not path:
            raise ValueError("effects= maps tasks to files, got no task")
        return [
            _members(files, replace(settings, task=str(task)), form, only=str(task))
            for task, files in path.items()
        ]
    return [_members(path, settings, form)]


def _members(named: Named, settings: ReadSettings, form: str, only: str = "") -> list[Source]:
    paths = expand_paths(named, what="table of effects")
    heads = [look(path) for path in sorted(paths, key=lambda path: _natural(path.name))]
    names = [head.name for head in heads]
    if len(set(names)) < len(names):
        names = [str(head.path) for head in heads]
    found = [
        Source(
            head=head,
            format=format_of(head, settings, form),
            settings=settings,
            member=name if len(heads) > 1 else "",
        )
        for head, name in zip(heads, names, strict=True)
    ]
    kinds = {source.format.name for source in found}
    if len(kinds) > 1:
        raise ValueError(
            f"files that are members must have one format, got {', '.join(sorted(kinds))}"
        )
    for source in found if only else ():
        tasks = source.tasks()
        if [task.name for task in tasks] != [only]:
            raise ValueError(
                f"{source.path} has the tasks {', '.join(task.name for task in tasks[:5])}; a file "
                "that is given for one task has that alone: effects=FILE reads several"
            )
    return found


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts fold_2 before fold_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
