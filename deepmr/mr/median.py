"""Median-based Mendelian randomization: consistent while half of the weight is valid."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import Weights, ratio_weights, ratios, with_positive_errors
from deepmr.mr.numerics.weighted_median import bootstrap_error, interpolated_median, sampling_error
from deepmr.mr.result import MREstimate

__all__ = ["penalized_weighted_median", "simple_median", "weighted_median"]

ErrorMethod = Literal["auto", "sampling_distribution", "bootstrap", "none"]

LEAST = 3
"""Fewest instruments, as in R's packages: of two ratios the median is the mean."""

FEW_EFFECTIVE = 100.0
"""Below this many effective instruments, 1 / sum(w^2), the normal approximation inside
`sampling_error` gives way to the bootstrap."""


def _normalised(weight: np.ndarray) -> Float64[np.ndarray, "locus variant"]:
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


class _Bootstrap(NamedTuple):
    """How the standard error is computed: the method, and draws and seed of the bootstrap."""

    error: ErrorMethod
    iterations: int
    seed: int

    @classmethod
    def of(cls, error: ErrorMethod, iterations: int, rng: np.random.Generator | int) -> _Bootstrap:
        """Check the method and draw the seed."""
        if error not in get_args(ErrorMethod):
            raise ValueError(
                f"a median's error is one of {', '.join(get_args(ErrorMethod))}, got {error!r}"
            )
        return cls(error, iterations, int(np.random.default_rng(rng).integers(2**63)))


def _kernel(
    block: Columns, *, weights: Weights | None, penalty: float | None, bootstrap: _Bootstrap
) -> dict[str, np.ndarray]:
    ratio = ratios(block)
    raw = ratio_weights(block, weights)
    weight = _normalised(raw)
    median = interpolated_median(ratio, weight)
    if penalty is not None:
        distance = np.where(weight > 0, ratio - median[:, None], 0.0)
        p_value = special.chdtrc(1.0, raw * distance**2)
        weight = _normalised(raw * np.minimum(1.0, penalty * p_value))
        median = interpolated_median(ratio, weight)
    n = block.n
    f = block.x / block.sx
    enough = n >= LEAST
    return {
        "value": np.where(enough, median, np.nan),
        "se": np.where(enough, _error(block, weight, median, bootstrap), np.nan),
        "n": n,
        "f_mean": np.vecdot(f, f) / n,
    }


def _error(
    block: Columns, weight: np.ndarray, median: np.ndarray, bootstrap: _Bootstrap
) -> Float64[np.ndarray, " locus"]:
    """Return the standard error of each locus by the method asked for."""
    error, iterations, seed = bootstrap
    if error == "none":
        return np.full(len(median), np.nan)
    few = 1 / np.vecdot(weight, weight) < FEW_EFFECTIVE
    if error != "auto":
        few = np.full(few.shape, error == "bootstrap")
    found = np.full(few.shape, np.nan)
    for rows, resample in ((few, True), (~few, False)):
        if bool(rows.any()):
            part = block if bool(rows.all()) else block.rows(rows)
            found[rows] = (
                bootstrap_error(part, weight[rows], iterations=iterations, seed=seed)
                if resample
                else sampling_error(part, weight[rows], median[rows])
            )
    return found


def _median(
    effects: EffectSizes,
    method: str,
    bootstrap: _Bootstrap,
    *,
    weights: Weights | None,
    penalty: float | None = None,
) -> MREstimate:
    exact: dict[str, np.ndarray] = {}
    if weights is not None:
        effects, exact = with_positive_errors(effects, weights)
    kernel = partial(_kernel, weights=weights, penalty=penalty, bootstrap=bootstrap)
    found = by_blocks(effects, kernel)
    return assemble(
        effects,
        method,
        effect=Estimate(value=found["value"], se=found["se"]),
        flags=common_flags(n=found["n"], f_mean=found["f_mean"]) | exact,
        correlated_errors="used",
    )


