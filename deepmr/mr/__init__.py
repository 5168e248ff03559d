"""Mendelian randomization: causal effect estimators, diagnostics and multivariable methods.

Example:
    Every estimator on published effects of 28 variants on LDL cholesterol and heart disease:

    >>> effects = ldl_chd()
    >>> table = {row["method"]: round(row["estimate"], 2) for row in all_estimators(effects)}
    >>> table["ivw"], table["egger"], table["weighted_median"], table["grip"]
    (2.83, 3.25, 2.68, 2.8)

    Are the instruments strong, valid and of the right direction?

    >>> round(float(instrument_strength(effects).f_mean), 1), bool(steiger(effects).forward)
    (28.0, True)
    >>> leave_one_out(effects).value.round(2).tolist()[:3]
    [2.85, 2.67, 2.84]
    >>> radial = radial_ivw(effects)
    >>> int(radial.outliers.sum()), float(radial.heterogeneity.p_value) < 1e-3
    (6, True)
    >>> wald_ratios(effects).value.round(2).tolist()[:3]
    [2.6, 3.69, 2.77]

    Robust estimators report the instruments that they take as valid:

    >>> int(likely_valid(effects).sum()), int(lasso_selection(effects).valid.sum())
    (22, 26)
    >>> int(constrained_ml_fit(effects).invalid.sum())
    2
    >>> presso = presso_tests(effects, iterations=200)
    >>> round(float(overdispersion(effects).value), 4) > 0, float(mode_bandwidth(effects)) > 0
    (True, True)
"""

from deepmr.mr.all_estimators import ESTIMATORS, all_estimators, rows
from deepmr.mr.bayesian_mode import bayesian_mode
from deepmr.mr.constrained_ml import ConstrainedFit, constrained_ml, constrained_ml_fit
from deepmr.mr.contamination_mixture import contamination_mixture, likely_valid
from deepmr.mr.debiased_ivw import debiased_ivw, penalized_debiased_ivw
from deepmr.mr.diagnostics import (
    Direction,
    HeterogeneityTests,
    InstrumentStrength,
    RadialFit,
    heterogeneity,
    instrument_strength,
    leave_one_out,
    radial_ivw,
    steiger,
)
from deepmr.mr.egger import egger
from deepmr.mr.example import ldl_chd, lipids_chd
from deepmr.mr.grip import grip
from deepmr.mr.ivw import inverse_variance_weighted
from deepmr.mr.lasso import LassoSelection, lasso, lasso_selection
from deepmr.mr.maximum_likelihood import maximum_likelihood
from deepmr.mr.median import penalized_weighted_median, simple_median, weighted_median
from deepmr.mr.mode import (
    mode_bandwidth,
    penalized_mode,
    simple_mode,
    weighted_mode,
)
from deepmr.mr.multivariable import (
    MultivariableEstimate,
    MultivariableLassoSelection,
    conditional_f,
    mediated_effect,
    multivariable_egger,
    multivariable_heterogeneity,
    multivariable_ivw,
    multivariable_lasso,
    multivariable_lasso_selection,
    multivariable_median,
)
from deepmr.mr.presso import Presso, presso, presso_tests
from deepmr.mr.raps import overdispersion, raps
from deepmr.mr.result import MREstimate
from deepmr.mr.unweighted import slope
from deepmr.mr.value_only import value_only
from deepmr.mr.wald import wald_ratio, wald_ratios

__all__ = [
    "ESTIMATORS",
    "ConstrainedFit",
    "Direction",
    "HeterogeneityTests",
    "InstrumentStrength",
    "LassoSelection",
    "MREstimate",
    "MultivariableEstimate",
    "MultivariableLassoSelection",
    "Presso",
    "RadialFit",
    "all_estimators",
    "bayesian_mode",
    "conditional_f",
    "constrained_ml",
    "constrained_ml_fit",
    "contamination_mixture",
    "debiased_ivw",
    "egger",
    "grip",
    "heterogeneity",
    "instrument_strength",
    "inverse_variance_weighted",
    "lasso",
    "lasso_selection",
    "ldl_chd",
    "leave_one_out",
    "likely_valid",
    "lipids_chd",
    "maximum_likelihood",
    "mediated_effect",
    "mode_bandwidth",
    "multivariable_egger",
    "multivariable_heterogeneity",
    "multivariable_ivw",
    "multivariable_lasso",
    "multivariable_lasso_selection",
    "multivariable_median",
    "overdispersion",
    "penalized_debiased_ivw",
    "penalized_mode",
    "penalized_weighted_median",
    "presso",
    "presso_tests",
    "radial_ivw",
    "raps",
    "rows",
    "simple_median",
    "simple_mode",
    "slope",
    "steiger",
    "value_only",
    "wald_ratio",
    "wald_ratios",
    "weighted_median",
    "weighted_mode",
]
