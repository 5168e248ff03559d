"""Heterogeneity of the ratio estimates: Cochran's Q, Ruecker's Q' and their difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.estimate import Heterogeneity
from deepmr.mr.egger import egger
from deepmr.mr.ivw import inverse_variance_weighted

__all__ = ["HeterogeneityTests", "heterogeneity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeterogeneityTests:
    """Cochran's Q about IVW, Ruecker's Q' about MR-Egger, and their difference on 1 degree.

    Args:
        cochran: Q about IVW on n - 1 degrees of freedom.
        ruecker: Q' about MR-Egger on n - 2 degrees of freedom.
        difference: Q - Q', floored at 0, on 1 degree: does MR-Egger fit better than IVW?
    """

    cochran: Heterogeneity
    ruecker: Heterogeneity
    difference: Heterogeneity


def heterogeneity(effects: EffectSizes) -> HeterogeneityTests:
    """Test whether instruments agree about the causal effect.

    Weights are first order: with true effects far from 0 and weak instruments Q is too large
    (compare `maximum_likelihood`, whose Q counts the exposure's errors).

    Args:
        effects: The instruments.

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
