"""Map the reference cases' kinds and settings to calls of `deepmr.mr`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from deepmr import mr
from deepmr.effects import EffectSizes, MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity

Case = Mapping[str, Any]
Inputs = Mapping[str, Any]
Calculation = Callable[[Case, Inputs], dict[str, Any]]


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
    effects = effect_sizes(inputs, **extras(setting, inputs))
    model = setting.get("model", "random" if "penalized" in case["kind"] else "default")
    robust = bool(setting.get("robust", "robust" in case["kind"]))
    penalized = bool(setting.get("penalized", "penalized" in case["kind"]))
    result = mr.inverse_variance_weighted(
        effects,
        model=MODEL[model],
        weights=WEIGHTS[setting.get("weights", "simple")],
        distribution=DISTRIBUTION[setting.get("distribution", "normal")],
        robust=robust,
        penalized=penalized,
    )
    n = number(result.n_instruments)
    if model == "default":
        model = "fixed" if n < 4 else "random"
    spread = 1.0 if n == 1 else number(np.sqrt(result.heterogeneity.h2))
    return {
        **wald(result.effect),
        **cochran(None if penalized else result.heterogeneity),
        "n": n,
        "rse": spread,
        "f_stat": f_statistic(effects),
        "model": model,
    }


def extras(setting: Case, inputs: Inputs) -> dict[str, Any]:
    """What a case's settings and inputs say beyond the four columns."""
    options: dict[str, Any] = {}
    if setting.get("psi"):
        options["error_correlation"] = float(setting["psi"])
    if "rho" in inputs:
        options["instrument_correlation"] = inputs["rho"]
    return options


def f_statistic(effects: EffectSizes) -> float:
    return number(mr.instrument_strength(effects).f_mean)


def tsmr_ivw(model: str) -> Calculation:
    def calculation(case: Case, inputs: Inputs) -> dict[str, Any]:
        effects = effect_sizes(inputs)
        n = number(effects.n_instruments)
        if n < 2:
            return dict.fromkeys(("estimate", "se", "p", "n", "q", "q_df", "q_p"), np.nan)
        result = mr.inverse_variance_weighted(effects, model=model)
        return {
            **wald(result.effect, interval=False),
            **cochran(result.heterogeneity),
            "n": n,
        }

    return calculation


