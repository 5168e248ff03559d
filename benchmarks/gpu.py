"""What a card does: its ceilings, mutagenesis, training, and what shards cost, in one call.

    python -m benchmarks.gpu --json OUT [--device cuda] [--quick] [--minutes 9]

Everything is printed as soon as it is measured, one JSON record a line, and written at the end.
Times are wall times up to the end of the device's work. Parts that the minutes do not suffice for
are named as left out. ``--device cpu --quick`` runs the same code at small sizes, to test it.

Records: ``ceiling`` (copies in GB/s, matrix products in TFLOP/s), ``mutagenesis`` (mutants a
second in each precision, ratios to plain PyTorch and tangermeme at their best batch, errors
against float64, and kernels started for each block), ``training`` (windows a second of a minimal
loop, and its share of the measured ceiling), and ``shards`` (share of the time in which the device
had nothing to do while effects were measured and written).
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.mutagenesis import (
    BATCHES,
    Plain,
    Sample,
    best_batch,
    limited,
    measuring,
    processor,
    tangermeme_on,
    timed,
)
from benchmarks.networks import NETWORKS, Subject
from deepmr.effects import MemberEffects
from deepmr.files import write_json
from deepmr.genome import Interval
from deepmr.io.shard_store import ShardStore
from deepmr.mutagenesis import Incremental, Variants, saturation
from deepmr.mutagenesis.incremental.propagation import Mutants

Record = dict[str, Any]
_MODELS = ("deepsea", "bpnet_like", "cnn")
_ROUNDS = 3
_DTYPES = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}


def main() -> None:
    """Measure all parts that fit the time, print and write their records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small sizes, to test the benchmark")
    parser.add_argument("--minutes", type=float, default=9.0, help="start no part after these")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda needs a CUDA device, and torch finds none; use --device cpu")
    records: list[Record] = []
    end = time.monotonic() + 60 * options.minutes
    for part, name, measure in _parts(device, quick=options.quick):
        if time.monotonic() > end:
            found: Iterator[Record] = iter([{"part": part, "name": name, "left_out": "no time"}])
        else:
            found = measure()
        for record in found:
            print(json.dumps(record), flush=True)
            records.append(record)
    quick = " --quick" if options.quick else ""
    write_json(
        options.json,
        {
            "command": f"python -m benchmarks.gpu --json OUT --device {options.device}{quick}",
            "machine": _name(device),
            "torch": torch.__version__,
            "records": records,
        },
    )


def _parts(
    device: torch.device, *, quick: bool
) -> list[tuple[str, str, Callable[[], Iterator[Record]]]]:
    """Return each part's kind, its subject, and what measures it, the shortest first."""
    models = ("cnn",) if quick else _MODELS
    return [
        ("ceiling", "device", functools.partial(ceilings, device, quick=quick)),
        *(
            (part, model, functools.partial(measure, model, device, quick=quick))
            for part, measure in (("mutagenesis", mutagenesis), ("training", training))
            for model in models
        ),
        ("shards", models[0], functools.partial(shards, models[0], device, quick=quick)),
    ]


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()


def _precisions(device: torch.device) -> tuple[str, ...]:
    return tuple(_DTYPES) if device.type == "cuda" else ("float32", "bfloat16")


