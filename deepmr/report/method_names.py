"""What the estimators' short names stand for, in words for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

__all__ = ["ESTIMATOR_TITLES", "METHOD_MEANINGS", "method_meanings"]

METHOD_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "concordant": "as the method after it, but only over the instruments on one dose-response",
        "slope": "unweighted regression of outcome on exposure effects through the origin",
        "ivw": "regression through the origin, with the weights that Methods names",
        "egger": "MR-Egger: regression with an intercept, which allows direct effects that do not "
        "depend on an instrument's strength",
        "grip": "MR-GRIP: as MR-Egger, whatever the alleles are called",
        "weighted_median": "median of the instruments' ratios, with the weights that Methods "
        "names: right if half of the weight is valid",
        "simple_median": "median of the instruments' ratios: right if half of them are valid",
        "weighted_mode": "mode of the instruments' ratios, with the weights that Methods names",
        "simple_mode": "mode of the instruments' ratios",
        "raps": "MR-RAPS: robust to weak instruments and to many small direct effects",
        "wald_ratio": "ratio of a single instrument's effects",
    }
)
"""One line for each short name; others are told by the documentation alone."""

ESTIMATOR_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "bayesian_mode": "modal-based estimation",
        "constrained_ml": "constrained maximum likelihood",
        "contamination_mixture": "the contamination mixture method",
        "debiased_ivw": "debiased inverse-variance weighting",
        "egger": "MR-Egger",
        "grip": "MR-GRIP",
        "ivw": "inverse-variance weighting",
        "lasso": "MR-Lasso",
        "maximum_likelihood": "maximum likelihood",
        "penalized_debiased_ivw": "penalized debiased inverse-variance weighting",
        "penalized_mode": "the penalized weighted mode",
        "penalized_weighted_median": "the penalized weighted median",
        "presso": "MR-PRESSO",
        "raps": "MR-RAPS",
        "simple_median": "the simple median",
        "simple_mode": "the simple mode",
        "slope": "unweighted regression through the origin",
        "wald_ratio": "the Wald ratio",
        "weighted_median": "the weighted median",
        "weighted_mode": "the weighted mode",
    }
)
"""Full names of the estimators by their short ones, for a sentence."""


def method_meanings(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the methods of a table that have a line, each once, in their order.

    Args:
        names: Short names of methods, as in ``meta.parquet``.

    Example:
        >>> method_meanings(["ivw", "ivw", "mine"])
        [('ivw', 'regression through the origin, with the weights that Methods names')]
    """
    return [
        (name.replace("_", " "), METHOD_MEANINGS[name])
        for name in dict.fromkeys(map(str, names))
        if name in METHOD_MEANINGS
    ]
