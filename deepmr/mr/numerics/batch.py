"""Batch axes of results that were computed for loci in a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Bool, Shaped

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.result import MREstimate

__all__ = ["assemble", "estimate_in_batch", "heterogeneity_in_batch", "in_batch"]


def in_batch(
    values: Shaped[np.ndarray, "locus ..."], batch: tuple[int, ...]
) -> Shaped[np.ndarray, "..."]:
    """Replace the leading ``locus`` axis of an array by batch axes."""
    return np.asarray(values).reshape((*batch, *np.shape(values)[1:]))


def estimate_in_batch(estimate: Estimate, batch: tuple[int, ...]) -> Estimate:
    """Replace the leading ``locus`` axis of an estimate by batch axes."""
    return Estimate(
        value=in_batch(estimate.value, batch),
        se=in_batch(estimate.se, batch),
        df=estimate.df if estimate.df.ndim == 0 else in_batch(estimate.df, batch),
        bounds=None if estimate.bounds is None else in_batch(estimate.bounds, batch),
        log_p=None if estimate.log_p is None else in_batch(estimate.log_p, batch),
    )


def heterogeneity_in_batch(found: Heterogeneity, batch: tuple[int, ...]) -> Heterogeneity:
    """Replace the leading ``locus`` axis of a heterogeneity by batch axes."""
    return Heterogeneity(q=in_batch(found.q, batch), df=in_batch(found.df, batch))


def assemble(
    effects: EffectSizes,
    method: str,
    *,
    effect: Estimate,
    flags: Mapping[str, Bool[np.ndarray, " locus"]],
    pleiotropy: Estimate | None = None,
    heterogeneity: Heterogeneity | None = None,
    correlated_errors: Literal["used", "ignored"] = "ignored",
) -> MREstimate:
    """Build the result of an estimator from what it found for each locus in a row.

    Where effects have correlated errors and the method has no form for them, the flag
    ``error_correlation_ignored`` says so.
    """
    batch = effects.mask.shape[:-1]
    if correlated_errors == "ignored" and bool(np.any(effects.error_correlation)):
        wide = np.broadcast_to(effects.error_correlation != 0, effects.mask.shape)
        ignored = np.any(wide & effects.mask, axis=-1).reshape(-1)
        flags = {**flags, "error_correlation_ignored": ignored}
    return MREstimate(
        method=method,
        n_instruments=effects.n_instruments,
        effect=estimate_in_batch(effect, batch),
        pleiotropy=None if pleiotropy is None else estimate_in_batch(pleiotropy, batch),
        heterogeneity=None
        if heterogeneity is None
        else heterogeneity_in_batch(heterogeneity, batch),
        flags={name: in_batch(flag, batch) for name, flag in flags.items()},
    )
