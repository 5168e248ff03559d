"""What effects of sequence can identify in a known graph, listed before any effect is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Identifiable", "identifiable"]

Pair = tuple[str, str]
Triple = tuple[str, str, str]

_PURE = {"A": ("X",), "B": ("N",), "C": ("S", "T")}
"""Tasks of the graph ``fifteen`` that read one motif alone, and stand for it."""

_SLOPES = (
    ("X", "S", "P", 0.6),
    ("X", "S", "L", 0.7),
    ("N", "S", "Q", 0.6),
    ("M", "X", "Z", 0.7),
    ("M", "S", "Z", 0.7),
    ("L", "N", "Lo", 0.6),
    ("N", "L", "Lo", 0.6),
    ("N", "M", "Z", 0.6),
)
"""Exposure, task held fixed, outcome, and the direct slope in counts that the graph was built with
(P = 60 A + 60 C and X = 100 A: .6; Lo = .6 L + 60 B)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifiable:
    """Edges and zeros of a graph that effects of sequence can show.

    Args:
        edges: Ordered pairs in which one task causes the other.
        direct: Those that no other task mediates.
        nested: Unordered pairs whose direction no effect of sequence can exclude.
        zeros: Triples (exposure, held fixed, outcome) whose direct effect is 0: ``mediated``, where
            the task held fixed lies between; ``common``, where it stands for the one motif that
            both read.
        slopes: Triples with a direct effect that is known.
    """

    edges: frozenset[Pair]
    direct: frozenset[Pair]
    nested: frozenset[frozenset[str]]
    zeros: dict[str, list[Triple]]
    slopes: tuple[tuple[str, str, str, float], ...]


def identifiable(structures: Sequence[dict[str, Any]]) -> Identifiable:
    """List what can be identified, from the table of true structures alone.

    Args:
        structures: As `deepmr.simulation.structure_table` returns it, of the graph ``fifteen``.
    """
    cause: dict[Pair, bool] = {}
    for row in structures:
        pair = (row["exposure"], row["outcome"])
        if row["word"] in ("forward", "reverse"):
            cause[pair if row["word"] == "forward" else pair[::-1]] = bool(row["direct"])
    zeros: dict[str, list[Triple]] = {"mediated": [], "common": []}
    for (exposure, outcome), direct in cause.items():
        between = [m for (x, m) in cause if x == exposure and (m, outcome) in cause]
        zeros["mediated"] += [(exposure, m, outcome) for m in between if not direct]
    for row in structures:
        if row["kind"] == "common" and len(row["shared"]) == 1:
            for held in _PURE[row["shared"][0]]:
                zeros["common"] += [
                    (row["exposure"], held, row["outcome"]),
                    (row["outcome"], held, row["exposure"]),
                ]
    return Identifiable(
        edges=frozenset(cause),
        direct=frozenset(pair for pair, direct in cause.items() if direct),
        nested=frozenset(
            frozenset((row["exposure"], row["outcome"]))
            for row in structures
            if row["kind"] == "nested"
        ),
        zeros=zeros,
        slopes=_SLOPES,
    )
