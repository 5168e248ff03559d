"""Do the intervals hold? Ways of inference on trained networks whose true effects are known.

    python -m benchmarks.inference_simulation --rounds 4 --seed 100 --scenario none --out DIR

Each round draws a data set of the paper's size, trains an ensemble of the default network in a
plain loop (20 epochs, AdamW, one cycle), mutates test sequences with both motifs and stores the
members' effects beside the true ones in DIR. A stored round is not trained again; every stored
round is then judged by every way of inference, and the table printed, and written with --json.
``--bootstrap`` trains each member on its own resample, ``--effect 0`` fixes no effect,
``--shared`` sets the inferences' option of that name.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from deepmr.data.simulation import SimulationSource
from deepmr.effects import MemberEffects
from deepmr.inference import (
    Correlated,
    CrossFitted,
    ErrorsInVariables,
    Inference,
    Jackknife,
    PerMember,
    Summary,
    effect_z_scores,
)
from deepmr.instruments import All, ByModeratedZ, ByZ, Rule, TopK
from deepmr.losses import MultiTaskLoss
from deepmr.meta import random_effects
from deepmr.models import MotifScanner, PaperCNN, set_output_statistics
from deepmr.mr import inverse_variance_weighted
from deepmr.mutagenesis.dense import Dense
from deepmr.mutagenesis.variants import saturation
from deepmr.sequence import one_hot

TASKS = ("GATA1", "TAL1")
RULES: dict[str, Rule] = {
    "all": All(),
    "moderated_z": ByModeratedZ(),
    "default": ByModeratedZ(min_effect=0.5),
    "z": ByZ(),
    "top_20": TopK(),
}


def ways(*, shared: float) -> dict[str, Inference]:
    """Return every way of inference, each with that share of variance common to all members."""
    return {
        "summary": Summary(),
        "per_member": PerMember(shared=shared),
        "per_member, moderated weights": PerMember(weights="moderated", shared=shared),
        "jackknife": Jackknife(shared=shared),
        "cross_fitted": CrossFitted(shared=shared),
        "errors_in_variables": ErrorsInVariables(shared=shared),
        "errors_in_variables, shared": ErrorsInVariables(selection="shared", shared=shared),
        "correlated": Correlated(shared=shared),
    }


def train(source: SimulationSource, seed: int, options: argparse.Namespace) -> nn.Module:
    """Train one member."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    split = source.split("train")
    codes, target, mask = split.gather(np.arange(len(split)))
    if options.bootstrap:
        kept = rng.integers(0, len(split), len(split))
        codes, target, mask = codes[kept], target[kept], mask[kept]
    network = {"cnn": MotifScanner, "paper": PaperCNN}[options.model](source.length, [0], [1])
    loss = MultiTaskLoss(source.tasks, outcomes=["TAL1"])
    targets, masks = torch.from_numpy(target), torch.from_numpy(mask)
    set_output_statistics(network, *loss.output_statistics(targets, masks))
    steps = options.epochs * (len(codes) // options.batch)
    rate = 2e-2 if options.model == "cnn" else 3e-3
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    network.train()
    for rows in batches(rng, len(codes), options):
        sequence = one_hot(torch.from_numpy(codes[rows]))
        optimizer.zero_grad()
        value = loss(network(sequence), targets[rows], masks[rows])
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()


def batches(
    rng: np.random.Generator, size: int, options: argparse.Namespace
) -> Iterator[np.ndarray]:
    """Yield rows of each step, reshuffled every epoch; the incomplete last batch is dropped."""
    for _ in range(options.epochs):
        order = rng.permutation(size)
        for start in range(0, size - options.batch + 1, options.batch):
            yield order[start : start + options.batch]


def validation_error(source: SimulationSource, network: nn.Module) -> np.ndarray:
    """Return the mean squared error of each task on the Anscombe scale."""
    split = source.split("validation")
    codes, target, _ = split.gather(np.arange(len(split)))
    with torch.inference_mode():
        predicted: Tensor = network(one_hot(torch.from_numpy(codes)))
    return np.mean((predicted.numpy() - target) ** 2, axis=0)


def run_round(seed: int, options: argparse.Namespace, path: Path) -> None:
    """Train one round's ensemble and store its effects."""
    started = time.perf_counter()
    source = SimulationSource(seed=seed, confounding=options.scenario, effect=options.effect)
    candidates = source.candidate_loci("pair", exposure=TASKS[0], outcome=TASKS[1])
    chrom, start, end = (part[: options.loci] for part in candidates)
    codes = source.sequences(chrom, start, end)
    variants = saturation(codes)
    effects, errors = [], []
    for member in range(options.members):
        network = train(source, 1000 * seed + member, options)
        errors.append(validation_error(source, network))
        effects.append(Dense(network, length=source.length)(codes, variants).difference)
    truth = source.true_effects(chrom, start, end)
    np.savez_compressed(
        path,
        value=np.stack(effects, axis=2).astype(np.float64),
        truth=truth,
        offset=variants.offset,
        ref=variants.ref,
        alt=variants.alt,
        mask=variants.mask,
        error=np.stack(errors),
        motif=source.motif_variants("GATA1", chrom, start, end),
        seconds=time.perf_counter() - started,
    )
    print(
        f"{path.name}: {time.perf_counter() - started:.0f} s, validation error "
        f"{np.mean(errors, axis=0).round(2).tolist()}",
        flush=True,
    )


def load(path: Path) -> tuple[MemberEffects, np.ndarray]:
    """Read one stored round."""
    with np.load(path) as stored:
        columns = {name: stored[name] for name in ("value", "offset", "ref", "alt", "mask")}
        return MemberEffects(tasks=TASKS, **columns), stored["truth"]


def judge(path: Path, way: Inference, rule: Rule, query: tuple[str, str]) -> dict[str, float]:
    """Compare one way's intervals with the truth over the same variants."""
    members, truth = load(path)
    x, y = (truth[:, TASKS.index(task)] for task in query)
    local = way.local(members, *query, rule=rule, estimator=inverse_variance_weighted)
    kept = local.instruments
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.sum(x * y, axis=1, where=kept) / np.sum(x * x, axis=1, where=kept)
    effect = local.estimate.effect
    known = np.isfinite(slope) & np.isfinite(effect.value)
    low, high = effect.interval()
    pooled = way.pool(local, pooling=random_effects).pooled
    target = slope[known].mean()
    bottom, top = (float(end) for end in pooled.interval())
    return {
        "loci": int(known.sum()),
        "instruments": float(np.median(kept.sum(axis=1)[known])),
        "truth": float(target),
        "coverage": float(np.mean((low <= slope)[known] & (slope <= high)[known])),
        "half_width": float(np.median((high - low)[known] / 2)),
        "bias": float(np.mean((effect.value - slope)[known])),
        "rmse": float(np.sqrt(np.mean((effect.value - slope)[known] ** 2))),
        "pooled": float(pooled.value),
        "pooled_half_width": (top - bottom) / 2,
        "pooled_covers": float(bottom <= target <= top),
        "rejects": float(not bottom <= 0 <= top),
    }


def z_scores(path: Path) -> dict[str, float]:
    """Return how effects' z-scores spread, per task, and what the members' spread misses."""
    members, truth = load(path)
    effects = members.summarise(*TASKS)
    found = {}
    columns = (
        (effects.beta_exposure, effects.se_exposure, truth[:, 0]),
        (effects.beta_outcome, effects.se_outcome, truth[:, 1]),
    )
    for task, (value, se, true) in zip(TASKS, columns, strict=True):
        strong = np.abs(true) > 0.1 * np.abs(true).max()
        for name, mask in (("all", None), ("strong", strong)):
            z = effect_z_scores(value, se, true, df=effects.df, mask=mask)
            found |= {
                f"{task} {name} inflation": z.inflation,
                f"{task} {name} beyond": z.beyond,
                f"{task} {name} shared": z.shared_bias,
            }
    return found


def main() -> None:
    """Train what is missing, judge all, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--scenario", default="none")
    parser.add_argument("--effect", type=float, default=None)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--model", choices=("cnn", "paper"), default="cnn")
    parser.add_argument("--bootstrap", action="store_true")
    parser.add_argument("--shared", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--loci", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    label = f"{options.model}-{options.scenario}-e{options.effect}-n{options.members}"
    label += f"-ep{options.epochs}" + ("-bootstrap" if options.bootstrap else "")
    paths = []
    for seed in range(options.seed, options.seed + options.rounds):
        path = options.out / f"{label}-{seed}.npz"
        if not path.exists():
            run_round(seed, options, path)
        paths.append(path)
    rows = []
    for query in (TASKS, TASKS[::-1]):
        print(f"\n{query[0]} -> {query[1]}, {label}, {len(paths)} rounds")
        print(
            f"{'way':32s}{'rule':13s}{'cover':>7s}{'half':>8s}{'bias':>8s}{'rmse':>8s}"
            f"{'pooled covers':>15s}{'half':>8s}{'rejects':>9s}"
        )
        for way_name, way in ways(shared=options.shared).items():
            for rule_name, rule in RULES.items():
                found = [judge(path, way, rule, query) for path in paths]
                mean = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
                rows.append({"query": query, "way": way_name, "rule": rule_name, "rounds": found})
                print(
                    f"{way_name:32s}{rule_name:13s}{mean['coverage']:7.3f}"
                    f"{mean['half_width']:8.3f}{mean['bias']:8.3f}{mean['rmse']:8.3f}"
                    f"{int(sum(one['pooled_covers'] for one in found)):8d} of {len(found):3d}"
                    f"{mean['pooled_half_width']:8.3f}{mean['rejects']:9.2f}"
                )
    scores = [z_scores(path) for path in paths]
    print(
        "\neffects: "
        + ", ".join(f"{key} {np.mean([one[key] for one in scores]):.2f}" for key in scores[0])
    )
    if options.json is not None:
        options.json.write_text(json.dumps({"label": label, "rows": rows, "z": scores}, indent=1))


if __name__ == "__main__":
    main()
