"""Multivariable Mendelian randomization: the direct effect of each exposure given the others.

Example:
    Direct effects of three blood lipids (LDL, HDL, triglycerides) on coronary heart disease:

    >>> from deepmr.mr import lipids_chd
    >>> effects = lipids_chd()
    >>> multivariable_ivw(effects).effect.value.shape
    (3,)
    >>> conditional_f(effects).round(1).tolist()
    [18.4, 12.8, 12.2]
    >>> round(float(multivariable_heterogeneity(effects).i2), 2)
    0.46

    Estimators that allow for pleiotropy:

    >>> round(float(multivariable_egger(effects).pleiotropy.p_value), 2)
    0.01
    >>> multivariable_median(effects, error="none").effect.value.round(2).tolist()
    [2.12, 0.11, 1.04]
    >>> multivariable_lasso(effects).effect.value.round(2).tolist()
    [1.73, -0.13, 0.86]
    >>> int(multivariable_lasso_selection(effects).valid.sum())
    25

    The total effect of the first exposure, and the part that other exposures mediate:

    >>> [round(float(part.value), 2) for part in mediated_effect(effects)]
    [2.83, 1.93, 0.91]
"""

from deepmr.mr.multivariable.diagnostics import conditional_f, multivariable_heterogeneity
from deepmr.mr.multivariable.egger import multivariable_egger
from deepmr.mr.multivariable.ivw import multivariable_ivw
from deepmr.mr.multivariable.lasso import (
    MultivariableLassoSelection,
    multivariable_lasso,
    multivariable_lasso_selection,
)
from deepmr.mr.multivariable.median import multivariable_median
from deepmr.mr.multivariable.mediation import mediated_effect
from deepmr.mr.multivariable.result import MultivariableEstimate

__all__ = [
    "MultivariableEstimate",
    "MultivariableLassoSelection",
    "conditional_f",
    "mediated_effect",
    "multivariable_egger",
    "multivariable_heterogeneity",
    "multivariable_ivw",
    "multivariable_lasso",
    "multivariable_lasso_selection",
    "multivariable_median",
]
