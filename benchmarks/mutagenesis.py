"""Speed and accuracy of saturation mutagenesis, engines side by side in one process.

    python -m benchmarks.mutagenesis --json OUT [--models deepsea,cnn] [--threads 1 --clock cpu]

The methods take turns, so that a busy machine slows all of them alike; medians and ranges of the
rounds are reported, and ratios to plain batched PyTorch of the same round. tangermeme takes part
where it is installed: its exact fast path at the better of two batch sizes, set up beforehand and
timed without its own checks. Errors are those of single effects, against whole forward passes in
float64, on a sample of mutants.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.networks import NETWORKS, Subject
from deepmr.files import write_json
from deepmr.mutagenesis import Dense, Incremental, Variants, build_engine, saturation
from deepmr.sequence import one_hot

Method = Callable[[], int]
_SAMPLE = 48
_BATCHES: Sequence[int] = (32, 288)
_CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def main() -> None:
    """Measure, print a table, and write one record per model and engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--models", default=",".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--clock",
        choices=_CLOCKS,
        default="wall",
        help="cpu counts this process's own seconds: for one thread on a busy machine",
    )
    parser.add_argument("--loci", type=int, default=8, help="loci a batch, for short ones")
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads > 1:
        parser.error("--clock cpu adds up the seconds of all threads; it needs --threads 1")
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    records = []
    for name in options.models.split(","):
        records += _measured(name, NETWORKS[name], device, options)
    write_json(
        options.json,
        {
            "command": f"python -m benchmarks.mutagenesis --json OUT --models {options.models} "
            f"--rounds {options.rounds} --threads {options.threads} --clock {options.clock} "
            f"--loci {options.loci}",
            "machine": f"{_processor()}, {options.threads} thread(s)",
            "torch": torch.__version__,
            "records": records,
        },
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _measured(
    name: str, subject: Subject, device: torch.device, options: argparse.Namespace
) -> list[dict[str, object]]:
    torch.manual_seed(0)
    model = subject.build().to(device).eval()
    n_loci = options.loci if subject.length <= 200 else 1
    codes = np.random.default_rng(0).integers(0, 4, (n_loci, subject.length)).astype(np.uint8)
    variants = saturation(codes)
    methods, errors = _methods(model, subject, codes, variants, device)
    clock = _CLOCKS[options.clock]
    speeds: dict[str, list[float]] = {method: [] for method in methods}
    for round_ in range(options.rounds + 1):
        for method, run in methods.items():
            start = clock()
            mutants = run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if round_:  # the first one warms up
                speeds[method].append(mutants / (clock() - start))
    records = []
    for method, values in speeds.items():
        ratios = [a / b for a, b in zip(values, speeds["plain"], strict=True)]
        engine, _, dtype = method.partition(":")
        record: dict[str, object] = {
            "model": name,
            "engine": engine,
            "dtype": dtype or "float32",
            "device": device.type,
            "clock": options.clock,
            "mutants_per_s": round(statistics.median(values), 1),
            "mutants_per_s_range": [round(min(values), 1), round(max(values), 1)],
            "ratio_to_plain": round(statistics.median(ratios), 2),
            "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
            **errors.get(method, {}),
        }
        records.append(record)
        print(json.dumps(record), flush=True)
    return records


def _methods(
    model: nn.Module,
    subject: Subject,
    codes: np.ndarray,
    variants: Variants,
    device: torch.device,
) -> tuple[dict[str, Method], dict[str, dict[str, float]]]:
    chosen = np.sort(
        np.random.default_rng(1).choice(variants.n_variants, size=_SAMPLE, replace=False)
    )
    mask = np.zeros_like(variants.mask)
    mask[0, chosen] = True
    some = Variants(offset=variants.offset, ref=variants.ref, alt=variants.alt, mask=mask)
    exact = Dense(model, length=subject.length, precision="float64")(codes[:1], _first(some))
    exact_values = exact.difference[0][:, chosen]
    everywhere = Incremental(model, length=subject.length, precision="float64")
    largest = float(np.abs(everywhere(codes[:1], _first(variants)).difference).max())
    engines = {
        "dense": Dense(model, length=subject.length),
        "incremental": Incremental(model, length=subject.length),
        "incremental:bfloat16": Incremental(model, length=subject.length, precision="bfloat16"),
        "auto": build_engine(model, length=subject.length),
    }
    methods: dict[str, Method] = {"plain": _plain(model, subject, codes, device)}
    errors: dict[str, dict[str, float]] = {}
    few = _limited(variants, subject.plain_mutants)
    for method, engine in engines.items():
        slow = engine.settings["engine"] == "dense"
        asked = few if slow else variants
        methods[method] = _runs(engine, codes, asked)
        found = engine(codes[:1], _first(some if slow else variants)).difference[0][:, chosen]
        errors[method] = _errors(found.astype(np.float64), exact_values, largest)
    edits = (variants.alt[0, chosen], variants.offset[0, chosen])
    found = _plain_outputs(model, codes, *edits, device)
    errors["plain"] = _errors(found, exact_values, largest)
    theirs, outputs = _tangermeme(model, subject, codes, edits, device)
    methods |= theirs
    errors |= {name: _errors(found, exact_values, largest) for name, found in outputs.items()}
    return methods, errors


def _errors(found: np.ndarray, exact: np.ndarray, largest: float) -> dict[str, float]:
    error = found - exact
    return {
        "max_abs_error": float(np.abs(error).max()),
        "max_error_to_largest_effect": float(np.abs(error).max() / largest),
        "rel_rms_error": float(np.sqrt(np.mean(error**2) / np.mean(exact**2))),
    }


def _runs(engine: Callable[..., object], codes: np.ndarray, variants: Variants) -> Method:
    def run() -> int:
        engine(codes, variants)
        return int(variants.mask.sum())

    return run


def _first(variants: Variants) -> Variants:
    return Variants(
        offset=variants.offset[:1],
        ref=variants.ref[:1],
        alt=variants.alt[:1],
        mask=variants.mask[:1],
    )


def _limited(variants: Variants, most: int) -> Variants:
    """Keep each locus's first mutants: whole forward passes all take the same time."""
    mask = variants.mask.copy()
    mask[:, most:] = False
    return Variants(offset=variants.offset, ref=variants.ref, alt=variants.alt, mask=mask)


def _plain(model: nn.Module, subject: Subject, codes: np.ndarray, device: torch.device) -> Method:
    """Return what a user writes first: one-hot mutants in batches of 96, inference mode."""

    def run() -> int:
        sequence = one_hot(torch.from_numpy(codes[0].astype(np.int64)))
        reference = torch.from_numpy(codes[0].astype(np.int64))
        with torch.inference_mode():
            start = model(sequence[None].to(device))
            for first in range(0, subject.plain_mutants, 96):
                size = min(96, subject.plain_mutants - first)
                mutants = sequence.repeat(size, 1, 1)
                for row in range(size):
                    position, step = divmod(first + row, 3)
                    alternative = (int(reference[position]) + 1 + step) % 4
                    mutants[row, :, position] = 0
                    mutants[row, alternative, position] = 1
                (model(mutants.to(device)) - start).cpu()
        return subject.plain_mutants

    return run


def _plain_outputs(
    model: nn.Module,
    codes: np.ndarray,
    alternative: np.ndarray,
    position: np.ndarray,
    device: torch.device,
) -> np.ndarray:
    """Return the effects of some mutants as plain PyTorch gives them: two outputs, subtracted."""
    sequence = one_hot(torch.from_numpy(codes[0].astype(np.int64)))
    mutants = sequence.repeat(len(position), 1, 1)
    rows = torch.arange(len(position))
    mutants[rows, :, position] = 0
    mutants[rows, alternative, position] = 1
    with torch.inference_mode():
        effects = model(mutants.to(device)) - model(sequence[None].to(device))
    return np.asarray(effects.double().cpu().numpy().T)


def _tangermeme(
    model: nn.Module,
    subject: Subject,
    codes: np.ndarray,
    edits: tuple[np.ndarray, np.ndarray],
    device: torch.device,
) -> tuple[dict[str, Method], dict[str, np.ndarray]]:
    """Return tangermeme's fast path at two batch sizes, on edits spread over the locus.

    Beside it, what it gives for some mutants (bases and positions of ``edits``), less its output
    for the locus.
    """
    try:
        from tangermeme import saturation_mutagenesis as theirs
    except ImportError:
        return {}, {}
    sequence = one_hot(torch.from_numpy(codes[:1].astype(np.int64))).to(torch.int8)
    with torch.no_grad():
        fast = theirs._FastISM(  # noqa: SLF001 - its public function adds checks to the time
            model, sequence, None, 0, subject.length, device, torch.float32, False
        )
    _, characters, positions = theirs._single_edits(  # noqa: SLF001
        sequence[0], 0, subject.length
    )
    spread = np.linspace(0, len(characters) - 1, min(len(characters), 3 * subject.plain_mutants))
    chosen = torch.from_numpy(spread.astype(np.int64)).unique()

    def at(size: int) -> Method:
        def run() -> int:
            with torch.no_grad():
                fast.predict_edits(0, characters[chosen], positions[chosen], size, None)
            return len(chosen)

        return run

    some = [torch.from_numpy(edit.astype(np.int64)) for edit in edits]
    with torch.no_grad():
        start = model(sequence.float().to(device)).cpu()
        outputs = {
            f"tangermeme_{size}": (fast.predict_edits(0, *some, size, None) - start)
            for size in _BATCHES
        }
    return (
        {f"tangermeme_{size}": at(size) for size in _BATCHES},
        {name: output.double().numpy().T for name, output in outputs.items()},
    )


if __name__ == "__main__":
    main()
