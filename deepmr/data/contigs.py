"""Spellings of contig names: with or without the prefix ``chr``."""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["SPELLINGS", "describe_mismatch", "match_contig", "other_spelling"]

SPELLINGS = ("exact", "chr")
"""How a file's contigs are compared with the genome's: as written, or with ``chr`` added or left
out where that makes the name one of the genome's."""

_SHOWN = 5


def other_spelling(name: str) -> str:
    """Return a contig's name in the other convention: with ``chr``, or without; M is also MT.

    Example:
        >>> [other_spelling(name) for name in ("chr1", "X", "chrM", "MT")]
        ['1', 'chrX', 'MT', 'chrM']
    """
    if name in {"chrM", "MT"}:
        return "MT" if name == "chrM" else "chrM"
    return name.removeprefix("chr") if name.startswith("chr") else f"chr{name}"


def match_contig(name: str, known: Collection[str], spelling: str = "exact") -> str | None:
    """Return the genome's name of a contig, or None where it has no such contig.

    Args:
        name: The name in a file.
        known: Names of the genome's contigs.
        spelling: ``exact``, or ``chr`` to try the other spelling where the name is not known.

    Raises:
        ValueError: If the spelling is not one of `SPELLINGS`.

    Example:
        >>> match_contig("1", ["chr1"]), match_contig("1", ["chr1"], "chr")
        (None, 'chr1')
    """
    if spelling not in SPELLINGS:
        raise ValueError(f"contig_names is one of {', '.join(SPELLINGS)}; got {spelling!r}")
    if name in known:
        return name
    other = other_spelling(name)
    return other if spelling == "chr" and other in known else None


def describe_mismatch(theirs: Iterable[str], known: Collection[str], *, option: str) -> str:
    """Say which contigs a file names and which the genome has, and what to do.

    Args:
        theirs: Names in the file, none of them among the genome's.
        known: Names of the genome's contigs.
        option: The setting that matches the two spellings, e.g. ``data.contig_names``.
    """
    names = list(dict.fromkeys(theirs))
    shown = f"none of its contigs ({_list(names)}) is among the genome's ({_list(list(known))})"
    if any(other_spelling(name) in known for name in names):
        return f"{shown}: they are spelled differently; set {option}=chr"
    return f"{shown}; use files of the same assembly"


def _list(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