@contextmanager
def _matmul(precision: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def _seconds(function: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the median wall seconds of a function, after one uncounted call."""
    took = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        took.append(time.perf_counter() - start)
    return float(np.median(took[1:]))


def ceilings(device: torch.device, *, quick: bool) -> Iterator[Record]:
    """Yield the speed of copies and of square matrix products, in each precision.

    Args:
        device: Where to run.
        quick: Small sizes.
    """
    source = torch.empty((1 << 22) if quick else (1 << 28), dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    moved = 2 * source.numel() * source.element_size()  # read and written
    rate = moved / _seconds(lambda: target.copy_(source), device, 5)
    yield {"part": "ceiling", "name": "copy", "GB_per_s": round(rate / 1e9, 2)}
    for precision in _precisions(device):
        rate = _matrix_rate(device, precision, 256 if quick else 8192)
        record = {"part": "ceiling", "name": "matrix", "precision": precision}
        yield record | {"TFLOP_per_s": round(rate / 1e12, 4)}


def _matrix_rate(device: torch.device, precision: str, size: int) -> float:
    """Return the floating-point operations a second of a square matrix product."""
    values = torch.randn((size, size), device=device).to(_DTYPES[precision])
    with _matmul(precision):
        return 2 * size**3 / _seconds(lambda: values @ values, device, 5)


def mutagenesis(name: str, device: torch.device, *, quick: bool) -> Iterator[Record]:
    """Yield speed and error of one network in each precision, beside plain and tangermeme.

    Args:
        name: Name of the network.
        device: Where to run.
        quick: Fewer mutants and batches.
    """
    subject = NETWORKS[name]
    torch.manual_seed(0)
    model = subject.build().to(device).eval()
    codes = _codes(subject, 2 if quick else subject.loci)
    variants = saturation(codes)
    sample = Sample.of(model, codes, variants)
    speed = timed(time.perf_counter, device)
    sizes = (64, 256) if quick else BATCHES
    few = limited(variants, 512 if quick else 4096)
    speeds: dict[str, float] = {}
    plain = Plain(model, codes, few)
    batch = best_batch({size: plain.in_batches(size) for size in sizes}, speed)
    speeds["plain"] = _median(plain.in_batches(batch), speed)
    found = Plain(model, codes[:1], sample.some).outputs(batch)
    yield _mutagenesis_record(name, "plain", "float32", speeds, sample.errors(found)) | {
        "batch": batch
    }
    theirs = tangermeme_on(model, subject, codes)
    if theirs is not None:
        batch = best_batch({size: theirs.in_batches(size) for size in sizes}, speed)
        speeds["tangermeme"] = _median(theirs.in_batches(batch), speed)
        errors = sample.errors(theirs.outputs(sample.some, batch))
        yield _mutagenesis_record(name, "tangermeme", "float32", speeds, errors) | {"batch": batch}
    for precision in _precisions(device):
        engine = Incremental(model, length=subject.length, precision=precision)
        speeds["incremental"] = _median(measuring(engine, codes, variants), speed)
        effects = engine(codes[:1], variants.subset(slice(0, 1), variants.mask[:1]))
        errors = sample.errors(effects.difference[0][:, sample.chosen])
        record = _mutagenesis_record(name, "incremental", precision, speeds, errors)
        yield record | _launches(engine, codes[:1], device)


def _codes(subject: Subject, loci: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 4, (loci, subject.length)).astype(np.uint8)


def _median(method: Callable[[], int], speed: Callable[[Callable[[], int]], float]) -> float:
    return float(np.median([speed(method) for _ in range(_ROUNDS + 1)][1:]))


def _mutagenesis_record(
    name: str, engine: str, precision: str, speeds: dict[str, float], errors: dict[str, float]
) -> Record:
    record: Record = {"part": "mutagenesis", "name": name, "engine": engine, "precision": precision}
    record["mutants_per_s"] = round(speeds[engine], 1)
    for other in ("plain", "tangermeme"):
        if other in speeds:
            record[f"ratio_to_{other}"] = round(speeds[engine] / speeds[other], 2)
    return record | errors


def _launches(engine: Incremental, codes: np.ndarray, device: torch.device) -> Record:
    """Return kernels started for each block of one locus; on a CPU, operations."""
    variants = saturation(codes)
    mutants = Mutants(
        np.zeros(variants.n_variants, dtype=np.int64), variants.offset[0], variants.alt[0]
    )
    stride = engine._network.total_stride  # noqa: SLF001 - blocks are the engine's own matter
    blocks = len(mutants.blocks(stride, engine.chunk))
    engine(codes, variants)
    cuda = [ProfilerActivity.CUDA] if device.type == "cuda" else []
    with profile(activities=[ProfilerActivity.CPU, *cuda]) as found:
        engine(codes, variants)
    started = "cudaLaunchKernel" if device.type == "cuda" else "aten::"
    count = sum(one.count for one in found.key_averages() if one.key.startswith(started))
    what = "kernels_a_block" if device.type == "cuda" else "operations_a_block"
    return {"blocks_a_locus": blocks, what: round(count / blocks, 1)}


def training(name: str, device: torch.device, *, quick: bool) -> Iterator[Record]:
    """Yield the windows a second of a minimal training loop, and its share of the ceiling.

    Args:
        name: Name of the network.
        device: Where to run.
        quick: Small batches and matrices.
    """
    subject = NETWORKS[name]
    batch = 16 if quick else 512
    for precision in _precisions(device):
        torch.manual_seed(0)
        model = subject.build().to(device).train()
        step, operations = _training_step(model, subject, batch, precision, device)
        with _matmul(precision):
            rate = batch / _seconds(step, device, 3 if quick else 10)
        ceiling = _matrix_rate(device, precision, 256 if quick else 8192)
        yield {
            "part": "training",
            "name": name,
            "precision": precision,
            "batch": batch,
            "windows_per_s": round(rate, 1),
            "share_of_matrix_ceiling": round(rate * operations / ceiling, 4),
        }


def _training_step(
    model: nn.Module, subject: Subject, batch: int, precision: str, device: torch.device
) -> tuple[Callable[[], None], float]:
    """Return one step on random windows, and its floating-point operations a window."""
    sequences = torch.nn.functional.one_hot(
        torch.randint(0, 4, (batch, subject.length), device=device), 4
    )
    inputs = sequences.transpose(1, 2).float().contiguous()
    with torch.no_grad():
        targets = torch.rand_like(model(inputs)).round()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=device.type == "cuda")

    def step() -> None:
        reduced = precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16) if reduced else nullcontext():
            outputs = model(inputs)
        loss = nn.functional.binary_cross_entropy_with_logits(outputs.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    return step, counter.get_total_flops() / batch


def shards(name: str, device: torch.device, *, quick: bool) -> Iterator[Record]:
    """Yield the share of time in which the device waits while effects are measured and written.

    Args:
        name: Name of the network.
        device: Where to run.
        quick: Two shards of two loci.
    """
    subject = NETWORKS[name]
    torch.manual_seed(0)
    model = subject.build().to(device).eval()
    engine = Incremental(model, length=subject.length)
    each, n_shards = (2, 2) if quick else (16, 4)
    codes = _codes(subject, each * n_shards)
    loci = tuple(
        Interval("chr1", i * subject.length, (i + 1) * subject.length) for i in range(len(codes))
    )
    engine(codes[:1], saturation(codes[:1]))
    with tempfile.TemporaryDirectory() as folder:
        store = ShardStore(
            folder,
            fingerprint="benchmark",
            loci=loci,
            loci_per_shard=each,
            tasks=("A", "B"),
            n_members=1,
            effect_scale={"A": "logit", "B": "logit"},
        )
        inside = 0.0
        cuda = [ProfilerActivity.CUDA] if device.type == "cuda" else []
        with profile(activities=cuda) if cuda else nullcontext() as found:
            start = time.perf_counter()
            for index in range(n_shards):
                rows = slice(index * each, (index + 1) * each)
                inside += _shard(engine, codes[rows], store, index)
            total = time.perf_counter() - start
    record: Record = {"part": "shards", "name": name, "shards": n_shards, "seconds": total}
    record["share_outside_the_engine"] = round(1 - inside / total, 4)
    if found is not None:
        busy = sum(one.self_device_time_total for one in found.key_averages()) / 1e6
        record["idle_share_of_the_device"] = round(1 - busy / total, 4)
    yield record


def _shard(engine: Incremental, codes: np.ndarray, store: ShardStore, index: int) -> float:
    """Measure and write one shard; return the seconds in the engine."""
    variants: Variants = saturation(codes)
    start = time.perf_counter()
    raw = engine(codes, variants)
    took = time.perf_counter() - start
    effects = MemberEffects(
        value=raw.difference[:, :2, None].astype(np.float64),
        tasks=("A", "B"),
        offset=variants.offset,
        ref=variants.ref,
        alt=variants.alt,
        mask=variants.mask,
    )
    reference = raw.reference[:, :2, None].astype(np.float64)
    store.write(index, store.loci_of(index), effects, reference)
    return took


if __name__ == "__main__":
    main()
