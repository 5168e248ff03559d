"""What each method says of a round, and whether it is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from benchmarks.paper_simulation.evidence import CONF, Evidence, Round, gather
from benchmarks.paper_simulation.table import NO_EFFECT
from deepmr.effects import EffectSizes, MemberEffects
from deepmr.inference import Inference, LocalInference
from deepmr.inference.estimation import true_slope
from deepmr.instruments import All, Rule
from deepmr.meta import MetaAnalysisResult, random_effects
from deepmr.mr import MREstimate, egger, inverse_variance_weighted

__all__ = ["Method", "judge", "methods", "named", "verdicts"]

Estimator = Callable[[EffectSizes], MREstimate]

_SHARED = 0.4
"""Shared error variance of the committed study, which version 0.1 had as its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The published inference, its defects included, for comparison only.

    The standard error is the members' standard deviation (ddof 0), variants count as independent
    in a locus, and loci in the meta-analysis.
    """

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Return the effect of each locus."""
        effects = members.summarise(exposure, outcome)
        effects = replace(effects, mask=effects.mask & rule(effects, offset=members.offset))
        # summarise gives sd / sqrt(n) with ddof 1.
        factor = np.sqrt(members.n_members - 1.0)
        spread = replace(
            effects,
            se_exposure=effects.se_exposure * factor,
            se_outcome=effects.se_outcome * factor,
        )
        return LocalInference(estimate=estimator(spread), instruments=spread.mask)

    def pool(
        self, local: LocalInference, *, pooling: Callable[..., MetaAnalysisResult]
    ) -> MetaAnalysisResult:
        """Pool loci as if they were independent."""
        return pooling(local.estimate.effect.value, local.estimate.effect.se)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way from the members' effects to intervals.

    Args:
        inference: From members to estimates.
        rule: Which variants are instruments.
        estimator: Of a locus.
        pooling: Of loci.
        in_motif: Use the substitutions in the exposure's planted motif only, as published.
    """

    inference: Inference | Published
    rule: Rule
    estimator: Estimator
    pooling: Callable[..., MetaAnalysisResult]
    in_motif: bool


@cache
def methods() -> dict[str, Method]:
    """Return the methods by name.

    ``default`` is what `interrogate.py` does if nothing is said, read from its configuration;
    ``default_in_motif`` the same over the published instruments.
    """
    published = Method(
        inference=Published(),
        rule=All(),
        estimator=inverse_variance_weighted,
        pooling=partial(random_effects, adjustment="none"),
        in_motif=True,
    )
    shipped = _shipped()
    return {
        "published_ivw": published,
        "published_robust_egger": replace(published, estimator=partial(egger, robust=True)),
        "default": shipped,
        "default_in_motif": replace(shipped, rule=All(), in_motif=True),
    }


def named(name: str) -> Method:
    """Return a method by its name, or the default under settings of `interrogate.py`.

    Args:
        name: A key of `methods`, or ``default`` with settings behind it, as in
            ``default inference.shared=0.2``.

    Raises:
        LookupError: If there is no such method, or another than the default has settings.
    """
    key, *settings = name.split()
    if key not in methods() or (settings and key != "default"):
        raise LookupError(
            f"a method is one of {', '.join(methods())}, or default with settings of "
            f"interrogate.py behind it; got {name!r}"
        )
    return _shipped(*settings) if settings else methods()[key]


@cache
def _shipped(*settings: str) -> Method:
    from hydra import compose, initialize_config_dir
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from deepmr.cli.parts import without_null

    asked = ["exposure=GATA1", "outcome=TAL1", "estimator=[ivw]"]
    asked += ["inference=per_member", f"inference.shared={_SHARED}", *settings]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("interrogate", overrides=asked))
    return Method(
        inference=instantiate(config["inference"], _convert_="all"),
        rule=instantiate(config["instruments"], _convert_="all"),
        estimator=instantiate(without_null(config["estimator"]["ivw"])),
        pooling=instantiate(without_null(config["meta"])),
        in_motif=False,
    )


def verdicts(
    one: Round,
    cache: Path,
    threads: int,
    names: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return a record for each method (all by default) and direction of one round."""
    import torch

    torch.set_num_threads(threads)
    evidence = gather(one, cache)
    about = {
        "scenario": one.scenario,
        "seed": one.seed,
        "drawn": one.effect is None,
        "effect": evidence.effect,
        "network": one.recipe,
        "members": one.members,
        "validation_mse": evidence.validation_mse.mean(axis=0).tolist(),
        "noise_floor": evidence.noise_floor.tolist(),
        "seconds": evidence.seconds,
    }
    asked = {name: named(name) for name in names or methods()}
    return [
        about
        | {"method": name, "direction": "reverse" if reverse else "forward"}
        | judge(evidence, method, reverse=reverse)
        for name, method in asked.items()
        for reverse in (False, True)
    ]


