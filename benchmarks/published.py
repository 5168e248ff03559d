"""Networks of published models by their shipped yamls: right, by which path, and how fast.

    python -m benchmarks.published --json OUT [--models basset,bpnet_lite] [--rounds 3]

Each is built from its yaml as a user's command builds it, at reduced width and depth where the
published one would take hours on a CPU (the record says which settings), with random weights and
random batch-norm statistics. Effects of a locus are compared with a loop of single forward passes
in float64. Engine, plain PyTorch at the best of its batch sizes and, where it is installed,
tangermeme at the best of its take turns in one process; the ratio is the median over rounds. A
network whose package is not installed is skipped; those whose code is a clone of their authors'
are rebuilt from their papers where it is missing, and the record says so.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.mutagenesis import processor
from benchmarks.published_settings import TRIALS, Trial, missing_packages, settings_of
from benchmarks.published_stand_ins import rebuilt_where_missing
from benchmarks.published_table import table
from deepmr.cli.optional_packages import HOW_TO_INSTALL
from deepmr.cli.trust import Trust, build
from deepmr.files import write_json
from deepmr.models import Adapter
from deepmr.mutagenesis import Incremental, NotTraceableError, Variants, build_engine, saturation
from deepmr.mutagenesis.model_state import in_float64, made_in_float64
from deepmr.sequence import one_hot

_BATCHES = (8, 32, 128)
_SAMPLE = 12  # mutants compared with the loop


def main() -> None:
    """Measure, print and write a record for each shipped yaml."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--models", default=",".join(TRIALS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mutants", type=int, help="timed by whole forward passes, at most")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.getLogger("deepmr").setLevel(logging.ERROR)
    records = []
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            trial = TRIALS[name]
            most = min(options.mutants or trial.mutants, trial.mutants)
            trial = replace(trial, mutants=most)
            with rebuilt_where_missing(name) as rebuilt:
                record = measured(name, trial, Path(folder), rounds=options.rounds)
            if rebuilt:
                record["package"] = "architecture rebuilt from its paper"
        print(json.dumps(record), flush=True)
        records.append(record)
    print("\n".join(table(records)))
    command = "python -m benchmarks.published --json OUT"
    write_json(
        options.json,
        {
            "command": f"{command} --rounds {options.rounds} --threads {options.threads}"
            + (f" --mutants {options.mutants}" if options.mutants else ""),
            "machine": f"{processor()}, {options.threads} thread(s)",
            "torch": torch.__version__,
            "records": records,
        },
    )


def measured(name: str, trial: Trial, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Return the record of one yaml.

    Args:
        name: Of the yaml in ``conf/model``.
        trial: How it is reduced, and how many mutants are timed.
        folder: For the files that it reads.
        rounds: Turns of each method.
    """
    part = settings_of(name, trial, folder)
    missing = missing_packages(part)
    if missing:
        return {"model": name, "skipped": f"needs {missing[0]}: {HOW_TO_INSTALL[missing[0]]}"}
    network = built(part, gain=trial.gain)
    length = network.locus_length or trial.length
    codes = np.random.default_rng(0).integers(0, 4, (1, length)).astype(np.uint8)
    with torch.no_grad():
        network.check(one_hot(torch.from_numpy(codes.astype(np.int64))))
    variants = saturation(codes)
    engine = build_engine(network, length=length, check=0)
    slow = engine.settings["engine"] == "dense"
    chosen = np.unique(np.linspace(0, variants.n_variants - 1, trial.mutants).astype(int))
    asked = _only(variants, chosen if slow else _stretch(variants, chosen, bases=2 * trial.mutants))
    sample = chosen[np.linspace(0, len(chosen) - 1, min(_SAMPLE, len(chosen))).astype(int)]
    found = engine(codes, asked).difference[0]
    exact = loop(network, codes[0], variants, sample)
    largest = np.maximum(np.abs(found).max(axis=1), np.abs(exact).max(axis=1))
    error = np.abs(found[:, sample] - exact).max(axis=1) / largest
    single = loop(network, codes[0], variants, sample, dtype=torch.float32)
    rounding = np.abs(single - exact).max(axis=1) / largest
    double = build_engine(network, length=length, check=0, precision="float64")
    closest = double(codes, _only(variants, sample)).difference[0][:, sample]
    methods: dict[str, Callable[[], int]] = {"engine": _runs(engine, codes, asked)}
    batch, methods["plain"] = _best(_plain(network, codes[0], variants, chosen))
    record: dict[str, Any] = {
        "model": name,
        "reduced": dict(trial.settings),
        "length": length,
        "tasks": len(network.tasks),
        "parameters": sum(p.numel() for p in network.inner_network.parameters()),
        "mutants": len(chosen),
        "path": str(engine.settings["engine"]),
        "reasons": _reasons(network, length, slow=slow),
        "max_error_to_largest_effect": float(error.max()),
        "of_plain_float32": float(rounding.max()),
        "of_engine_in_float64": float((np.abs(closest - exact).max(axis=1) / largest).max()),
        "plain_batch": batch,
    }
    theirs = _tangermeme(network, codes, trial)
    if isinstance(theirs, str):
        record["tangermeme"] = theirs
    else:
        record["tangermeme_batch"], methods["tangermeme"] = theirs
    return record | _ratios(methods, rounds)


def built(part: dict[str, Any], *, gain: float | None = 1.4) -> Adapter:
    """Return the network of a yaml, in evaluation mode, with random weights and statistics.

    PyTorch's own initial weights make signals fade from layer to layer, and what a base does to a
    deep network's output with them.

    Args:
        part: The part ``model`` of a configuration.
        gain: Standard deviation of a unit's weights, times the root of their number; None leaves
            the weights as their authors' code has them.
    """
    torch.manual_seed(0)
    network: Adapter = build(part, "model", Trust(own=True))
    for module in network.inner_network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
        elif gain is not None and isinstance(module, nn.Conv1d | nn.Linear):
            inputs = module.weight[0].numel()
            nn.init.normal_(module.weight, std=gain / inputs**0.5)
    return network.eval()


def loop(
    network: Adapter,
    codes: np.ndarray,
    variants: Variants,
    chosen: Sequence[int],
    *,
    dtype: torch.dtype = torch.float64,
) -> np.ndarray:
    """Return effects ``(task, variant)`` by a forward pass for each mutant.

    Args:
        network: The network.
        codes: Bases of the locus.
        variants: Its substitutions.
        chosen: Which of them.
        dtype: Of weights and sums; float64 by default.
    """
    exact = in_float64(network) if dtype == torch.float64 else network
    sequence = one_hot(torch.from_numpy(codes.astype(np.int64))).to(dtype)
    with torch.inference_mode(), made_in_float64(dtype):
        start = exact(sequence[None])[0]
        effects = []
        for one in chosen:
            mutant = sequence.clone()
            mutant[:, variants.offset[0, one]] = 0
            mutant[variants.alt[0, one], variants.offset[0, one]] = 1
            effects.append(exact(mutant[None])[0] - start)
    return torch.stack(effects, dim=1).double().numpy()


def _only(variants: Variants, chosen: Sequence[int]) -> Variants:
    mask = np.zeros_like(variants.mask)
    mask[0, chosen] = True
    return Variants(offset=variants.offset, ref=variants.ref, alt=variants.alt, mask=mask)


def _stretch(variants: Variants, chosen: np.ndarray, *, bases: int) -> np.ndarray:
    """Return the substitutions of the middle of a locus, and the chosen ones."""
    middle = (variants.n_variants - 3 * bases) // 2
    return np.union1d(np.arange(max(middle, 0), variants.n_variants - max(middle, 0)), chosen)


def _reasons(network: nn.Module, length: int, *, slow: bool) -> list[str]:
    """Say where the incremental part ends, or why there is none."""
    try:
        engine = Incremental(network, length=length)
    except (NotTraceableError, TypeError, RuntimeError, IndexError, AttributeError) as error:
        return [" ".join(str(error).split())[:200]]
    reasons = list(engine.fallback_reasons)
    if slow:
        speedup = engine.expected_speedup()
        reasons.append(f"incremental would do 1/{speedup:.2f} of the arithmetic: too little saved")
    return reasons


def _runs(engine: Any, codes: np.ndarray, variants: Variants) -> Callable[[], int]:
    def run() -> int:
        engine(codes, variants)
        return int(variants.mask.sum())

    return run


def _plain(
    network: nn.Module, codes: np.ndarray, variants: Variants, chosen: np.ndarray
) -> dict[int, Callable[[], int]]:
    """Return what a user writes first, at each batch size: one-hot mutants, inference mode."""
    sequence = one_hot(torch.from_numpy(codes.astype(np.int64)))
    alt, offset = (
        torch.from_numpy(a[0, chosen].astype(int)) for a in (variants.alt, variants.offset)
    )

    def at(size: int) -> Callable[[], int]:
        def run() -> int:
            with torch.inference_mode():
                for first in range(0, len(chosen), size):
                    part = slice(first, first + size)
                    rows = torch.arange(len(alt[part]))
                    mutants = sequence.repeat(len(rows), 1, 1)
                    mutants[rows, :, offset[part]] = 0
                    mutants[rows, alt[part], offset[part]] = 1
                    network(mutants)
            return len(chosen)

        return run

    return {size: at(size) for size in _BATCHES if size < 2 * len(chosen)}


def _tangermeme(
    network: nn.Module, codes: np.ndarray, trial: Trial
) -> tuple[int, Callable[[], int]] | str:
    """Return tangermeme's saturation mutagenesis of a stretch at its best batch, or why not."""
    try:
        from tangermeme.saturation_mutagenesis import saturation_mutagenesis
    except ImportError:
        return "not installed"
    sequence = one_hot(torch.from_numpy(codes.astype(np.int64))).float()
    bases = max(trial.mutants // 3, 2)
    start = (codes.shape[1] - bases) // 2

    def at(size: int) -> Callable[[], int]:
        def run() -> int:
            saturation_mutagenesis(
                network, sequence, start=start, end=start + bases, batch_size=size,
                device="cpu", raw_outputs=True,
            )  # fmt: skip
            return 3 * bases

        return run

    try:
        return _best({size: at(size) for size in _BATCHES if 1 < size < 6 * bases})
    except Exception as error:  # noqa: BLE001  (whatever it is, it is reported)
        return f"refused: {' '.join(f'{type(error).__name__}: {error}'.split())[:160]}"


def _best(methods: dict[int, Callable[[], int]]) -> tuple[int, Callable[[], int]]:
    speeds = {}
    for size, run in methods.items():
        speeds[size] = _speed(run)
    size = max(speeds, key=lambda one: speeds[one])
    return size, methods[size]


def _speed(run: Callable[[], int]) -> float:
    start = time.perf_counter()
    mutants = run()
    return mutants / (time.perf_counter() - start)


def _ratios(methods: dict[str, Callable[[], int]], rounds: int) -> dict[str, Any]:
    """Let the methods take turns; return median ratios to plain PyTorch of the same round."""
    speeds: dict[str, list[float]] = {method: [] for method in methods}
    for _ in range(rounds):
        for method, run in methods.items():
            speeds[method].append(_speed(run))
    found: dict[str, Any] = {"plain_mutants_per_s": round(statistics.median(speeds["plain"]), 1)}
    for method in methods:
        if method != "plain":
            ratios = [a / b for a, b in zip(speeds[method], speeds["plain"], strict=True)]
            found[f"{method}_to_plain"] = round(statistics.median(ratios), 2)
            found[f"{method}_to_plain_range"] = [round(min(ratios), 2), round(max(ratios), 2)]
    return found


if __name__ == "__main__":
    main()
