"""The answer in words: what the pooled effects say, and what they do not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmr.report.content import ReportContent
from deepmr.report.number import (
    interval_text,
    matching_text,
    number_text,
    percent_text,
    typeset,
)

__all__ = ["Headline", "headline", "unit_names"]

_UNITS = {
    "": ("unit", "units"),
    "logit": ("logit", "logits"),
    "anscombe": ("Anscombe unit", "Anscombe units"),
    "probability": ("unit of probability", "units of probability"),
    "signal": ("unit of signal", "units of signal"),
}
_TRUTH = "The truth, the slope of the noiseless effects over the same variants, is"
_FEW_LOCI = 10
_STRONG_HETEROGENEITY = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The top of the report.

    Args:
        answer: One sentence with the pooled estimate and its interval.
        details: The prediction interval, the other direction, the truth: a sentence each.
        verdict: What the two directions say together.
        cautions: What in these numbers should give pause; may be empty.
    """

    answer: str
    details: tuple[str, ...]
    verdict: str
    cautions: tuple[str, ...]


def headline(content: ReportContent) -> Headline:
    """Put the pooled effects of both directions into words."""
    forward = content.pooled(content.exposure, content.outcome)
    reverse = content.pooled(content.outcome, content.exposure)
    if forward is None:  # ReportContent refuses this; kept for type checkers
        raise LookupError(f"no pooled effect of {content.exposure} on {content.outcome}")
    details = [_loci_used(content), _prediction(forward), _truth(forward, _TRUTH)]
    details.append(_local_coverage(content))
    details.append(_reverse(content, reverse))
    if reverse is not None:
        details.append(_truth(reverse, "There, the slope of the noiseless effects is"))
    return Headline(
        answer=_answer(content, forward),
        details=tuple(sentence for sentence in details if sentence),
        verdict=_verdict(content, forward, reverse),
        cautions=tuple(_cautions(content, forward)),
    )


def _answer(content: ReportContent, row: Mapping[str, Any]) -> str:
    if not np.isfinite(row["value"]):
        return (
            f"There is no answer: {int(row['n_loci'])} loci had an estimate of the effect of "
            f"{content.exposure} on {content.outcome}, too few to pool."
        )
    value, lower, upper = _numbers(row)
    one, _ = unit_names(content.exposure_unit)
    _, many = unit_names(content.outcome_unit)
    known = np.isfinite(row["ci_lower"]) and np.isfinite(row["ci_upper"])
    interval = f"95 % interval {lower} to {upper}" if known else "no interval"
    return (
        f"In this model, one {one} more {content.exposure} changes {content.outcome} by {value} "
        f"{many} ({interval}), on average over {_loci(row)}."
    )


def unit_names(scale: str) -> tuple[str, str]:
    """Return what one and several units of an effect scale are called.

    Example:
        >>> unit_names("anscombe"), unit_names("")
        (('Anscombe unit', 'Anscombe units'), ('unit', 'units'))
    """
    return _UNITS.get(scale, (scale, scale))


