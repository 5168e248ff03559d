"""Hold the graph of total and of direct effects against simulated tasks with a known graph.

    python -m benchmarks.causal_graph --json OUT --cache DIR            the judging data sets
    python -m benchmarks.causal_graph --json OUT --cache DIR --stage development

Data sets are those of `python -m benchmarks.structures` (graph ``fifteen``), trained by the same
code where the cache lacks them. Edges come from the code of ``exposure=all``: verdict, q-value,
and direct effects with each task between an edge's ends held fixed. What can be identified is
listed before any effect is read (`identifiable`).
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.causal_graph.ensembles import gather, read
from benchmarks.causal_graph.truth import identifiable
from deepmr.causal_graph import EffectMoments, direct_effects, effect_moments
from deepmr.effect_shard import EffectsInMemory
from deepmr.files import write_json
from deepmr.inference import OverMembers
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.tasks import TaskTable
from deepmr.workflow.all_pairs import ask_pairs
from deepmr.workflow.pair_parts import additive_effects
from deepmr.workflow.task_selection import select_pairs

STAGES = {
    "judging": tuple(f"fifteen-{1000 + k}" for k in range(10)),
    "development": ("fifteen-0", "fifteen-1"),
}
_RESAMPLES = 2000


def main(argv: Sequence[str] | None = None) -> int:
    """Judge every data set, write, show."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.causal_graph",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/causal_graph"))
    parser.add_argument("--stage", choices=tuple(STAGES), default="judging")
    options = parser.parse_args(argv)
    rows = []
    for name in STAGES[options.stage]:
        rows.append(one_dataset(name, gather(name, options.cache)))
        print(name, {k: v for k, v in rows[-1].items() if isinstance(v, list)}, flush=True)
    shares = {name: _share(rows, name) for name in _SHARES}
    given = shlex.join(["--json", "OUT", "--cache", "DIR", "--stage", options.stage])
    write_json(
        options.json,
        {
            "command": f"python -m benchmarks.causal_graph {given}",
            "shares": shares,
            "left_of_mediated": {
                scale: float(np.mean([row[f"left_of_mediated_{scale}"] for row in rows]))
                for scale in ("count", "anscombe")
            },
            "datasets": rows,
        },
    )
    for name, one in shares.items():
        print(
            f"{name:<40} {one['k']:>4}/{one['n']:<5} {one['share']:.3f} "
            f"({one['low']:.3f} to {one['high']:.3f}, {len(rows)} data sets)"
        )
    return 0


_SHARES = (
    "total_precision",
    "total_recall",
    "total_precision_without_nested",
    "direct_precision",
    "direct_recall",
    "mediated_found",
    "zeros_covered",
    "zeros_covered_mediated",
    "zeros_covered_common",
    "zeros_covered_anscombe",
    "effects_covered",
)
"""What is counted over data sets: [number, of how many]."""


def one_dataset(name: str, path: Path) -> dict[str, Any]:
    """Return the counts of one data set.

    Args:
        name: Of the data set.
        path: Its effects.
    """
    effects, structures = read(path)
    listed = identifiable(structures)
    found = {(e.exposure, e.outcome): e for e in _graph(effects)}
    total, direct = set(found), {k for k, e in found.items() if e.kind != "mediated"}
    mediated = {k for k, e in found.items() if e.kind == "mediated"}
    right = total & listed.edges
    known = {pair for pair in total if frozenset(pair) not in listed.nested}
    shard = next(iter(effects.read()))
    counts = effect_moments(additive_effects(shard, effects.effect_scale))
    zeros = {kind: _covered(counts, triples) for kind, triples in listed.zeros.items()}
    every = [triple for triples in listed.zeros.values() for triple in triples]
    return {
        "dataset": name,
        "total_precision": [len(right), len(total)],
        "total_recall": [len(right), len(listed.edges)],
        "total_precision_without_nested": [len(known & listed.edges), len(known)],
        "direct_precision": [len(direct & listed.direct), len(direct)],
        "direct_recall": [len(direct & listed.direct), len(listed.direct)],
        "mediated_found": [
            len(mediated & (listed.edges - listed.direct)),
            len(listed.edges - listed.direct),
        ],
        "zeros_covered": [sum(z[0] for z in zeros.values()), sum(z[1] for z in zeros.values())],
        "zeros_covered_mediated": zeros["mediated"],
        "zeros_covered_common": zeros["common"],
        "zeros_covered_anscombe": _covered(effect_moments(shard.effects), every),
        "effects_covered": _effects_covered(counts, listed.slopes),
        "left_of_mediated_count": _left(counts, listed.zeros["mediated"]),
        "left_of_mediated_anscombe": _left(effect_moments(shard.effects), listed.zeros["mediated"]),
        "wrong_edges": sorted("->".join(pair) for pair in total - listed.edges),
        "missed_edges": sorted("->".join(pair) for pair in listed.edges - total),
        "wrong_direct": sorted("->".join(pair) for pair in direct - listed.direct),
        "missed_direct": sorted("->".join(pair) for pair in listed.direct - direct),
    }


