"""The example every docstring uses: LDL-cholesterol and coronary heart disease, 28 variants."""

from __future__ import annotations

import json
from importlib import resources

from deepmr.effects import EffectSizes

__all__ = ["ldl_chd"]


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
    record = json.loads(resources.files("deepmr.mr").joinpath("ldl_chd.json").read_text("utf-8"))
    return EffectSizes.from_arrays(
        record["beta_exposure"],
        record["se_exposure"],
        record["beta_outcome"],
        record["se_outcome"],
        n_exposure=record["n_exposure"],
        n_outcome=record["n_outcome"],
    )
