"""The numbers that carry a verdict, with intervals from resampling loci."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.verdict.statistics import CURVE, STATISTICS, PairStatistics
from deepmr.verdict.verdict import Measure

__all__ = [
    "RATIOS",
    "PairEvidence",
    "ThresholdCurve",
    "resampled_evidence",
    "threshold_curve",
    "wilson",
]

RATIOS = {
    "transmission": ("transmits", "considered"),
    "concordance": ("concordant", "squared"),
    "agreement": ("agree", "two_sites"),
    "two_kinds": ("two_sites", "transmits"),
    "dense": ("dense", "considered"),
    "own": ("own", "outcome"),
    "concordant_slope": ("xy_on", "xx_on"),
    "slope": ("xy", "xx"),
    "carried": ("xx_on", "xx"),
    "steiger": ("xx", "xx_and_yy"),
}
"""Every ratio of sums over loci that is evidence, by name: numerator and denominator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEvidence:
    """Totals over loci and ratios of them, for every pair and direction.

    Args:
        total: Sums over loci of the statistics.
        value: The ratios of `RATIOS`, over all loci.
        low: Lower ends of their 95 % percentile intervals over resampled loci.
        high: Upper ends.
        difference: Concordance of direction 0 less that of direction 1.
        difference_se: Its standard deviation over resampled loci.
        own_difference: Share of the second task's squared effects at variants that leave the
            first, less the first one's that leave the second.
        own_difference_se: Its standard deviation over resampled loci.
    """

    total: dict[str, Float64[np.ndarray, "pair 2"]]
    value: dict[str, Float64[np.ndarray, "pair 2"]]
    low: dict[str, Float64[np.ndarray, "pair 2"]]
    high: dict[str, Float64[np.ndarray, "pair 2"]]
    difference: Float64[np.ndarray, " pair"]
    difference_se: Float64[np.ndarray, " pair"]
    own_difference: Float64[np.ndarray, " pair"]
    own_difference_se: Float64[np.ndarray, " pair"]

    def measure(self, name: str, pair: int, direction: int) -> Measure:
        """Return one ratio with its interval."""
        at = (pair, direction)
        return Measure(
            value=float(self.value[name][at]),
            low=float(self.low[name][at]),
            high=float(self.high[name][at]),
        )


