"""The result of a multivariable estimator, and the layout of its input as rows of loci."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.numerics.batch import estimate_in_batch, heterogeneity_in_batch, in_batch

__all__ = [
    "Distribution",
    "MultivariableEstimate",
    "MultivariableRows",
    "assemble_multivariable",
    "rows_of",
]

Distribution = Literal["normal", "t"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableEstimate:
    """Direct effects of several exposures on one outcome.

    Args:
        method: Short name, such as ``multivariable_ivw``.
        n_instruments: Number of instruments used.
        effect: One direct effect for each exposure, on the last axis.
        pleiotropy: MR-Egger's intercept, where the method has one.
        heterogeneity: Q about the fitted plane, where the method has one.
        flags: Named warnings, each an array over the batch.
    """

    method: str
    n_instruments: Int[np.ndarray, "*batch"]
    effect: Estimate
    pleiotropy: Estimate | None = None
    heterogeneity: Heterogeneity | None = None
    flags: Mapping[str, Bool[np.ndarray, "*batch"]] = field(default_factory=dict)


class MultivariableRows(NamedTuple):
    """All loci in a row, absent variants neutralised."""

    x: Float64[np.ndarray, "locus exposure variant"]
    sx: Float64[np.ndarray, "locus exposure variant"]
    y: Float64[np.ndarray, "locus variant"]
    sy: Float64[np.ndarray, "locus variant"]
    mask: Bool[np.ndarray, "locus variant"]
    n: Float64[np.ndarray, " locus"]


def rows_of(effects: MultivariableEffectSizes) -> MultivariableRows:
    """Lay loci out in a row and set absent variants to effect 0 and error 1."""
    n_exposures, n_variants = effects.beta_exposure.shape[-2:]
    mask = effects.mask.reshape(-1, n_variants)
    wide = mask[:, None, :]
    x = np.where(wide, effects.beta_exposure.reshape(-1, n_exposures, n_variants), 0.0)
    sx = np.where(wide, effects.se_exposure.reshape(-1, n_exposures, n_variants), 1.0)
    y = np.where(mask, effects.beta_outcome.reshape(-1, n_variants), 0.0)
    sy = np.where(mask, effects.se_outcome.reshape(-1, n_variants), 1.0)
    return MultivariableRows(x, sx, y, sy, mask, mask.sum(axis=-1).astype(np.float64))


def _flags(
    rows: MultivariableRows, n_terms: int, heterogeneity: Heterogeneity | None
) -> dict[str, np.ndarray]:
    flags = {"few_instruments": np.asarray(rows.n <= n_terms)}
    if heterogeneity is not None:
        flags["heterogeneity"] = np.asarray(heterogeneity.log_p < np.log(0.05))
    return flags


def assemble_multivariable(
    effects: MultivariableEffectSizes,
    method: str,
    rows: MultivariableRows,
    *,
    effect: Estimate,
    pleiotropy: Estimate | None = None,
    heterogeneity: Heterogeneity | None = None,
    extra_flags: Mapping[str, np.ndarray] | None = None,
) -> MultivariableEstimate:
    """Build a result from what was found for each locus in a row."""
    batch = effects.mask.shape[:-1]
    n_terms = rows.x.shape[1] + (pleiotropy is not None)
    flags = _flags(rows, n_terms, heterogeneity) | dict(extra_flags or {})
    return MultivariableEstimate(
        method=method,
        n_instruments=np.asarray(effects.mask.sum(axis=-1)),
        effect=estimate_in_batch(effect, batch),
        pleiotropy=None if pleiotropy is None else estimate_in_batch(pleiotropy, batch),
        heterogeneity=None
        if heterogeneity is None
        else heterogeneity_in_batch(heterogeneity, batch),
        flags={name: in_batch(flag, batch) for name, flag in flags.items()},
    )
