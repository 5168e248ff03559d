"""Variance of a slope from disagreement between positions, and the error that all members share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import EffectSizes, MemberEffects

__all__ = ["SharedError", "honest_effects", "position_variance", "prediction_error_ratio"]

_OF_AN_EFFECT = 0.1
"""Relative error of a single effect that members share: all misjudge how strongly a site acts.
Fixed on two development data sets of `benchmarks.intervals` (additive and competitive, seed 100):
95 % intervals of their single effects cover .87 to 1.00 with .1, .69 to .83 with 0, .82 to .97 with
.05, .95 to 1.00 with .22. What it gives on seeds that fixed nothing is in docs/validity.md."""

_POISSON_FLOOR = 1.0
"""Variance of a Poisson count on the Anscombe scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedError:
    """What the members' spread does not show of a slope's variance.

    Members trained on one data set misjudge the relative strength of a locus's sites alike. Within
    a site that error moves exposure and outcome together and cancels; between sites it does not.
    The variance of a local slope is taken as ``(1 / members + shared) B + between_sites V``, with
    B the variance between members and V the slope's position-clustered residual variance.

    Args:
        shared: Variance of the error that all members share, over that between members.
        between_sites: Factor on V.
        pooled: Factor on the median of V that is added to the variance of a pooled effect.
        source: Where the numbers come from, in words.

    Example:
        >>> round(SharedError.estimated([2.0, 4.0]).shared, 2)
        2.1
        >>> SharedError.estimated([]).shared
        1.0
    """

    shared: float
    between_sites: float
    pooled: float = 0.05
    source: str = ""

    @classmethod
    def estimated(cls, ratios: list[float]) -> SharedError:
        """Return the numbers that held-out errors of prediction ask for.

        The constants were fixed on development simulations: .7 of the ratio, within .3 and 5, and
        a relative error of sites' strengths of .22 (four times its square is .2). Without a noise
        floor (peaks, networks trained elsewhere) both are set by a rule that needs none.

        Args:
            ratios: `prediction_error_ratio` of every task whose noise floor is known.
        """
        known = [ratio for ratio in ratios if np.isfinite(ratio)]
        if not known:
            return cls(
                shared=1.0,
                between_sites=0.4,
                source="a fixed rule, since no noise floor of the labels is known",
            )
        mean = float(np.mean(known))
        return cls(
            shared=float(np.clip(0.7 * mean, 0.3, 5.0)),
            between_sites=0.2,
            source="from held-out errors of prediction, of which the members share "
            f"{mean:.2g} times the variance between them (mean of {len(known)} tasks; .3 is the "
            "least that is taken)",
        )


def honest_effects(
    effects: MemberEffects, exposure: str, outcome: str, *, shared: float
) -> EffectSizes:
    """Return mean effects with errors for intervals of *single* effects.

    The variance of a single effect b is ``(1 / members + shared) B + (0.1 b)^2``, with B the
    variance between members: besides the error that all members share in proportion to their
    spread, they misjudge the strength of a site alike. `MemberEffects.summarise` gives the error of
    the members' mean, by which instruments are chosen. Errors that came with measured effects stay
    as they are.

    Args:
        effects: Effects of two members or more, or with errors of their own.
        exposure: Name of a task.
        outcome: Name of a task.
        shared: Shared error variance (ratio to the variance between members); never less than the
            members' own.

    Raises:
        LookupError: If a task was not kept.
        ValueError: If there are fewer than two members.

    Example:
        >>> value = np.array([[[[9.0], [11.0]], [[0.0], [0.0]]]])
        >>> none = np.zeros((1, 1), dtype=np.int64)
        >>> effects = MemberEffects(value=value, tasks=("X", "Y"), offset=none, ref=none,
        ...                         alt=none + 1, mask=none == 0)
        >>> found = honest_effects(effects, "X", "Y", shared=0.0)  # 2 / 2 + (.1 * 10)^2 = 2
        >>> round(float(found.se_exposure[0, 0]), 3), float(found.se_outcome[0, 0])
        (1.414, 0.0)
    """
    if effects.se is not None:
        return effects.summarise(exposure, outcome)
    found = replace(effects, shared=max(shared, effects.shared)).summarise(exposure, outcome)
    return replace(
        found,
        se_exposure=np.hypot(found.se_exposure, _OF_AN_EFFECT * found.beta_exposure),
        se_outcome=np.hypot(found.se_outcome, _OF_AN_EFFECT * found.beta_outcome),
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
