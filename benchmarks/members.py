"""Members of an ensemble together, in one vmapped pass, against one after the other.

    python -m benchmarks.members --json OUT [--models cnn,paper,cnn_1000] [--members 5]

Five networks of one architecture, one thread, the process's own seconds, medians of five rounds in
which the ways take turns. ``vmap`` stacks the members' weights and maps the forward pass over them
(``torch.func``); ``turns`` runs the members one after the other on the same mutants; both at the
dense engine's chunk and a quarter of it. ``incremental`` is that engine, member by member.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmarks.networks import NETWORKS, Subject
from deepmr.files import write_json
from deepmr.mutagenesis import Dense, Incremental, Variants, saturation
from deepmr.mutagenesis.dense import mutate
from deepmr.sequence import one_hot

_ROUNDS = 5


def main() -> None:
    """Measure, print, and write one record per model and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--models", default="cnn,paper,cnn_1000")
    parser.add_argument("--members", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    records = []
    for name in options.models.split(","):
        records += _measured(name, NETWORKS[name], options.members)
    write_json(
        options.json,
        {
            "command": f"python -m benchmarks.members --json OUT --models {options.models} "
            f"--members {options.members}",
            "torch": torch.__version__,
            "records": records,
        },
    )


def _measured(name: str, subject: Subject, n_members: int) -> list[dict[str, object]]:
    models = []
    for member in range(n_members):
        torch.manual_seed(member)
        models.append(subject.build().eval())
    codes = np.random.default_rng(0).integers(0, 4, (1, subject.length)).astype(np.uint8)
    variants = saturation(codes)
    chunk = Dense(models[0], length=subject.length).chunk
    n = min(variants.n_variants, 3 * chunk)
    mutants = one_hot(torch.from_numpy(mutate(codes, variants, np.zeros(n, int), np.arange(n))))
    ways = _ways(models, mutants, chunk) | {
        "incremental": _incremental(models, codes, variants, subject.length)
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for round_ in range(_ROUNDS + 1):
        for way, run in ways.items():
            start = time.process_time()
            done = run()
            if round_:  # the first one warms up
                seconds[way].append((time.process_time() - start) / done)
    in_turn = statistics.median(seconds[f"turns_{chunk}"])
    records: list[dict[str, object]] = []
    for way, values in seconds.items():
        median = statistics.median(values)
        records.append(
            {
                "model": name,
                "way": way,
                "members": n_members,
                "mutants_per_s": round(1 / median),
                "ratio_to_turns": round(in_turn / median, 2),
            }
        )
        print(records[-1], flush=True)
    return records


def _ways(models: list[nn.Module], mutants: Tensor, chunk: int) -> dict[str, Callable[[], int]]:
    parameters, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(models[0]).to("meta")

    def one(weights: dict[str, Tensor], state: dict[str, Tensor], sequence: Tensor) -> Tensor:
        return functional_call(skeleton, (weights, state), (sequence,))

    mapped = vmap(one, in_dims=(0, 0, None))

    def together(size: int) -> Callable[[], int]:
        def run() -> int:
            with torch.no_grad():
                for part in mutants.split(size):
                    mapped(parameters, buffers, part)
            return len(models) * len(mutants)

        return run

    def in_turn(size: int) -> Callable[[], int]:
        def run() -> int:
            with torch.no_grad():
                for model in models:
                    for part in mutants.split(size):
                        model(part)
            return len(models) * len(mutants)

        return run

    sizes = (chunk, chunk // 4)
    return {f"turns_{size}": in_turn(size) for size in sizes} | {
        f"vmap_{size}": together(size) for size in sizes
    }


def _incremental(
    models: list[nn.Module], codes: np.ndarray, variants: Variants, length: int
) -> Callable[[], int]:
    engines = [Incremental(model, length=length) for model in models]

    def run() -> int:
        for engine in engines:
            engine(codes, variants)
        return len(engines) * int(variants.mask.sum())

    return run


if __name__ == "__main__":
    main()
