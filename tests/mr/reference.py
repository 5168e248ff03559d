"""Map the reference cases' kinds and settings to calls of `deepmr.mr`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deepmr import mr
from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity

Case = Mapping[str, Any]
Inputs = Mapping[str, Any]


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None or v == "NaN" else v for v in values], dtype=np.float64)


def effect_sizes(inputs: Inputs, **options: Any) -> EffectSizes:
    columns = [numbers(inputs[name]) for name in ("bx", "bxse", "by", "byse")]
    return EffectSizes.from_arrays(*columns, **options)


def number(value: Any) -> float:
    return float(np.asarray(value))


def wald(estimate: Estimate, *, prefix: str = "", interval: bool = True) -> dict[str, Any]:
    name = f"{prefix}_" if prefix else ""
    fields = {
        prefix or "estimate": number(estimate.value),
        f"{name}se": number(estimate.se),
        f"{name}p": number(estimate.p_value),
    }
    if interval:
        low, high = estimate.interval()
        fields |= {f"{name}ci_lower": number(low), f"{name}ci_upper": number(high)}
    return fields


def cochran(heterogeneity: Heterogeneity | None) -> dict[str, Any]:
    if heterogeneity is None:
        return {"q": np.nan, "q_p": np.nan}
    return {
        "q": number(heterogeneity.q),
        "q_df": number(heterogeneity.df),
        "q_p": number(heterogeneity.p_value),
    }


DISTRIBUTION = {"normal": "normal", "t-dist": "t"}
MODEL = {"default": "auto", "fixed": "fixed", "random": "random"}
WEIGHTS = {"simple": "first_order", "delta": "second_order"}


def ivw(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    model = setting.get("model", "default")
    result = mr.inverse_variance_weighted(
        effects,
        model=MODEL[model],
        weights=WEIGHTS[setting.get("weights", "simple")],
        distribution=DISTRIBUTION[setting.get("distribution", "normal")],
    )
    n = number(result.n_instruments)
    if model == "default":
        model = "fixed" if n < 4 else "random"
    spread = 1.0 if n == 1 else number(np.sqrt(result.heterogeneity.h2))
    return {
        **wald(result.effect),
        **cochran(result.heterogeneity),
        "n": n,
        "rse": spread,
        "f_stat": number(mr.instrument_strength(effects).f_mean),
        "model": model,
    }


def egger(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    distribution = {"normal": "normal", "t-dist": "t_or_normal"}[
        setting.get("distribution", "normal")
    ]
    effects = effect_sizes(inputs)
    result = mr.egger(effects, distribution=distribution)
    return {
        **wald(result.effect),
        **wald(result.pleiotropy, prefix="intercept"),
        **cochran(result.heterogeneity),
        "n": number(result.n_instruments),
        "rse": number(np.sqrt(result.heterogeneity.h2)),
        "i2_gx": number(mr.instrument_strength(effects).i2_gx_weighted),
    }


def median(name: str, **options: Any) -> Callable[[Case, Inputs], dict[str, Any]]:
    def calculation(case: Case, inputs: Inputs) -> dict[str, Any]:
        setting = case["setting"]
        iterations = int(setting.get("iterations", setting.get("nboot", 10_000)))
        result = getattr(mr, name)(effect_sizes(inputs), iterations=iterations, **options)
        return {**wald(result.effect), "n": number(result.n_instruments)}

    return calculation


KINDS: dict[str, Callable[[Case, Inputs], dict[str, Any]]] = {
    "ivw": ivw,
    "egger": egger,
    "median_simple": median("simple_median"),
    "median_weighted": median("weighted_median"),
    "median_penalized": median("penalized_weighted_median"),
}
LEFT_OUT: dict[str, str] = {}
