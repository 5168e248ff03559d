"""All estimators side by side: agreement between methods with different assumptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.mr.bayesian_mode import bayesian_mode
from deepmr.mr.constrained_ml import constrained_ml
from deepmr.mr.contamination_mixture import contamination_mixture
from deepmr.mr.debiased_ivw import debiased_ivw, penalized_debiased_ivw
from deepmr.mr.egger import egger
from deepmr.mr.grip import grip
from deepmr.mr.ivw import inverse_variance_weighted
from deepmr.mr.lasso import lasso
from deepmr.mr.maximum_likelihood import maximum_likelihood
from deepmr.mr.median import penalized_weighted_median, simple_median, weighted_median
from deepmr.mr.mode import simple_mode, weighted_mode
from deepmr.mr.presso import presso
from deepmr.mr.raps import raps
from deepmr.mr.result import MREstimate

__all__ = ["ESTIMATORS", "all_estimators", "rows"]

Estimator = Callable[..., MREstimate]

ESTIMATORS: Mapping[str, Estimator] = {
    "ivw": inverse_variance_weighted,
    "egger": egger,
    "simple_median": simple_median,
    "weighted_median": weighted_median,
    "penalized_weighted_median": penalized_weighted_median,
    "simple_mode": simple_mode,
    "weighted_mode": weighted_mode,
    "bayesian_mode": bayesian_mode,
    "maximum_likelihood": maximum_likelihood,
    "raps": raps,
    "debiased_ivw": debiased_ivw,
    "penalized_debiased_ivw": penalized_debiased_ivw,
    "contamination_mixture": contamination_mixture,
    "lasso": lasso,
    "constrained_ml": constrained_ml,
    "presso": presso,
    "grip": grip,
}
"""What `all_estimators` runs, by short name, with each one's defaults."""


def rows(result: MREstimate) -> list[dict[str, Any]]:
    """Return one row for each locus of a result, with the derived columns people read.

    ``locus`` is the position in the batch, last axis fastest.

    Args:
        result: Estimates of one locus or of many.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> row = rows(inverse_variance_weighted(ldl_chd()))[0]
        >>> round(row["ci_lower"], 2), round(row["ci_upper"], 2), row["flags"]
        (1.8, 3.87, ('heterogeneity',))
    """
    low, high = result.effect.interval()
    columns: dict[str, np.ndarray] = {
        "n_instruments": result.n_instruments,
        "estimate": result.effect.value,
        "se": result.effect.se,
        "ci_lower": low,
        "ci_upper": high,
        "neg_log10_p": result.effect.neg_log10_p,
    }
    if result.pleiotropy is not None:
        columns["intercept"] = result.pleiotropy.value
        columns["intercept_se"] = result.pleiotropy.se
        columns["intercept_neg_log10_p"] = result.pleiotropy.neg_log10_p
    if result.heterogeneity is not None:
        columns["q"] = result.heterogeneity.q
        columns["q_df"] = result.heterogeneity.df
        columns["q_neg_log10_p"] = -result.heterogeneity.log_p / np.log(10.0)
    flat = {name: np.ravel(values) for name, values in columns.items()}
    flags = {name: np.ravel(flag) for name, flag in result.flags.items()}
    found = []
    for locus in range(int(np.size(result.effect.value))):
        row: dict[str, Any] = {"locus": locus, "method": result.method}
        row |= {name: values[locus].item() for name, values in flat.items()}
        row["flags"] = tuple(name for name, flag in flags.items() if bool(flag[locus]))
        found.append(row)
    return found


def all_estimators(
    effects: EffectSizes, *, options: Mapping[str, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Run every estimator and return one tidy table: a row for each locus and method.

    Estimators rest on different assumptions; where they agree, the answer does not hang on one of
    them. Where they differ the flags say what to look at. Do not pick the smallest p-value: choose
    the method before looking. Columns that a method lacks (``intercept``, ``q``) are left
    out of its rows; ``pandas.DataFrame(all_estimators(effects))`` fills them.

    Args:
        effects: The instruments of one locus or of many.
        options: Keyword arguments by short name, e.g. ``{"weighted_mode": {"phi": 0.5}}``.
            ``constrained_ml`` runs only if a sample size is known from the effects or given here.

    Raises:
        LookupError: If ``options`` names no estimator of the table.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> table = all_estimators(ldl_chd())
        >>> [round(row["estimate"], 2) for row in table[:2]]
        [2.83, 3.25]
    """
    given = dict(options or {})
    unknown = sorted(set(given) - set(ESTIMATORS))
    if unknown:
        raise LookupError(
            f"all_estimators has no method {', '.join(unknown)}; it has {', '.join(ESTIMATORS)}"
        )
    sized = effects.n_exposure is not None and effects.n_outcome is not None
    sized |= "sample_size" in given.get("constrained_ml", {})
    return [
        row
        for name, estimator in ESTIMATORS.items()
        if sized or name != "constrained_ml"
        for row in rows(estimator(effects, **given.get(name, {})))
    ]
