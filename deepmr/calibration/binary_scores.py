"""Scores of predicted probabilities: calibration error, Brier and its parts, likelihood, slope."""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy
from jaxtyping import Float64
from scipy import special

from deepmr.calibration.contract import both_classes, check_binary
from deepmr.calibration.curve import Strategy, bin_index
from deepmr.calibration.logistic import cross_entropy, fit_logistic
from deepmr.calibration.scores import Score, bootstrap_score, sum_blocks, wald_score
from deepmr.estimate import Estimate

__all__ = ["binary_scores", "calibration_intercept", "calibration_slope"]

_SUMS = 5  # of 1, p, y, p^2 and p y, a bin


def binary_scores(
    logit: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    *,
    bins: int = 15,
    draws: int = 500,
    seed: int = 0,
) -> tuple[Score, ...]:
    """Score the predictions of one binary task, each score with a 95 % interval.

    ``nll``: mean cross-entropy in nats. ``brier``: mean squared error of the probability, which
    is ``brier_reliability`` - ``brier_resolution`` + ``brier_uncertainty`` exactly (the resolution
    is the generalised one, which keeps the variation within bins). ``ece_width``, ``ece_mass``:
    mean absolute difference of frequency and confidence over bins of equal width or mass, which
    noise inflates; ``ece_debiased``: equal mass, less an estimate of what noise adds (it removes
    about 40 % of that for a calibrated forecast, and all of it where gaps exceed their errors).
    ``slope``: of the labels on the logit, 1 if calibrated, below 1 if overconfident.
    ``intercept``: the shift of the logits that would make the mean prediction
    right. ``sharpness``: variance of the predicted probabilities; calibrated forecasts are the
    better the sharper.

    Args:
        logit: Predictions, masked samples removed.
        target: Labels, 0 or 1.
        bins: Of the calibration errors.
        draws: Bootstrap resamples (of blocks of neighbouring samples).
        seed: Of the bootstrap.

    Raises:
        ValueError: If there is no sample, or the input is not logits and labels.

    References:
        Murphy 1973, doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2 (decomposition).
        Stephenson, Coelho and Jolliffe 2008, doi:10.1175/2007WAF2006116.1 (within-bin terms).
        Kumar, Liang and Ma 2019, doi:10.48550/arXiv.1909.10155 (debiased calibration error).
        Cox 1958, doi:10.1093/biomet/45.3-4.562 (slope and intercept).

    Example:
        >>> scores = binary_scores(np.array([-1.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0]), draws=10)
        >>> scores[0].name, round(scores[0].value, 3)
        ('nll', 0.918)
    """
    check_binary("scores", logit, target)
    if target.size == 0:
        raise ValueError("scores need at least one sample, got none")
    probability = special.expit(logit)
    simple = np.stack(
        [np.ones_like(logit), cross_entropy(logit, target), (probability - target) ** 2], axis=1
    )
    moments = np.stack([np.ones_like(logit), probability, probability**2], axis=1)
    mass = _binned(probability, target, bins, "mass")
    width = _binned(probability, target, bins, "width")
    plain = partial(bootstrap_score, draws=draws, seed=seed)
    error = partial(plain, floor=0.0)
    biased = partial(_calibration_error, debias=False)
    return (
        plain("nll", sum_blocks(simple), partial(_mean, column=1)),
        plain("brier", sum_blocks(simple), partial(_mean, column=2)),
        plain("brier_reliability", mass, lambda s: _decompose(s)[0]),
        plain("brier_resolution", mass, lambda s: _decompose(s)[1]),
        plain("brier_uncertainty", mass, lambda s: _decompose(s)[2]),
        error("ece_width", width, biased, reflect=True),
        error("ece_mass", mass, biased, reflect=True),
        error("ece_debiased", mass, partial(_calibration_error, debias=True)),
        wald_score("slope", calibration_slope(logit, target)),
        wald_score("intercept", calibration_intercept(logit, target)),
        plain("sharpness", sum_blocks(moments), _variance),
    )


def _mean(sums: Float64[np.ndarray, "draw column"], *, column: int) -> Float64[np.ndarray, " draw"]:
    return np.asarray(sums[:, column] / sums[:, 0])


def _variance(sums: Float64[np.ndarray, "draw column"]) -> Float64[np.ndarray, " draw"]:
    return np.asarray(sums[:, 2] / sums[:, 0] - (sums[:, 1] / sums[:, 0]) ** 2)


