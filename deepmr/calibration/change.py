"""Change of the likelihood by calibration, with a paired interval."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from deepmr.calibration.contract import check_binary
from deepmr.calibration.logistic import cross_entropy
from deepmr.calibration.scores import Score, bootstrap_score, sum_blocks

__all__ = ["nll_change"]


def nll_change(
    before: Float64[np.ndarray, " sample"],
    after: Float64[np.ndarray, " sample"],
    target: Float64[np.ndarray, " sample"],
    *,
    draws: int = 500,
    seed: int = 0,
) -> Score:
    """Return the mean change of a binary task's negative log-likelihood, after minus before.

    The interval is paired: both predictions are resampled together, so that it is much narrower
    than the two intervals of the likelihoods themselves.

    Args:
        before: Raw logits.
        after: Calibrated logits.
        target: Labels, 0 or 1.
        draws: Bootstrap resamples (of blocks of neighbouring samples), 500 by default.
        seed: Of the bootstrap, 0 by default.

    Raises:
        ValueError: If there is no sample, or the input is not logits and labels.

    Example:
        >>> logit, label = np.array([4.0, 4.0, -4.0, -4.0]), np.array([1.0, 0.0, 0.0, 1.0])
        >>> nll_change(logit, 0.25 * logit, label, draws=10).value < 0
        True
    """
    check_binary("scores", before, target)
    check_binary("scores", after, target)
    if target.size == 0:
        raise ValueError("scores need at least one sample, got none")
    change = cross_entropy(after, target) - cross_entropy(before, target)
    blocks = sum_blocks(np.stack([np.ones_like(change), change], axis=1))
    return bootstrap_score(
        "nll_change", blocks, lambda sums: sums[:, 1] / sums[:, 0], draws=draws, seed=seed
    )
