"""The answer in words: the verdict first, then effect, reasons, caveats and what gives pause."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmr.report.content import ReportContent, ReportedPair, ReportedVerdict
from deepmr.report.number import (
    interval_text,
    matching_text,
    number_text,
    percent_text,
    typeset,
)
from deepmr.report.verdict_text import (
    caveat_sentences,
    is_effect,
    reason_sentences,
    slope_meaning,
    structure_asked,
    verdict_sentence,
)

__all__ = ["Headline", "headline", "unit_meanings", "unit_names"]

_UNITS = {
    "": ("unit", "units"),
    "logit": ("logit", "logits"),
    "anscombe": ("Anscombe unit", "Anscombe units"),
    "probability": ("unit of probability", "units of probability"),
    "count": ("count", "counts"),
    "signal": ("unit of signal", "units of signal"),
}
_UNIT_MEANINGS = {
    "logit": "A logit is a unit of log odds: from a probability of 0.50, one more is 0.73.",
    "anscombe": "An Anscombe unit is a change by 1 of 2 √(count + 3/8): about one standard "
    "deviation of a count's own noise.",
}
_FEW_LOCI = 10
_STRONG_HETEROGENEITY = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The top of the report: verdict, effect, the numbers that carry the verdict, caveats.

    Args:
        verdict: The verdict in one sentence; without one, that none was asked for.
        effect: The pooled slope with its 95 % interval: an effect where the verdict makes it one.
        reasons: Sentences with the numbers that carry the verdict.
        caveats: What the verdict cannot exclude, and controls that failed.
        details: Loci used, prediction interval, the reverse slope, noiseless slopes.
        cautions: What in the pooled numbers should give pause; may be empty.
    """

    verdict: str
    effect: str
    reasons: tuple[str, ...]
    caveats: tuple[str, ...]
    details: tuple[str, ...]
    cautions: tuple[str, ...]


def headline(content: ReportContent) -> Headline:
    """Put the verdict and the pooled slopes of both directions into words.

    Args:
        content: What is reported.

    Raises:
        LookupError: If there is no pooled slope of the question.
    """
    judged, verdict = content.judged, content.judged.verdict
    pair = content.pair
    # The effect of a reverse verdict is that of the outcome on the exposure.
    if judged.structure == "reverse" and content.pooled(*pair.reversed.names) is not None:
        pair = pair.reversed
    structure = structure_asked(judged.structure, reverse=pair is not content.pair)
    row, other = content.pooled(*pair.names), content.pooled(*pair.reversed.names)
    if row is None:  # ReportContent refuses this; kept for type checkers
        raise LookupError(f"no pooled effect of {content.exposure} on {content.outcome}")
    details = [_loci_used(content, pair), _prediction(row), _noiseless(row)]
    details += [_local_coverage(content, pair), _other_way(pair, other, structure)]
    if other is not None:
        details.append(_noiseless(other, where=f" ({pair.outcome} → {pair.exposure})"))
    return Headline(
        verdict=_no_verdict() if verdict is None else verdict_sentence(verdict),
        effect=_effect(pair, row, structure),
        reasons=() if verdict is None else reason_sentences(verdict),
        caveats=_caveats(judged),
        details=tuple(sentence for sentence in details if sentence),
        cautions=tuple(_cautions(content, pair, row)),
    )


def _no_verdict() -> str:
    return (
        "No verdict was asked for: the slopes say how strongly the effects go together, not which "
        "task acts on which."
    )


def _caveats(judged: ReportedVerdict) -> tuple[str, ...]:
    caveats = () if judged.verdict is None else caveat_sentences(judged.verdict)
    if not judged.failed_controls:
        return caveats
    failed = ", ".join(name.replace("_", " ") for name in judged.failed_controls)
    return (
        f"Negative controls came out with a causal verdict ({failed}): do not trust this one.",
        *caveats,
    )