def judge(evidence: Evidence, method: Method | str, *, reverse: bool) -> dict[str, Any]:
    """Hold one method's intervals against the truth.

    Args:
        evidence: Of one round.
        method: A method, or the name of one (see `named`).
        reverse: Ask whether the outcome causes the exposure. It does not, so only substitutions
            in the outcome's motif serve: elsewhere the true slope is that of the causal effect
            turned round.

    Returns:
        A flat record; slopes and widths on the Anscombe scale. Where no locus has an estimate,
        ``n_loci`` is 0 and all else is missing.
    """
    method = named(method) if isinstance(method, str) else method
    members = evidence.members
    cause, effect = (1, 0) if reverse else (0, 1)
    if method.in_motif or reverse:
        members = replace(members, mask=members.mask & evidence.in_motif[:, cause])
    asked = members.tasks[cause], members.tasks[effect]
    local = method.inference.local(members, *asked, rule=method.rule, estimator=method.estimator)
    truth = true_slope(evidence.truth[:, cause], evidence.truth[:, effect], local.instruments)
    known = np.isfinite(local.estimate.effect.value) & np.isfinite(truth)
    if not known.any():
        return {"n_loci": 0}
    pooled = method.inference.pool(local, pooling=method.pooling)
    return _local_record(local.estimate, truth, known) | _pooled_record(pooled, truth[known])


def _local_record(
    estimate: MREstimate, truth: Float64[np.ndarray, " locus"], known: Bool[np.ndarray, " locus"]
) -> dict[str, Any]:
    lower, upper = (bound[known] for bound in estimate.effect.interval())
    value, truth = estimate.effect.value[known], truth[known]
    rejected = (lower > 0) | (upper < 0)
    null = np.abs(truth) < NO_EFFECT
    return {
        "n_loci": int(known.sum()),
        "n_instruments": float(np.median(estimate.n_instruments[known])),
        "local_covered": int(((lower <= truth) & (truth <= upper)).sum()),
        "local_half_width": float(np.median((upper - lower) / 2)),
        "local_bias": float(np.mean(value - truth)),
        "local_rmse": float(np.sqrt(np.mean((value - truth) ** 2))),
        "n_null": int(null.sum()),
        "null_rejected": int((rejected & null).sum()),
    }


def _pooled_record(
    pooled: MetaAnalysisResult, truth: Float64[np.ndarray, " locus"]
) -> dict[str, Any]:
    mean = float(np.mean(truth))
    lower, upper = (float(bound) for bound in pooled.pooled.interval())
    value, tau = float(pooled.pooled.value), float(np.sqrt(pooled.tau2))
    return {
        "pooled_truth": mean,
        "pooled_value": value,
        "pooled_se": float(pooled.pooled.se),
        "pooled_lower": lower,
        "pooled_upper": upper,
        "pooled_covers": bool(lower <= mean <= upper),
        "within_two_tau": bool(abs(value - mean) <= 2 * tau),
        "pooled_rejects_zero": bool(lower > 0 or upper < 0),
    }
