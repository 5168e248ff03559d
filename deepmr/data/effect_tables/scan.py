"""First pass over a table: its members, the places of its variants, and whether it has signs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepmr.data.effect_tables.alleles import AlleleCheck, Contigs
from deepmr.data.effect_tables.places import Seen
from deepmr.data.effect_tables.rows import EffectRows
from deepmr.data.effect_tables.sources import Source, _natural

__all__ = ["Scan", "prepared", "scan_table"]

_FEWEST = 6
"""Fewest effects of a task among which one must be negative: by chance none is in 1 of 64."""


@dataclass(slots=True, kw_only=True)
class Scan:
    """What the first pass found.

    Args:
        tasks: Names of the tasks that were read.
        seen: Places of the variants.
        members: Names of the members by task, ascending.
        n_rows: Rows by task.
        n_missing: Rows without an effect, by task.
        n_negative: Rows with a negative effect, by task.
        n_errors: Rows with a standard error, by task.
        check: Comparison with the genome.
    """

    tasks: tuple[str, ...]
    seen: Seen = field(default_factory=Seen)
    members: dict[str, dict[str, None]] = field(default_factory=dict)
    n_rows: dict[str, int] = field(default_factory=dict)
    n_missing: dict[str, int] = field(default_factory=dict)
    n_negative: dict[str, int] = field(default_factory=dict)
    n_errors: dict[str, int] = field(default_factory=dict)
    check: AlleleCheck = field(default_factory=AlleleCheck)

    def add(self, rows: EffectRows) -> None:
        """Take in a batch."""
        self.seen.add(rows)
        for task in self.tasks:
            here = rows.task == task
            if not here.any():
                continue
            effect = rows.effect[here]
            members = self.members.setdefault(task, {})
            members.update(dict.fromkeys(np.unique(rows.member[here].astype(object)).tolist()))
            counts: tuple[tuple[dict[str, int], Any], ...] = (
                (self.n_rows, here),
                (self.n_missing, np.isnan(effect)),
                (self.n_negative, effect < 0),
                (self.n_errors, ~np.isnan(rows.se[here])),
            )
            for count, found in counts:
                count[task] = count.get(task, 0) + int(found.sum())

    @property
    def member_names(self) -> tuple[str, ...]:
        """Names of the members, the same for every task."""
        return tuple(sorted(self.members[self.tasks[0]], key=_natural))

    @property
    def has_errors(self) -> bool:
        """Whether every task has standard errors of its own."""
        return all(self.n_errors.get(task, 0) > 0 for task in self.tasks)

    def check_all(self, *, signed: bool, mismatch: float) -> None:
        """Refuse a table that has no effects on a task, no signs, or unequal members.

        Args:
            signed: Whether the settings say what the numbers are.
            mismatch: Largest share of rows that may differ from the genome.

        Raises:
            ValueError: If one of these holds.
        """
        present = {
            task: self.n_rows.get(task, 0) - self.n_missing.get(task, 0) for task in self.tasks
        }
        for task, count in present.items():
            if not count:
                raise ValueError(f"the table of effects has no effect on {task}")
        for tasks in [] if signed else [*((task,) for task in self.tasks), self.tasks]:
            count = sum(present[task] for task in tasks)
            if count >= _FEWEST and not any(self.n_negative[task] for task in tasks):
                raise ValueError(
                    f"none of the {count} numbers on {' and '.join(tasks)} is negative: absolute "
                    "values, predictions and ratios are no effects; effects.values=ratio takes "
                    "log2 of ratios, effects.values=difference takes the numbers as they are"
                )
        self.check.refuse_above(mismatch)
        names = {task: sorted(self.members[task], key=_natural) for task in self.tasks}
        first = self.tasks[0]
        for task in self.tasks[1:]:
            if names[task] != names[first]:
                raise ValueError(
                    f"every member must have effects on both tasks, got {len(names[first])} of "
                    f"{first} ({', '.join(names[first][:3])}) and {len(names[task])} of {task} "
                    f"({', '.join(names[task][:3])})"
                )


def prepared(
    sources: Sequence[Sequence[Source]],
    tasks: Sequence[str],
    contigs: Contigs,
    check: AlleleCheck,
) -> Iterator[EffectRows]:
    """Yield the rows of all files on some tasks, contigs renamed and alleles compared.

    Members of a task that come from files of its own are numbered: those of two tasks have other
    names, and are paired in the order of their names.

    Args:
        sources: Sets of files.
        tasks: Names of the tasks.
        contigs: How contigs are named.
        check: Comparison with the genome; it counts.
    """
    for members in sources:
        numbers = {source.member: f"{place}" for place, source in enumerate(members)}
        for source in members:
            for rows in source.read(frozenset(tasks)):
                named = EffectRows(
                    **{name: getattr(rows, name) for name in rows.__slots__}
                    | {
                        "chrom": contigs.rename(rows.chrom),
                        "ref": _upper(rows.ref),
                        "alt": _upper(rows.alt),
                    }
                    | (
                        {"member": np.full(len(rows), numbers[source.member], dtype=object)}
                        if len(sources) > 1 and source.member
                        else {}
                    )
                )
                checked = check(named)
                if len(checked):
                    yield checked


def _upper(alleles: np.ndarray) -> np.ndarray:
    texts, inverse = np.unique(alleles.astype(object), return_inverse=True)
    return np.asarray([text.upper() for text in texts.tolist()], dtype=object)[inverse]


def scan_table(
    sources: Sequence[Sequence[Source]],
    tasks: Sequence[str],
    contigs: Contigs,
    check: AlleleCheck,
) -> Scan:
    """Read a table once, and return what its second reading must know.

    Args:
        sources: Sets of files.
        tasks: Names of the tasks.
        contigs: How contigs are named.
        check: Comparison with the genome.
    """
    found = Scan(tasks=tuple(tasks), check=check)
    for rows in prepared(sources, tasks, contigs, check):
        found.add(rows)
    return found