def _graph(effects: EffectsInMemory) -> Sequence[Any]:
    names = effects.tasks
    places = effects.shard.loci
    length = places[0].length
    loci = Loci(
        chrom=np.array([place.chrom for place in places]),
        start=np.zeros(len(places), dtype=np.int64),
        end=np.full(len(places), length),
        codes=np.zeros((len(places), length), dtype=np.uint8),
    )
    selection = select_pairs(TaskTable.of(list(names)), "all", "all")
    return ask_pairs(effects, loci, selection, Question()).graph.edges


def _shared() -> float:
    inference = Question().inference
    return inference.error.shared if isinstance(inference, OverMembers) else 0.0


def _covered(moments: EffectMoments, triples: Sequence[tuple[str, str, str]]) -> list[int]:
    """Count the adjusted slopes, told apart, whose 95 % interval holds 0."""
    at = {name: k for k, name in enumerate(moments.tasks)}
    place = np.array([[at[name] for name in triple] for triple in triples])
    found = direct_effects(moments, place[:, :2], place[:, 2], shared=_shared()).effect
    low, high = (end[:, 0] for end in found.interval())
    known = np.isfinite(low)
    return [int(np.sum((low <= 0) & (high >= 0) & known)), int(known.sum())]


def _left(moments: EffectMoments, triples: Sequence[tuple[str, str, str]]) -> float:
    """Return the root mean square over triples of direct over total effect, where 0 is true."""
    at = {name: k for k, name in enumerate(moments.tasks)}
    place = np.array([[at[name] for name in triple] for triple in triples])
    direct = direct_effects(moments, place[:, :2], place[:, 2]).effect.value[:, 0]
    total = direct_effects(moments, place[:, :1], place[:, 2]).effect.value[:, 0]
    return float(np.sqrt(np.nanmean((direct / total) ** 2)))


def _effects_covered(
    moments: EffectMoments, slopes: Sequence[tuple[str, str, str, float]]
) -> list[int]:
    """Count the direct effects whose interval holds the slope of the simulation."""
    at = {name: k for k, name in enumerate(moments.tasks)}
    place = np.array([[at[name] for name in one[:3]] for one in slopes])
    truth = np.array([one[3] for one in slopes])
    found = direct_effects(moments, place[:, :2], place[:, 2], shared=_shared()).effect
    low, high = (end[:, 0] for end in found.interval())
    known = np.isfinite(low)
    return [int(np.sum((low <= truth) & (high >= truth) & known)), int(known.sum())]


def _share(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """Return a share with its 95 % interval by resampling data sets."""
    counts = np.array([row[name] for row in rows], dtype=float)
    drawn = np.random.default_rng(0).integers(0, len(counts), (_RESAMPLES, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / np.maximum(sums[:, 1], 1), [0.025, 0.975])
    k, n = counts.sum(axis=0)
    return {
        "k": int(k),
        "n": int(n),
        "share": float(k / max(n, 1)),
        "low": float(low),
        "high": float(high),
    }


if __name__ == "__main__":
    sys.exit(main())
