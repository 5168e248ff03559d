"""A score with its confidence interval, and the block bootstrap behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from deepmr.estimate import Estimate

__all__ = ["Score", "bootstrap_score", "sum_blocks", "wald_score"]

_BLOCKS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good predictions are in one respect.

    Args:
        name: e.g. ``nll`` or ``ece_mass``.
        value: NaN where it is undefined.
        lower: Lower end of its 95 % confidence interval.
        upper: The upper end.
    """

    name: str
    value: float
    lower: float
    upper: float


def sum_blocks(
    columns: Float64[np.ndarray, "sample column"], *, blocks: int = _BLOCKS
) -> Float64[np.ndarray, "block column"]:
    """Sum consecutive samples into at most ``blocks`` blocks.

    Neighbouring windows of a genome are alike; resampling blocks rather than samples keeps that,
    and a bootstrap of statistics that are functions of sums then costs next to nothing.
    """
    size = columns.shape[0]
    starts = np.unique(np.linspace(0, size, min(blocks, size), endpoint=False).astype(np.int64))
    return np.asarray(np.add.reduceat(columns, starts, axis=0))


def bootstrap_score(
    name: str,
    blocks: Float64[np.ndarray, "block column"],
    statistic: Callable[[Float64[np.ndarray, "draw column"]], Float64[np.ndarray, " draw"]],
    *,
    draws: int,
    seed: int,
    floor: float = -np.inf,
    reflect: bool = False,
) -> Score:
    """Return a statistic of sums with a percentile interval from resampled blocks.

    Args:
        name: Of the score.
        blocks: Sums over each block (see `sum_blocks`).
        statistic: From total sums (one row a draw) to values.
        draws: Number of resamples.
        seed: Of the resampling.
        floor: Least possible value; ends of the interval are kept above it.
        reflect: For a statistic that noise inflates, such as a calibration error: resampling
            inflates it once more, and reflecting the percentiles about the value takes both out.
            The value itself may then lie above the interval.
    """
    weights = _weights(blocks.shape[0], draws, seed)
    value = float(statistic(blocks.sum(axis=0, keepdims=True))[0])
    drawn = statistic(weights @ blocks)
    drawn = drawn[~np.isnan(drawn)]
    if drawn.size == 0:
        return Score(name=name, value=value, lower=float("nan"), upper=float("nan"))
    lower, upper = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    if reflect:
        lower, upper = 2 * value - upper, 2 * value - lower
    return Score(name=name, value=value, lower=max(lower, floor), upper=max(upper, floor))


@lru_cache(maxsize=4)
def _weights(blocks: int, draws: int, seed: int) -> Float64[np.ndarray, "draw block"]:
    """Draw how often each block appears in each resample; kept, as hundreds of tasks share them."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=draws)
    weights = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def wald_score(name: str, estimate: Estimate) -> Score:
    """Return a score from an estimate and its 95 % interval."""
    lower, upper = estimate.interval()
    return Score(name=name, value=float(estimate.value), lower=float(lower), upper=float(upper))
