"""Records of networks of published models as tables: ``python -m benchmarks.published_table FILE``.

FILE is what `benchmarks.published` or `benchmarks.published_command` wrote.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["asked_table", "table"]

_HEAD = ("`model=`", "size", "engine", "error", "in float64", "times plain", "tangermeme")
_OF_ALL = (
    "loci", "variants.", "controls=", "logger=", "trainer.", "paths.", "name=", "checkpoint=",
)  # fmt: skip
_REASONS = {
    "LSTM": ("recurrent",),
    "`flip` of the strands comes early": ("flip",),
    "its code branches on the input's type, which torch.fx cannot trace": ("torch.fx cannot",),
    "squeeze blocks multiply positions by a vector of all positions": ("with a vector",),
}


def main() -> None:
    """Print the table of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="what one of the benchmarks wrote")
    records = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))["records"]
    made = asked_table if "status" in records[0] else table
    print("\n".join(made(records)))


def asked_table(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table, a row each command.

    Args:
        records: What `benchmarks.published_command` measured.
    """
    lines = [
        "| `model=` | engine | error | asked by `deepmr interrogate` with |",
        "|---|---|---|---|",
    ]
    for one in records:
        if "skipped" in one:
            cells = [f"not asked: {one['skipped']}", "", ""]
        elif one["status"]:
            cells = [f"status {one['status']}: {one['said']}", "", f"`{_shown(one['command'])}`"]
        else:
            error = f"{one['error_to_largest_effect']:.0e}"
            cells = [one["path"], error, f"`{_shown(one['command'])}`"]
        lines.append("| " + " | ".join([f"`{one['model']}`", *cells]) + " |")
    return lines


def _shown(command: str) -> str:
    """Return the settings of a command that are not those of all of them."""
    words = shlex.split(command)[2:]
    kept = [one for one in words if not one.startswith(_OF_ALL)]
    return " ".join(f"'{one}'" if set(one) & set("*{[ ") else one for one in kept)


def table(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a Markdown table, a row each record.

    Args:
        records: What `benchmarks.published` measured.
    """
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    for record in records:
        cells = [f"`{record['model']}`", *_cells(record)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cells(record: Mapping[str, Any]) -> list[str]:
    if "skipped" in record:
        return [f"not measured: {record['skipped']}", *[""] * (len(_HEAD) - 2)]
    size = "reduced" if record["reduced"] else "full size"
    if "package" in record:
        size += ", architecture rebuilt from its paper"
    error = f"{record['max_error_to_largest_effect']:.0e} ({record['of_plain_float32']:.0e})"
    theirs = record.get("tangermeme_to_plain", record.get("tangermeme", ""))
    return [
        f"{size}, {record['length']:,} bases",
        _path(record),
        error,
        f"{record['of_engine_in_float64']:.0e}",
        f"{record['engine_to_plain']:.2f}",
        theirs if isinstance(theirs, str) else f"{theirs:.2f}",
    ]


def _path(record: Mapping[str, Any]) -> str:
    reasons = [one for one in record["reasons"] if not one.startswith("incremental would")]
    said = "; ".join(_said(one) for one in reasons)
    if record["path"] == "dense":
        return f"dense: {said}"
    return f"incremental: up to {said}" if said else "incremental: to the end"


def _said(reason: str) -> str:
    for plain, words in _REASONS.items():
        if all(word in reason for word in words):
            return plain
    return reason


if __name__ == "__main__":
    main()
