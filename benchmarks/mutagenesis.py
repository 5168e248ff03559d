"""Speed and accuracy of saturation mutagenesis, engines side by side in one process.

    python -m benchmarks.mutagenesis --json OUT [--models deepsea,cnn] [--threads 1 --clock cpu]

Everyone at their best: plain PyTorch makes its mutants without a loop, in inference mode, and
tangermeme runs its exact fast path, set up beforehand and timed without its own checks; the batch
of each is the fastest of those up to 4,096, found before the rounds. ``auto`` is what an
interrogation runs, its check against whole forward passes included; ``incremental`` is the same
engine without it. The methods take turns, so that a busy machine slows all of them alike; medians
and ranges of the rounds are reported, and ratios within a round. Errors are those of single
effects, against whole forward passes in float64, on a sample of mutants.
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
from torch import Tensor, nn

from benchmarks.networks import NETWORKS, Subject
from deepmr.files import write_json
from deepmr.mutagenesis import Dense, Incremental, Variants, build_engine, saturation
from deepmr.mutagenesis.dense import mutate
from deepmr.sequence import one_hot

Method = Callable[[], int]
_SAMPLE = 48
BATCHES: Sequence[int] = (16, 32, 64, 96, 128, 256, 512, 1024, 2048, 4096)
_TRIALS = 4
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
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads > 1:
        parser.error("--clock cpu adds up the seconds of all threads; it needs --threads 1")
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    records: list[dict[str, object]] = []
    for name in options.models.split(","):
        records += measured(name, NETWORKS[name], device, options)
        run = {
            "command": f"python -m benchmarks.mutagenesis --json OUT --models {options.models} "
            f"--rounds {options.rounds} --threads {options.threads} --clock {options.clock}",
            "machine": f"{processor()}, {options.threads} thread(s), shared with other processes",
            "torch": torch.__version__,
            "records": records,
        }
        write_json(options.json, {"runs": [run]})


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measured(
    name: str, subject: Subject, device: torch.device, options: argparse.Namespace
) -> list[dict[str, object]]:
    """Return a record for each engine on one network.

    Args:
        name: Name of the network.
        subject: The network.
        device: Where to run.
        options: ``clock`` and ``rounds``.
    """
    torch.manual_seed(0)
    model = subject.build().to(device).eval()
    shape = (subject.loci, subject.length)
    codes = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    clock = timed(_CLOCKS[options.clock], device)
    methods, errors, batches = _methods(model, subject, codes, clock)
    speeds: dict[str, list[float]] = {method: [] for method in methods}
    for round_ in range(options.rounds + 1):
        for method, run in methods.items():
            speed = clock(run)
            if round_:  # the first one warms up
                speeds[method].append(speed)
    records = []
    for method, values in speeds.items():
        engine, _, dtype = method.partition(":")
        record: dict[str, object] = {
            "model": name,
            "engine": engine,
            "dtype": dtype or "float32",
            "device": device.type,
            "clock": options.clock,
            "loci": subject.loci,
            "batch": batches.get(method),
            "mutants_per_s": round(statistics.median(values), 1),
            "mutants_per_s_range": [round(min(values), 1), round(max(values), 1)],
            **_ratios("plain", values, speeds["plain"]),
            **_ratios("tangermeme", values, speeds.get("tangermeme")),
            **errors[method],
        }
        records.append(record)
        print(json.dumps(record), flush=True)
    return records


def _ratios(to: str, values: list[float], theirs: list[float] | None) -> dict[str, object]:
    if theirs is None:
        return {}
    ratios = [a / b for a, b in zip(values, theirs, strict=True)]
    span = [round(min(ratios), 2), round(max(ratios), 2)]
    key = "ratio_range" if to == "plain" else f"ratio_to_{to}_range"
    return {f"ratio_to_{to}": round(statistics.median(ratios), 2), key: span}


def timed(clock: Callable[[], float], device: torch.device) -> Callable[[Method], float]:
    """Return a function from a method to its mutants a second."""

    def speed(method: Method) -> float:
        start = clock()
        mutants = method()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return mutants / max(clock() - start, 1e-9)

    return speed


def best_batch(methods: dict[int, Method], speed: Callable[[Method], float]) -> int:
    """Return the batch of the fastest method: the best of four runs each, in turns."""
    best = dict.fromkeys(methods, 0.0)
    for _ in range(_TRIALS):
        for batch, method in methods.items():
            best[batch] = max(best[batch], speed(method))
    return max(best, key=lambda batch: best[batch])


def _methods(
    model: nn.Module, subject: Subject, codes: np.ndarray, speed: Callable[[Method], float]
) -> tuple[dict[str, Method], dict[str, dict[str, float]], dict[str, int]]:
    """Return each method, its errors, and its batch where it has been chosen."""
    variants = saturation(codes)
    sample = Sample.of(model, codes, variants)
    engines = {
        "dense": Dense(model, length=subject.length),
        "incremental": Incremental(model, length=subject.length),
        "incremental:bfloat16": Incremental(model, length=subject.length, precision="bfloat16"),
        "auto": build_engine(model, length=subject.length),
    }
    plain = Plain(model, codes, limited(variants, subject.plain_mutants))
    usable = [batch for batch in BATCHES if batch <= plain.mutants] or [plain.mutants]
    batch = best_batch({size: plain.in_batches(size) for size in usable}, speed)
    methods: dict[str, Method] = {"plain": plain.in_batches(batch)}
    batches = {"plain": batch}
    found = Plain(model, codes[:1], sample.some).outputs(batch)
    errors = {"plain": sample.errors(found)}
    for name, engine in engines.items():
        slow = engine.settings["engine"] == "dense"
        asked = limited(variants, subject.plain_mutants) if slow else variants
        methods[name] = measuring(engine, codes, asked)
        everything = engine(codes[:1], sample.some if slow else _first(variants))
        errors[name] = sample.errors(everything.difference[0][:, sample.chosen])
    theirs = tangermeme_on(model, subject, codes)
    if theirs is not None:
        batch = best_batch({size: theirs.in_batches(size) for size in BATCHES}, speed)
        methods["tangermeme"], batches["tangermeme"] = theirs.in_batches(batch), batch
        errors["tangermeme"] = sample.errors(theirs.outputs(sample.some, batch))
    return methods, errors, batches


class Sample:
    """Mutants of the first locus whose effects are known from float64."""

    def __init__(
        self, chosen: np.ndarray, some: Variants, exact: np.ndarray, largest: float
    ) -> None:
        self.chosen, self.some = chosen, some
        self._exact, self._largest = exact, largest

    @classmethod
    def of(cls, model: nn.Module, codes: np.ndarray, variants: Variants) -> Sample:
        """Draw the mutants, and run them in float64."""
        drawn = np.random.default_rng(1).choice(variants.n_variants, size=_SAMPLE, replace=False)
        chosen = np.sort(drawn)
        mask = np.zeros_like(variants.mask[:1])
        mask[0, chosen] = True
        first = _first(variants)
        some = Variants(offset=first.offset, ref=first.ref, alt=first.alt, mask=mask)
        length = codes.shape[1]
        exact = Dense(model, length=length, precision="float64")(codes[:1], some)
        everywhere = Incremental(model, length=length, precision="float64")(codes[:1], first)
        largest = float(np.abs(everywhere.difference).max())
        return cls(chosen, some, exact.difference[0][:, chosen], largest)

    def errors(self, found: np.ndarray) -> dict[str, float]:
        """Return errors of these mutants' effects, ``(task, mutant)``."""
        error = found.astype(np.float64) - self._exact
        return {
            "max_abs_error": float(np.abs(error).max()),
            "max_error_to_largest_effect": float(np.abs(error).max() / self._largest),
            "rel_rms_error": float(np.sqrt(np.mean(error**2) / np.mean(self._exact**2))),
        }


