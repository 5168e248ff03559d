"""The assumptions behind an answer, each held against its number: pass, doubt or fail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepmr.verdict.evidence import PairEvidence
from deepmr.verdict.statistics import CURVE
from deepmr.verdict.thresholds import SiteThresholds
from deepmr.verdict.verdict import Measure

__all__ = ["Check", "PredictionQuality", "assumption_panel"]

_MEMBERS = (5.0, 3.0)
_STRENGTH = (0.30, 0.10)  # share of loci with a strong instrument: pass from, fail below
_CARRIED = (0.95, 0.80)
_QUALITY = (0.5, 0.2)
_CALIBRATION = (0.15, 0.4)
_CHANGE = (0.15, 0.40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One assumption, its number, and what to do where it is in doubt.

    Args:
        name: Of the assumption.
        state: pass, doubt, fail, or unknown where its number is not at hand.
        number: What it was judged by.
        meaning: What the number is.
        advice: What would help; empty for a pass.

    Raises:
        ValueError: If ``state`` is another word.
    """

    name: str
    state: str
    number: Measure
    meaning: str
    advice: str = ""

    def __post_init__(self) -> None:
        if self.state not in ("pass", "doubt", "fail", "unknown"):
            raise ValueError(
                f"Check.state is pass, doubt, fail or unknown; got {self.state!r} for {self.name}"
            )

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "state": self.state,
            "number": self.number.to_record(),
            "meaning": self.meaning,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionQuality:
    """How well the networks predict a task on held-out data at loci like those asked.

    Args:
        explained: R2 of a count or signal task, 2 AUROC - 1 of a binary one; NaN if unknown.
        calibration_slope: Slope of measured on predicted values, 1 where calibrated; NaN if
            unknown.

    Example:
        >>> auroc = 0.9
        >>> round(PredictionQuality(explained=2 * auroc - 1).explained, 2)
        0.8
    """

    explained: float = math.nan
    calibration_slope: float = math.nan


def assumption_panel(
    evidence: PairEvidence,
    *,
    pair: int,
    direction: int,
    reliability: float,
    n_members: int,
    quality: Sequence[PredictionQuality] = (),
) -> tuple[Check, ...]:
    """Check the assumptions behind the answer for one pair in one direction.

    Args:
        evidence: As `resampled_evidence` returns.
        pair: Position of the pair.
        direction: 0 for the first task acting on the second, 1 for the reverse.
        reliability: The guard over its threshold (`guard_values`), the lesser of both tasks.
        n_members: Networks of the ensemble.
        quality: Of exposure and outcome; left out, the check is unknown.

    Returns:
        Checks in a fixed order: instrument strength, one dose-response, pleiotropy, prediction
        quality, calibration, ensemble size, members' agreement, instrument threshold,
        leave one site out, linearity.
    """
    at = (pair, direction)
    considered, concordance = evidence.total["considered"], evidence.measure("concordance", *at)
    most, carried = considered.max(), evidence.measure("carried", *at)
    checks = [
        _rising(
            "instrument strength",
            Measure(value=float(considered[at] / most) if most > 0 else math.nan),
            _STRENGTH,
            "loci where a variant has a large effect on the exposure, over those of the task with "
            "most of them",
            "ask loci at which the exposure's motif occurs (instruments=motif, or loci of the "
            "exposure's peaks)",
        ),
        _rising(
            "one dose-response",
            concordance,
            (0.95, 0.90),
            "share of the exposure's squared effects that the outcome follows",
            "the slope mixes mechanisms; read the concordant slope, and the verdict's reasons",
        ),
        _falling(
            "pleiotropy",
            Measure(value=1 - carried.value, low=1 - carried.high, high=1 - carried.low),
            (1 - _CARRIED[0], 1 - _CARRIED[1]),
            "share of the instruments' squared exposure effects off the dose-response",
            "use instruments inside the exposure's own motif (instruments=motif)",
        ),
    ]
    checks += _prediction(quality)
    checks.append(_size(n_members))
    checks.append(_agreement(reliability))
    slope = evidence.value["slope"][at]
    curve = [_slope(evidence, f"_{least}", at) for least in CURVE]
    two_sites = evidence.total["two_sites"][at] >= SiteThresholds().min_two
    checks += [
        _falling(
            "instrument threshold",
            _largest_change(slope, curve),
            _CHANGE,
            "largest relative change of the slope when only variants above "
            f"{', '.join(map(str, CURVE[:-1]))} or {CURVE[-1]} of a large effect count",
            "weak instruments answer otherwise; raise instruments.min_effect",
        ),
        _falling(
            "leave one site out",
            _largest_change(slope, [_slope(evidence, "_rest", at) if two_sites else math.nan]),
            _CHANGE,
            "relative change of the slope without each locus's strongest site",
            "the answer rests on one kind of site; look at the slopes by site"
            if two_sites
            else "too few loci hold a second site of the exposure",
        ),
        _falling(
            "linearity",
            _largest_change(_slope(evidence, "_strong", at), [_slope(evidence, "_weak", at)]),
            _CHANGE,
            "relative difference between slopes of weak and of strong instruments",
            "the dose-response bends; the slope holds for effects of the size asked only",
        ),
    ]
    return tuple(checks)


