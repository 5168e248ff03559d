"""Members' effects by every way, and the processor's seconds behind them; kept as files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning.callbacks import Callback
from torch import nn

from benchmarks.paper_simulation.evidence import CONF, Round, gather
from benchmarks.uncertainty.ways import ENSEMBLES, TRAININGS, Way
from deepmr.effects import MemberEffects
from deepmr.files import atomic_write, read_json, write_json
from deepmr.mutagenesis import Saturation, build_engine
from deepmr.uncertainty import Members, Trained

__all__ = ["Measured", "Networks", "ensemble", "measure", "read_run", "train"]

SECONDS = "training-seconds.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """A finished training.

    Args:
        trained: Its networks.
        length: Bases they read.
        tasks: Names of their outputs, in order.
        seconds: Of the processor, for all of them; NaN where nobody took the time.
    """

    trained: list[Trained]
    length: int
    tasks: tuple[str, ...]
    seconds: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Effects by one way.

    Args:
        members: On the networks' own scale (logits; the Anscombe scale of counts), uncalibrated.
        training_seconds: Of the processor, for the networks that this way needs.
        mutagenesis_seconds: Likewise, for the effects.
    """

    members: MemberEffects
    training_seconds: float
    mutagenesis_seconds: float


class _Clock(Callback):
    """Note the processor's seconds of a training."""

    def __init__(self, seconds: list[float]) -> None:
        self.seconds = seconds

    def on_fit_start(self, *_: Any) -> None:
        """Start."""
        self.began = time.process_time()

    def on_fit_end(self, *_: Any) -> None:
        """Stop."""
        self.seconds.append(time.process_time() - self.began)


def train(name: str, scenario: str, seed: int, cache: Path) -> tuple[Any, Networks]:
    """Train as `train.py` does, or read what lies there.

    A training that was interrupted is done again from the start: its seconds would be those of
    its last part.

    Returns:
        The data, and the networks.
    """
    from deepmr.cli.plans import fit_plan
    from hydra import compose, initialize_config_dir

    from deepmr.workflow.training import fit

    run = f"{scenario}-{seed}-{name}"
    given = [f"data.confounding={scenario}", f"seed={seed}", f"name={run}", "logger=csv"]
    given += [f"paths.output={cache}", "trainer.enable_progress_bar=false", "overwrite=true"]
    given += ["trainer.accelerator=cpu"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*TRAININGS[name], *given])
    config.logger = None
    plan = fit_plan(config)
    noted = cache / f"{run}-{SECONDS}"
    if not noted.is_file():
        seconds: list[float] = []
        fit(replace(plan, callbacks=[*plan.callbacks, lambda: _Clock(seconds)]))
        write_json(noted, seconds)
    return plan.source, read_run(plan.folder, seconds=float(sum(read_json(noted))))


def ensemble(
    way: Way, scenario: str, seed: int, cache: Path
) -> tuple[Measured, np.ndarray, np.ndarray]:
    """Return five networks' effects, from a round of the published simulation.

    Such rounds are kept, and those of `benchmarks.paper_simulation` serve as they are. Nobody
    took their processor's seconds: the cost is that of one network, as often.

    Returns:
        The effects, the true ones, and which substitutions lie in a planted motif.
    """
    asked = Round(scenario=scenario, seed=seed, network="default", options=ENSEMBLES[way.training])
    evidence = gather(asked, cache)
    found = way.uncertainty([Trained(network=nn.Identity())] * evidence.members.n_members)
    measured = Measured(
        members=replace(evidence.members, shared=found.shared),
        training_seconds=float("nan"),
        mutagenesis_seconds=float("nan"),
    )
    return measured, evidence.truth, evidence.in_motif


def read_run(folder: Path, *, seconds: float = float("nan")) -> Networks:
    """Read a finished run's networks."""
    from deepmr.cli.plans import build_network

    from deepmr.lightning.training import load_weights
    from deepmr.workflow.trained_runs import TrainedRun

    run = TrainedRun.read(folder)
    build = build_network(run.config, run.shape)
    trained = [
        Trained(
            network=load_weights(build(), path),
            snapshots=lambda paths=paths: [load_weights(build(), one) for one in paths],
        )
        for path, paths in zip(run.checkpoints, run.snapshots, strict=True)
    ]
    return Networks(
        trained=trained,
        length=int(run.description["length"]),
        tasks=run.tasks.names,
        seconds=seconds,
    )


def measure(
    way: Way, networks: Networks, codes: np.ndarray, path: Path, tasks: tuple[str, str]
) -> Measured:
    """Return a way's effects on two tasks, from their file or measured now."""
    if not path.is_file():
        found = way.uncertainty(networks.trained)
        began = time.process_time()
        columns = _effects(found, codes, networks, tasks)
        spent = time.process_time() - began
        with atomic_write(path, "wb") as stream:
            np.savez_compressed(stream, seconds=np.asarray(spent), **columns)
    with np.load(path) as content:
        names = ("offset", "ref", "alt", "mask")
        members = MemberEffects(
            value=content["value"].astype(np.float64),
            tasks=tasks,
            shared=float(content["shared"]),
            **{name: content[name] for name in names},
        )
        spent = float(content["seconds"])
    return Measured(members=members, training_seconds=networks.seconds, mutagenesis_seconds=spent)


def _effects(
    members: Members, codes: np.ndarray, networks: Networks, tasks: tuple[str, str]
) -> Mapping[str, np.ndarray]:
    length = codes.shape[1]
    batch = Saturation(length=length).of(0, codes).within(members.margin, length=length)
    variants = batch.substitutions
    rows = [networks.tasks.index(task) for task in tasks]
    value = [
        engine(codes, variants).difference[:, rows]
        for engine in members.engines(build_engine, length=networks.length)
    ]
    return {
        "value": np.stack(value, axis=2).astype(np.float32),
        "shared": np.asarray(members.shared),
        **{name: getattr(variants, name) for name in ("offset", "ref", "alt", "mask")},
    }
