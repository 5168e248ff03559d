"""Pooling of local effects over loci: the last step of every query.

Which one: loci judged by one ensemble share its members' errors, and `deepmr.inference.two_way`
counts them once; every function here takes loci (or clusters of loci) as independent.

PyMARE and statsmodels were looked at first. statsmodels leaves DerSimonian and Laird's tau2
negative, and has neither REML nor prediction intervals. PyMARE agrees with metafor where the two
overlap (DL, HE, ML, REML, Q-profile), but lacks PM, SJ, EB, HS, prediction intervals, diagnostics
and multilevel models, and is many times slower (`python -m benchmarks.meta`): it is what the
benchmark compares with, not what this package stands on.
"""

from deepmr.meta.cluster_robust import cluster_robust, overlapping
from deepmr.meta.diagnostics import (
    baujat,
    cumulative,
    egger_test,
    influence,
    leave_one_out,
    rank_test,
    trim_and_fill,
)
from deepmr.meta.heterogeneity_interval import i2_interval, tau2_interval
from deepmr.meta.likelihood import log_likelihood
from deepmr.meta.mantel_haenszel import mantel_haenszel, table_effects
from deepmr.meta.multilevel import multilevel
from deepmr.meta.permutation import permutation_test
from deepmr.meta.pooling import check_random_effects, common_effect, random_effects
from deepmr.meta.regression import MetaRegressionResult, meta_regression
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.robust import median_effect, trimmed_mean
from deepmr.meta.t_effects import t_effects

__all__ = [
    "MetaAnalysisResult",
    "MetaRegressionResult",
    "baujat",
    "check_random_effects",
    "cluster_robust",
    "common_effect",
    "cumulative",
    "egger_test",
    "i2_interval",
    "influence",
    "leave_one_out",
    "log_likelihood",
    "mantel_haenszel",
    "median_effect",
    "meta_regression",
    "multilevel",
    "overlapping",
    "permutation_test",
    "random_effects",
    "rank_test",
    "t_effects",
    "table_effects",
    "tau2_interval",
    "trim_and_fill",
    "trimmed_mean",
]