def _effect(pair: ReportedPair, row: Mapping[str, Any], structure: str) -> str:
    if not np.isfinite(row["value"]):
        return (
            f"There is no estimate of the slope of {pair.outcome} on {pair.exposure}: "
            f"{_loci(row) if row['n_loci'] else 'no locus'} had an estimate, too few to pool."
        )
    value, lower, upper = _numbers(row)
    one, _ = unit_names(pair.exposure_unit)
    _, many = unit_names(pair.outcome_unit)
    known = np.isfinite(row["ci_lower"]) and np.isfinite(row["ci_upper"])
    interval = f"95 % interval {lower} to {upper}" if known else "no interval"
    over = f"on average over {_loci(row)}"
    if is_effect(structure):
        return (
            f"One {one} more {pair.exposure} changes {pair.outcome} by {value} {many} "
            f"({interval}), {over}."
        )
    meaning = slope_meaning(structure, *pair.names)
    return (
        f"Over {pair.exposure}'s instruments, {pair.outcome} goes with {pair.exposure} by a slope "
        f"of {value} {many} per {one} ({interval}), {over}"
        f"{': a ' + meaning if meaning else ''}."
    )


def unit_names(scale: str) -> tuple[str, str]:
    """Return what one and several units of an effect scale are called.

    Example:
        >>> unit_names("anscombe"), unit_names("")
        (('Anscombe unit', 'Anscombe units'), ('unit', 'units'))
    """
    return _UNITS.get(scale, (scale, scale))


def unit_meanings(pair: ReportedPair) -> list[str]:
    """Return what the units of a pair's effects are, a sentence each, where they need one.

    Args:
        pair: The tasks asked, with the scales of their effects.

    Example:
        >>> unit_meanings(ReportedPair(exposure="A", outcome="B", exposure_unit="signal"))
        []
    """
    scales = dict.fromkeys((pair.exposure_unit, pair.outcome_unit))
    return [_UNIT_MEANINGS[one] for one in scales if one in _UNIT_MEANINGS]


