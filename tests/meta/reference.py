"""Map the reference cases' kinds and settings to calls of `deepmr.meta`.

Conventions of R that are not the library's, and are translated here: metafor's I2 and H2 come
from tau2 in percent; with one locus it calls Q's p-value 1; its Q-profile search ends at
max(100, 10 tau2); R2 is 0 where there was nothing to explain, unless its search crept up to 0
from above. In the edge cases, and inside trimfill, R's searches ran with their default tolerances,
whose marks are larger than the cases' tolerance: there, tau2 comes from `_stopped_like_metafor`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepmr import meta
from deepmr.estimate import Estimate
from deepmr.meta.fit import fit
from deepmr.meta.sample import Sample, prepare
from deepmr.meta.tau2 import between_variance

Case = Mapping[str, Any]
Inputs = Mapping[str, Any]

_TAU2 = {
    "DL": "dl",
    "REML": "reml",
    "ML": "ml",
    "PM": "pm",
    "HE": "he",
    "SJ": "sj",
    "EB": "eb",
    "HS": "hs",
    "HSk": "hs_corrected",
    "DLIT": "dl_iterated",
    "PMM": "pm_median",
    "FE": "zero",
    "EE": "zero",
    "CE": "zero",
}
_ADJUSTMENT = {"z": "none", "knha": "hartung_knapp", "adhoc": "adhoc"}
_PREDICTION = {
    "V": ("none", "t_k_minus_1"),
    "HTS": ("none", "t_k_minus_2"),
    "HK": ("hartung_knapp", "t_k_minus_1"),
    "S": ("none", "normal"),
}


def _numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None or v == "NaN" else v for v in values], dtype=np.float64)


def _loci(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Effects and standard errors; a negative variance is no variance."""
    variance = _numbers(inputs["vi"])
    known = variance >= 0
    return _numbers(inputs["yi"]), np.where(known, np.sqrt(np.where(known, variance, 0)), np.nan)


def _plain(value: Any) -> Any:
    """A number as JSON has it: None where it is missing."""
    array = np.asarray(value)
    if array.ndim:
        return [_plain(entry) for entry in array]
    number = array.item()
    return None if isinstance(number, float) and math.isnan(number) else number


def _estimate(estimate: Estimate, prefix: str = "", *, name: str = "estimate") -> dict[str, Any]:
    low, high = estimate.interval()
    found = {
        name: estimate.value,
        "se": estimate.se,
        "stat": estimate.z,
        "p": estimate.p_value,
        "ci_lower": low,
        "ci_upper": high,
    }
    return {prefix + key: _plain(entry) for key, entry in found.items()}


def _stopped_like_metafor(sample: Sample, method: str, threshold: float = 1e-5) -> float:
    """Fisher scoring until a step is small; for PM Brent's root finder at eps^0.25."""
    if method == "PM":
        goal = float(sample.df[0])

        def excess(tau2: float) -> float:
            return float(fit(sample, np.array([tau2])).q()[0]) - goal

        if goal <= 0 or excess(0.0) <= 0 or excess(100.0) >= 0:
            return float(between_variance(sample, "pm").value[0])
        return _brent(excess, 100.0, float(np.finfo(float).eps ** 0.25))
    tau2 = between_variance(sample, "he").value
    if sample.df[0] <= 0:
        return 0.0
    while True:
        model = fit(sample, tau2)
        if method == "REML":
            step = (model.slope() - model.trace()) / model.trace_of_square()
        else:
            step = (model.slope() - np.sum(model.weight)) / np.sum(model.weight**2)
        while tau2 + step < 0:
            step = step / 2
        tau2 = tau2 + step
        if abs(step) <= threshold:
            return float(tau2[0])


