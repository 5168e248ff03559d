"""The content of the report on all pairs of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepmr.causal_graph import RelationScores
from deepmr.report.content import Figure
from deepmr.report.methods import Methods
from deepmr.verdict import Verdict

__all__ = ["PairsContent", "PairsTables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsTables:
    """Tables that the report on all pairs shows, as columns.

    Args:
        pairs: Columns of ``pairs.parquet``.
        direct: Columns of ``direct.parquet``.
        edges: Columns of ``edges.parquet``.
        known: Scores on known relations; None (the default) where none were given.
        unit: Unit of the slopes, such as ``logits per logit``; empty (the default) where it
            differs between pairs or is not known.
        files: Files of the run's folder that the page links to, relative to it; none by default,
            for a page that stands alone.
    """

    pairs: Mapping[str, np.ndarray]
    direct: Mapping[str, np.ndarray]
    edges: Mapping[str, np.ndarray]
    known: RelationScores | None = None
    unit: str = ""
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsContent:
    """Everything the report on all pairs shows.

    Args:
        exposures: Names of the exposures in the order of the matrix's rows.
        outcomes: Names of the outcomes in the order of its columns.
        tables: Pooled effects, direct effects and edges.
        verdicts: Verdict of every ordered pair.
        n_loci: Loci that were asked.
        level: Largest false discovery rate of an edge.
        figures: In the order they are shown.
        methods: The methods in words, with their references; by default none.
        provenance: Command, versions and settings.
        notes: What the reader must know about this run, a sentence each.

    Raises:
        ValueError: If the table has no pair.
    """

    exposures: tuple[str, ...]
    outcomes: tuple[str, ...]
    tables: PairsTables
    verdicts: Mapping[tuple[str, str], Verdict]
    n_loci: int
    level: float = 0.05
    figures: Sequence[Figure] = ()
    methods: Methods | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not len(self.tables.pairs["exposure"]):
            raise ValueError("a report on pairs needs at least one pair, the table has none")

    def row(self, exposure: str, outcome: str, method: str = "") -> dict[str, Any] | None:
        """Return a pair's row by an estimator (by default the one in the middle), or None."""
        table = self.tables.pairs
        found = (table["exposure"] == exposure) & (table["outcome"] == outcome)
        found &= (table["method"] == method) if method else table["middle"].astype(bool)
        rows = np.flatnonzero(found)
        return {name: column[rows[0]] for name, column in table.items()} if len(rows) else None

    def estimators(self) -> list[str]:
        """Return the estimators in their order."""
        return list(dict.fromkeys(self.tables.pairs["method"].tolist()))
