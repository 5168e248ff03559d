"""Meta-analysis of local effects over loci: pooling, heterogeneity, diagnostics.

Loci measured by one ensemble share its members' errors, and `deepmr.inference.two_way` counts
them once; every function here takes loci (or clusters of loci) as independent.

Example:
    Pool effects of eight loci, with intervals of the heterogeneity:

    >>> import numpy as np
    >>> value = np.array([0.42, 0.55, 0.31, 0.78, 0.40, 0.61, 0.93, 0.20])
    >>> se = np.array([0.10, 0.08, 0.12, 0.20, 0.06, 0.15, 0.25, 0.09])
    >>> pooled = random_effects(value, se)
    >>> round(float(pooled.pooled.value), 2), round(float(pooled.tau2), 2)
    (0.46, 0.02)
    >>> [round(float(end), 2) for end in tau2_interval(value, se)]
    [0.0, 0.21]
    >>> [round(float(end), 2) for end in i2_interval(pooled.heterogeneity)]
    [0.19, 0.82]
    >>> round(float(log_likelihood(value, se, pooled.tau2)), 2)
    1.55

    Influence of single loci, and small-study effects:

    >>> leave_one_out(value, se).pooled.value.round(2).tolist()
    [0.48, 0.45, 0.49, 0.43, 0.49, 0.45, 0.43, 0.49]
    >>> cumulative(value, se, order=np.argsort(se)).pooled.value.round(2).tolist()
    [0.4, 0.47, 0.39, 0.4, 0.38, 0.41, 0.43, 0.46]
    >>> found = influence(value, se)
    >>> int(np.argmax(found.dffits ** 2)), int(np.argmax(baujat(value, se).influence))
    (7, 7)
    >>> round(float(egger_test(value, se).asymmetry.p_value), 3)
    0.028
    >>> round(float(rank_test(value, se).p_value), 3), int(trim_and_fill(value, se).n_filled)
    (0.109, 1)

    Properties of the loci as moderators:

    >>> gc = np.array([0.40, 0.45, 0.38, 0.55, 0.41, 0.50, 0.60, 0.35])
    >>> fitted = meta_regression(value, se, gc[:, None], names=["gc"])
    >>> fitted.names, fitted.coefficients.value.round(1).tolist(), float(fitted.between.i2)
    (('intercept', 'gc'), [-0.8, 2.9], 0.0)
    >>> float(fitted.moderators.p_value) < 0.001
    True
    >>> rng = np.random.default_rng(0)
    >>> permutation_test(value, se, gc[:, None], rng=rng, n_permutations=199).tolist()
    [0.005]

    Loci that overlap are dependent, and form clusters:

    >>> from deepmr.genome import Interval
    >>> start = (0, 40, 200, 240, 400, 440, 600, 640)
    >>> cluster = overlapping([Interval("chr1", one, one + 100) for one in start])
    >>> cluster.tolist()
    [0, 0, 1, 1, 2, 2, 3, 3]
    >>> round(float(cluster_robust(value, se, cluster=cluster).pooled.se), 3)
    0.021
    >>> round(float(multilevel(value, se, cluster=cluster).pooled.se), 3)
    0.066

    Two-by-two tables, such as peaks won and lost at two alleles:

    >>> counts = ([4, 6, 3], [119, 300, 228], [11, 29, 11], [128, 274, 209])
    >>> cells = [np.array(cell, dtype=float) for cell in counts]
    >>> table_effects(*cells, measure="rr")[0].round(2).tolist()
    [-0.89, -1.59, -1.35]
    >>> round(float(mantel_haenszel(*cells, measure="rr").common.pooled.value), 3)
    -1.351

PyMARE and statsmodels were considered instead. statsmodels leaves DerSimonian and Laird's tau2
negative, and has neither REML nor prediction intervals. PyMARE agrees with metafor where the two
overlap (DL, HE, ML, REML, Q-profile), but lacks PM, SJ, EB, HS, prediction intervals, diagnostics
and multilevel models, and is many times slower (`python -m benchmarks.meta`).
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
