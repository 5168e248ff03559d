"""Where a report comes from: command, commit, versions and settings as entries to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["facts_of"]


def facts_of(provenance: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return the provenance as entries: name, how to show it (plain, table, list, text), value.

    Args:
        provenance: Command, commit, versions, settings: plain values, lists and mappings.

    Example:
        >>> facts_of({"git_commit": "1a2b", "git_dirty": True})
        [('source code', 'plain', 'commit 1a2b, with changes that were not committed')]
    """
    facts: list[tuple[str, str, Any]] = []
    for name, value in _with_source(provenance).items():
        title = name.replace("_", " ")
        if isinstance(value, Mapping):
            facts.append((title, "table", _flat(value)))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            facts.append((title, "list", [_line(entry) for entry in value]))
        elif isinstance(value, str) and "\n" in value:
            facts.append((title, "text", value))
        else:
            facts.append((title, "plain", "unknown" if value is None else str(value)))
    return facts


def _with_source(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Put commit and state of the source folder into one entry in plain words."""
    told = dict(provenance)
    commit, dirty = told.pop("git_commit", None), told.pop("git_dirty", None)
    if "git_commit" not in provenance:
        return told
    state = ", with changes that were not committed" if dirty else ""
    source = {"source_code": f"commit {commit}{state}" if commit else "commit unknown"}
    folded = {name: one for name, one in told.items() if not isinstance(one, str)}
    return {name: told[name] for name in told if name not in folded} | source | folded


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            rows += _flat(entry, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", str(entry)))
    return rows


def _line(entry: Any) -> str:
    return "  ".join(map(str, entry.values())) if isinstance(entry, Mapping) else str(entry)