def resampled_evidence(
    statistics: PairStatistics, *, resamples: int = 200, seed: int = 0
) -> PairEvidence:
    """Compute evidence and its intervals by resampling loci with replacement.

    The scale of effects stays that of all loci. All pairs share the resamples.

    Args:
        statistics: Sufficient statistics of all loci.
        resamples: Bootstrap resamples.
        seed: Of the resamples.

    Raises:
        ValueError: If there is no locus.

    References:
        Efron 1979, doi:10.1214/aos/1176344552 (bootstrap).
    """
    n, n_pair = statistics.n_loci, len(statistics.pairs)
    if n == 0:
        raise ValueError("a verdict needs at least one locus, got none; measure some loci first")
    weight = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    weight = np.concatenate([np.ones((1, n)), weight])
    sums = weight @ statistics.value.reshape(n, -1)
    sums = sums.reshape(len(weight), n_pair, 2, len(STATISTICS))
    total = {name: sums[..., k] for k, name in enumerate(STATISTICS)}
    total["xx_and_yy"] = total["xx"] + total["yy"]
    ratio = {name: _ratio(total[a], total[b]) for name, (a, b) in RATIOS.items()}
    low, high = {}, {}
    for name, values in ratio.items():
        ends = _quantiles(values[1:])
        low[name], high[name] = ends[0], ends[1]
    difference, own = (ratio[name][..., 0] - ratio[name][..., 1] for name in ("concordance", "own"))
    return PairEvidence(
        total={name: values[0] for name, values in total.items()},
        value={name: values[0] for name, values in ratio.items()},
        low=low,
        high=high,
        difference=difference[0],
        difference_se=_spread(difference[1:]),
        own_difference=own[0],
        own_difference_se=_spread(own[1:]),
    )


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0))


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Return 2.5 and 97.5 % quantiles over the first axis, without the missing values."""
    ordered = np.sort(values, axis=0)  # NaN comes last
    n = (~np.isnan(values)).sum(axis=0)
    ends = [np.rint(share * np.maximum(n - 1, 0)).astype(int) for share in (0.025, 0.975)]
    return np.stack([np.take_along_axis(ordered, end[None], axis=0)[0] for end in ends])


def _spread(values: np.ndarray) -> np.ndarray:
    present = ~np.isnan(values)
    n = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0.0).sum(axis=0) / n
    square = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0) / n
    return np.asarray(np.sqrt(square))


def wilson(
    share: Float64[np.ndarray, "*batch"], n: Float64[np.ndarray, "*batch"], *, z: float
) -> Float64[np.ndarray, "*batch"]:
    """Return a limit of Wilson's interval of a share; the upper one for positive ``z``.

    Args:
        share: Observed share.
        n: Number of observations; with none the limit is 0 or 1.
        z: Normal quantile, negative for the lower limit.

    References:
        Wilson 1927, doi:10.1080/01621459.1927.10502953

    Example:
        >>> wilson(np.array([1.0]), np.array([8.0]), z=-1.645).round(2)
        array([0.75])
    """
    safe = np.where(n > 0, n, 1.0)
    part = np.sqrt(share * (1 - share) / safe + z * z / (4 * safe**2))
    limit = (share + z * z / (2 * safe) + np.sign(z) * abs(z) * part) / (1 + z * z / safe)
    return np.asarray(np.where(n > 0, limit, float(z > 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdCurve:
    """Slopes over instruments above a threshold, in both directions, with intervals.

    Args:
        threshold: Least absolute effect of an instrument, as a share of its task's scale.
        scale: Scales of both tasks, in units of their effects.
        slope: Slope over all such instruments of all loci, and the ends of its 95 % interval from
            resampling loci, in units of the tasks' effects; direction 0 asks whether the first
            task acts on the second, direction 1 the reverse. NaN where there is no instrument.
    """

    threshold: Float64[np.ndarray, " threshold"]
    scale: Float64[np.ndarray, " 2"]
    slope: Float64[np.ndarray, "2 threshold 3"]


def threshold_curve(
    statistics: PairStatistics, *, pair: int = 0, resamples: int = 200, seed: int = 0
) -> ThresholdCurve:
    """Compute the slope through the origin over all instruments above each of `CURVE`.

    Args:
        statistics: Sufficient statistics of all loci.
        pair: Position of the pair, 0 by default.
        resamples: Bootstrap resamples of the loci, 200 by default.
        seed: Seed of the resamples, 0 by default.

    Raises:
        ValueError: If there is no locus.

    References:
        Efron 1979, doi:10.1214/aos/1176344552 (bootstrap).
    """
    n = statistics.n_loci
    if n == 0:
        raise ValueError("a threshold curve needs at least one locus, got none")
    weight = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    weight = np.concatenate([np.ones((1, n)), weight])
    value = statistics.value[:, pair]
    column = {
        name: value[..., STATISTICS.index(name)]
        for least in CURVE
        for name in (f"xx_{least}", f"xy_{least}")
    }
    xx, xy = (np.stack([weight @ column[f"{k}_{t}"] for t in CURVE], axis=-1) for k in ("xx", "xy"))
    slope = np.divide(xy, xx, out=np.full_like(xy, np.nan), where=xx > 0)
    scale = statistics.scale[statistics.pairs[pair]]
    ratio = np.divide(scale[::-1], scale, out=np.full(2, np.nan), where=scale > 0)
    in_units = np.moveaxis(slope * ratio[:, None], 0, -1)  # direction, threshold, resample
    missing = ~np.isfinite(in_units[..., 1:]).all(axis=-1)
    ends = np.quantile(np.nan_to_num(in_units[..., 1:]), (0.025, 0.975), axis=-1)
    ends = np.where(missing, np.nan, ends)
    return ThresholdCurve(
        threshold=np.asarray(CURVE, dtype=np.float64),
        scale=np.asarray(scale, dtype=np.float64),
        slope=np.stack([in_units[..., 0], *ends], axis=-1),
    )
