"""Mediation: the total effect of an exposure split into direct and mediated parts."""

from __future__ import annotations

import numpy as np

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.multivariable.least_squares import fit_plane
from deepmr.mr.multivariable.result import rows_of
from deepmr.mr.numerics.batch import estimate_in_batch
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["mediated_effect"]


def mediated_effect(
    effects: MultivariableEffectSizes, *, exposure: int = 0
) -> tuple[Estimate, Estimate, Estimate]:
    """Split an exposure's total effect into a direct one and one mediated by the other exposures.

    Total: IVW on the exposure alone. Direct: its slope given the others. Mediated: the difference.
    Both are weighted sums of the same outcome effects, so the error of their difference is that of
    the difference of the weights: it counts their covariance exactly, which adding variances would
    not. Errors are multiplied by the multivariable residual spread where it exceeds 1; errors of
    the exposure effects are ignored, as in IVW.

    *Valid* only if the instruments act on the mediators through the exposure or the mediators have
    instruments of their own, and nothing else is on the way. Weak conditional instruments bias the
    direct effect, hence the split.

    Args:
        effects: The instruments.
        exposure: Index of the exposure; all others are the mediators.

    Returns:
        Total, direct and mediated effect.

    References:
        Burgess et al. 2017, doi:10.1007/s10654-017-0255-x; Carter et al. 2021,
        doi:10.1007/s10654-021-00757-1.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> [round(float(part.value), 2) for part in mediated_effect(lipids_chd())]
        [2.83, 1.93, 0.91]
    """
    effects, _ = with_positive_errors(effects)
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    w = rows.mask / rows.sy**2
    plane = fit_plane(rows.x, rows.y, w)
    scaled = rows.x * w[:, None]
    gram = scaled @ np.swapaxes(rows.x, -1, -2)
    singular = np.isnan(plane.q)
    gram = np.where(singular[:, None, None], np.eye(n_exposures), gram)
    direct = np.einsum("lk,lkv->lv", np.linalg.inv(gram)[:, exposure], scaled)
    x = rows.x[:, exposure]
    with np.errstate(divide="ignore", invalid="ignore"):
        total = w * x / np.vecdot(w * x, x)[:, None]
    df = rows.n - n_exposures
    spread = np.maximum(np.sqrt(plane.q / np.where(df > 0, df, np.nan)), 1.0)
    spread = np.where(df > 0, spread, 1.0)
    batch = effects.mask.shape[:-1]

    def estimate(influence: np.ndarray) -> Estimate:
        value = np.where(singular, np.nan, np.vecdot(influence, rows.y))
        se = np.where(singular, np.nan, spread * np.sqrt(np.vecdot(influence**2, rows.sy**2)))
        return estimate_in_batch(Estimate(value=value, se=se), batch)

    return estimate(total), estimate(direct), estimate(total - direct)
