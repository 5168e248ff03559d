"""Heterogeneity and directional pleiotropy at a locus, judged by errors that members share too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference.contract import Estimator, LocalInference
from deepmr.inference.single_effects import honest_effects
from deepmr.mr import value_only

__all__ = ["with_honest_diagnostics"]

_ALPHA = 0.05
_RELATIVE = 0.08
"""Relative error of every instrument here, since errors of partial effects go the same way at all
of them; without it the intercept was told from 0 at 5 to 29 % of the clean loci of two kinds of
development data (docs/validity.md)."""

_BY_ERRORS = ("heterogeneity", "directional_pleiotropy")
"""Flags that hold a locus's residuals against the errors of single effects."""


def with_honest_diagnostics(
    local: LocalInference, members: MemberEffects, pair: tuple[str, str], estimator: Estimator
) -> LocalInference:
    """Return local results whose heterogeneity and pleiotropy rest on honest errors.

    Held against the noise of training alone, nearly every locus looks heterogeneous and
    pleiotropic, since members misjudge sites alike. Here a residual's variance is ``sy^2 + b^2
    sx^2`` with the errors of `honest_effects`, a relative one of 8 % among them, of which all
    instruments of a locus get the mean, as in the unweighted slope. The intercept keeps its value
    and gets that error.

    Args:
        local: Local results of an estimator, by members.
        members: Effects of every member.
        pair: Names of the exposure's and the outcome's task.
        estimator: The estimator.

    References:
        Bowden et al. 2019, doi:10.1093/ije/dyy258 (residuals with the exposure's errors).
    """
    estimate = local.estimate
    if not set(_BY_ERRORS) & set(estimate.flags):
        return local
    effects = honest_effects(members, *pair, relative=_RELATIVE)
    slope = np.where(np.isfinite(estimate.effect.value), estimate.effect.value, 0.0)[..., None]
    used = local.instruments
    square = effects.se_outcome**2 + (slope * effects.se_exposure) ** 2
    count = np.maximum(used.sum(axis=-1, keepdims=True), 1)
    mean = np.sum(square, axis=-1, keepdims=True, where=used) / count
    common = np.broadcast_to(np.sqrt(np.where(mean > 0, mean, 1.0)), square.shape)
    found = value_only(estimator)(replace(effects, se_outcome=common.copy(), mask=used))
    flags = {name: found.flags[name] for name in _BY_ERRORS if name in found.flags}
    pleiotropy = estimate.pleiotropy
    if pleiotropy is not None and found.pleiotropy is not None:
        pleiotropy = Estimate(value=pleiotropy.value, se=found.pleiotropy.se)
        flags["directional_pleiotropy"] = np.asarray(pleiotropy.p_value < _ALPHA)
    return replace(
        local,
        estimate=replace(estimate, pleiotropy=pleiotropy, flags={**estimate.flags, **flags}),
    )
