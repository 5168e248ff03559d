"""`deepmr inspect`: what a checkpoint, a network or a run is, without asking it anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from deepmr.adapted import adapter_of
from deepmr.cli.networks import load_adapted, networks_of_runs, tasks_of
from deepmr.cli.parts import part, plain
from deepmr.cli.trust import Trust
from deepmr.files import expand_paths, sha256
from deepmr.models import Adapter, Readout
from deepmr.models.reductions import shapes
from deepmr.mutagenesis import Engine, check_repeatable, mutants_per_second, saturation
from deepmr.mutagenesis.model_state import device_of, evaluation_mode
from deepmr.sequence import one_hot
from deepmr.tasks import TaskTable
from deepmr.uncertainty import Ensemble
from deepmr.weights import read_checkpoint, weights_file
from deepmr.workflow.network_checks import REPEATABLE, check_readings
from deepmr.workflow.trained_runs import find_runs

__all__ = ["run_inspection"]

_TASKS = 20  # listed by name
_SEQUENCES = 8


def run_inspection(config: DictConfig) -> float:
    """Print what is read, tasks, engine, speed and checks; interrogate nothing, write nothing.

    Returns:
        The number of mutants measured a second, NaN where nothing was built.

    Raises:
        ValueError: If a setting is missing, a network cannot be built or read, or a check fails.
        FileNotFoundError: If a file is missing.
    """
    settings = plain(config)
    own = Trust(packages=settings.get("trust") or (), own=True)
    if settings["run"] is not None:
        return _inspect_run(settings, own)
    named = settings["checkpoint"]
    files = [weights_file(path) for path in expand_paths(named, what="checkpoint")] if named else []
    for path in files:
        print(
            f"checkpoint: {path} ({path.stat().st_size / 1e6:,.1f} MB, sha256 {sha256(path)[:12]})"
        )
    if not settings.get("model"):
        if not files:
            raise ValueError(
                "inspect needs checkpoint=FILE, model=NAME or run=FOLDER; for example "
                "deepmr inspect model=mine checkpoint=net.ckpt"
            )
        for path in files:
            _print_weights(_tensors(path), settings["weights"])
        return float("nan")
    networks = [load_adapted(settings, own, path) for path in files or (None,)]
    if not files:
        print("checkpoint: none was named; the network has random weights")
    _print_weights(_inner(networks[0]).state_dict(), settings["weights"])
    adapter = adapter_of(networks)
    length = settings["length"] or (adapter.locus_length if adapter else None)
    if length is None:
        raise ValueError(
            "length= must be set to the bases of a sequence: neither run nor model says it"
        )
    tasks = tasks_of(settings, networks[0]) if adapter or settings["tasks"] else None
    return _inspect(networks, tasks, int(length), settings, own)


def _inspect_run(settings: Mapping[str, Any], own: Trust) -> float:
    runs = find_runs(settings["run"])
    for run in runs:
        print(f"run: {run.folder}")
        for path in run.checkpoints:
            print(f"checkpoint: {path} (sha256 {sha256(path)[:12]})")
    networks = networks_of_runs(runs, scale="logit", uncertainty=Ensemble(), settings=settings)
    modules = networks.members.networks
    _print_weights(_inner(modules[0]).state_dict(), settings["weights"])
    length = int(settings["length"] or networks.length or 0)
    return _inspect(modules, networks.tasks, length, settings, own)


def _inspect(
    networks: list[nn.Module],
    tasks: TaskTable | None,
    length: int,
    settings: Mapping[str, Any],
    own: Trust,
) -> float:
    inner = _inner(networks[0])
    count = sum(one.numel() for one in inner.parameters())
    members = f", {len(networks)} members" if len(networks) > 1 else ""
    name = f"{type(inner).__module__}.{type(inner).__qualname__}"
    print(f"network: {name}, {count:,} parameters{members}")
    adapter = adapter_of(networks)
    print(f"input: {_input_line(adapter, length)}")
    print(f"output: {_output_shapes(networks[0], length)}")
    for line in check_readings(networks, length):
        print(f"check: {line}")
    _print_tasks(tasks, adapter)
    speed = _print_engine(networks[0], length, settings, own)
    for network in networks:
        check_repeatable(network, length=length)
    print(f"check: {REPEATABLE}")
    _print_reference(networks, length, tasks)
    return speed


def _inner(network: nn.Module) -> nn.Module:
    return network.network if isinstance(network, Adapter) else network


def _input_line(adapter: Adapter | None, length: int) -> str:
    if adapter is None:
        return f"(batch, 4, {length}): A, C, G, T"
    form = adapter.format
    flank = f", {form.flank} of them {form.flank_of} on either side" if form.flank else ""
    extra = f", and {', '.join(map(str, form.extra))} held constant" if form.extra else ""
    total = length + 2 * form.padding
    return (
        f"{form.layout} with channels {form.channels}, {total} bases{flank}, strand {form.strand}"
        f"{extra}"
    )


def _output_shapes(network: nn.Module, length: int) -> str:
    sequences = one_hot(torch.from_numpy(_random(2, length)).to(device_of(network)))
    with evaluation_mode(network):
        try:
            output = network.raw(sequences) if isinstance(network, Adapter) else network(sequences)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(
                f"the network cannot read 2 sequences of {length} bases "
                f"({type(error).__name__}: {str(error).splitlines()[0][:200]}); see length= and "
                "the model's input"
            ) from error
    return f"{shapes(output)} for 2 sequences"


def _print_tasks(tasks: TaskTable | None, adapter: Adapter | None) -> None:
    if tasks is None:
        print("tasks: not named; tasks=FILE, or outputs of the model, names them")
        return
    print(f"tasks: {len(tasks)}")
    read = {one.name: one for one in adapter.readouts} if adapter else {}
    for task in list(tasks)[:_TASKS]:
        how = _reading(read[task.name]) if task.name in read else ""
        print(f"  {task.name}: {task.kind}{how}")
    if len(tasks) > _TASKS:
        print(f"  and {len(tasks) - _TASKS} more")


def _reading(readout: Readout) -> str:
    parts = [
        f"{name} {value}"
        for name, value in (
            ("take", list(readout.take) or None),
            ("channel", readout.channel),
            ("reduce", readout.reduce),
            ("activation", readout.activation or "not said"),
        )
        if value is not None
    ]
    where = readout.positions
    if where is not None and not where.is_all:
        around = f"{where.anchor} " if where.anchor else ""
        span = f"({where.width})" if where.width else f"{where.start}:{where.stop}"
        parts.insert(1, f"positions {around}{span}")
    return f" ({', '.join(parts)})"


def _print_engine(
    network: nn.Module, length: int, settings: Mapping[str, Any], own: Trust
) -> float:
    """Build the engine, and time it on a random sequence."""
    said: list[str] = []

    class _Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log = logging.getLogger("deepmr.mutagenesis.build")
    keep, before, level = _Keep(), log.propagate, log.level
    log.addHandler(keep)
    log.propagate = False
    log.setLevel(logging.INFO)
    try:
        engine: Engine = part(settings["mutagenesis"], "mutagenesis", own)(network, length=length)
    finally:
        log.removeHandler(keep)
        log.propagate = before
        log.setLevel(level)
    why = "; ".join(dict.fromkeys(said)) or "every layer has a rule"
    print(f"engine: {engine.settings['engine']}: {why}")
    codes = _random(1, length)
    began = time.perf_counter()
    speed = mutants_per_second(engine, codes, saturation(codes))
    print(
        f"speed: about {speed:,.0f} mutants/s a member on {device_of(network)} "
        f"(timed for {time.perf_counter() - began:.1f} s)"
    )
    return speed


def _print_reference(networks: list[nn.Module], length: int, tasks: TaskTable | None) -> None:
    """Print that outputs are finite, and their range; say where they look like probabilities."""
    sequences = one_hot(torch.from_numpy(_random(_SEQUENCES, length)).to(device_of(networks[0])))
    outputs = []
    for network in networks:
        with evaluation_mode(network):
            outputs.append(network(sequences).double().cpu().numpy())
    values = np.concatenate(outputs)
    if not np.isfinite(values).all():
        raise ValueError("outputs of random sequences must be finite numbers, got NaN or infinity")
    print(
        f"check: outputs are finite ({values.min():.3g} to {values.max():.3g} on random sequences)"
    )
    adapter = adapter_of(networks)
    unsaid = adapter.unsaid if adapter else tasks.names if tasks else ()
    names = tasks.names if tasks else ()
    if values.shape[1] != len(names):
        return
    for column, name in enumerate(names):
        here = values[:, column]
        if name in unsaid and tasks[column].kind == "binary" and 0 <= here.min() < here.max() <= 1:
            print(
                f"check: all outputs for {name} lie between 0 and 1, as probabilities do: say "
                f"outputs.{name}.activation in the model's yaml (sigmoid, softmax, or none)"
            )


def _random(n: int, length: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (n, length)).astype(np.uint8)


def _print_weights(state: Mapping[str, Any], most: int) -> None:
    named = [(name, one) for name, one in state.items() if isinstance(one, Tensor)]
    total = sum(one.numel() for _, one in named)
    print(f"weights: {len(named)} tensors, {total:,} numbers")
    for name, one in named[:most]:
        print(f"  {name}: {tuple(one.shape)} {str(one.dtype).removeprefix('torch.')}")
    if len(named) > most:
        print(f"  and {len(named) - most} more (weights={len(named)} lists all)")


def _tensors(path: Path) -> dict[str, Tensor]:
    """Return every tensor of a checkpoint by its path of keys; the file is read as data."""
    return dict(_walk(read_checkpoint(path).content, ""))


def _walk(node: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(node, Tensor):
        yield prefix or "(the file itself)", node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, list | tuple):
        for k, value in enumerate(node):
            yield from _walk(value, f"{prefix}[{k}]")
