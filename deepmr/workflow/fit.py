"""Train an ensemble, calibrate it, judge it: the story from data to a run others can ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from deepmr.data.source import DataSource
from deepmr.files import atomic_write, write_json
from deepmr.io.manifest import write_manifest
from deepmr.io.tables import read_table
from deepmr.lightning.datamodule import SequenceDataModule
from deepmr.lightning.module import MultiTaskModule, epoch_seed
from deepmr.lightning.prediction import predict_split
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.lightning.training import BEST, load_weights, read_history, train_member
from deepmr.losses import MultiTaskLoss
from deepmr.models import set_output_statistics
from deepmr.plot import learning_curve, to_png
from deepmr.workflow.calibrate import splits_read
from deepmr.workflow.evaluation import Evaluation, evaluate
from deepmr.workflow.folder import open_run

__all__ = ["FitPlan", "fit"]

_INITIAL = 2**31 + 1
"""The epoch whose seed draws a member's initial weights."""

_STATISTICS = 50_000
"""Training windows, evenly spaced, from which the outputs' location and spread are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitPlan:
    """Everything a training run needs, as objects; the configuration is only written down.

    Args:
        folder: Where the run lies.
        config: The resolved settings, plain.
        command: The command line.
        source: The data.
        network: Builds an untrained network.
        loss: Masked multi-task loss with its links to the effect scale.
        optimizer: Called with parameters.
        schedule: ``build`` and ``interval``.
        trainer: Builds a Lightning Trainer.
        callbacks: Build further callbacks.
        calibrator: Specification of how each kind of task is calibrated.
        tracker: Builds the tracker; None for no tracking.
        seed: Everything random derives from it.
        ensemble: Number of members.
        bootstrap: Each member trains on its own resample.
        batch_size: Windows in a step, over all processes.
        workers: Loader processes.
        overwrite: Delete a finished run first.
        leader: Whether this process is rank 0.
    """

    folder: Path
    config: Mapping[str, Any]
    command: str
    source: DataSource
    network: Callable[[], nn.Module]
    loss: MultiTaskLoss
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Mapping[str, Any]
    trainer: Callable[..., Any]
    callbacks: Sequence[Callable[[], Any]]
    calibrator: Any
    tracker: Callable[..., Tracker] | None
    seed: int
    ensemble: int
    bootstrap: bool
    batch_size: int
    workers: int
    overwrite: bool
    leader: bool

    def __post_init__(self) -> None:
        if self.ensemble < 1:
            raise ValueError(f"ensemble needs at least 1 member, got {self.ensemble}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")


def fit(plan: FitPlan) -> float:
    """Train, calibrate, evaluate; the manifest comes last.

    Returns:
        The members' mean validation loss, each at its best epoch.

    Raises:
        FileExistsError: If the run is finished, or has other settings.
        ValueError: If the plan asks for the impossible, in one line.
    """
    started = datetime.now(UTC)
    with open_run(plan.folder, plan.config, overwrite=plan.overwrite, leader=plan.leader):
        if plan.leader:
            print(f"training in {plan.folder}")
            plan.source.prepare()
            _describe(plan)
        tracker = _tracker(plan)
        done = False
        try:
            losses = [_member(plan, k, tracker) for k in range(plan.ensemble)]
            if plan.leader:
                evaluation = _judge(plan)
                _report(plan, tracker, evaluation, started)
            done = True
        finally:
            tracker.finish(failed=not done)
    return float(np.mean(losses))


def _tracker(plan: FitPlan) -> Tracker:
    if plan.tracker is None or not plan.leader:
        return NoTracker()
    return plan.tracker(
        folder=plan.folder, name=plan.folder.name, job_type="train", config=plan.config
    )


def _describe(plan: FitPlan) -> None:
    source = plan.source
    write_json(
        plan.folder / "tasks.json",
        {
            "tasks": source.tasks.to_records(),
            "exposures": list(source.exposures),
            "outcomes": list(source.outcomes),
            "length": source.length,
            "data": source.name,
            "data_fingerprint": source.fingerprint,
            "splits": dict(source.splits),
            "summary": source.summary(),
        },
    )


def _seeded_network(plan: FitPlan, k: int) -> nn.Module:
    torch.manual_seed(epoch_seed(plan.seed, k, _INITIAL))
    network = plan.network()
    split = plan.source.split("train")
    index = np.unique(np.linspace(0, len(split) - 1, num=_STATISTICS).astype(np.int64))
    _, target, mask = split.gather(index)
    statistics = plan.loss.output_statistics(torch.from_numpy(target), torch.from_numpy(mask))
    set_output_statistics(network, *statistics)
    return network


def _member(plan: FitPlan, k: int, tracker: Tracker) -> float:
    folder = plan.folder / "members" / str(k)
    module = MultiTaskModule(
        _seeded_network(plan, k),
        plan.loss,
        optimizer=plan.optimizer,
        schedule=plan.schedule,
        tasks=plan.source.tasks,
        seed=plan.seed,
        member=k,
    )
    data = SequenceDataModule(
        plan.source,
        batch_size=plan.batch_size,
        seed=plan.seed,
        member=k,
        bootstrap=plan.bootstrap,
        workers=plan.workers,
    )
    train_member(
        module,
        data,
        folder,
        trainer=plan.trainer,
        callbacks=plan.callbacks,
        logger=tracker.logger(f"member-{k}"),
        title=f"member {k + 1}/{plan.ensemble}",
    )
    return min(epoch["validation/loss"] for epoch in read_history(folder))


def _members(plan: FitPlan) -> list[nn.Module]:
    return [
        load_weights(plan.network(), plan.folder / "members" / str(k) / BEST)
        for k in range(plan.ensemble)
    ]


def _judge(plan: FitPlan) -> Evaluation:
    members = _members(plan)
    device = plan.trainer(logger=False, enable_checkpointing=False).strategy.root_device
    predictions = {
        name: predict_split(
            members,
            plan.source.split(name),
            plan.loss.to_effect_scale,
            batch_size=max(plan.batch_size, 256),
            device=device,
            title=f"predicting the {name} split",
        )
        for name in (*splits_read(plan.calibrator, plan.source.tasks), "test")
    }
    return evaluate(plan.source.tasks, predictions, plan.calibrator)


def _report(plan: FitPlan, tracker: Tracker, evaluation: Evaluation, started: datetime) -> None:
    folder = plan.folder
    histories = [read_history(folder / "members" / str(k)) for k in range(plan.ensemble)]
    with atomic_write(folder / "calibrator.json") as stream:
        stream.write(evaluation.calibrator_json())
    evaluation.write_metrics(folder / "metrics.parquet", histories)
    evaluation.write_scores(folder / "scores.parquet")
    figures = evaluation.draw(folder / "figures")
    figures["learning-curve"] = folder / "figures" / "learning-curve.png"
    with atomic_write(figures["learning-curve"], "wb") as stream:
        stream.write(to_png(learning_curve(read_table(folder / "metrics.parquet"))))
    tracker.table("metrics", evaluation.summary_columns())
    for name, path in figures.items():
        tracker.figure(name, path)
    print(evaluation.text())
    written = ("config.yaml", "tasks.json", "members", "calibrator.json", "metrics.parquet")
    write_manifest(
        folder,
        command=plan.command,
        seed=plan.seed,
        device=str(plan.trainer(logger=False, enable_checkpointing=False).strategy.root_device),
        started=started,
        inputs=plan.source.inputs(),
        outputs=[folder / name for name in (*written, "scores.parquet", "figures")],
        facts={"data_files": plan.source.provenance()},
    )
    tracker.artifact(folder.name, folder)
    print(f"results: {folder}")