class Plain:
    """What plain PyTorch does at its best: batches of mutants, made without a loop."""

    def __init__(self, model: nn.Module, codes: np.ndarray, variants: Variants) -> None:
        self._model = model
        self._codes = codes
        self._locus, column = np.nonzero(variants.mask)
        self._variants, self._column = variants, column
        self.mutants = len(column)
        self._device = next(model.parameters()).device

    def in_batches(self, batch: int) -> Method:
        """Return a method that measures all mutants."""

        def run() -> int:
            self.outputs(batch)
            return self.mutants

        return run

    def outputs(self, batch: int) -> np.ndarray:
        """Return effects, ``(task, mutant)``: two outputs, subtracted."""
        parts = []
        with torch.inference_mode():
            start = self._model(self._encoded(self._codes))
            for first in range(0, self.mutants, batch):
                rows = slice(first, first + batch)
                locus = self._locus[rows]
                mutants = mutate(self._codes, self._variants, locus, self._column[rows])
                outputs = self._model(self._encoded(mutants))
                parts.append((outputs - start[torch.from_numpy(locus).to(self._device)]).cpu())
        return np.asarray(torch.cat(parts).double().numpy().T)

    def _encoded(self, codes: np.ndarray) -> Tensor:
        return one_hot(torch.from_numpy(codes).to(self._device), torch.float32)


