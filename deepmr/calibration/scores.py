"""Scores with block-bootstrap confidence intervals, and those of predictive distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy
from jaxtyping import Float64

from deepmr.calibration.contract import PredictiveCalibrator, check_pairs
from deepmr.estimate import Estimate

__all__ = ["Score", "bootstrap_score", "predictive_scores", "sum_blocks", "wald_score"]

_LEVELS = np.arange(1, 20) / 20.0
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


def predictive_scores(
    calibrator: PredictiveCalibrator,
    prediction: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    *,
    spread: Float64[np.ndarray, " sample"] | None = None,
    draws: int = 500,
    seed: int = 0,
) -> tuple[Score, ...]:
    """Score a predictive distribution, each score with a 95 % interval.

    ``nll``: mean Gaussian negative log-likelihood in nats, with the central 68.27 % interval's
    half-width as standard deviation (missing for conformal intervals, which are no distribution).
    ``coverage``: share of observations within the 95 % interval. ``quantile_error``: mean
    absolute difference between nominal and observed coverage of the central intervals at 5 % to
    95 %. ``sharpness``: mean width of the 95 % interval. ``mse``: of the prediction. ``slope``: of
    observations on predictions by least squares, 1 where a predicted difference is as large as the
    one observed; missing where predictions are all alike. Calibration leaves ``mse`` and
    ``slope``, and so R2 and correlations, as they are.

    Args:
        calibrator: The fitted distribution.
        prediction: The ensemble's mean.
        target: What was observed.
        spread: Standard deviation over members (ddof 1), where it was fitted with one.
        draws: Bootstrap resamples (of blocks of neighbouring samples).
        seed: Of the bootstrap.

    Raises:
        ValueError: If there is no sample, or lengths differ.

    References:
        Kuleshov, Fenner and Ermon 2018, doi:10.48550/arXiv.1807.00263 (error over quantiles).
        Gneiting, Balabdaoui and Raftery 2007, doi:10.1111/j.1467-9868.2007.00587.x (sharpness).

    Example:
        >>> from deepmr.calibration import FittedVariance
        >>> mean, seen = np.zeros(2), np.array([1.0, -3.0])
        >>> scores = predictive_scores(FittedVariance(noise=1.0), mean, seen, draws=10)
        >>> {score.name: score.value for score in scores}["mse"]
        5.0
    """
    check_pairs("scores", prediction, target)
    if target.size == 0:
        raise ValueError("scores need at least one sample, got none")

    def inside(level: float) -> Float64[np.ndarray, " sample"]:
        low, high = calibrator.interval(prediction, spread, level=level)
        return np.asarray((low <= target) & (target <= high), dtype=np.float64)

    low, high = calibrator.interval(prediction, spread, level=0.95)
    columns = {
        "coverage": inside(0.95),
        "sharpness": high - low,
        "mse": (target - prediction) ** 2,
    }
    scores = []
    if calibrator.to_record()["type"] != "conformal":
        one_sigma = float(2 * scipy.stats.norm.cdf(1.0) - 1)
        low, high = calibrator.interval(prediction, spread, level=one_sigma)
        deviation = (high - low) / 2
        columns["nll"] = -scipy.stats.norm.logpdf(target, loc=prediction, scale=deviation)
        hits = np.stack([inside(float(level)) for level in _LEVELS], axis=1)
        size = np.ones((target.size, 1))
        scores.append(
            bootstrap_score(
                "quantile_error",
                sum_blocks(np.concatenate([size, hits], axis=1)),
                lambda s: np.mean(np.abs(s[:, 1:] / s[:, :1] - _LEVELS), axis=1),
                draws=draws,
                seed=seed,
                floor=0.0,
                reflect=True,
            )
        )
    for name, column in columns.items():
        blocks = sum_blocks(np.stack([np.ones_like(column), column], axis=1))
        scores.append(
            bootstrap_score(name, blocks, lambda s: s[:, 1] / s[:, 0], draws=draws, seed=seed)
        )
    x, y = prediction - prediction.mean(), target - target.mean()
    blocks = sum_blocks(np.stack([np.ones_like(x), x, y, x * x, x * y], axis=1))
    scores.append(bootstrap_score("slope", blocks, _slope, draws=draws, seed=seed))
    return tuple(scores)


def _slope(sums: Float64[np.ndarray, "draw column"]) -> Float64[np.ndarray, " draw"]:
    """Return the least-squares slope from sums of 1, x, y, x^2 and x y."""
    count, x, y, xx, xy = sums.T
    spread = xx - x * x / count
    alike = spread <= 1e-12 * np.maximum(xx, np.finfo(np.float64).tiny)
    return np.where(alike, np.nan, (xy - x * y / count) / np.where(alike, 1.0, spread))
