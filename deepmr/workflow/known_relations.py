"""Known relations between tasks, read from a table."""

from __future__ import annotations

import csv
from pathlib import Path

from deepmr.causal_graph import KnownRelation
from deepmr.tasks import TaskTable

__all__ = ["read_relations"]

_HEADER = ["exposure", "outcome", "expected"]


def read_relations(path: Path | str, table: TaskTable) -> tuple[KnownRelation, ...]:
    """Read known relations from a tab-separated file with the header exposure, outcome, expected.

    ``expected`` is a verdict's word (forward, reverse, both, inseparable, shared, none) or a sign
    (+, -, positive, negative) of the exposure's effect on the outcome. Tasks are named as on the
    command line, by name or unambiguous target.

    Args:
        path: The file.
        table: The networks' tasks.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, or a pair occurs twice; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"known={path}: no such file")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        if (reader.fieldnames or [])[:3] != _HEADER:
            raise ValueError(
                f"{path} must have a tab-separated header {', '.join(_HEADER)}, got "
                f"{', '.join(reader.fieldnames or []) or 'nothing'}"
            )
        found: dict[tuple[str, str], KnownRelation] = {}
        for number, row in enumerate(reader, start=2):
            try:
                one = _relation(row, table)
            except (ValueError, LookupError) as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            if (one.exposure, one.outcome) in found:
                raise ValueError(
                    f"{path}, line {number}: {one.exposure} and {one.outcome} are there already"
                )
            found[one.exposure, one.outcome] = one
    if not found:
        raise ValueError(f"{path} holds no relation; add lines of exposure, outcome, expected")
    return tuple(found.values())


def _relation(row: dict[str, str | None], table: TaskTable) -> KnownRelation:
    given = {name: (row.get(name) or "").strip() for name in _HEADER}
    for name, value in given.items():
        if not value:
            raise ValueError(f"{name} is empty")
    return KnownRelation(
        exposure=table.select(given["exposure"]).name,
        outcome=table.select(given["outcome"]).name,
        expected=given["expected"],
    )