def measuring(engine: Callable[..., object], codes: np.ndarray, variants: Variants) -> Method:
    """Return a method that measures all variants with an engine."""

    def run() -> int:
        engine(codes, variants)
        return int(variants.mask.sum())

    return run


def _first(variants: Variants) -> Variants:
    return variants.subset(slice(0, 1), variants.mask[:1])


def limited(variants: Variants, most: int) -> Variants:
    """Keep the first mutants: whole forward passes all take the same time."""
    mask = variants.mask.copy()
    mask.reshape(-1)[most:] = False
    return variants.subset(slice(0, variants.n_loci), mask)


class _Tangermeme:
    """tangermeme's fast path on edits spread over each locus."""

    def __init__(self, model: nn.Module, subject: Subject, codes: np.ndarray) -> None:
        from tangermeme import saturation_mutagenesis as theirs

        device = next(model.parameters()).device
        sequences = one_hot(torch.from_numpy(codes)).to(torch.int8)
        with torch.no_grad():
            self._fast = theirs._FastISM(  # noqa: SLF001 - its public function adds its checks
                model, sequences, None, 0, subject.length, device, torch.float32, False
            )
            self._start = model(sequences.float().to(device)).cpu()
        self._edits = []
        each = max(1, 3 * subject.plain_mutants // len(codes))
        for sequence in sequences:
            _, bases, places = theirs._single_edits(  # noqa: SLF001
                sequence, 0, subject.length
            )
            spread = np.linspace(0, len(bases) - 1, min(len(bases), each)).astype(np.int64)
            chosen = torch.from_numpy(np.unique(spread))
            self._edits.append((bases[chosen], places[chosen]))

    def in_batches(self, batch: int) -> Method:
        """Return a method that measures all edits."""

        def run() -> int:
            with torch.no_grad():
                for locus, edits in enumerate(self._edits):
                    self._fast.predict_edits(locus, *edits, batch, None)
            return sum(len(bases) for bases, _ in self._edits)

        return run

    def outputs(self, some: Variants, batch: int) -> np.ndarray:
        """Return the effects of some variants of the first locus, ``(task, mutant)``."""
        columns = np.flatnonzero(some.mask[0])
        edits = [
            torch.from_numpy(one[0, columns].astype(np.int64)) for one in (some.alt, some.offset)
        ]
        with torch.no_grad():
            found = self._fast.predict_edits(0, *edits, batch, None).cpu() - self._start[:1]
        return np.asarray(found.double().numpy().T)


def tangermeme_on(model: nn.Module, subject: Subject, codes: np.ndarray) -> _Tangermeme | None:
    """Return tangermeme where it is installed."""
    try:
        return _Tangermeme(model, subject, codes)
    except ImportError:
        return None


if __name__ == "__main__":
    main()
