"""Permutation test of the moderators of a meta-regression."""

from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.meta.regression import Adjustment, meta_regression
from deepmr.meta.tau2 import Tau2Method

__all__ = ["permutation_test"]


def permutation_test(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    moderators: Float64[np.ndarray, "locus moderator"],
    *,
    rng: np.random.Generator,
    n_permutations: int = 999,
    tau2: Tau2Method = "reml",
    adjustment: Adjustment = "hartung_knapp",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> Float64[np.ndarray, "*batch moderator"]:
    """Return p-values of the moderators from dealing the loci's effects out anew.

    Effects move together with their standard errors, so that precision stays with its effect;
    tau2 is estimated again for every deal. Valid whatever the distribution of effects, if loci
    are exchangeable when the moderators do not matter. Two-sided, from the test statistics, with
    the observed deal counted: the smallest p-value is 1 / (n_permutations + 1).

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        moderators: Properties of the loci, one column each.
        rng: Where the deals come from; the same deals for the whole batch.
        n_permutations: Number of permutations, 999 by default.
        tau2: Estimator of the variance between loci.
        adjustment: As in `meta_regression`.
        mask: False where a locus is to be left out; by default none is.

    Raises:
        ValueError: If ``n_permutations`` is below 1, or as `meta_regression` does.

    References:
        Higgins and Thompson 2004, doi:10.1002/sim.1752 (permutation tests in meta-regression).

    Example:
        >>> x, rng = np.arange(6.0), np.random.default_rng(0)
        >>> value, se = 0.5 + 0.1 * x, np.full(6, 0.1)
        >>> permutation_test(value, se, x[:, None], rng=rng, n_permutations=99).tolist()
        [0.01]
    """
    if n_permutations < 1:
        raise ValueError(f"a permutation test needs at least 1 permutation, got {n_permutations}")
    kept = np.isfinite(value) & np.isfinite(se) & np.all(np.isfinite(moderators), axis=-1)
    if mask is not None:
        kept &= mask
    regress = partial(meta_regression, moderators=moderators, tau2=tau2, adjustment=adjustment)
    effect, error = np.where(kept, value, np.nan), np.where(kept, se, np.nan)
    observed = np.abs(regress(effect, error).coefficients.z[..., 1:])
    place = np.argsort(~kept, axis=-1, kind="stable")
    present = np.take_along_axis(kept, place, axis=-1)
    as_large = np.ones(observed.shape)
    for _ in range(n_permutations):
        key = np.where(kept, rng.random(kept.shape[-1]), np.inf)
        drawn = np.where(present, np.argsort(key, axis=-1), place)
        dealt = [np.empty_like(effect), np.empty_like(error)]
        for target, source in zip(dealt, (effect, error), strict=True):
            np.put_along_axis(target, place, np.take_along_axis(source, drawn, axis=-1), axis=-1)
        z = regress(dealt[0], dealt[1]).coefficients.z[..., 1:]
        as_large += np.abs(z) >= observed * (1 - 1e-9)
    return np.where(np.isfinite(observed), as_large / (n_permutations + 1.0), np.nan)
