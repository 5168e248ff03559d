"""Variance of a slope from disagreement between positions, and the error that all members share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["SharedError", "position_variance", "prediction_error_ratio", "unseen_variance"]

_LEAST_SHARED, _MOST_SHARED, _BETWEEN_SITES = 0.2, 0.7, 0.05
_SHARED_WITHOUT_FLOOR, _BETWEEN_SITES_WITHOUT_FLOOR = 0.5, 0.2
_RELATIVE, _RELATIVE_POOLED = 0.0225, 0.015
"""Constants of `SharedError.estimated`, fixed on development data sets (docs/validity.md)."""

_BEYOND_SEQUENCE = 3.0
"""Ratio of held-out errors at which they are all laid to causes outside the sequence."""

_UNSEEN = 0.025
"""Outcome effect that all members may have alike without showing it; see `unseen_variance`."""

_POISSON_FLOOR = 1.0
"""Variance of a Poisson count on the Anscombe scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedError:
    """What the members' spread does not show of a slope's variance.

    Members trained on one data set misjudge the relative strength of a locus's sites alike. Within
    a site that error moves exposure and outcome together and cancels; between sites it does not.
    All misjudge, too, how strongly any site acts: that error grows with the slope, and a part of
    it is the same at all loci.
    The variance of a local slope b is taken as ``(1 / members + shared) B + between_sites V +
    (relative b)^2``, with B the variance between members and V the slope's position-clustered
    residual variance (`position_variance`) and what cannot show in it (`unseen_variance`).

    Args:
        shared: Variance of the error that all members share, over that between members.
        between_sites: Factor on V.
        relative: Relative error of a local slope that all members share; 0 by default.
        relative_pooled: Relative error of a pooled slope that all members share; 0 by default.
        pooled: Factor on the median of V that is added to the variance of a pooled effect.
        source: Where the numbers come from, in words.

    Raises:
        ValueError: If ``shared`` is negative or NaN.

    Example:
        >>> [round(SharedError.estimated([c]).shared, 2) for c in (0.1, 0.4, 1.0, 2.6, 9.0)]
        [0.2, 0.4, 0.7, 0.4, 0.2]
        >>> SharedError.estimated([]).shared
        0.5
    """

    shared: float
    between_sites: float
    relative: float = 0.0
    relative_pooled: float = 0.0
    pooled: float = 0.05
    source: str = ""

    def __post_init__(self) -> None:
        if not self.shared >= 0:
            raise ValueError(
                f"inference.shared must not be negative, got {self.shared}; it is a variance"
            )

    @property
    def words(self) -> str:
        """What is added to the variance of a slope for errors that all members share.

        Example:
            >>> SharedError(shared=0.4, between_sites=0.0, pooled=0.0).words
            '0.4 times the variance between networks'
        """
        words = f"{self.shared:.2g} times the variance between networks"
        parts = (
            (
                *("at one locus", self.between_sites),
                *("variance between the locus's sites", self.relative),
            ),
            (
                *("in a pooled slope", self.pooled),
                *("loci's median variance between sites", self.relative_pooled),
            ),
        )
        for slope, factor, what, relative in parts:
            more = [f"{factor:.2g} times the {what}"] if factor > 0 else []
            more += [f"the square of {100 * relative:.3g} % of the slope"] if relative > 0 else []
            words += f"; {slope} also {' and '.join(more)}" if more else ""
        return words

    @classmethod
    def estimated(cls, ratios: list[float]) -> SharedError:
        """Return the numbers of ``shared=auto``.

        With c the mean ratio of held-out errors, ``shared`` is the lesser of c and 3 - c, within .2
        and .7. Moderate errors are misfit, and what members misjudge of predictions they misjudge
        of effects. Large ones are not: what labels owe to causes outside the sequence is an error
        of prediction but not of effects (with such a confounder the ratio is 5 to 28).

        Args:
            ratios: `prediction_error_ratio` of every task whose noise floor is known.
        """
        known = [ratio for ratio in ratios if np.isfinite(ratio)]
        if not known:
            return cls(
                shared=_SHARED_WITHOUT_FLOOR,
                between_sites=_BETWEEN_SITES_WITHOUT_FLOOR,
                relative=_RELATIVE,
                relative_pooled=_RELATIVE_POOLED,
                source="a fixed rule, since the noise of the labels is not known",
            )
        tasks = f" (mean of {len(known)} tasks)" if len(known) > 1 else ""
        mean = float(np.mean(known))
        return cls(
            shared=float(np.clip(min(mean, _BEYOND_SEQUENCE - mean), _LEAST_SHARED, _MOST_SHARED)),
            between_sites=_BETWEEN_SITES,
            relative=_RELATIVE,
            relative_pooled=_RELATIVE_POOLED,
            source="a fixed rule, in which held-out errors of prediction set the first factor "
            f"between {_LEAST_SHARED} and {_MOST_SHARED}; there the networks share {mean:.2g} "
            f"times the variance between them{tasks}",
        )


