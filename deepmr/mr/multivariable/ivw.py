"""Multivariable inverse-variance weighted Mendelian randomization."""

from __future__ import annotations

import numpy as np

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.ivw import Model, random_effects_factor
from deepmr.mr.multivariable.least_squares import Plane, fit_plane
from deepmr.mr.multivariable.result import (
    Distribution,
    MultivariableEstimate,
    assemble_multivariable,
    rows_of,
)
from deepmr.mr.numerics.mm_regression import mm_regression
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["multivariable_ivw"]


def multivariable_ivw(
    effects: MultivariableEffectSizes,
    *,
    model: Model = "auto",
    distribution: Distribution = "normal",
    robust: bool = False,
) -> MultivariableEstimate:
    """Estimate direct effects by weighted regression of outcome effects on all exposures'.

    The plane through the origin with weights 1 / sy^2. Each slope is the effect of its exposure
    with the others held fixed: of GATA1 on acetylation not through accessibility, say. Errors are
    multiplied by the residual spread sqrt(Q / (n - K)) as in `inverse_variance_weighted`.

    *Weak instruments* here means weak given the other exposures (`conditional_f`): a strong F for
    each alone is not enough, and the bias may go either way. *Collinear* exposures give NaN.
    Exposures left out that the variants act through are pleiotropy.

    Args:
        effects: The instruments; more of them than exposures.
        model: Factor on the error, ``auto`` by default: ``fixed``, ``random`` or
            ``random_unfloored``, as in `inverse_variance_weighted`.
        distribution: ``normal`` (default), or ``t`` with n - K degrees of freedom.
        robust: Regress by an MM-estimate instead of least squares; False by default.

    References:
        Burgess and Thompson 2015, doi:10.1093/aje/kwu283;
        Sanderson, Davey Smith, Windmeijer and Bowden 2019, doi:10.1093/ije/dyy262.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> multivariable_ivw(lipids_chd()).effect.value.round(2).tolist()
        [1.93, -0.59, 0.72]
    """
    effects, exact = with_positive_errors(effects)
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    df = np.maximum(rows.n - n_exposures, 0.0)
    if robust:
        root = rows.mask / rows.sy
        fit = mm_regression(rows.x * root[:, None, :], rows.y * root, rows.mask)
        errors = np.sqrt(np.diagonal(fit.covariance, axis1=-2, axis2=-1)) / fit.scale[:, None]
        plane = Plane(fit.coefficient, errors, df * fit.scale**2)
    else:
        plane = fit_plane(rows.x, rows.y, rows.mask / rows.sy**2)
    heterogeneity = Heterogeneity(q=np.where(df > 0, plane.q, np.nan), df=df)
    factor = random_effects_factor(plane.q, df, rows.n, model)
    degrees = np.maximum(df, 1.0)[:, None] if distribution == "t" else np.asarray(np.inf)
    effect = Estimate(value=plane.coefficient, se=plane.error * factor[:, None], df=degrees)
    return assemble_multivariable(
        effects,
        "multivariable_ivw",
        rows,
        effect=effect,
        heterogeneity=heterogeneity,
        extra_flags=exact,
    )
