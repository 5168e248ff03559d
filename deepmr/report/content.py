"""What a report is made of."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deepmr.inference import EffectZScores
from deepmr.verdict import Verdict
from deepmr.verdict.controls import Control, ControlNotRun

__all__ = ["Figure", "ReportContent"]

_WIDE = 1.9
_PNG, _SVG = b"\x89PNG", (b"<?xml", b"<svg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure as a file's content, with the words that go with it.

    Args:
        name: Short title.
        caption: What to see in it, and what not to conclude from it.
        content: A PNG or SVG file.

    Raises:
        ValueError: If the content is neither.
    """

    name: str
    caption: str
    content: bytes

    def __post_init__(self) -> None:
        if not self.content.startswith((_PNG, *_SVG)):
            raise ValueError(
                f"figure {self.name!r} must be a PNG or SVG file, "
                f"got content that begins with {self.content[:8]!r}"
            )

    @property
    def media_type(self) -> str:
        """The content's media type."""
        return "image/png" if self.content.startswith(_PNG) else "image/svg+xml"

    @property
    def wide(self) -> bool:
        """Whether the figure needs the whole width of the page."""
        if self.media_type == "image/png":  # the header holds width and height, big-endian
            width, height = struct.unpack(">II", self.content[16:24])
        else:
            box = re.search(rb'viewBox="[-\d.]+ [-\d.]+ ([\d.]+) ([\d.]+)"', self.content)
            width, height = map(float, box.groups()) if box else (1.0, 1.0)
        return bool(width > _WIDE * height)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything the report of one question shows.

    Args:
        exposure: Name of the task asked as cause.
        outcome: Name of the task asked as effect.
        meta: Columns of ``meta.parquet``: pooled effects of every method, both directions.
        estimates: Columns of ``estimates.parquet``: effects of every locus.
        verdict: The verdict on the pair, where one was asked for.
        controls: Answers of the negative controls.
        controls_not_run: Controls that were not run, with the reason.
        exposure_unit: The exposure's effect scale: ``logit``, ``anscombe``, ``probability``,
            ``signal``, or words of one's own.
        outcome_unit: The outcome's effect scale.
        method: The method of the headline; by default the table's first for this question.
        pooling: Its pooling, likewise.
        figures: In the order they are shown.
        metrics: Columns of the training run's ``metrics.parquet``, where there is one.
        effect_errors: How far single effects' standard errors hold, by task, where a simulation
            knows the true effects.
        provenance: Run, command, commit, versions, seeds, inputs, settings: plain values, lists
            and mappings, shown in this order.
        notes: What the reader must know about this run in particular, a sentence each.
        title: Title of the page; by default the question.
        most_loci: Rows of the table of loci; the file has all.

    Raises:
        LookupError: If the table has no pooled effect of this question.
    """

    exposure: str
    outcome: str
    meta: Mapping[str, np.ndarray]
    estimates: Mapping[str, np.ndarray]
    verdict: Verdict | None = None
    controls: Sequence[Control] = ()
    controls_not_run: Sequence[ControlNotRun] = ()
    exposure_unit: str = ""
    outcome_unit: str = ""
    method: str = ""
    pooling: str = ""
    figures: Sequence[Figure] = ()
    metrics: Mapping[str, np.ndarray] | None = None
    effect_errors: Mapping[str, EffectZScores] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    title: str = ""
    most_loci: int = 200

    def __post_init__(self) -> None:
        row = _first(self.meta, self.exposure, self.outcome, self.method, self.pooling)
        if row is None:
            wanted = f" by {self.method}" if self.method else ""
            raise LookupError(
                f"a report needs a pooled effect of {self.exposure} on {self.outcome}{wanted}, "
                "the table has none"
            )
        object.__setattr__(self, "method", str(self.meta["method"][row]))
        object.__setattr__(self, "pooling", str(self.meta["pooling"][row]))
        if not self.title:
            object.__setattr__(self, "title", f"Does {self.exposure} change {self.outcome}?")

    def pooled(self, exposure: str, outcome: str) -> dict[str, Any] | None:
        """Return the headline method's pooled effect of a question, or None if it was not asked."""
        row = _first(self.meta, exposure, outcome, self.method, self.pooling)
        return None if row is None else {name: column[row] for name, column in self.meta.items()}


def _first(
    meta: Mapping[str, np.ndarray], exposure: str, outcome: str, method: str, pooling: str
) -> int | None:
    found = (meta["exposure"] == exposure) & (meta["outcome"] == outcome)
    found &= (meta["method"] == method) if method else True
    found &= (meta["pooling"] == pooling) if pooling else True
    rows = np.flatnonzero(found)
    return int(rows[0]) if len(rows) else None