def prediction_error_ratio(
    prediction: Float64[np.ndarray, "member sample"],
    target: Float64[np.ndarray, " sample"],
    *,
    floor: float = _POISSON_FLOOR,
) -> float:
    """Return the shared error of predictions, over their variance between members.

    The held-out squared error of the ensemble's mean, less the noise floor, is the variance that
    members share plus 1 / members of the variance between them.

    Args:
        prediction: Held-out predictions of each member, on the scale of ``target``.
        target: Observed values.
        floor: Variance of the noise in ``target``: 1 for Poisson counts on the Anscombe scale.

    Returns:
        The ratio, at least 0; NaN if there are fewer than two members or they do not differ.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> shared, own = rng.normal(size=20_000), rng.normal(size=(5, 20_000))
        >>> round(prediction_error_ratio(shared + own, rng.normal(size=20_000)), 1)
        1.0
    """
    n = len(prediction)
    if n < 2:
        return float("nan")
    between = float(prediction.var(axis=0, ddof=1).mean())
    if between == 0:
        return float("nan")
    error = float(np.mean((prediction.mean(axis=0) - target) ** 2))
    return max((error - floor) / between - 1.0 / n, 0.0)


def unseen_variance(
    exposure: Float64[np.ndarray, "*batch variant"],
    outcome: Float64[np.ndarray, "*batch variant"],
    mask: Bool[np.ndarray, "*batch variant"],
) -> Float64[np.ndarray, "*batch"]:
    """Return the variance of a slope from outcome effects too small to be seen as disagreement.

    Members that predict an outcome without any effect agree to a few thousandths of a logit, and
    are wrong by as much, alike. A slope is therefore known no better than a common outcome effect
    of .025 (logits, or standard deviations of a count) over the size of the exposure's effects.
    Where every outcome effect is exactly 0, as of networks that do not read so far, there is none.

    Args:
        exposure: Mean effects on the exposure.
        outcome: Mean effects on the outcome.
        mask: True where a variant is an instrument.

    Example:
        >>> x, y = np.full((2, 2), 3.0), np.array([[0.001, 0.0], [0.0, 0.0]])
        >>> (unseen_variance(x, y, np.ones((2, 2), bool)) ** 0.5).round(3)
        array([0.008, 0.   ])
    """
    count = np.maximum(mask.sum(axis=-1), 1)
    square = np.sum(exposure**2, axis=-1, where=mask) / count
    moved = (square > 0) & np.any((outcome != 0) & mask, axis=-1)
    return np.asarray(np.where(moved, _UNSEEN**2 / np.where(moved, square, 1.0), 0.0))


def position_variance(
    exposure: Float64[np.ndarray, "*batch variant"],
    outcome: Float64[np.ndarray, "*batch variant"],
    mask: Bool[np.ndarray, "*batch variant"],
    offset: Int[np.ndarray, "*batch variant"],
) -> Float64[np.ndarray, "*batch"]:
    """Return the variance of the slope through the origin, residuals clustered by position.

    The slope is that of unweighted least squares over the instruments.

    Args:
        exposure: Mean effects on the exposure.
        outcome: Mean effects on the outcome.
        mask: True where a variant is an instrument.
        offset: Position of each variant in its locus, in bases.

    Returns:
        The variance; 0 with one position or none, where nothing can disagree.

    References:
        Liang and Zeger 1986, doi:10.1093/biomet/73.1.13 (clustered residuals).

    Example:
        >>> x, y = np.array([[1.0, 1.0, 2.0]]), np.array([[1.0, 1.0, 1.0]])
        >>> at = np.array([[0, 0, 1]])
        >>> position_variance(x, y, np.ones((1, 3), bool), at).round(3)
        array([0.049])
    """
    x = np.where(mask, exposure, 0.0)
    y = np.where(mask, outcome, 0.0)
    total = np.sum(x * x, axis=-1)
    slope = np.sum(x * y, axis=-1) / np.where(total > 0, total, 1.0)
    score = x * (y - slope[..., None] * x)
    width = int(offset.max(initial=0)) + 1
    flat = (-1, offset.shape[-1])
    rows = np.arange(score.reshape(flat).shape[0])[:, None]
    sums = np.zeros((len(rows), width))
    used = np.zeros((len(rows), width), dtype=bool)
    place = np.where(mask, offset, 0).reshape(flat)
    np.add.at(sums, (np.broadcast_to(rows, place.shape), place), score.reshape(flat))
    np.logical_or.at(used, (np.broadcast_to(rows, place.shape), place), mask.reshape(flat))
    count = used.sum(axis=-1)
    square = total.reshape(-1) ** 2
    enough = (count > 1) & (square > 0)
    ratio = count / np.where(enough, count - 1.0, 1.0)
    value = np.where(enough, ratio * np.sum(sums**2, axis=-1) / np.where(enough, square, 1.0), 0.0)
    return np.asarray(value.reshape(slope.shape))
