"""Coverage of `inference=given_model`: one network held fixed, loci drawn anew.

    python -m benchmarks.given_model --json benchmarks/results/given_model.json

Pooled: one network (the default architecture, trained once on data=simulation, or a member of
``--run RUN``) is asked about a large population of simulated loci. The estimand is the mean local
slope over all of them, a number that is known exactly, since the network's effects are. Loci are
drawn from the population again and again, and pooled; counted is how often the 95 % interval holds
the population's mean.

Local: loci whose sites have slopes that differ at random around the locus's own (standard deviation
.3 of a slope of .5); counted is how often the 95 % interval holds the locus's slope, by the number
of positions with instruments.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate
from deepmr.inference import GivenModel, LocalInference
from deepmr.instruments import All, ByModeratedZ
from deepmr.meta import random_effects
from deepmr.mr import MREstimate, egger, slope, weighted_median

ESTIMATORS = {"slope": slope, "egger": egger, "weighted_median": weighted_median}
SIZES = (50, 100, 300)
POSITIONS = (5, 10, 20, 40)


def drawn(local: LocalInference, rows: np.ndarray) -> LocalInference:
    """Return the local results of resampled loci, a row of `rows` each draw."""
    effect = local.estimate.effect
    return LocalInference(
        estimate=MREstimate(
            method=local.estimate.method,
            n_instruments=local.estimate.n_instruments[rows],
            effect=Estimate(
                value=effect.value[rows],
                se=effect.se[rows],
                df=np.broadcast_to(effect.df, effect.value.shape)[rows],
            ),
        ),
        instruments=np.zeros((*rows.shape, 1), dtype=bool),
    )


def pooled_coverage(
    local: LocalInference, *, resamples: int, sizes: tuple[int, ...] = SIZES, seed: int = 0
) -> list[dict[str, Any]]:
    """Count how often the pooled interval of resampled loci holds the population's mean.

    Args:
        local: Local results of the whole population, on one batch axis.
        resamples: Draws of each size, with replacement.
        sizes: Numbers of loci in a draw.
        seed: Of the draws.
    """
    value = local.estimate.effect.value
    truth = float(np.nanmean(value))
    generator = np.random.default_rng(seed)
    found = []
    for size in sizes:
        rows = generator.integers(0, len(value), (resamples, size))
        pooled = GivenModel().pool(drawn(local, rows), pooling=random_effects).pooled
        low, high = pooled.interval()
        found.append(
            {
                "loci": size,
                "resamples": resamples,
                "truth": truth,
                "coverage": float(np.mean((low <= truth) & (truth <= high))),
                "half_width": float(np.median(high - low) / 2),
            }
        )
    return found


def local_coverage(n_loci: int, positions: int, *, seed: int = 0) -> dict[str, float]:
    """Return the coverage of local intervals, by estimator, of loci with slopes between sites."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n_loci, positions, 3)) * generator.gamma(
        2.0, size=(n_loci, positions, 1)
    )
    slopes = 0.5 + 0.3 * generator.normal(size=(n_loci, positions, 1))
    effects = np.stack([x, slopes * x], axis=1).reshape(n_loci, 2, 1, -1)
    zero = np.zeros((n_loci, 3 * positions), dtype=int)
    members = MemberEffects(
        value=effects,
        tasks=("x", "y"),
        offset=zero + np.arange(3 * positions) // 3,
        ref=zero,
        alt=zero,
        mask=zero == 0,
    )
    found = {}
    for name, estimator in ESTIMATORS.items():
        local = GivenModel().local(members, "x", "y", rule=All(), estimator=estimator)
        low, high = local.estimate.effect.interval()
        found[name] = float(np.mean((low <= 0.5) & (high >= 0.5)))
    return found


def network(run: str | None, n_loci: int) -> tuple[Any, Any]:
    """Return one network as given, and a population of simulated loci with a motif."""
    import deepmr
    from deepmr.data.simulation import SimulationSource
    from deepmr.loci import Loci
    from deepmr.uncertainty import Given

    networks = deepmr.load_run(run or _trained(), uncertainty=Given())
    first = replace(networks.members, members=networks.members.members[:1])
    source = SimulationSource(
        seed=1, n_train=10, n_variants=10, n_calibration=10, n_test=2 * n_loci
    )
    chrom, start, end = (part[:n_loci] for part in source.candidate_loci("any_positive"))
    codes = source.sequences(chrom, start, end)
    loci = Loci(chrom=chrom, start=start, end=end, codes=codes)
    return replace(networks, members=first), loci


def _trained() -> Path:
    """Train one network of the default architecture on the default simulation."""
    import subprocess
    import sys

    folder = tempfile.mkdtemp()
    settings = ["ensemble=1", "name=one", "logger=none", f"paths.output={folder}"]
    quiet = ["trainer.accelerator=cpu", "trainer.enable_progress_bar=false"]
    command = [sys.executable, "-m", "deepmr", "train", *settings, *quiet]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Path(folder) / "train" / "one"


def population(run: str | None, n_loci: int) -> dict[tuple[str, str, str], LocalInference]:
    """Return local results of the population by exposure, outcome and estimator."""
    from deepmr.interrogation import measure
    from deepmr.workflow.variants import saturate

    networks, loci = network(run, n_loci)
    names = networks.tasks.names[:2]
    rule = ByModeratedZ(min_effect=0.5)
    parts: dict[tuple[str, str, str], list[LocalInference]] = {}
    for first in range(0, len(loci), 250):
        some = _slice(loci, first)
        effects = measure(networks, some, saturate(some).variants, tasks=names)
        shard = next(iter(effects.read(names))).effects
        for pair in (names, names[::-1]):
            for name, estimator in ESTIMATORS.items():
                local = GivenModel().local(shard, *pair, rule=rule, estimator=estimator)
                parts.setdefault((*pair, name), []).append(local)
        print(f"{first + len(some)} of {len(loci)} loci", flush=True)
    return {key: LocalInference.join(some) for key, some in parts.items()}


def _slice(loci: Any, first: int) -> Any:
    rows = slice(first, first + 250)
    return replace(
        loci,
        chrom=loci.chrom[rows],
        start=loci.start[rows],
        end=loci.end[rows],
        codes=loci.codes[rows],
    )


def main() -> None:
    """Measure, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--run", help="a training run of data=simulation; by default one is made")
    parser.add_argument("--loci", type=int, default=3000)
    parser.add_argument("--resamples", type=int, default=2000)
    given = parser.parse_args()
    rows = []
    for (exposure, outcome, method), local in population(given.run, given.loci).items():
        value = local.estimate.effect.value
        about = {
            "exposure": exposure,
            "outcome": outcome,
            "method": method,
            "population": int(np.isfinite(value).sum()),
            "between_loci_sd": float(np.nanstd(value)),
        }
        rows += [about | one for one in pooled_coverage(local, resamples=given.resamples)]
        print(rows[-1])
    local_rows = [{"positions": p, **local_coverage(4000, p)} for p in POSITIONS]
    given.json.write_text(json.dumps({"pooled": rows, "local": local_rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
