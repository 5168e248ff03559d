"""Planning table of a study: hours, disk and memory from rates measured here."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from deepmr.io.shard_size import estimate_bytes
from deepmr.losses import MultiTaskLoss
from deepmr.mutagenesis import build_engine, bytes_in_memory, mutants_per_second, saturation
from deepmr.sequence import one_hot
from deepmr.tasks import Task, TaskTable

__all__ = ["PlanRow", "Rates", "Study", "measure_rates", "plan_rows", "plan_text"]

_SECONDS = 2.0  # of steps that are timed
_TRAINING_LOCI = 8  # loci whose mutants are timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Speed of one process on one device.

    Args:
        mutants: Mutants that one network measures in a second.
        windows: Training windows of one network in a second.
        training_bytes: Memory of a training process without its data, in bytes.
        source: How the rates came about, for people.
    """

    mutants: float
    windows: float
    training_bytes: float
    source: str

    def __post_init__(self) -> None:
        for name in ("mutants", "windows"):
            if not getattr(self, name) > 0:
                raise ValueError(f"rate of {name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Size of a study.

    Args:
        length: Bases of a window.
        tasks: Outputs of the network.
        kept: Tasks whose effects are stored.
        members: Networks of the ensemble.
        windows: Windows of the training split.
        epochs: Epochs of each member.
        dtype: Type of stored effects, ``float32`` or ``float16``.
        loci_per_shard: Loci of a shard.

    Raises:
        ValueError: If a number is below 1, or more tasks are kept than there are.
    """

    length: int
    tasks: int
    kept: int
    members: int
    windows: int
    epochs: int
    dtype: str = "float32"
    loci_per_shard: int = 16

    def __post_init__(self) -> None:
        for name in ("length", "tasks", "kept", "members", "windows", "epochs", "loci_per_shard"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.kept > self.tasks:
            raise ValueError(f"kept must not exceed the {self.tasks} tasks, got {self.kept}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A step on some nodes.

    Args:
        step: ``train`` or ``interrogate``.
        loci: Loci of an interrogation; 0 for a training.
        nodes: Processes with a device each.
        hours: Time until the last one is done.
        disk: Bytes written.
        memory: Bytes of main memory of each process.
    """

    step: str
    loci: int
    nodes: int
    hours: float
    disk: float
    memory: float


def measure_rates(network: nn.Module, *, length: int, batch_size: int, device: str) -> Rates:
    """Time mutagenesis and training of a network for a few seconds each.

    Args:
        network: The network; its weights are changed.
        length: Bases of a window.
        batch_size: Windows of a training step.
        device: ``cpu`` or ``cuda``.
    """
    codes = np.random.default_rng(0).integers(0, 4, (_TRAINING_LOCI, length)).astype(np.uint8)
    network = network.to(device)
    engine = build_engine(network, length=length)
    mutants = mutants_per_second(engine, codes, saturation(codes), seconds=_SECONDS)
    windows = _windows_per_second(network, length=length, batch_size=batch_size, device=device)
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    return Rates(
        mutants=mutants,
        windows=windows,
        training_bytes=_peak_bytes(),
        source=f"measured on {device}{threads}, {engine.settings['engine']} engine",
    )


def _peak_bytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _windows_per_second(network: nn.Module, *, length: int, batch_size: int, device: str) -> float:
    codes = torch.randint(0, 4, (batch_size, length), dtype=torch.uint8, device=device)
    n_tasks = int(network.eval()(one_hot(codes[:1])).shape[1])
    network.train()
    loss = MultiTaskLoss(TaskTable(tuple(Task(f"task-{k}") for k in range(n_tasks)))).to(device)
    optimizer = torch.optim.AdamW(network.parameters())
    target = torch.randint(0, 2, (batch_size, n_tasks), device=device).float()
    mask = torch.ones_like(target, dtype=torch.bool)

    def step() -> float:
        optimizer.zero_grad()
        value = loss(network(one_hot(codes)), target, mask)
        value.backward()
        optimizer.step()
        return float(value.detach())  # waits for the device

    return batch_size / _seconds_of(step)


def _seconds_of(step: Callable[[], float]) -> float:
    step()
    steps, began = 0, time.perf_counter()
    while steps < 2 or time.perf_counter() - began < _SECONDS:
        step()
        steps += 1
    return (time.perf_counter() - began) / steps


def plan_rows(
    study: Study, rates: Rates, *, loci: Sequence[int], nodes: Sequence[int]
) -> list[PlanRow]:
    """Return hours, disk and memory of a training and of interrogations.

    Members are trained side by side, and shards of loci divided, as far as there are nodes.

    Args:
        study: Size of the study.
        rates: Speed of one process.
        loci: Numbers of loci.
        nodes: Numbers of processes.

    Example:
        >>> study = Study(length=1000, tasks=2, kept=2, members=5, windows=100_000, epochs=10)
        >>> rates = Rates(mutants=1e4, windows=1e3, training_bytes=1e9, source="")
        >>> [round(row.hours, 2) for row in plan_rows(study, rates, loci=[1000], nodes=[1, 5])]
        [1.39, 0.28, 0.42, 0.09]
    """
    rows = [_training(study, rates, n) for n in nodes]
    return rows + [_interrogation(study, rates, k, n) for k in loci for n in nodes]


def _training(study: Study, rates: Rates, nodes: int) -> PlanRow:
    turns = math.ceil(study.members / nodes)
    data = study.windows * (study.length + 5 * study.tasks)  # codes, targets, masks
    return PlanRow(
        step="train",
        loci=0,
        nodes=nodes,
        hours=turns * study.epochs * study.windows / rates.windows / 3600,
        disk=0.0,
        memory=rates.training_bytes + data,
    )


def _interrogation(study: Study, rates: Rates, loci: int, nodes: int) -> PlanRow:
    variants = 3 * study.length
    shards = math.ceil(loci / study.loci_per_shard)
    most = min(loci, math.ceil(shards / nodes) * study.loci_per_shard)
    shape = {"n_variants": variants, "n_tasks": study.kept, "n_members": study.members}
    together = min(loci, study.loci_per_shard)
    memory = bytes_in_memory(n_loci=together, n_outputs=study.tasks, **shape)
    return PlanRow(
        step="interrogate",
        loci=loci,
        nodes=nodes,
        hours=most * variants * study.members / rates.mutants / 3600,
        disk=estimate_bytes(
            n_loci=loci, dtype=study.dtype, loci_per_shard=study.loci_per_shard, **shape
        ),
        memory=rates.training_bytes + memory,
    )


def plan_text(study: Study, rates: Rates, rows: Sequence[PlanRow]) -> str:
    """Return the table for people, in Markdown.

    Args:
        study: Size of the study.
        rates: The rates.
        rows: Rows of `plan_rows`.
    """
    lines = [
        f"{study.length} bases, {study.tasks} tasks ({study.kept} kept as {study.dtype}), "
        f"{study.members} members, {study.windows:,} windows, {study.epochs} epochs",
        f"{rates.mutants:,.0f} mutants/s, {rates.windows:,.0f} training windows/s a process "
        f"({rates.source})",
        "",
        "| step | loci | nodes | hours | disk | memory a process |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            row.step,
            f"{row.loci:,}" if row.loci else "",
            str(row.nodes),
            f"{row.hours:.2g}" if row.hours < 10 else f"{row.hours:,.0f}",
            _size(row.disk) if row.disk else "",
            _size(row.memory),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"
