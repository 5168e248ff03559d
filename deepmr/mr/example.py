"""Example data of every docstring: blood lipids and coronary heart disease, 28 variants."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from deepmr.effects import EffectSizes, MultivariableEffectSizes

__all__ = ["ldl_chd", "lipids_chd"]


def _record() -> dict[str, Any]:
    text = resources.files("deepmr.mr").joinpath("lipids_chd.json").read_text("utf-8")
    record: dict[str, Any] = json.loads(text)
    return record


def ldl_chd() -> EffectSizes:
    """Return effects of 28 variants on LDL-cholesterol and on coronary heart disease.

    Exposure in standard deviations, outcome in log odds, per allele. One variant is an outlier
    and pleiotropy is suspected, so estimators disagree: that is what makes it a good example.

    References:
        Waterworth et al. 2010, doi:10.1161/ATVBAHA.109.201020 (the associations).

    Example:
        >>> int(ldl_chd().n_instruments)
        28
    """
    record = _record()
    return EffectSizes.from_arrays(
        record["beta_exposure"][0],
        record["se_exposure"][0],
        record["beta_outcome"],
        record["se_outcome"],
        n_exposure=record["n_exposure"],
        n_outcome=record["n_outcome"],
    )


def lipids_chd() -> MultivariableEffectSizes:
    """Return effects of 28 variants on three blood lipids and on coronary heart disease.

    The exposures are LDL-cholesterol, HDL-cholesterol and triglycerides, in standard deviations;
    the outcome is in log odds, per allele.

    References:
        Waterworth et al. 2010, doi:10.1161/ATVBAHA.109.201020 (the associations).

    Example:
        >>> lipids_chd().beta_exposure.shape
        (3, 28)
    """
    record = _record()
    outcome = np.asarray(record["beta_outcome"], dtype=np.float64)
    return MultivariableEffectSizes(
        beta_exposure=np.asarray(record["beta_exposure"], dtype=np.float64),
        se_exposure=np.asarray(record["se_exposure"], dtype=np.float64),
        beta_outcome=outcome,
        se_outcome=np.asarray(record["se_outcome"], dtype=np.float64),
        mask=np.ones(outcome.shape, bool),
    )