def simple_median(
    effects: EffectSizes,
    *,
    error: ErrorMethod = "auto",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by the median of the ratio estimates.

    Consistent while more than half of the instruments are valid, however wrong the others are.
    `weighted_median` is more precise. An instrument whose outcome effect and standard error are
    both exactly 0 has a ratio of 0 and counts like any other.

    Args:
        effects: The instruments; at least 3, otherwise NaN. Those with x = 0 have no ratio.
        error: Method of the standard error, as in `weighted_median`; ``auto`` by default.
            ``none`` returns NaN without spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default.
        rng: Generator or seed of the draws, 0 by default.

    Raises:
        ValueError: If ``error`` is none of these words.

    References:
        Bowden, Davey Smith, Haycock and Burgess 2016, doi:10.1002/gepi.21965.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(simple_median(ldl_chd()).effect.value), 3)
        1.755
    """
    bootstrap = _Bootstrap.of(error, iterations, rng)
    return _median(effects, "simple_median", bootstrap, weights=None)


def weighted_median(
    effects: EffectSizes,
    *,
    weights: Weights = "first_order",
    error: ErrorMethod = "auto",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by the weighted median of the ratio estimates.

    With ratios sorted and weights w, the estimate is where the interpolated cumulative weight
    cumsum(w) - w / 2 reaches half of the total. Consistent while valid instruments hold more than
    half of the weight. In finite samples invalid ones that all lean to one side still pull it,
    since the median of what is valid is then not at the middle of the whole.

    *Weak instruments* bias it towards 0 as they do IVW, since redrawing x spreads y / x. The
    standard error is the standard deviation of the median when all effects are drawn anew around
    their estimates with fixed weights, which is what Bowden's bootstrap estimates. From 100
    effective instruments, 1 / sum(w^2) with weights summing to 1, it is computed from the exact
    distribution of each ratio (`sampling_error`: against a long bootstrap its mean over loci is
    right to 1 %, single loci to 2 to 6 %, as 1,000 draws are, and it is many times faster). Below
    that it is bootstrapped, which with thousands of variants takes a third of a second a locus.

    Args:
        effects: The instruments; at least 3 (of two ratios the median is the mean). Those with
            x = 0 have no ratio and no weight; errors of exactly 0 are floored or left
            out (`with_positive_errors`; flag ``zero_error``).
        weights: ``first_order``: (x / sy)^2, MendelianRandomization's; or ``second_order``,
            which add the exposure's errors by the delta method, TwoSampleMR's. First order is the
            default: second-order weights depend on y and are larger where y is near 0 by luck.
        error: Method of the standard error: ``auto`` (default) as above,
            ``sampling_distribution``, ``bootstrap``, or ``none``, which returns NaN without
            spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default; all loci see the same standard normal draws.
        rng: Generator or seed of the draws, 0 by default.

    Raises:
        ValueError: If ``error`` is none of these words.

    References:
        Bowden, Davey Smith, Haycock and Burgess 2016, doi:10.1002/gepi.21965.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(weighted_median(ldl_chd()).effect.value), 3)
        2.683
    """
    bootstrap = _Bootstrap.of(error, iterations, rng)
    return _median(effects, "weighted_median", bootstrap, weights=weights)


def penalized_weighted_median(
    effects: EffectSizes,
    *,
    weights: Weights = "first_order",
    penalty: float = 20.0,
    error: ErrorMethod = "auto",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by a weighted median that trusts outlying ratios less.

    Weights of `weighted_median` are multiplied by min(1, ``penalty`` p), p from the chi-square on 1
    degree of each ratio's distance to the weighted median: instruments within a p of 1 / penalty
    keep their weight. Less bias from one-sided invalid instruments, at the price of an error that
    ignores that the penalties were estimated.

    Args:
        effects: The instruments; at least 3, otherwise NaN.
        weights: Order of the ratios' errors, ``first_order`` by default, as in `weighted_median`.
        penalty: Factor on a ratio's p-value, 20 by default.
        error: Method of the standard error, as in `weighted_median`; ``none`` returns NaN.
        iterations: Bootstrap draws, 1000 by default.
        rng: Generator or seed of the draws, 0 by default.

    Raises:
        ValueError: If ``error`` is none of these words.

    References:
        Bowden, Davey Smith, Haycock and Burgess 2016, doi:10.1002/gepi.21965.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(penalized_weighted_median(ldl_chd()).effect.value), 3)
        2.681
    """
    bootstrap = _Bootstrap.of(error, iterations, rng)
    return _median(
        effects, "penalized_weighted_median", bootstrap, weights=weights, penalty=penalty
    )
