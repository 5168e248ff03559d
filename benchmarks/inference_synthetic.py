"""Coverage of local and pooled intervals where the members' errors are known by construction.

    python -m benchmarks.inference_synthetic --json OUT

A member m sees, at locus l and variant v, the exposure x_v plus noise and the outcome
(slope_l + u_m + w_lm) x_v plus noise: u is shared by all loci, w by the variants of a locus. Half
of the variants have no true effect. Conditions differ in which errors dominate. No network is
trained: this isolates the arithmetic from what networks get wrong together.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.inference import (
    Correlated,
    CrossFitted,
    ErrorsInVariables,
    Inference,
    Jackknife,
    PerMember,
    Summary,
)
from deepmr.instruments import All, ByModeratedZ, Rule
from deepmr.meta import random_effects
from deepmr.mr import inverse_variance_weighted

CONDITIONS = {
    "members differ by locus": {"own_sd": 0.2},
    "members differ alike at all loci": {"member_sd": 0.2, "own_sd": 0.1},
    "loci differ": {"own_sd": 0.1, "member_sd": 0.05, "locus_sd": 0.3},
    "noisy exposure": {"noise": 0.6},
    "noise confounds, no effect": {"noise": 0.6, "confounded": 1.0, "slope": 0.0},
    "three members": {"member_sd": 0.1, "own_sd": 0.1, "members": 3},
    "ten members": {"member_sd": 0.1, "own_sd": 0.1, "members": 10},
}
WAYS: dict[str, Inference] = {
    "summary": Summary(),
    "per_member": PerMember(shared=0.0),
    "jackknife": Jackknife(shared=0.0),
    "cross_fitted": CrossFitted(shared=0.0),
    "errors_in_variables": ErrorsInVariables(shared=0.0),
    "eiv, shared selection": ErrorsInVariables(selection="shared", shared=0.0),
    "correlated": Correlated(shared=0.0),
}


def draw(
    rng: np.random.Generator,
    *,
    n_loci: int,
    n_variants: int = 60,
    members: int = 5,
    slope: float = 0.5,
    locus_sd: float = 0.0,
    member_sd: float = 0.0,
    own_sd: float = 0.0,
    noise: float = 0.05,
    confounded: float = 0.0,
) -> tuple[MemberEffects, np.ndarray]:
    """Return members' effects and each locus's true slope."""
    x = rng.normal(size=(n_loci, 1, n_variants)) * (np.arange(n_variants) % 2)
    truth = slope + locus_sd * rng.normal(size=n_loci)
    seen = truth[:, None, None] + member_sd * rng.normal(size=(1, members, 1))
    seen = seen + own_sd * rng.normal(size=(n_loci, members, 1))
    error_x = noise * rng.normal(size=(n_loci, members, n_variants))
    error_y = noise * rng.normal(size=(n_loci, members, n_variants)) + confounded * error_x
    zero = np.zeros((n_loci, n_variants), int)
    effects = MemberEffects(
        value=np.stack([x + error_x, seen * x + error_y], axis=1),
        tasks=("x", "y"),
        offset=zero,
        ref=zero,
        alt=zero,
        mask=zero == 0,
    )
    return effects, truth


def run(way: Inference, rule: Rule, sizes: dict[str, float], rounds: int) -> dict[str, float]:
    """Return coverage, bias and width of one way under one condition."""
    rng = np.random.default_rng(0)
    local_hits, pooled_hits, errors, widths, pooled_widths = [], [], [], [], []
    for _ in range(rounds):
        members, truth = draw(rng, n_loci=40, **sizes)  # type: ignore[arg-type]
        local = way.local(members, "x", "y", rule=rule, estimator=inverse_variance_weighted)
        effect = local.estimate.effect
        low, high = effect.interval()
        known = np.isfinite(effect.value)
        local_hits.append(np.mean((low <= truth)[known] & (truth <= high)[known]))
        errors.append(np.mean((effect.value - truth)[known]))
        widths.append(np.median((high - low)[known] / 2))
        bottom, top = way.pool(local, pooling=random_effects).pooled.interval()
        population = sizes.get("slope", 0.5)
        pooled_hits.append(bool(bottom <= population <= top))
        pooled_widths.append(float(top - bottom) / 2)
    return {
        "local_coverage": float(np.mean(local_hits)),
        "local_half_width": float(np.mean(widths)),
        "bias": float(np.mean(errors)),
        "pooled_coverage": float(np.mean(pooled_hits)),
        "pooled_half_width": float(np.mean(pooled_widths)),
    }


def main() -> None:
    """Run every way under every condition."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    started = time.perf_counter()
    rows = []
    print(f"{'condition':34s}{'way':22s}{'rule':13s}  local   half    bias  pooled   half")
    for condition, sizes in CONDITIONS.items():
        for name, way in WAYS.items():
            if sizes.get("members") == 3 and name in {"correlated", "errors_in_variables"}:
                continue
            for rule_name, rule in (("all", All()), ("moderated_z", ByModeratedZ())):
                found = run(way, rule, sizes, options.rounds)
                rows.append({"condition": condition, "way": name, "rule": rule_name, **found})
                print(
                    f"{condition:34s}{name:22s}{rule_name:13s}"
                    + "".join(f"{value:8.3f}" for value in found.values())
                )
    print(f"{options.rounds} rounds of 40 loci, {time.perf_counter() - started:.0f} s")
    if options.json is not None:
        options.json.write_text(json.dumps({"rounds": options.rounds, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