def _numbers(row: Mapping[str, Any]) -> tuple[str, str, str]:
    texts = interval_text(float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"]))
    return typeset(texts[0]), typeset(texts[1]), typeset(texts[2])


def _loci(row: Mapping[str, Any]) -> str:
    count = int(row["n_loci"])
    return f"{count:,} locus" if count == 1 else f"{count:,} loci"


def _of_headline(content: ReportContent, pair: ReportedPair) -> np.ndarray:
    """Return the rows of the loci's estimates behind the headline."""
    estimates = content.estimates
    rows = (estimates["exposure"] == pair.exposure) & (estimates["outcome"] == pair.outcome)
    return np.flatnonzero(rows & (estimates["method"] == content.method))


def _loci_used(content: ReportContent, pair: ReportedPair) -> str:
    rows = _of_headline(content, pair)
    if not len(rows):
        return ""
    known = np.isfinite(content.estimates["value"][rows])
    if not known.any():
        return f"None of the {len(rows):,} loci that were asked gave an estimate."
    median = np.median(content.estimates["n_instruments"][rows][known])
    return (
        f"Of {len(rows):,} loci that were asked, {int(known.sum()):,} gave an estimate, from "
        f"{median:g} instruments each (median)."
    )


def _local_coverage(content: ReportContent, pair: ReportedPair) -> str:
    rows = _of_headline(content, pair)
    names = ("true_value", "ci_lower", "ci_upper")
    truth, lower, upper = (content.estimates[name][rows] for name in names)
    known = np.isfinite(truth) & ~np.isnan(lower) & ~np.isnan(upper)
    if not known.any():
        return ""
    covered = int(np.sum(known & (lower <= truth) & (truth <= upper)))
    total = int(known.sum())
    return (
        f"Of the {total:,} loci with a 95 % interval and a noiseless slope of their own, the "
        f"interval holds it at {covered:,} ({percent_text(covered / total)})."
    )


def _prediction(row: Mapping[str, Any]) -> str:
    low, high = float(row["prediction_lower"]), float(row["prediction_upper"])
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    lower, upper = map(typeset, interval_text((low + high) / 2, low, high)[1:])
    if float(row["tau2"]) > 0:
        return (
            f"The slope differs between loci (τ = {number_text(math.sqrt(row['tau2']))}): "
            f"95 % prediction interval for a single locus {lower} to {upper}."
        )
    return (
        "No difference between loci beyond chance was found (τ = 0): 95 % prediction interval for "
        f"a single locus {lower} to {upper}."
    )


def _other_way(pair: ReportedPair, row: Mapping[str, Any] | None, structure: str) -> str:
    asked = f"the other way round ({pair.outcome} → {pair.exposure})"
    if row is None:
        return f"A slope {asked} was not computed."
    if not np.isfinite(row["value"]):
        return f"There is no estimate of the slope {asked}."
    value, lower, upper = _numbers(row)
    number = f"{value} ({lower} to {upper}) over {_loci(row)}"
    if structure == "both":
        return f"The effect {asked} is {number}."
    if structure == "forward":
        return (
            f"The slope {asked}, {number}, is that of the variants both share, not an effect of "
            f"{pair.outcome} on {pair.exposure}."
        )
    return f"The slope {asked} is {number}."


def _noiseless(row: Mapping[str, Any], where: str = "") -> str:
    """Say what the slope of the simulation's noiseless effects is, beside the estimate."""
    true = float(row["true_value"])
    if not (math.isfinite(true) and np.isfinite(row["value"])):
        return ""
    value = interval_text(float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"]))[0]
    inside = "inside" if row["ci_lower"] <= true <= row["ci_upper"] else "outside"
    off = ""
    if abs(true) > float(row["se"]):
        off = f"; the estimate is {percent_text(abs(float(row['value']) / true - 1))} off"
    return (
        f"The slope of the noiseless effects over the same variants{where} is "
        f"{typeset(matching_text(true, value))}, {inside} the interval{off}."
    )


def _clear(row: Mapping[str, Any]) -> bool:
    return bool(row["ci_lower"] > 0 or row["ci_upper"] < 0)


def _cautions(content: ReportContent, pair: ReportedPair, row: Mapping[str, Any]) -> list[str]:
    cautions = []
    if 0 < int(row["n_loci"]) < _FEW_LOCI:
        cautions.append(
            f"Only {_loci(row)} were pooled: the intervals rest on a poorly known between-locus "
            "variance."
        )
    if float(row["i2"]) > _STRONG_HETEROGENEITY:
        cautions.append(
            f"{_most_percent(float(row['i2']))} of the variation between loci is more than chance: "
            "the mean describes no single locus well; read the 95 % prediction interval."
        )
    if _clear(row) and row["prediction_lower"] < 0 < row["prediction_upper"]:
        cautions.append(
            "The 95 % prediction interval includes zero: at a single locus the slope may be absent "
            "or of the other sign."
        )
    doubted = [check for check in content.judged.panel if check.state in ("fail", "doubt")]
    if doubted:
        names = ", ".join(f"{check.name} ({check.state})" for check in doubted)
        cautions.append(f"Assumptions that do not hold or are in doubt: {names}.")
    signs = _signs(content, pair)
    if len(signs) > 1:
        cautions.append(
            "Methods disagree on the sign: " + ", ".join(f"{m} {v}" for m, v in signs.items()) + "."
        )
    return cautions


def _most_percent(fraction: float) -> str:
    """Return a share as a percentage that is 100 only where nothing is left."""
    return "More than 99 %" if 0.995 <= fraction < 1 else percent_text(fraction)


def _signs(content: ReportContent, pair: ReportedPair) -> dict[str, str]:
    """Return each method's pooled value if clear effects of both signs are among them."""
    meta = content.meta
    rows = (meta["exposure"] == pair.exposure) & (meta["outcome"] == pair.outcome)
    positive, negative = rows & (meta["ci_lower"] > 0), rows & (meta["ci_upper"] < 0)
    if not (positive.any() and negative.any()):
        return {}
    return {
        str(meta["method"][row]): typeset(number_text(float(meta["value"][row])))
        for row in np.flatnonzero(positive | negative)
    }
