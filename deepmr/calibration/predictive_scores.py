"""Scores of predictive distributions, for counts (Anscombe scale) and signals."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy import stats

from deepmr.calibration.calibrator import PredictiveCalibrator, check_pairs
from deepmr.calibration.score import Score, bootstrap_score, sum_blocks

__all__ = ["predictive_scores"]

_LEVELS = np.arange(1, 20) / 20.0


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
    95 %. ``sharpness``: mean width of the 95 % interval. ``mse``: of the prediction.
    Calibration leaves ``mse``, and so R2 and correlations, as they are.

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
        one_sigma = float(2 * stats.norm.cdf(1.0) - 1)
        low, high = calibrator.interval(prediction, spread, level=one_sigma)
        deviation = (high - low) / 2
        columns["nll"] = -stats.norm.logpdf(target, loc=prediction, scale=deviation)
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
    return tuple(scores)
