"""Record of `benchmarks.published` as a table: ``python -m benchmarks.published_table FILE``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["table"]

_HEAD = ("`model=`", "size", "engine", "error", "in float64", "times plain", "tangermeme")
_REASONS = {
    "LSTM": ("recurrent",),
    "`flip` of the strands comes early": ("flip",),
    "its code branches on the input's type, which torch.fx cannot trace": ("torch.fx cannot",),
    "squeeze blocks multiply positions by a vector of all positions": ("with a vector",),
}


def main() -> None:
    """Print the table of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="what python -m benchmarks.published wrote")
    records = json.loads(parser.parse_args().file.read_text(encoding="utf-8"))["records"]
    print("\n".join(table(records)))


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
