"""The content of a report: the pair asked, its tables, the verdict, figures and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepmr.inference import EffectZScores
from deepmr.report.figure import Figure
from deepmr.report.gallery import LocusCard
from deepmr.report.methods import Methods
from deepmr.verdict import Check, Control, ControlNotRun, Verdict

__all__ = ["Figure", "ReportContent", "ReportedPair", "ReportedVerdict", "Supplement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPair:
    """The two tasks of a question with the scales of their effects.

    Args:
        exposure: Name of the task asked as cause.
        outcome: Name of the task asked as effect.
        exposure_unit: The exposure's effect scale: ``logit``, ``anscombe``, ``probability``,
            ``signal``, or a word of one's own; by default "unit".
        outcome_unit: The outcome's effect scale, in the same words.

    Example:
        >>> ReportedPair(exposure="GATA1", outcome="TAL1").reversed.exposure
        'TAL1'
    """

    exposure: str
    outcome: str
    exposure_unit: str = ""
    outcome_unit: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """Names of exposure and outcome."""
        return self.exposure, self.outcome

    @property
    def reversed(self) -> ReportedPair:
        """The reverse question: the outcome as exposure."""
        return ReportedPair(
            exposure=self.outcome,
            outcome=self.exposure,
            exposure_unit=self.outcome_unit,
            outcome_unit=self.exposure_unit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedVerdict:
    """The verdict on a pair with what stands beside it: negative controls and assumptions.

    Args:
        verdict: Structure, caveats, reasons and evidence; None where no verdict was asked for.
        controls: Answers of the negative controls.
        controls_not_run: Controls that were not run, with the reason.
        panel: Checks of the assumptions (`deepmr.verdict.panel.assumption_panel`); empty where
            they were not made.

    Example:
        >>> ReportedVerdict().structure
        ''
    """

    verdict: Verdict | None = None
    controls: Sequence[Control] = ()
    controls_not_run: Sequence[ControlNotRun] = ()
    panel: Sequence[Check] = ()

    @property
    def structure(self) -> str:
        """The verdict's word, one of `deepmr.verdict.STRUCTURES`; empty without a verdict."""
        return "" if self.verdict is None else self.verdict.structure

    @property
    def failed_controls(self) -> tuple[str, ...]:
        """Names of the negative controls that came out with a causal structure."""
        return tuple(one.name for one in self.controls if not one.passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """What a report shows besides its tables and main figures.

    Args:
        gallery: Loci shown with figures; none by default.
        n_loci: Number of loci asked; 0 (the default) for those of the table of estimates.
        methods: The methods in words, with their references; by default none.
        files: Files and folders of the run's folder that the page links to, relative to it; none
            by default, for a page that stands alone.
        threshold: Columns of the slope by instrument threshold; none by default.
        effect_errors: Check of the standard errors of single-variant effects, by task, where a
            simulation knows the noiseless effects.

    Example:
        >>> Supplement(files=("meta.parquet",)).files
        ('meta.parquet',)
    """

    gallery: Sequence[LocusCard] = ()
    n_loci: int = 0
    methods: Methods | None = None
    files: Sequence[str] = ()
    threshold: Mapping[str, np.ndarray] = field(default_factory=dict)
    effect_errors: Mapping[str, EffectZScores] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything the report of one question shows.

    Args:
        pair: The tasks asked.
        meta: Columns of ``meta.parquet``: pooled slopes of every method, both directions.
        estimates: Columns of ``estimates.parquet``: slopes of every locus.
        judged: The verdict with its controls and assumption checks; by default none.
        method: Estimator of the headline; by default the first of ``meta`` for this question.
        figures: In the order they are shown.
        metrics: Columns of the training run's ``metrics.parquet``, where there is one.
        provenance: Run, command, commit, versions, seeds, inputs, settings: plain values, lists
            and mappings, shown in this order.
        notes: What the reader must know about this run in particular, a sentence each.
        supplement: Gallery of loci, methods and links to files; by default none.

    Raises:
        LookupError: If the table has no pooled slope of this question.

    Example:
        >>> column = {"exposure": "GATA1", "outcome": "TAL1", "method": "ivw", "pooling": "reml"}
        >>> meta = {name: np.array([value], dtype=object) for name, value in column.items()}
        >>> pair = ReportedPair(exposure="GATA1", outcome="TAL1")
        >>> content = ReportContent(pair=pair, meta=meta | {"value": np.array([0.5])}, estimates={})
        >>> content.title, content.pooled("TAL1", "GATA1") is None
        ('Does GATA1 act on TAL1?', True)
    """

    pair: ReportedPair
    meta: Mapping[str, np.ndarray]
    estimates: Mapping[str, np.ndarray]
    judged: ReportedVerdict = field(default_factory=ReportedVerdict)
    method: str = ""
    figures: Sequence[Figure] = ()
    metrics: Mapping[str, np.ndarray] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    supplement: Supplement = field(default_factory=Supplement)

    def __post_init__(self) -> None:
        row = _first(self.meta, self.exposure, self.outcome, self.method)
        if row is None:
            wanted = f" by {self.method}" if self.method else ""
            raise LookupError(
                f"a report needs a pooled effect of {self.exposure} on {self.outcome}{wanted}, "
                "the table has none"
            )
        object.__setattr__(self, "method", str(self.meta["method"][row]))

    @property
    def exposure(self) -> str:
        """Name of the task asked as cause."""
        return self.pair.exposure

    @property
    def outcome(self) -> str:
        """Name of the task asked as effect."""
        return self.pair.outcome

    @property
    def title(self) -> str:
        """The question, the page's title."""
        return f"Does {self.exposure} act on {self.outcome}?"

    @property
    def pooling(self) -> str:
        """Pooling of the headline: the first of ``meta`` for this question and method."""
        row = _first(self.meta, self.exposure, self.outcome, self.method)
        return "" if row is None else str(self.meta["pooling"][row])

    def true_structure(self, *, reverse: bool = False) -> str:
        """Return what a simulation's grammar does in a direction; empty where it is unknown.

        Args:
            reverse: The direction of the outcome acting on the exposure; not by default.
        """
        column, pair = self.meta.get("true_structure"), self.pair.reversed if reverse else self.pair
        row = _first(self.meta, *pair.names, self.method)
        return "" if column is None or row is None else str(column[row] or "")

    def pooled(self, exposure: str, outcome: str) -> dict[str, Any] | None:
        """Return the headline method's pooled slope of a direction, or None if it was not asked.

        Args:
            exposure: Name of the task asked as cause.
            outcome: Name of the task asked as effect.
        """
        row = _first(self.meta, exposure, outcome, self.method, self.pooling)
        return None if row is None else {name: column[row] for name, column in self.meta.items()}


def _first(
    meta: Mapping[str, np.ndarray], exposure: str, outcome: str, method: str, pooling: str = ""
) -> int | None:
    found = (meta["exposure"] == exposure) & (meta["outcome"] == outcome)
    found &= (meta["method"] == method) if method else True
    found &= (meta["pooling"] == pooling) if pooling else True
    rows = np.flatnonzero(found)
    return int(rows[0]) if len(rows) else None
