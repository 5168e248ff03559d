"""Time and memory of all pairs of tasks after mutagenesis, on one core.

    python -m benchmarks.all_pairs --json OUT [--tasks 20] [--loci 500] [--variants 3000]

Effects of single substitutions are made up (sites of eight motifs, each task reading some of them,
members that err independently; one task answers to nothing) and written as the shards that
mutagenesis leaves. A process of its own then asks every ordered pair by the default estimators,
with verdicts, direct effects and the graph, and tells its own time and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.files import write_json
from deepmr.genome import Interval
from deepmr.inference.question import Question
from deepmr.io.shard_store import ShardStore
from deepmr.loci import Loci
from deepmr.tasks import TaskTable
from deepmr.workflow.all_pairs import ask_pairs
from deepmr.workflow.task_selection import select_pairs

_MOTIFS, _SITE, _PER_SHARD = 8, 20, 16


def main() -> None:
    """Make effects up, ask all pairs in another process, write what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--loci", type=int, default=500)
    parser.add_argument("--variants", type=int, default=3000, help="a multiple of 3")
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--asked", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.asked is not None:
        write_json(options.json, _asked(options, options.asked))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_effects(_store(options, Path(folder)), options.variants)
        result = Path(folder) / "result.json"
        settings = [f"--{name}={getattr(options, name)}" for name in _NAMES]
        words = ["-m", "benchmarks.all_pairs", "--json", str(result), "--asked", folder, *settings]
        one_core = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *words], check=True, env=one_core)
        record = json.loads(result.read_text())
    shown = shlex.join(["python", "-m", "benchmarks.all_pairs", "--json", "OUT", *settings])
    write_json(options.json, {"command": shown, **record})
    print(record)


_NAMES = ("tasks", "loci", "variants", "members")


def _store(options: argparse.Namespace, folder: Path) -> ShardStore:
    names = [f"T{k:02d}" for k in range(options.tasks)]
    length = options.variants // 3
    return ShardStore(
        folder / "effects",
        fingerprint="benchmark",
        loci=[Interval(f"locus-{k}", 0, length) for k in range(options.loci)],
        loci_per_shard=_PER_SHARD,
        tasks=names,
        n_members=options.members,
        effect_scale=dict.fromkeys(names, "anscombe"),
    )


def write_effects(store: ShardStore, n_variants: int) -> None:
    """Write effects of made-up networks as shards, each from its own seed.

    Args:
        store: Where they go.
        n_variants: Variants of a locus, three a base.
    """
    n_task = len(store.tasks)
    weight = np.random.default_rng(0).choice([0.0, 0.6, 1.0], (n_task, _MOTIFS), p=[0.6, 0.2, 0.2])
    weight[-1] = 0.0  # a task without any instrument
    length = n_variants // 3
    for index in range(store.n_shards):
        rng = np.random.default_rng([1, index])
        n = len(store.loci_of(index))
        truth = np.zeros((n, n_task, length))
        for motif in range(_MOTIFS):
            loss = -4.0 * rng.beta(1.0, 2.0, _SITE)
            for locus in np.flatnonzero(rng.random(n) < 0.4):
                start = int(rng.integers(0, length - _SITE))
                truth[locus, :, start : start + _SITE] += weight[:, motif, None] * loss
        value = np.repeat(truth, 3, axis=-1)[:, :, None]
        shape = (n, n_task, store.n_members, n_variants)
        sites = (value != 0) * 0.2 + 0.02
        value = value + sites * rng.standard_normal(shape, dtype=np.float32)
        offset = np.tile(np.repeat(np.arange(length), 3), (n, 1))
        effects = MemberEffects(
            value=value,
            tasks=store.tasks,
            offset=offset,
            ref=np.zeros_like(offset),
            alt=np.tile(np.arange(n_variants) % 3 + 1, (n, 1)),
            mask=np.ones(offset.shape, dtype=bool),
        )
        reference = 12.0 + rng.standard_normal((n, n_task, store.n_members))
        store.write(index, store.loci_of(index), effects, reference)


def _asked(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    store = _store(options, folder)
    length = options.variants // 3
    loci = Loci(
        chrom=np.array([locus.chrom for locus in store.loci]),
        start=np.zeros(options.loci, dtype=np.int64),
        end=np.full(options.loci, length),
        codes=np.zeros((options.loci, length), dtype=np.uint8),
    )
    selection = select_pairs(TaskTable.of(store.tasks), "all", "all")
    before = time.perf_counter(), time.process_time()
    answers = ask_pairs(store, loci, selection, Question(), folder=folder / "pairs")
    wall, cpu = time.perf_counter() - before[0], time.process_time() - before[1]
    first = answers.first
    return {
        "pairs": len(selection.ordered),
        "estimators": list(answers.methods),
        "wall_seconds": round(wall, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "without_instruments": int(np.sum(first.n_loci == 0)),
        "median_instruments_a_locus": float(np.median(first.n_instruments / options.loci)),
        "verdicts": dict(Counter(one.structure for one in answers.verdicts.values())),
        "edges": len(answers.graph.edges),
        "direct_effects": len(answers.direct),
    }


if __name__ == "__main__":
    main()
