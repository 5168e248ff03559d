"""Calibrators through points: isotonic regression and histogram binning, on the logit scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64, Int
from scipy import special

from deepmr.calibration.contract import BinaryCalibrator, FittedCalibrator

__all__ = ["FittedCurve", "FittedSteps", "Histogram", "Isotonic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCurve:
    """Straight lines between points, continued with slope 1 beyond the first and the last.

    Args:
        raw: Raw logits of the points, strictly increasing.
        calibrated: Calibrated logits there, strictly increasing and finite.

    Raises:
        ValueError: If the points are not strictly increasing, or differ in number.
    """

    raw: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.raw) != len(self.calibrated) or not self.raw:
            raise ValueError(
                "a curve calibrator needs as many raw as calibrated points, and at least one; "
                f"got {len(self.raw)} and {len(self.calibrated)}"
            )
        for name in ("raw", "calibrated"):
            points = np.asarray(getattr(self, name))
            if not np.all(np.isfinite(points)) or np.any(np.diff(points) <= 0):
                raise ValueError(
                    f"a curve calibrator needs finite, strictly increasing {name} points; "
                    "was its record edited?"
                )

    @property
    def strictly_increasing(self) -> bool:
        """True: the points increase, and so do the two ends."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return calibrated logits."""
        inside = np.interp(prediction, self.raw, self.calibrated)
        beyond = np.minimum(prediction - self.raw[0], 0) + np.maximum(prediction - self.raw[-1], 0)
        return np.asarray(inside + beyond)

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "curve", "raw": list(self.raw), "calibrated": list(self.calibrated)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSteps:
    """A step function: good for probabilities, useless for effects, which vanish on each step.

    Args:
        edges: Raw logits where a step begins, increasing; one fewer than the levels.
        levels: Calibrated logits, finite.

    Raises:
        ValueError: If numbers do not match, or edges do not increase.
    """

    edges: tuple[float, ...]
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) + 1 != len(self.levels):
            raise ValueError(
                "a step calibrator needs one level more than edges, got "
                f"{len(self.levels)} levels and {len(self.edges)} edges"
            )
        if np.any(np.diff(self.edges) <= 0) or not np.all(np.isfinite(self.levels)):
            raise ValueError(
                "a step calibrator needs increasing edges and finite levels; was its record edited?"
            )

    @property
    def strictly_increasing(self) -> bool:
        """Always false."""
        return False

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return calibrated logits."""
        step = np.searchsorted(np.asarray(self.edges), prediction, side="right")
        return np.asarray(np.asarray(self.levels)[step])

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "steps", "edges": list(self.edges), "levels": list(self.levels)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Isotonic(BinaryCalibrator):
    """Fit the best increasing map (pool adjacent violators), then make it strictly increasing.

    The classic answer is a step function that reaches probabilities 0 and 1: effects are zero
    within a step and infinite at the ends. With ``strict`` the map instead runs in straight lines,
    on the logit scale, between the *centres* of the blocks (the mean logit in each), its
    frequencies clipped away from 0 and 1 by the block's size, and goes on with slope 1 beyond
    the outermost centres.

    Args:
        strict: Whether to return that curve, fit for effects, or the steps, which are not.

    References:
        Zadrozny and Elkan 2002, doi:10.1145/775047.775151 (isotonic calibration).
    """

    method: ClassVar[str] = "isotonic"
    strict: bool = True

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        from sklearn.isotonic import IsotonicRegression  # half a second to import

        order = np.argsort(prediction, kind="stable")
        raw = prediction[order]
        rate = IsotonicRegression().fit_transform(raw, target[order])
        starts = np.flatnonzero(np.diff(rate, prepend=-1.0) > 1e-12)
        size = np.diff(np.append(starts, raw.size))
        level = special.logit(_clip(rate[starts], size))
        if self.strict:
            centre = np.add.reduceat(raw, starts) / size
            return FittedCurve(raw=tuple(centre.tolist()), calibrated=tuple(level.tolist()))
        edges = (raw[starts[1:] - 1] + raw[starts[1:]]) / 2
        return FittedSteps(edges=tuple(edges.tolist()), levels=tuple(level.tolist()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(BinaryCalibrator):
    """Replace a prediction by the frequency in its bin; bins hold equally many samples.

    Frequencies are (positives + 1/2) / (samples + 1), so that none is 0 or 1. Its steps have no
    slope: effects refuse it.

    Args:
        bins: Their number; fewer where predictions are tied.

    Raises:
        ValueError: If there are fewer than 2 bins.

    References:
        Zadrozny and Elkan 2001, Proc. ICML (histogram binning).
    """

    method: ClassVar[str] = "histogram"
    bins: int = 15

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ValueError(f"histogram needs at least 2 bins, got {self.bins}")

    def _fit(
        self, prediction: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
    ) -> FittedCalibrator:
        inner = np.quantile(prediction, np.arange(1, self.bins) / self.bins)
        edges = np.unique(inner)
        edges = edges[edges > prediction.min()]
        step = np.searchsorted(edges, prediction, side="right")
        size = np.bincount(step, minlength=edges.size + 1)
        positives = np.bincount(step, weights=target, minlength=edges.size + 1)
        levels = special.logit((positives + 0.5) / (size + 1.0))
        return FittedSteps(edges=tuple(edges.tolist()), levels=tuple(levels.tolist()))


def _clip(
    rate: Float64[np.ndarray, " block"], size: Int[np.ndarray, " block"]
) -> Float64[np.ndarray, " block"]:
    """Move a first block of 0 and a last block of 1 inside, keeping the order strict."""
    clipped = rate.astype(np.float64)
    if clipped[0] == 0.0:
        clipped[0] = min(1.0 / (size[0] + 2.0), rate[1] / 2.0)
    if clipped[-1] == 1.0:
        clipped[-1] = max(1.0 - 1.0 / (size[-1] + 2.0), (1.0 + rate[-2]) / 2.0)
    return clipped
