"""Trim and fill: pooling after the funnel was made symmetric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.meta.diagnostics.small_study import egger_test
from deepmr.meta.pooling import Adjustment, random_effects
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare
from deepmr.meta.tau2 import Tau2Method

__all__ = ["Missing", "TrimAndFill", "trim_and_fill"]

Missing = Literal["l0", "r0", "q0"]
_MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimAndFill:
    """Pooling after loci were added that would make the funnel symmetric.

    Args:
        value: The loci given, sorted, and then those added; NaN in between.
        se: Their standard errors.
        pooled: All of them, pooled.
        n_filled: How many were added.
        se_n_filled: Standard error of that number.
        right: True where they were added on the right (large effects missing).
    """

    value: Float64[np.ndarray, "*batch locus"]
    se: Float64[np.ndarray, "*batch locus"]
    pooled: MetaAnalysisResult
    n_filled: Int[np.ndarray, "*batch"]
    se_n_filled: Float64[np.ndarray, "*batch"]
    right: Bool[np.ndarray, "*batch"]


def trim_and_fill(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    estimator: Missing = "l0",
    tau2: Tau2Method = "reml",
    adjustment: Adjustment = "none",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> TrimAndFill:
    """Add loci until the funnel is symmetric, and pool again.

    A picture of how much asymmetry could matter, not an estimate to report: heterogeneity makes
    funnels asymmetric without any locus missing.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        estimator: Of the number missing: from the signed ranks' sum (``l0``), its quadratic
            form (``q0``), or the length of the longest run of extreme ranks (``r0``).
        tau2: Estimator of the variance between loci; ``zero`` trims around the common effect.
        adjustment: Adjustment of the pooled error, ``none`` by default.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The filled pooling. The side is the one that Egger's regression (same tau2) points to;
        where that is undefined (fewer than 3 loci, equal errors) or the rounds do not settle on a
        number, everything is NaN and ``n_filled`` 0.

    Raises:
        ValueError: If the estimator is unknown, or as `random_effects` does.

    References:
        Duval and Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x and
        doi:10.1080/01621459.2000.10473905.

    Example:
        >>> value = np.array([0.0, 0.1, 0.3, 0.5, 0.9, 1.1])
        >>> r = trim_and_fill(value, np.array([0.1, 0.1, 0.2, 0.3, 0.4, 0.5]), tau2="zero")
        >>> int(r.n_filled), bool(r.right)
        (3, False)
    """
    if estimator not in get_args(Missing):
        raise ValueError(f"estimator is one of {', '.join(get_args(Missing))}; got {estimator!r}")
    sample = prepare(value, se, mask=mask)
    known = sample.present > 0
    slope = egger_test(
        np.where(known, sample.effect, np.nan), np.sqrt(sample.variance), tau2=tau2
    ).asymmetry.value
    right = slope < 0
    sign = np.where(right, -1.0, 1.0)
    effect = np.where(known, sign[:, None] * sample.effect, np.inf)
    order = np.argsort(effect, axis=-1, kind="stable")
    effect = np.take_along_axis(effect, order, axis=-1)
    error = np.sqrt(np.take_along_axis(sample.variance, order, axis=-1))
    n = sample.n_loci
    missing, centre, se_missing, settled = _trim(effect, error, n, estimator, tau2)
    usable = np.isfinite(slope) & settled
    missing = np.where(usable, missing, 0)
    rank = np.arange(effect.shape[-1])
    added = (rank >= (n - missing)[:, None]) & (rank < n[:, None])
    mirrored = np.where(added, 2 * centre[:, None] - effect, np.nan)
    both = sign[:, None] * np.concatenate([effect, mirrored], axis=-1)
    both = np.where(usable[:, None] & np.isfinite(both), both, np.nan)
    batch, width = value.shape[:-1], 2 * effect.shape[-1]
    all_values = both.reshape(*batch, width)
    all_errors = np.concatenate([error, error], axis=-1).reshape(*batch, width)
    return TrimAndFill(
        value=all_values,
        se=all_errors,
        pooled=random_effects(all_values, all_errors, tau2=tau2, adjustment=adjustment),
        n_filled=missing.reshape(batch),
        se_n_filled=np.where(usable, se_missing, np.nan).reshape(batch),
        right=right.reshape(batch),
    )


def _trim(
    effect: Float64[np.ndarray, "row locus"],
    error: Float64[np.ndarray, "row locus"],
    n: Int[np.ndarray, " row"],
    estimator: Missing,
    tau2: Tau2Method,
) -> tuple[
    Int[np.ndarray, " row"],
    Float64[np.ndarray, " row"],
    Float64[np.ndarray, " row"],
    Bool[np.ndarray, " row"],
]:
    """Trim the largest effects round by round until their number stands still."""
    rank = np.arange(effect.shape[-1])
    missing, settled = np.zeros(len(n), dtype=np.int64), np.zeros(len(n), bool)
    centre, spread = np.full(len(n), np.nan), np.full(len(n), np.nan)
    known = rank < n[:, None]
    for _ in range(_MAX_ROUNDS):
        kept = rank < np.maximum(n - missing, 1)[:, None]
        here = random_effects(
            np.where(kept & known, effect, np.nan), error, tau2=tau2, adjustment="none"
        ).pooled.value
        centre = np.where(settled, centre, here)
        deviation = np.where(known, effect - centre[:, None], np.inf)
        size = np.argsort(np.argsort(np.abs(deviation), axis=-1, kind="stable"), axis=-1) + 1
        signed = np.where(known, np.sign(deviation) * size, 0.0)
        count, error_of_count = _missing(signed, n.astype(np.float64), estimator)
        found = np.minimum(np.rint(np.maximum(count, 0.0)), np.maximum(n - 1, 0)).astype(np.int64)
        spread = np.where(settled, spread, error_of_count)
        unchanged = found == missing
        missing = np.where(settled, missing, found)
        settled |= unchanged
        if settled.all():
            break
    return missing, centre, spread, settled


def _missing(
    signed: Float64[np.ndarray, "row locus"], n: Float64[np.ndarray, " row"], estimator: Missing
) -> tuple[Float64[np.ndarray, " row"], Float64[np.ndarray, " row"]]:
    """Estimate how many loci are missing, from signed ranks; with its standard error."""
    if estimator == "r0":
        run = n - np.max(np.where(signed < 0, -signed, 0.0), axis=-1, initial=0.0)
        count = run - 1
        return count, np.sqrt(2 * np.maximum(0.0, count) + 2)
    total = np.sum(np.where(signed > 0, signed, 0.0), axis=-1)
    width = np.maximum(2 * n - 1, 1)
    if estimator == "l0":
        count = (4 * total - n * (n + 1)) / width
    else:
        inside = np.maximum(2 * n**2 - 4 * total + 0.25, 0.0)
        count = n - 0.5 - np.sqrt(inside)
    k0 = count  # also below 0, as in metafor
    variance = (
        n * (n + 1) * (2 * n + 1)
        + 10 * k0**3
        + 27 * k0**2
        + 17 * k0
        - 18 * n * k0**2
        - 18 * n * k0
        + 6 * n**2 * k0
    ) / 24
    error = np.sqrt(np.maximum(variance, 0.0))
    if estimator == "l0":
        return count, 4 * error / width
    curve = np.maximum((n - 0.5) ** 2 - k0 * (2 * n - k0 - 1), 1e-300)
    return count, 2 * error / np.sqrt(curve)