def _prediction(quality: Sequence[PredictionQuality]) -> list[Check]:
    explained = min((one.explained for one in quality), default=math.nan)
    away = max((abs(one.calibration_slope - 1.0) for one in quality), default=math.nan)
    return [
        _rising(
            "prediction quality",
            Measure(value=explained),
            _QUALITY,
            "the lesser of both tasks' R² (of peaks 2 AUROC \N{MINUS SIGN} 1) on held-out data",
            "more training data or longer training; effects of a poor network are noise",
        ),
        _falling(
            "calibration",
            Measure(value=away),
            _CALIBRATION,
            "distance from 1 of the slope of measured on predicted values, the larger of both",
            "calibrate (calibrator=...) on loci like those asked",
        ),
    ]


def _size(n_members: int) -> Check:
    if n_members == 1:
        return Check(
            name="ensemble size",
            state="doubt",
            number=Measure(value=1.0),
            meaning="networks trained independently",
            advice="the answer is what this network says; what training again would say needs "
            "more of them (ensemble=5)",
        )
    return _rising(
        "ensemble size",
        Measure(value=float(n_members)),
        _MEMBERS,
        "networks trained independently",
        "train more networks (ensemble=5)",
    )


def _agreement(reliability: float) -> Check:
    reliable = reliability >= 1.0
    return Check(
        name="members' agreement",
        state="pass" if reliable else "fail",
        number=Measure(value=reliability),
        meaning="how far the networks' effects agree beyond noise, over what is needed: from 1 on "
        "enough; the lesser of both tasks",
        advice="" if reliable else "train on more sequences, or longer",
    )


def _slope(evidence: PairEvidence, suffix: str, at: tuple[int, int]) -> float:
    xx, xy = evidence.total[f"xx{suffix}"][at], evidence.total[f"xy{suffix}"][at]
    return float(xy / xx) if xx > 0 else math.nan


def _largest_change(reference: float, others: Sequence[float]) -> Measure:
    present = [other for other in others if not math.isnan(other)]
    if not present or math.isnan(reference) or reference == 0.0:
        return Measure(value=math.nan)
    return Measure(value=float(np.max(np.abs(np.asarray(present) / reference - 1.0))))


def _rising(
    name: str, number: Measure, limits: tuple[float, float], meaning: str, advice: str
) -> Check:
    """Judge a number of which more is better: pass from the first limit, fail below the second."""
    if math.isnan(number.value):
        return Check(name=name, state="unknown", number=number, meaning=meaning, advice=advice)
    passes, fails = limits
    state = "pass" if number.value >= passes else "fail" if number.value < fails else "doubt"
    kept = "" if state == "pass" else advice
    return Check(name=name, state=state, number=number, meaning=meaning, advice=kept)


def _falling(
    name: str, number: Measure, limits: tuple[float, float], meaning: str, advice: str
) -> Check:
    """Judge a number of which less is better: pass up to the first limit, fail above the second."""
    mirrored = Measure(value=-number.value, low=-number.high, high=-number.low)
    check = _rising(name, mirrored, (-limits[0], -limits[1]), meaning, advice)
    return Check(name=name, state=check.state, number=number, meaning=meaning, advice=check.advice)
