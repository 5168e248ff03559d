"""Multivariable Mendelian randomization: the direct effect of each exposure given the others."""

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