def calibration_slope(
    logit: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
) -> Estimate:
    """Return the slope of a logistic regression of labels on logits, with its Wald error.

    Missing with one class only, with constant predictions, or where the sample is separable
    (the slope is then infinite).
    """
    scale = float(logit.std())
    if not both_classes(target) or scale == 0.0:
        return _missing()
    centred = (logit - logit.mean()) / scale
    columns = np.stack([centred, np.ones_like(centred)], axis=1)
    limit = 1e3
    found = fit_logistic(
        columns,
        target,
        start=np.array([scale, float(special.logit(target.mean()))]),
        lower=np.full(2, -limit),
        upper=np.full(2, limit),
    )
    fitted = special.expit(columns @ found)
    information = (columns * (fitted * (1 - fitted))[:, None]).T @ columns
    if np.abs(found).max() >= limit or np.linalg.det(information) <= 1e-8:
        return _missing()
    error = float(np.sqrt(np.linalg.inv(information)[0, 0]))
    return Estimate(value=np.asarray(found[0] / scale), se=np.asarray(error / scale))


def calibration_intercept(
    logit: Float64[np.ndarray, " sample"], target: Float64[np.ndarray, " sample"]
) -> Estimate:
    """Return the shift that makes the mean probability the prevalence, with its Wald error."""
    if not both_classes(target):
        return _missing()
    reach = 50.0 + float(np.abs(logit).max())
    shift = float(
        scipy.optimize.brentq(
            lambda s: float(np.mean(special.expit(logit + s) - target)), -reach, reach
        )
    )
    fitted = special.expit(logit + shift)
    information = float(np.sum(fitted * (1 - fitted)))
    if information <= 1e-8:
        return _missing()
    return Estimate(value=np.asarray(shift), se=np.asarray(1 / np.sqrt(information)))


def _missing() -> Estimate:
    return Estimate(value=np.asarray(np.nan), se=np.asarray(np.nan))


def _binned(
    probability: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    bins: int,
    strategy: Strategy,
) -> Float64[np.ndarray, "block column"]:
    """Sum 1, p, y, p^2 and p y over each block of samples and bin."""
    index = bin_index(probability, bins, strategy)
    size = probability.size
    count = min(2000, size)
    block = np.arange(size) * count // size
    cell = block * bins + index
    values = (np.ones_like(probability), probability, target, probability**2, probability * target)
    table = [np.bincount(cell, weights=value, minlength=count * bins) for value in values]
    return np.concatenate([part.reshape(count, bins) for part in table], axis=1)


def _sums(sums: Float64[np.ndarray, "draw column"]) -> list[Float64[np.ndarray, "draw bin"]]:
    return list(np.split(sums, _SUMS, axis=1))


def _means(
    sums: Float64[np.ndarray, "draw column"],
) -> tuple[
    Float64[np.ndarray, "draw bin"],
    Float64[np.ndarray, "draw bin"],
    Float64[np.ndarray, "draw bin"],
]:
    """Return count, mean prediction and frequency of each bin; zeros where it is empty."""
    count, prediction, positive, *_ = _sums(sums)
    safe = np.maximum(count, 1.0)
    return count, prediction / safe, positive / safe


def _decompose(
    sums: Float64[np.ndarray, "draw column"],
) -> tuple[
    Float64[np.ndarray, " draw"], Float64[np.ndarray, " draw"], Float64[np.ndarray, " draw"]
]:
    count, confidence, frequency = _means(sums)
    _, _, positive, square, product = _sums(sums)
    total = count.sum(axis=1)
    base = positive.sum(axis=1) / total
    brier = (square.sum(axis=1) - 2 * product.sum(axis=1) + positive.sum(axis=1)) / total
    reliability = np.sum(count * (confidence - frequency) ** 2, axis=1) / total
    uncertainty = base * (1 - base)
    return reliability, reliability + uncertainty - brier, uncertainty


def _calibration_error(
    sums: Float64[np.ndarray, "draw column"], *, debias: bool
) -> Float64[np.ndarray, " draw"]:
    count, confidence, frequency = _means(sums)
    gap = np.abs(confidence - frequency)
    if debias:
        # The mean of |gap + noise| is a folded normal's; subtract what noise adds to it.
        spread = np.sqrt(frequency * (1 - frequency) / np.maximum(count - 1.0, 1.0))
        ratio = np.where(spread > 0, gap / np.where(spread > 0, spread, 1.0), np.inf)
        folded = spread * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + gap * (
            1 - 2 * special.ndtr(-ratio)
        )
        gap = 2 * gap - np.where(spread > 0, folded, gap)
    error = np.sum(count * gap, axis=1) / count.sum(axis=1)
    return np.asarray(np.maximum(error, 0.0))
