"""The likelihood of a pooling, to compare models by."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.meta.fit import fit
from deepmr.meta.sample import ZeroSe, prepare

__all__ = ["log_likelihood"]


def log_likelihood(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    tau2: Float64[np.ndarray, "*batch"],
    *,
    restricted: bool = False,
    zero_se: ZeroSe = "drop",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> Float64[np.ndarray, "*batch"]:
    """Return the normal log-likelihood of the loci at ``tau2``, the mean at its best.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        tau2: Variance between loci.
        restricted: The likelihood that REML maximises (of contrasts between loci). Restricted
            likelihoods compare models with the same mean structure only.
        zero_se: As in `deepmr.meta.random_effects`.
        mask: False where a locus is to be left out; by default none is.

    Raises:
        ValueError: As `deepmr.meta.random_effects` does.

    References:
        Harville 1977, doi:10.1080/01621459.1977.10480998 (restricted likelihood).

    Example:
        >>> value, se = np.array([0.1, 0.3]), np.array([1.0, 1.0])
        >>> round(float(log_likelihood(value, se, np.asarray(0.0))), 3)
        -1.848
    """
    sample = prepare(value, se, mask=mask, zero_se=zero_se)
    between = tau2.reshape(len(sample.effect))
    model = fit(sample, between)
    total = np.where(sample.present > 0, sample.variance + between[:, None], 1.0)
    n = sample.n_loci
    with np.errstate(divide="ignore"):
        log_total = np.sum(np.log(total), axis=-1)
    found = -0.5 * (n * np.log(2 * np.pi) + log_total + model.q())
    if restricted:
        with np.errstate(divide="ignore", invalid="ignore"):
            found += 0.5 * (np.log(2 * np.pi) + np.log(n) + np.log(model.covariance[:, 0, 0]))
    return np.where(n > 0, found, np.nan).reshape(tau2.shape)
