"""Fitted calibrators from plain data: a table of known types, so a file cannot run code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deepmr.calibration.binary import FittedAffine, FittedBeta
from deepmr.calibration.conformal import FittedConformal
from deepmr.calibration.contract import FittedCalibrator, FittedIdentity
from deepmr.calibration.monotone import FittedCurve, FittedSteps
from deepmr.calibration.predictive import FittedQuantile, FittedVariance

__all__ = ["from_record"]

_LARGEST = 1e6
"""No calibrator that was fitted to logits or counts has a larger number: such a file was edited."""


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        raise TypeError(f"{value!r:.40} is no number up to {_LARGEST:g}")
    return float(value)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(_float(value) for value in values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _variance(r: Mapping[str, Any]) -> FittedVariance:
    return FittedVariance(noise=float(r["noise"]), scale=float(r["scale"]))


_TYPES: dict[str, Callable[[Mapping[str, Any]], FittedCalibrator]] = {
    "identity": lambda r: FittedIdentity(reason=_text(r["reason"])),
    "affine": lambda r: FittedAffine(
        slope=_float(r["slope"]),
        intercept=_float(r["intercept"]),
        method=_text(r["method"]),
        strength=_float(r.get("strength", 1.0)),  # records of older runs were never weakened
    ),
    "beta": lambda r: FittedBeta(a=_float(r["a"]), b=_float(r["b"]), c=_float(r["c"])),
    "curve": lambda r: FittedCurve(raw=_floats(r["raw"]), calibrated=_floats(r["calibrated"])),
    "steps": lambda r: FittedSteps(edges=_floats(r["edges"]), levels=_floats(r["levels"])),
    "variance": _variance,
    "quantile": lambda r: FittedQuantile(
        variance=_variance(r["variance"]),
        normal=_floats(r["normal"]),
        observed=_floats(r["observed"]),
    ),
    "conformal": lambda r: FittedConformal(
        variance=_variance(r["variance"]), levels=_floats(r["levels"]), reach=_floats(r["reach"])
    ),
}


def from_record(record: Mapping[str, Any]) -> FittedCalibrator:
    """Restore a fitted calibrator from what its ``to_record`` returned.

    Args:
        record: Plain data with a ``type`` and the fields of that type.

    Raises:
        ValueError: If the type is unknown, a field is missing, or its content is not what the
            calibrator allows.

    Example:
        >>> from_record({"type": "beta", "a": 1.0, "b": 1.0, "c": 0.0}).strictly_increasing
        True
    """
    kind = record.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError(
            f"a calibrator's record has one of the types {', '.join(_TYPES)}; got {kind!r}"
        )
    try:
        return _TYPES[kind](record)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the record of a {kind} calibrator is incomplete or malformed ({error!r}); "
            "calibrate the run again"
        ) from error