def tsmr_uwr(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    unit = np.ones_like(effects.se_outcome)
    same = EffectSizes.from_arrays(
        effects.beta_exposure, effects.se_exposure, effects.beta_outcome, unit
    )
    result = mr.inverse_variance_weighted(same, model="random")
    return {
        **wald(result.effect, interval=False),
        **cochran(result.heterogeneity),
        "n": number(effects.n_instruments),
    }


def egger(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs, **extras(setting, inputs))
    robust = bool(setting.get("robust", "robust" in case["kind"]))
    penalized = bool(setting.get("penalized", "penalized" in case["kind"]))
    # With correlated instruments mr_egger ignores `distribution`: normal either way.
    distribution = {"normal": "normal", "t-dist": "normal" if "rho" in inputs else "t_or_normal"}
    result = mr.egger(
        effects,
        distribution=distribution[setting.get("distribution", "normal")],
        robust=robust,
        penalized=penalized,
    )
    heterogeneity = result.heterogeneity
    if robust:
        # For the robust fit mr_egger reports the plain sum of squares about the robust line.
        sign = np.sign(effects.beta_exposure)
        fitted = result.pleiotropy.value * sign + result.effect.value * effects.beta_exposure
        q = np.sum(((effects.beta_outcome - fitted) / effects.se_outcome) ** 2)
        heterogeneity = Heterogeneity(q=np.asarray(q), df=heterogeneity.df)
    return {
        **wald(result.effect),
        **wald(result.pleiotropy, prefix="intercept"),
        **cochran(None if penalized else heterogeneity),
        "n": number(result.n_instruments),
        "rse": number(np.sqrt(result.heterogeneity.h2)),
        "i2_gx": number(mr.instrument_strength(effects).i2_gx_weighted),
    }


def tsmr_egger(case: Case, inputs: Inputs) -> dict[str, Any]:
    result = mr.egger(effect_sizes(inputs), distribution="t", orient_zero="keep")
    return {
        **wald(result.effect, interval=False),
        **wald(result.pleiotropy, prefix="intercept", interval=False),
        **cochran(result.heterogeneity),
        "n": number(result.n_instruments),
    }


def wald_ratio(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    first, second = (mr.wald_ratios(effects, weights=w) for w in WEIGHTS.values())
    count = case["setting"].get("first_n", 60)
    return {
        "first_n": min(count, len(inputs["bx"])),
        "estimate": first.value[:count].tolist(),
        "se_first_order": first.se[:count].tolist(),
        "p_first_order": first.p_value[:count].tolist(),
        "se_second_order": second.se[:count].tolist(),
    }


def tsmr_wald_ratio(case: Case, inputs: Inputs) -> dict[str, Any]:
    result = mr.wald_ratio(effect_sizes(inputs))
    single = number(result.n_instruments) == 1
    return {**wald(result.effect, interval=False), "n": 1 if single else np.nan}


def instrument_strength(case: Case, inputs: Inputs) -> dict[str, Any]:
    found = mr.instrument_strength(effect_sizes(inputs))
    count = case["setting"].get("first_n", 60)
    return {
        "first_n": min(count, len(inputs["bx"])),
        "f": found.f[:count].tolist(),
        "f_mean": number(found.f_mean),
        "f_median": number(found.f_median),
        "i2_gx_unweighted": number(found.i2_gx),
        "i2_gx_weighted": number(found.i2_gx_weighted),
    }


def median(name: str, **options: Any) -> Callable[[Case, Inputs], dict[str, Any]]:
    def calculation(case: Case, inputs: Inputs) -> dict[str, Any]:
        setting = case["setting"]
        iterations = int(setting.get("iterations", setting.get("nboot", 10_000)))
        result = getattr(mr, name)(effect_sizes(inputs), iterations=iterations, **options)
        # TwoSampleMR lists a heterogeneity for its medians and leaves it empty.
        return {
            **wald(result.effect),
            **cochran(None),
            "q_df": np.nan,
            "n": number(result.n_instruments),
        }

    return calculation


def maximum_likelihood(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs, **extras(setting, inputs))
    models = {
        model: mr.maximum_likelihood(
            effects,
            model=model,
            distribution=DISTRIBUTION[setting.get("distribution", "normal")],
        )
        for model in ("auto", "fixed", "random")
    }
    # TwoSampleMR's version has no random effects.
    default = "fixed" if case["kind"] == "tsmr_ml" else "default"
    result = models[MODEL[setting.get("model", default)]]
    n = number(result.n_instruments)
    return {
        **wald(result.effect),
        **cochran(result.heterogeneity),
        "se_fixed": number(models["fixed"].effect.se),
        "se_random": number(models["random"].effect.se),
        "rse": number(np.sqrt(result.heterogeneity.h2)) if n > 1 else 1.0,
        "n": n,
    }


def raps(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    loss = setting.get("loss", "l2")
    over_dispersion = bool(setting.get("over_dispersion", case["kind"] == "raps_paper"))
    result = mr.raps(effects, over_dispersion=over_dispersion, loss=loss)
    spread = mr.overdispersion(effects, loss=loss)
    return {
        **wald(result.effect, interval=False),
        "tau2": number(spread.value) if over_dispersion else np.nan,
        "tau2_se": number(spread.se) if over_dispersion else np.nan,
    }


def condition(effects: EffectSizes) -> float:
    """The effective sample size (mean F - 1) sqrt(n)."""
    return (f_statistic(effects) - 1) * float(np.sqrt(number(effects.n_instruments)))


def divw(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    over = bool(case["setting"].get("over_dispersion", True))
    result = mr.debiased_ivw(effects, over_dispersion=over)
    return {
        **wald(result.effect),
        "n": number(result.n_instruments),
        "condition": condition(effects),
    }


def pivw(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    fieller = bool(setting.get("boot_fieller", case["kind"] == "pivw_fieller"))
    over = bool(setting.get("over_dispersion", True))
    penalty = float(setting.get("lambda", 1.0))
    result = mr.penalized_debiased_ivw(
        effects,
        over_dispersion=over,
        penalty=penalty,
        interval="fieller" if fieller else "normal",
        iterations=20_000 if fieller else 0,
    )
    b, x, y = number(result.effect.value), effects.beta_exposure, effects.beta_outcome
    sx, sy = effects.se_exposure, effects.se_outcome
    excess = np.sum(((y - b * x) ** 2 - sy**2 - b**2 * sx**2) / sy**2) / np.sum(1 / sy**2)
    return {
        **wald(result.effect),
        "n": number(result.n_instruments),
        "tau2": max(float(excess), 0.0) if over else 0.0,
        "condition": condition(effects),
    }


def grip(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    plain, adjusted = mr.grip(effects), mr.grip(effects, adjusted=True)
    return {
        **wald(plain.effect, interval=False),
        **wald(plain.pleiotropy, prefix="intercept", interval=False),
        "estimate_adj": number(adjusted.effect.value),
        "se_adj": number(adjusted.effect.se),
        "p_adj": number(adjusted.effect.p_value),
        "n": number(plain.n_instruments),
    }


def heterogeneity(case: Case, inputs: Inputs) -> dict[str, Any]:
    found = mr.heterogeneity(effect_sizes(inputs))
    return {
        **cochran(found.cochran),
        "i2": number(found.cochran.i2),
        "h2": number(found.cochran.h2),
        "q_rucker": number(found.ruecker.q),
        "q_rucker_df": number(found.ruecker.df),
        "q_rucker_p": number(found.ruecker.p_value),
        "q_diff": number(found.difference.q),
        "q_diff_p": number(found.difference.p_value),
    }


def leave_one_out(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    default = case["kind"] == "leave_one_out_mr"
    each = mr.leave_one_out(effects, model="auto" if default else "random")
    fields = {
        "estimate": each.value.tolist(),
        "se": each.se.tolist(),
        "p": each.p_value.tolist(),
    }
    if not default:
        whole = mr.inverse_variance_weighted(effects, model="random").effect
        for name, value in wald(whole, interval=False).items():
            fields[name].append(value)
        fields["last_is"] = "All"
    return fields


def steiger(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(
        inputs,
        n_exposure=setting.get("n_exp", inputs.get("n_exp")),
        n_outcome=setting.get("n_out", inputs.get("n_out")),
    )
    from_p = case["kind"] == "steiger_from_p"
    found = mr.steiger(effects, source="normal_p" if from_p else "effect")
    count = 10
    return {
        "r_exp_first": found.r_exposure[:count].tolist(),
        "r_out_first": found.r_outcome[:count].tolist(),
        "r2_exp": number(found.r2_exposure),
        "r2_out": number(found.r2_outcome),
        "correct_causal_direction": bool(found.forward),
        "steiger_p": number(found.difference.p_value),
        "sensitivity_ratio": number(found.sensitivity_ratio),
    }


def conmix(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    x, y, sy = effects.beta_exposure, effects.beta_outcome, effects.se_outcome
    # The package's default grid: two errors beyond the outermost ratios, in steps of 0.01.
    low = setting.get("ci_min", float(np.min((y - 2 * sy) / x)))
    high = setting.get("ci_max", float(np.max((y + 2 * sy) / x)))
    step = float(setting.get("ci_step", 0.01))
    spread = float(setting.get("psi") or 1.5 * np.std(y / x, ddof=1))
    grid = (low, high, step)
    result = mr.contamination_mixture(effects, spread=spread, grid=grid)
    ranges = result.effect.bounds[~np.isnan(result.effect.bounds[:, 0])]
    valid = np.flatnonzero(mr.likely_valid(effects, spread=spread, grid=grid))
    return {
        "estimate": number(result.effect.value),
        "ci_lower": ranges[:, 0].tolist(),
        "ci_upper": ranges[:, 1].tolist(),
        "p": number(result.effect.p_value),
        "n": number(result.n_instruments),
        "psi": spread,
        "ci_min": low,
        "ci_max": high,
        "n_valid": len(valid),
        "valid": valid.tolist(),
    }


def mode(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    estimator = mr.weighted_mode if case["kind"] == "mode_weighted" else mr.simple_mode
    phi = float(setting.get("phi", 1.0))
    order = setting.get("stderror", "simple")
    result = estimator(
        effects,
        weights=WEIGHTS[order],
        phi=phi,
        search="grid",
        iterations=int(setting.get("iterations", 1000)),
        distribution=DISTRIBUTION[setting.get("distribution", "normal")],
    )
    exact = estimator(effects, phi=phi, iterations=0, weights=WEIGHTS[order])
    width = number(mr.mode_bandwidth(effects, phi=phi))
    ratio = effects.beta_outcome / effects.beta_exposure
    return {
        **wald(result.effect),
        "continuous_argmax": number(exact.effect.value),
        "bandwidth": width,
        # The spacing of R's density() grid: 512 points from 3 bandwidths below to 3 above.
        "grid_step": float((np.ptp(ratio) + 6 * width) / 511),
        "n": number(result.n_instruments),
    }


def tsmr_modes(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    calls = {
        "simple_mode": (mr.simple_mode, "second_order"),
        "weighted_mode": (mr.weighted_mode, "second_order"),
        "penalised_mode": (mr.penalized_mode, "second_order"),
        "simple_mode_nome_": (mr.simple_mode, "first_order"),
        "weighted_mode_nome_": (mr.weighted_mode, "first_order"),
    }
    phi = float(case["setting"].get("phi", 1.0))
    return {
        name: wald(
            estimator(effects, weights=weights, phi=phi, search="grid", distribution="t").effect,
            interval=False,
        )
        for name, (estimator, weights) in calls.items()
    }


def constrained_ml(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    perturbed = case["kind"].endswith("_dp")
    # Edge cases leave the sample size to the call: n=10000.
    fit = mr.constrained_ml_fit(
        effects,
        sample_size=float(setting.get("n", 10_000)),
        perturbations=int(setting.get("num_pert", 100)) if perturbed else 0,
    )
    estimate = fit.selected if case["kind"] == "cml_bic" else fit.averaged
    return {
        **wald(estimate),
        "invalid": np.flatnonzero(fit.invalid).tolist(),
        "n": number(effects.n_instruments),
    }


def lasso(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = effect_sizes(inputs)
    penalty = setting.get("lambda")
    result = mr.lasso(
        effects,
        penalty=penalty,
        distribution=DISTRIBUTION[setting.get("distribution", "normal")],
    )
    selection = mr.lasso_selection(effects, penalty=penalty)
    return {
        **wald(result.effect),
        "n": number(result.n_instruments),
        "valid": np.flatnonzero(selection.valid).tolist(),
        "n_valid": int(selection.valid.sum()),
        "lambda": number(selection.penalty),
        "reg_estimate": number(selection.shrunk),
    }


def presso(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = effect_sizes(inputs)
    n = int(number(effects.n_instruments))
    deterministic = case["kind"] == "presso_rss"
    iterations = 0 if deterministic else max(1000, 25 * n)
    found = mr.presso_tests(effects, iterations=iterations)
    outliers = np.flatnonzero(found.outliers).tolist()
    return {
        "rss_obs": number(found.rss),
        "loo_estimates": mr.leave_one_out(effects).value.tolist(),
        # Below the resolution of the simulation MR-PRESSO reports "< 1 / iterations".
        "global_p": max(number(found.global_p), 1 / max(iterations, 1)),
        "global_p_is_upper_bound": bool(found.global_p == 0),
        "raw_estimate": number(found.raw.value),
        "raw_sd": number(found.raw.se),
        "raw_t": number(found.raw.z),
        "raw_p": number(found.raw.p_value),
        "outliers": outliers,
        "corrected_estimate": number(found.corrected.value),
        "corrected_sd": number(found.corrected.se),
        "corrected_p": number(found.corrected.p_value),
        "distortion_coefficient": number(found.distortion),
        "distortion_p": number(found.distortion_p),
    }


def multivariable_effects(inputs: Inputs) -> MultivariableEffectSizes:
    x, sx = (np.array([numbers(row) for row in inputs[name]]).T for name in ("bx", "bxse"))
    y, sy = numbers(inputs["by"]), numbers(inputs["byse"])
    return MultivariableEffectSizes(
        beta_exposure=x.copy(),
        se_exposure=sx.copy(),
        beta_outcome=y,
        se_outcome=sy,
        mask=np.ones(len(y), bool),
    )


def several(estimate: Estimate, *, interval: bool = True) -> dict[str, Any]:
    fields = {
        "estimate": estimate.value.tolist(),
        "se": estimate.se.tolist(),
        "p": estimate.p_value.tolist(),
        "stat": estimate.z.tolist(),
    }
    if interval:
        low, high = estimate.interval()
        fields |= {"ci_lower": low.tolist(), "ci_upper": high.tolist()}
    return fields


def multivariable_ivw(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting, kind = case["setting"], case["kind"]
    effects = multivariable_effects(inputs)
    model, distribution = setting.get("model", "default"), setting.get("distribution", "normal")
    options = {"model": MODEL[model], "distribution": DISTRIBUTION[distribution]}
    if kind == "mvmr_ivw":
        options = {"model": "random_unfloored", "distribution": "t"}
    if kind == "tsmr_mv_multiple":
        options = {"model": "random_unfloored", "distribution": "normal"}
    robust = bool(setting.get("robust", kind == "mv_ivw_robust"))
    result = mr.multivariable_ivw(effects, robust=robust, **options)
    return {
        **several(result.effect),
        **cochran(result.heterogeneity),
        "rse": number(np.sqrt(result.heterogeneity.h2)),
        "n": number(result.n_instruments),
    }


def multivariable_egger(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = multivariable_effects(inputs)
    distribution = DISTRIBUTION[setting.get("distribution", "normal")]
    result = mr.multivariable_egger(
        effects, orient=int(setting.get("orientate", 0)), distribution=distribution
    )
    fields = {
        **several(result.effect),
        **wald(result.pleiotropy, prefix="intercept"),
        **cochran(result.heterogeneity),
        "rse": number(np.sqrt(result.heterogeneity.h2)),
        "n": number(result.n_instruments),
    }
    if distribution == "t":
        # mr_mvegger's p-values count one degree of freedom more than its intervals.
        df = number(result.heterogeneity.df) + 1
        fields["p"] = (2 * stats.t.sf(np.abs(result.effect.z), df)).tolist()
        fields["intercept_p"] = float(2 * stats.t.sf(abs(number(result.pleiotropy.z)), df))
    return fields


def multivariable_median(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    result = mr.multivariable_median(
        multivariable_effects(inputs),
        iterations=int(setting.get("iterations", 2000)),
        distribution=DISTRIBUTION[setting.get("distribution", "normal")],
    )
    return {**several(result.effect), "n": number(result.n_instruments)}


def multivariable_lasso(case: Case, inputs: Inputs) -> dict[str, Any]:
    setting = case["setting"]
    effects = multivariable_effects(inputs)
    options = {"orient": int(setting.get("orientate", 0)), "penalty": setting.get("lambda")}
    result = mr.multivariable_lasso(
        effects, distribution=DISTRIBUTION[setting.get("distribution", "normal")], **options
    )
    selection = mr.multivariable_lasso_selection(effects, **options)
    return {
        **several(result.effect),
        "n": number(result.n_instruments),
        "n_valid": int(selection.valid.sum()),
        "valid": np.flatnonzero(selection.valid).tolist(),
        "lambda": number(selection.penalty),
    }


def conditional_f(case: Case, inputs: Inputs) -> dict[str, Any]:
    effects = multivariable_effects(inputs)
    if case["kind"] == "mvmr_strength":
        return {"f": mr.conditional_f(effects).tolist()}
    size = case["setting"].get("nx", inputs.get("n_exp"))
    if size is None:
        size = float(re.findall(r"nx=([0-9.e+]+)", case["call"])[0])
    f = mr.conditional_f(effects, method="sample_size", n_exposure=float(size))
    return {"f": f.tolist()}


def multivariable_heterogeneity(case: Case, inputs: Inputs) -> dict[str, Any]:
    found = mr.multivariable_heterogeneity(multivariable_effects(inputs))
    # MVMR's pleiotropy_mvmr compares Q with one degree of freedom fewer than it has.
    return {
        "q": number(found.q),
        "q_p": float(stats.chi2.sf(number(found.q), number(found.df) - 1)),
    }


def radial(case: Case, inputs: Inputs) -> dict[str, Any]:
    orders = {
        "first order": ("first_order", "Effect (1st)"),
        "second order": ("second_order", "Effect (2nd)"),
        "modified second order": ("modified_second_order", "Effect (Mod.2nd)"),
    }
    order, label = orders[case["setting"]["weights"]]
    effects = effect_sizes(inputs)
    fit = mr.radial_ivw(effects, weights=order)
    found = [fit.effect, fit.iterated, fit.exact]
    return {
        "rows": [label, "Iterative", "Exact (FE)"],
        "estimate": [number(e.value) for e in found],
        "se": [number(e.se) for e in found],
        "stat": [number(e.z) for e in found],
        "p": [number(e.p_value) for e in found],
        "q_modified_or_main": number(fit.heterogeneity.q),
        "df": number(fit.heterogeneity.df),
        "n_outliers": int(fit.outliers.sum()),
    }


KINDS: dict[str, Callable[[Case, Inputs], dict[str, Any]]] = {
    "wald_ratio": wald_ratio,
    "tsmr_wald_ratio": tsmr_wald_ratio,
    "instrument_strength": instrument_strength,
    **dict.fromkeys(("ivw", "ivw_penalized", "ivw_robust", "ivw_robust_penalized"), ivw),
    **dict.fromkeys(("ivw_overlap", "ivw_correlated"), ivw),
    "tsmr_ivw": tsmr_ivw("random"),
    "tsmr_ivw_mre": tsmr_ivw("random_unfloored"),
    "tsmr_ivw_fe": tsmr_ivw("fixed"),
    "tsmr_uwr": tsmr_uwr,
    **dict.fromkeys(
        ("egger", "egger_penalized", "egger_robust", "egger_robust_penalized", "egger_correlated"),
        egger,
    ),
    "tsmr_egger": tsmr_egger,
    "tsmr_egger_regression": tsmr_egger,
    **dict.fromkeys(("maxlik", "maxlik_exact", "maxlik_exact_overlap"), maximum_likelihood),
    **dict.fromkeys(("maxlik_correlated", "maxlik_correlated_exact"), maximum_likelihood),
    "tsmr_ml": maximum_likelihood,
    "raps": raps,
    "divw": divw,
    "ivw_radial": radial,
    **dict.fromkeys(("mv_ivw", "mv_ivw_robust", "mvmr_ivw", "tsmr_mv_multiple"), multivariable_ivw),
    "mv_egger": multivariable_egger,
    "mv_median": multivariable_median,
    "mv_lasso": multivariable_lasso,
    **dict.fromkeys(("mv_conditional_f", "mvmr_strength"), conditional_f),
    "mvmr_pleiotropy": multivariable_heterogeneity,
    **dict.fromkeys(("cml_bic", "cml_ma_bic", "cml_ma_bic_dp"), constrained_ml),
    "mr_lasso": lasso,
    **dict.fromkeys(("presso", "presso_rss"), presso),
    "conmix": conmix,
    **dict.fromkeys(("mode_weighted", "mode_unweighted"), mode),
    "tsmr_modes": tsmr_modes,
    **dict.fromkeys(("pivw", "pivw_fieller"), pivw),
    "tsmr_grip": grip,
    "heterogeneity": heterogeneity,
    **dict.fromkeys(("leave_one_out", "leave_one_out_mr"), leave_one_out),
    **dict.fromkeys(("steiger", "steiger_from_p"), steiger),
    "raps_paper": raps,
    "median_simple": median("simple_median"),
    **dict.fromkeys(("tsmr_median_simple", "tsmr_simple_median"), median("simple_median")),
    **dict.fromkeys(
        ("tsmr_median_weighted", "tsmr_weighted_median"),
        median("weighted_median", weights="second_order"),
    ),
    "tsmr_median_penalised_weighted": median("penalized_weighted_median", weights="second_order"),
    "median_weighted": median("weighted_median"),
    "median_penalized": median("penalized_weighted_median"),
}
LEFT_OUT: dict[str, str] = {
    "mrmix": "MRMix searches a grid of effects with bounds that assume standardised traits "
    "(variance below 0.01); effects of networks have no such scale",
    "mv_cml": "multivariable constrained maximum likelihood is not in the library",
}