def _brent(function: Callable[[float], float], right: float, tolerance: float) -> float:
    """Brent's 1973 zero finder between 0 and ``right``, stopping within ``tolerance``."""
    older, best, other = 0.0, right, 0.0
    f_older, f_best, f_other = function(older), function(best), function(0.0)
    while True:
        last = best - older
        if abs(f_other) < abs(f_best):
            older, best, other = best, other, best
            f_older, f_best, f_other = f_best, f_other, f_best
        near = 2 * np.finfo(float).eps * abs(best) + tolerance / 2
        half = (other - best) / 2
        if abs(half) <= near or f_best == 0:
            return best
        step = half
        if abs(last) >= near and abs(f_older) > abs(f_best):
            if older == other:
                p, q = (other - best) * f_best / f_older, 1 - f_best / f_older
            else:
                u, v, w = f_older / f_other, f_best / f_other, f_best / f_older
                p = w * ((other - best) * u * (u - v) - (best - older) * (v - 1))
                q = (u - 1) * (v - 1) * (w - 1)
            p, q = (p, -q) if p > 0 else (-p, q)
            if p < 1.5 * half * q - abs(near * q) / 2 and p < abs(last * q / 2):
                step = p / q
        if abs(step) < near:
            step = math.copysign(near, step)
        older, f_older = best, f_best
        best += step
        f_best = function(best)
        if (f_best > 0) == (f_other > 0):
            other, f_other = older, f_older


def _pool(case: Case, inputs: Inputs) -> dict[str, Any]:
    """rma.uni without moderators."""
    value, se = _loci(inputs)
    method, test = case["setting"]["method"], case["setting"]["test"]
    tau2: Any = _TAU2[method]
    loose = case.get("edge_case") or case["setting"].get("control") == "default"
    if loose and method in ("REML", "ML", "PM"):
        kept = (se > 0) if np.any(se == 0) else np.ones(len(se), bool)
        if kept.all():
            tau2 = _stopped_like_metafor(prepare(value, se), method)
    r = meta.random_effects(value, se, tau2=tau2, adjustment=_ADJUSTMENT[test], zero_se="keep")
    exact = meta.random_effects(value, se, tau2=_TAU2[method], zero_se="keep")
    common = tau2 == "zero"
    alone = int(r.n_loci) == 1
    i2, h2 = (r.heterogeneity.i2, r.heterogeneity.h2) if common else (r.i2, r.h2)
    likelihood = meta.log_likelihood(value, se, r.tau2, restricted=method == "REML", zero_se="keep")
    return _estimate(r.pooled) | {
        "k": int(r.n_loci),
        "tau2": _plain(r.tau2),
        "se_tau2": _plain(exact.se_tau2),
        "ddf": _plain(r.pooled.df),
        "q": _plain(r.heterogeneity.q),
        "q_df": _plain(r.heterogeneity.df),
        "q_p": 1.0 if alone else _plain(r.heterogeneity.p_value),
        "i2": 0.0 if alone else _percent(i2 if np.isfinite(r.heterogeneity.q) else np.nan),
        "h2": 1.0 if alone else _plain(h2 if np.isfinite(r.heterogeneity.q) else np.nan),
        "pi_lower": _plain(r.prediction_lower),
        "pi_upper": _plain(r.prediction_upper),
        "loglik": _plain(likelihood),
    }


def _percent(fraction: Any) -> Any:
    return _plain(100 * np.asarray(fraction))


