"""Counts of the estimators' flags over loci, with what each warns of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["FlagCount", "count_flags", "explain"]

_EXPLANATIONS = {
    "few_instruments": "So few instruments that the estimate rests on one or two variants, or "
    "that the method has none.",
    "weak_instruments": "The variants' effects on the exposure are small beside their errors: the "
    "estimate is pulled towards zero, or towards confounding where errors are shared.",
    "heterogeneity": "The variants of the locus disagree beyond their errors: some of them change "
    "the outcome by another way than through the exposure, or the errors are understated.",
    "directional_pleiotropy": "MR-Egger's intercept differs from zero: variants change the "
    "outcome in one direction even where they leave the exposure alone, or the dose-response "
    "bends.",
    "one_position": "All instruments lie at one position: nothing can disagree with the slope, "
    "which has no interval.",
    "member_without_estimate": "Some or all members of the ensemble gave no slope at the locus; "
    "an estimate is the mean over the others.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCount:
    """How often a flag was raised, by question and method.

    Args:
        name: The flag.
        explanation: What it warns of; empty for a flag that this module does not know.
        counts: Loci with the flag, in the order of the columns asked for.
        totals: Loci with an estimate row at all, likewise.
    """

    name: str
    explanation: str
    counts: tuple[int, ...]
    totals: tuple[int, ...]


def explain(name: str) -> str:
    """Return what a flag warns of, or an empty text."""
    return _EXPLANATIONS.get(name, "")


def count_flags(
    estimates: Mapping[str, np.ndarray], columns: list[tuple[str, str, str]]
) -> list[FlagCount]:
    """Count each flag in the estimates of several questions.

    Args:
        estimates: Columns of ``estimates.parquet``.
        columns: Exposure, outcome and method of each count.

    Returns:
        Flags with a text of ours first, the others by name.
    """
    found: dict[str, list[int]] = {}
    totals = []
    for position, (exposure, outcome, method) in enumerate(columns):
        rows = (
            (estimates["exposure"] == exposure)
            & (estimates["outcome"] == outcome)
            & (estimates["method"] == method)
        )
        totals.append(int(rows.sum()))
        for text in estimates["flags"][rows]:
            for name in filter(None, text.split(";")):
                found.setdefault(name, [0] * len(columns))[position] += 1
    known = [name for name in _EXPLANATIONS if name in found]
    return [
        FlagCount(
            name=name,
            explanation=explain(name),
            counts=tuple(found[name]),
            totals=tuple(totals),
        )
        for name in [*known, *sorted(set(found) - set(known))]
    ]