def _numbers(row: Mapping[str, Any]) -> tuple[str, str, str]:
    texts = interval_text(float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"]))
    return typeset(texts[0]), typeset(texts[1]), typeset(texts[2])


def _loci(row: Mapping[str, Any]) -> str:
    count = int(row["n_loci"])
    return f"{count:,} locus" if count == 1 else f"{count:,} loci"


def _of_headline(content: ReportContent) -> np.ndarray:
    """Return the rows of the loci's estimates behind the headline."""
    estimates = content.estimates
    rows = (estimates["exposure"] == content.exposure) & (estimates["outcome"] == content.outcome)
    return np.flatnonzero(rows & (estimates["method"] == content.method))


def _loci_used(content: ReportContent) -> str:
    rows = _of_headline(content)
    if not len(rows):
        return ""
    known = np.isfinite(content.estimates["value"][rows])
    if not known.any():
        return f"None of the {len(rows):,} loci that were asked gave an estimate."
    median = np.median(content.estimates["n_instruments"][rows][known])
    return (
        f"Of {len(rows):,} loci that were asked, {int(known.sum()):,} gave an estimate, each from "
        f"{median:g} instruments (median)."
    )


def _local_coverage(content: ReportContent) -> str:
    rows = _of_headline(content)
    names = ("true_value", "ci_lower", "ci_upper")
    truth, lower, upper = (content.estimates[name][rows] for name in names)
    known = np.isfinite(truth) & ~np.isnan(lower) & ~np.isnan(upper)
    if not known.any():
        return ""
    covered = int(np.sum(known & (lower <= truth) & (truth <= upper)))
    total = int(known.sum())
    return (
        f"Of the 95 % intervals of single loci, {covered:,} of {total:,} "
        f"({percent_text(covered / total)}) hold the locus's own true effect."
    )


def _prediction(row: Mapping[str, Any]) -> str:
    low, high = float(row["prediction_lower"]), float(row["prediction_upper"])
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    lower, upper = map(typeset, interval_text((low + high) / 2, low, high)[1:])
    return (
        f"Loci differ: the effect at a new one is expected between {lower} and {upper} "
        "(95 % prediction interval)."
    )


def _reverse(content: ReportContent, row: Mapping[str, Any] | None) -> str:
    asked = f"Asked the other way round ({content.outcome} → {content.exposure})"
    if row is None:
        return f"{asked}, nothing was computed."
    if not np.isfinite(row["value"]):
        return f"{asked}, there is no estimate."
    value, lower, upper = _numbers(row)
    return f"{asked}, the effect is {value} ({lower} to {upper}) over {_loci(row)}."


def _truth(row: Mapping[str, Any], beginning: str) -> str:
    truth = float(row["true_value"])
    if not (math.isfinite(truth) and np.isfinite(row["value"])):
        return ""
    value = interval_text(float(row["value"]), float(row["ci_lower"]), float(row["ci_upper"]))[0]
    where = "inside" if row["ci_lower"] <= truth <= row["ci_upper"] else "outside"
    off = ""
    if abs(truth) > float(row["se"]):
        off = f"; the estimate is {percent_text(abs(float(row['value']) / truth - 1))} off"
    return f"{beginning} {typeset(matching_text(truth, value))}, {where} the interval{off}."


def _clear(row: Mapping[str, Any] | None) -> bool:
    return row is not None and bool(row["ci_lower"] > 0 or row["ci_upper"] < 0)


def _verdict(
    content: ReportContent, forward: Mapping[str, Any], reverse: Mapping[str, Any] | None
) -> str:
    cause, effect = content.exposure, content.outcome
    if not np.isfinite(forward["value"]):
        return "Nothing can be said; more loci, or a weaker rule for instruments, may help."
    if reverse is None or not np.isfinite(reverse["value"]):
        return "Only one direction has an answer, so cause and consequence cannot be told apart."
    if _clear(forward) and not _clear(reverse):
        return (
            f"The effect of {cause} on {effect} is distinguishable from zero and the reverse is "
            f"not: the pattern expected if the model has learned that {cause} acts on {effect}."
        )
    if _clear(forward):
        return (
            "Both directions are distinguishable from zero. That happens if each acts on the "
            "other, but also if the same bases drive both: by itself it does not show which is "
            "the cause."
        )
    if _clear(reverse):
        return (
            f"Only the reverse effect, of {effect} on {cause}, is distinguishable from zero: the "
            f"model does not support that {cause} acts on {effect}, rather the opposite."
        )
    return (
        "Neither direction is distinguishable from zero. That is no proof of no effect: compare "
        "the width of the intervals with an effect that would matter."
    )


def _cautions(content: ReportContent, row: Mapping[str, Any]) -> list[str]:
    cautions = []
    if 0 < int(row["n_loci"]) < _FEW_LOCI:
        cautions.append(
            f"Only {_loci(row)} were pooled: between-locus variance is poorly known, and the "
            "intervals lean on it."
        )
    if float(row["i2"]) > _STRONG_HETEROGENEITY:
        cautions.append(
            f"{percent_text(float(row['i2']))} of the variation between loci is more than chance: "
            "the mean describes no single locus well; read the prediction interval."
        )
    if _clear(row) and row["prediction_lower"] < 0 < row["prediction_upper"]:
        cautions.append(
            "The prediction interval includes zero: at a new locus the effect may be absent or of "
            "the other sign."
        )
    signs = _signs(content)
    if len(signs) > 1:
        cautions.append(
            "Methods disagree on the sign: " + ", ".join(f"{m} {v}" for m, v in signs.items()) + "."
        )
    return cautions


def _signs(content: ReportContent) -> dict[str, str]:
    """Return each method's pooled value if clear effects of both signs are among them."""
    meta = content.meta
    rows = (meta["exposure"] == content.exposure) & (meta["outcome"] == content.outcome)
    positive, negative = rows & (meta["ci_lower"] > 0), rows & (meta["ci_upper"] < 0)
    if not (positive.any() and negative.any()):
        return {}
    return {
        str(meta["method"][row]): typeset(number_text(float(meta["value"][row])))
        for row in np.flatnonzero(positive | negative)
    }