def _regression(case: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    tau2 = _TAU2[case["setting"]["method"]]
    adjustment = _ADJUSTMENT[case["setting"]["test"]]
    x = _numbers(inputs["mod"])[:, None]
    r = meta.meta_regression(value, se, x, tau2=tau2, adjustment=adjustment)
    common = tau2 == "zero"
    r2 = r.between.r2
    if np.isnan(r2):
        alone = meta.random_effects(value, se, tau2="he", adjustment="none")
        crept = tau2 in ("reml", "ml") and float(alone.tau2) > 0 and float(r.between.tau2) == 0
        r2 = np.asarray(1.0 if crept else 0.0)
    return _estimate(r.coefficients, name="coef") | {
        "tau2": _plain(r.between.tau2),
        "se_tau2": _plain(r.between.se_tau2),
        "qe": _plain(r.residual.q),
        "qe_df": _plain(r.residual.df),
        "qe_p": _plain(r.residual.p_value),
        "qm": _plain(r.moderators.statistic),
        "qm_p": _plain(r.moderators.p_value),
        "i2": _percent(r.residual.i2 if common else r.between.i2),
        "h2": _plain(r.residual.h2 if common else r.between.h2),
        "r2": _percent(r2),
    }


def _weights(_: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    return {
        "fixed": _percent(meta.influence(value, se, tau2="zero").weight),
        "random_reml": _percent(meta.influence(value, se, tau2="reml").weight),
    }


def _leave_one_out(case: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    tau2 = _TAU2[case["setting"]["method"]]
    r = meta.leave_one_out(value, se, tau2=tau2, adjustment="none")
    between = r.tau2.copy()
    if tau2 == "reml":  # metafor halves its steps towards 0 and stops above it
        for i in np.flatnonzero(between == 0):
            others = prepare(np.delete(value, i), np.delete(se, i))
            between[i] = _stopped_like_metafor(others, "REML", 1e-12)
    i2 = between / (between + r.typical_variance)
    return _estimate(r.pooled) | {
        "q": _plain(r.heterogeneity.q),
        "tau2": _plain(between),
        "i2": _percent(r.heterogeneity.i2 if tau2 == "zero" else i2),
    }


def _profile(case: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    tau2 = _TAU2[case["setting"].get("method", "REML")]
    r = meta.random_effects(value, se, tau2=tau2, adjustment="none")
    low, high = meta.tau2_interval(value, se)
    furthest = np.maximum(100.0, 10 * r.tau2)
    found = {"": r.tau2, "_lower": low, "_upper": np.minimum(high, furthest)}
    fields: dict[str, Any] = {}
    for end, number in found.items():
        fields["tau2" + end] = _plain(number)
        fields["i2" + end] = _percent(number / (number + r.typical_variance))
        fields["h2" + end] = _plain(1 + number / r.typical_variance)
    return fields


def _egger(case: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    setting = case["setting"]
    test = meta.egger_test(
        value,
        se,
        model="multiplicative" if setting.get("model") == "lm" else "random",
        predictor="variance" if setting.get("predictor") == "vi" else "se",
    )
    low, high = test.limit.interval()
    df = float(test.asymmetry.df)
    return _estimate(test.asymmetry) | {
        "df": None if math.isinf(df) else df,
        "limit_estimate": _plain(test.limit.value),
        "limit_ci_lower": _plain(low),
        "limit_ci_upper": _plain(high),
    }


def _egger_common(_: Case, inputs: Inputs) -> dict[str, Any]:
    return _estimate(meta.egger_test(*_loci(inputs), tau2="zero").asymmetry)


def _metabias(_: Case, inputs: Inputs) -> dict[str, Any]:
    bias = meta.egger_test(*_loci(inputs), model="multiplicative").asymmetry
    return _estimate(bias) | {
        "df": float(bias.df),
        "bias": float(bias.value),
        "se_bias": float(bias.se),
    }


def _rank(_: Case, inputs: Inputs) -> dict[str, Any]:
    test = meta.rank_test(*_loci(inputs))
    return {"tau": float(test.tau), "p": float(test.p_value)}


def _trim(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    r = meta.trim_and_fill(
        *_loci(inputs),
        tau2=_TAU2[setting.get("method", "REML")],
        estimator=setting.get("estimator", "L0").lower(),
    )
    pooled = r.pooled
    if int(r.n_filled) and setting.get("method") in (
        "REML",
        "ML",
    ):  # metafor fills with its default tolerance
        loose = _stopped_like_metafor(prepare(r.value, r.se), setting["method"])
        pooled = meta.random_effects(r.value, r.se, tau2=loose, adjustment="none")
    return _estimate(pooled.pooled) | {
        "k0": int(r.n_filled),
        "side": "right" if bool(r.right) else "left",
        "se_k0": float(r.se_n_filled),
        "tau2": _plain(pooled.tau2),
    }


def _metagen(case: Case, inputs: Inputs) -> dict[str, Any]:
    value, se = _loci(inputs)
    setting = case["setting"]
    tau2 = _TAU2[setting.get("method_tau", "REML")]
    r = meta.random_effects(value, se, tau2=tau2, adjustment="none", prediction="t_k_minus_1")
    common = meta.common_effect(value, se)
    exact = "jackson" if tau2 == "dl" else "q_profile"
    low, high = meta.tau2_interval(value, se, method=exact)
    i2_low, i2_high = meta.i2_interval(r.heterogeneity)
    several = int(r.n_loci) > 1
    rb = r.tau2 / (r.n_loci * r.pooled.se**2)
    fields = {
        "tau2": r.tau2 if several else np.nan,
        "tau2_lower": low,
        "tau2_upper": high,
        "q": r.heterogeneity.q,
        "q_df": r.heterogeneity.df,
        "q_p": r.heterogeneity.p_value,
        "i2": r.heterogeneity.i2,
        "i2_lower": i2_low,
        "i2_upper": i2_high,
        "h": np.sqrt(np.maximum(1.0, r.heterogeneity.h2)),
        "rb": rb,
        "pi_lower": r.prediction_lower,
        "pi_upper": r.prediction_upper,
    }
    return (
        {key: _plain(entry) for key, entry in fields.items()}
        | _estimate(common.pooled, "common_")
        | _estimate(_metagen_random(value, se, tau2, setting, r.pooled), "random_")
    )


def _metagen_random(
    value: np.ndarray, se: np.ndarray, tau2: str, setting: Mapping[str, Any], plain: Estimate
) -> Estimate:
    if setting.get("random_ci", "classic") == "classic":
        return plain
    adhoc = setting.get("adhoc", "")
    adjustment = {"": "hartung_knapp", "se": "adhoc", "ci": "hybrid"}.get(adhoc, "hartung_knapp")
    pooled = meta.random_effects(value, se, tau2=tau2, adjustment=adjustment).pooled
    if adhoc == "IQWiG6":
        dl = meta.random_effects(value, se, tau2="dl", adjustment="none").pooled
        if np.diff(pooled.interval(), axis=0) < np.diff(dl.interval(), axis=0):
            return meta.random_effects(value, se, tau2=tau2, adjustment="adhoc").pooled
    return pooled


def _metagen_predict(case: Case, inputs: Inputs) -> dict[str, Any]:
    adjustment, prediction = _PREDICTION[case["setting"]["predict"]]
    r = meta.random_effects(*_loci(inputs), adjustment=adjustment, prediction=prediction)
    return {
        "pi_lower": _plain(r.prediction_lower),
        "pi_upper": _plain(r.prediction_upper),
        "df": float(r.prediction.df),
        "se": float(r.prediction.se),
    }


def _metabin(case: Case, inputs: Inputs) -> dict[str, Any]:
    cells = [_numbers(inputs["counts"][name]) for name in ("tpos", "tneg", "cpos", "cneg")]
    measure = case["setting"]["sm"].lower()
    if case["setting"]["method"] == "MH":
        r = meta.mantel_haenszel(*cells, measure=measure)
        common, random = r.common, r.random
    else:
        value, se = meta.table_effects(*cells, measure=measure)
        common = meta.common_effect(value, se)
        random = meta.random_effects(value, se, tau2="dl", adjustment="none")
    return {
        "common": float(common.pooled.value),
        "common_se": float(common.pooled.se),
        "random": float(random.pooled.value),
        "random_se": float(random.pooled.se),
        "q": float(random.heterogeneity.q),
        "tau2": float(random.tau2),
    }


KINDS: dict[str, Callable[[Case, Inputs], dict[str, Any]]] = {
    "meta_fixed": _pool,
    "meta_random": _pool,
    "meta_regression": _regression,
    "meta_weights": _weights,
    "meta_leave1out": _leave_one_out,
    "tau2_ci_qprofile": _profile,
    "egger_regtest": _egger,
    "egger_regtest_fe": _egger_common,
    "egger_metabias": _metabias,
    "begg_ranktest": _rank,
    "trimfill": _trim,
    "metagen": _metagen,
    "metagen_hk": _metagen,
    "metagen_predict": _metagen_predict,
    "metabin": _metabin,
}
