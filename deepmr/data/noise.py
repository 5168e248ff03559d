"""Laws from which new targets are drawn around known means, for a parametric bootstrap."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64
from scipy.spatial import cKDTree
from scipy.special import expit

__all__ = ["NOISES", "ResidualPool", "draw_counts", "draw_labels", "unbiased_count"]

NOISES = ("residuals", "poisson")


class ResidualPool:
    """Residuals of held-out windows, handed to windows of similar prediction.

    A window receives the residuals of one donor, drawn from the donors whose predictions are
    nearest (each task in units of its standard deviation), so that the noise may depend on the
    mean in any way, and all tasks' residuals of one donor together, so that what moves several
    tasks at once (a confounder that the sequence does not show) still does. The mean over
    the donors in question is taken off and the loss of variance made up for: the mean of what
    is drawn is exactly the prediction.

    Residuals of held-out windows hold the network's own error, too. The noise is overstated
    by as much, and so are students' errors.

    Args:
        prediction: Of each donor.
        target: What was measured there.
        mask: True where it was; donors that lack a task are left out.
        neighbours: Donors a window draws from.

    Raises:
        ValueError: If fewer than two neighbours are asked for, or there are fewer complete donors.
    """

    def __init__(
        self,
        prediction: Float64[np.ndarray, "donor task"],
        target: Float64[np.ndarray, "donor task"],
        mask: Bool[np.ndarray, "donor task"],
        *,
        neighbours: int,
    ) -> None:
        if neighbours < 2:
            raise ValueError(f"data.neighbours must be at least 2, got {neighbours}")
        kept = mask.all(axis=1)
        if int(kept.sum()) < neighbours:
            raise ValueError(
                f"residuals need at least {neighbours} held-out windows with every count and "
                f"signal measured, got {int(kept.sum())}; lower data.neighbours"
            )
        spread = prediction[kept].std(axis=0)
        self._unit = np.where(spread > 0, spread, 1.0)
        self._tree = cKDTree(prediction[kept] / self._unit)
        self._residual = target[kept] - prediction[kept]
        self._neighbours = neighbours

    def draw(
        self, rng: np.random.Generator, prediction: Float64[np.ndarray, "window task"]
    ) -> Float64[np.ndarray, "window task"]:
        """Return targets: predictions with a donor's centred residuals added."""
        k = self._neighbours
        _, near = self._tree.query(prediction / self._unit, k=k)
        chosen = near[np.arange(len(near)), rng.integers(0, k, len(near))]
        centre = np.zeros_like(prediction)
        for column in range(k):
            centre += self._residual[near[:, column]] / k
        return np.asarray(prediction + np.sqrt(k / (k - 1.0)) * (self._residual[chosen] - centre))


def unbiased_count(mean: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """Return the Poisson mean whose Anscombe-transformed counts have the given mean.

    The algebraic inverse, (m / 2)^2 - 3 / 8, is too small by up to a fifth of a count.

    References:
        Makitalo and Foi 2011, doi:10.1109/TIP.2010.2056693 (closed form, within 5e-3 of a count)

    Example:
        >>> rng = np.random.default_rng(0)
        >>> counts = rng.poisson(unbiased_count(np.full(200_000, 4.0)))
        >>> round(float(np.mean(2 * np.sqrt(counts + 0.375))), 1)
        4.0
    """
    floor = 2.0 * np.sqrt(0.375)  # of no count at all
    d = np.maximum(mean, floor)
    root = np.sqrt(1.5)
    found = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8
    return np.asarray(np.where(mean > floor, np.maximum(found, 0.0), 0.0))


def draw_counts(
    rng: np.random.Generator, mean: Float64[np.ndarray, "*batch"], *, of_counts: bool
) -> Float64[np.ndarray, "*batch"]:
    """Draw Poisson counts and return them on the Anscombe scale.

    Args:
        rng: Random stream.
        mean: On the Anscombe scale.
        of_counts: The mean is the transform of the mean count (a network fitted to counts);
            else the mean of transformed counts (one fitted to those).
    """
    rate = np.maximum(mean**2 / 4 - 0.375, 0.0) if of_counts else unbiased_count(mean)
    return np.asarray(2.0 * np.sqrt(rng.poisson(rate) + 0.375))


def draw_labels(
    rng: np.random.Generator, logit: Float64[np.ndarray, "*batch"]
) -> Float64[np.ndarray, "*batch"]:
    """Draw labels, 0 or 1, each on its own."""
    return np.asarray(rng.random(logit.shape) < expit(logit), dtype=np.float64)
