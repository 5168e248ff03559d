"""Do the instruments agree, and does an intercept explain why not?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.egger import egger
from deepmr.mr.ivw import inverse_variance_weighted
from deepmr.mr.wald import wald_ratios

__all__ = ["HeterogeneityTests", "funnel_asymmetry", "heterogeneity", "prefers_egger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeterogeneityTests:
    """Cochran's Q about IVW, Ruecker's Q' about MR-Egger, and their difference on 1 degree.

    Args:
        cochran: Do all ratios agree?
        ruecker: Do they, once a common direct effect is allowed?
        difference: Is MR-Egger's line better than IVW's?
    """

    cochran: Heterogeneity
    ruecker: Heterogeneity
    difference: Heterogeneity


def heterogeneity(effects: EffectSizes) -> HeterogeneityTests:
    """Test whether instruments agree about the causal effect.

    Weights are first order: with true effects far from 0 and weak instruments Q is too large
    (compare `maximum_likelihood`, whose Q counts the exposure's errors).

    References:
        Greco et al. 2015, doi:10.1002/sim.6522 (Q in Mendelian randomization);
        Bowden et al. 2017, doi:10.1002/sim.7221 (Ruecker's Q and the difference);
        Higgins and Thompson 2002, doi:10.1002/sim.1186 (I2 and H2).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(heterogeneity(ldl_chd()).cochran.i2), 2)
        0.73
    """
    first, second = (
        estimator(effects).heterogeneity for estimator in (inverse_variance_weighted, egger)
    )
    if first is None or second is None:
        raise TypeError("ivw and egger must both carry their heterogeneity")
    return HeterogeneityTests(
        cochran=first,
        ruecker=second,
        difference=Heterogeneity(
            q=np.asarray(np.maximum(first.q - second.q, 0.0)), df=np.asarray(first.df - second.df)
        ),
    )


def prefers_egger(effects: EffectSizes, *, alpha: float = 0.05) -> Bool[np.ndarray, "*batch"]:
    """Say where MR-Egger's line fits better than IVW's by more than chance.

    Ruecker's rule: stay with IVW unless Q - Q' exceeds the chi-square quantile at ``alpha``. Few
    instruments have little power for it, so False is no proof of validity.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(prefers_egger(ldl_chd()))
        False
    """
    return np.asarray(heterogeneity(effects).difference.log_p < np.log(alpha))


def funnel_asymmetry(
    effects: EffectSizes, *, weights: Literal["first_order", "second_order"] = "first_order"
) -> Estimate:
    """Test whether imprecise ratios lean to one side, by radial regression's intercept.

    On axes sqrt(W) and sqrt(W) ratio (W the ratio's inverse variance) valid instruments lie on a
    line through the origin; the intercept of a least-squares line is the mean standardised lean.
    Returned with its error (no floor) on n - 2 degrees of freedom; needs 3 instruments.

    References:
        Egger et al. 1997, doi:10.1136/bmj.315.7109.629 (the funnel);
        Bowden et al. 2018, doi:10.1093/ije/dyy101 (radial regression).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(funnel_asymmetry(ldl_chd()).p_value > 0.05)
        True
    """
    ratios = wald_ratios(effects, weights=weights)
    usable = ~np.isnan(ratios.value) & (ratios.se > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.where(usable, 1 / np.where(usable, ratios.se, 1.0), 0.0)
        v = np.where(usable, ratios.value, 0.0) * u
        n = np.asarray(usable.sum(axis=-1), dtype=np.float64)
        mean_u, mean_v = np.asarray(u.sum(axis=-1) / n), np.asarray(v.sum(axis=-1) / n)
        du = np.where(usable, u - mean_u[..., None], 0.0)
        dv = np.where(usable, v - mean_v[..., None], 0.0)
        uu = np.vecdot(du, du)
        slope = np.asarray(np.vecdot(du, dv) / uu)
        residual = dv - slope[..., None] * du
        variance = np.vecdot(residual, residual) / np.maximum(n - 2, 1.0)
        se = np.sqrt(variance * (1 / n + mean_u**2 / uu))
    enough = n >= 3
    return Estimate(
        value=np.asarray(np.where(enough, mean_v - slope * mean_u, np.nan)),
        se=np.asarray(np.where(enough, se, np.nan)),
        df=np.asarray(np.maximum(n - 2, 1.0)),
    )
