"""Slope by instrument threshold: what the answer would be if only larger effects counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from deepmr.verdict.statistics import CURVE, STATISTICS, PairStatistics

__all__ = ["ThresholdCurve", "threshold_curve"]


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
