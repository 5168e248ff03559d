"""Training workflow: train an ensemble, calibrate and evaluate it, write the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from deepmr.data.source import DataSource
from deepmr.files import atomic_write, fingerprint, lock_of, locked, sha256, write_json
from deepmr.io.tables import read_table
from deepmr.lightning import device_of_trainer
from deepmr.lightning.checkpoints import BEST
from deepmr.lightning.datamodule import SequenceDataModule
from deepmr.lightning.deadline import Deadline
from deepmr.lightning.module import MultiTaskModule, epoch_seed
from deepmr.lightning.prediction import predict_split
from deepmr.lightning.rehearsal import rehearse
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.lightning.training import is_trained, load_weights, read_history, train_member
from deepmr.losses import MultiTaskLoss
from deepmr.models import set_output_statistics
from deepmr.workflow.calibration import splits_read
from deepmr.workflow.evaluation import Evaluation, evaluate
from deepmr.workflow.run_folder import FinishedError, RunFolder
from deepmr.workflow.trained_runs import SHARED_ERROR

__all__ = ["Recipe", "Training", "train"]

_INITIAL = 2**31 + 1
"""Epoch number, beyond any real one, whose seed draws a member's initial weights."""

_CALIBRATION_ERRORS = frozenset({"ece_mass", "quantile_error"})
"""Calibration scores that a tracker's summary shows: of binary tasks, and of counts and signals."""

_STATISTICS = 50_000
"""Number of training windows, evenly spaced, for location and spread of the outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Network, loss and optimization of one member.

    Args:
        network: Builds an untrained network.
        loss: Masked multi-task loss, with the link to the effect scale.
        optimizer: Builds an optimizer from parameters.
        schedule: Learning-rate schedule: ``build`` and ``interval`` (step or epoch).
        trainer: Builds a Lightning Trainer.
        callbacks: Build further callbacks.
        batch_size: Number of windows in a step, over all processes; 256 by default, at least 2.
        workers: Number of loader processes, 0 by default; results do not depend on it.

    Raises:
        ValueError: If the batch is too small.
    """

    network: Callable[[], nn.Module]
    loss: MultiTaskLoss
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Mapping[str, Any]
    trainer: Callable[..., Any]
    callbacks: Sequence[Callable[[], Any]] = ()
    batch_size: int = 256
    workers: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings of the training of an ensemble: data, recipe, members, calibrators, run folder.

    Args:
        source: The data source.
        recipe: Network, loss and optimization of each member.
        n_members: Number of networks, at least 1.
        bootstrap: Train each member on its own resample of the training split.
        calibrator: Calibrator of each kind of task.
        folder: The run's folder, with settings and seed.
        tracker: Builds the experiment tracker; None for no tracking.
        subset: Members that this job trains, others being trained by jobs beside it; by default
            (empty) all of them.

    Raises:
        ValueError: If there is no member, or the subset names one that does not exist.
    """

    source: DataSource
    recipe: Recipe
    n_members: int
    bootstrap: bool
    calibrator: Any
    folder: RunFolder
    tracker: Callable[..., Tracker] | None = None
    subset: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.n_members < 1:
            raise ValueError(f"ensemble needs at least 1 member, got {self.n_members}")
        wrong = [k for k in self.subset if not 0 <= k < self.n_members]
        if wrong or len(set(self.subset)) < len(self.subset):
            raise ValueError(
                f"members must be different numbers from 0 to {self.n_members - 1} (ensemble="
                f"{self.n_members}), got {list(self.subset)}"
            )

    def member(self, k: int) -> Path:
        """Return the folder of a member's checkpoints.

        Args:
            k: Position in the ensemble, from 0.
        """
        return self.folder.work / "members" / str(k)


def train(training: Training) -> float:
    """Train, calibrate and evaluate an ensemble; the manifest is written last.

    Args:
        training: Settings of the training.

    Returns:
        The members' mean validation loss, each at its best epoch.

    Raises:
        FileExistsError: If the run is finished, or has other settings.
        ValueError: If the settings cannot be met.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    recipe = training.recipe
    if training.folder.leader:
        training.source.prepare()  # a fault in the data is told before there is a folder
    rehearse(recipe.network, recipe.optimizer, recipe.schedule, recipe.trainer)
    deadline = Deadline(recipe.trainer, started=clock)
    if training.subset:
        losses = _train_subset(training, deadline)
        return _gather(training, started) if _all_there(training) else float(np.mean(losses))
    with training.folder.open():
        if training.folder.leader:
            print(f"training in {training.folder.path}")
            begun = [k for k in range(training.n_members) if training.member(k).is_dir()]
            if begun:
                print(f"resumed: {len(begun)} of {training.n_members} members were begun before")
            _describe(training)
        with _tracked(training) as tracker:
            losses = [_member(training, k, tracker, deadline) for k in range(training.n_members)]
            if training.folder.leader:
                evaluation = _evaluate(training)
                _report(training, tracker, evaluation, started, value=float(np.mean(losses)))
    return float(np.mean(losses))


def _train_subset(training: Training, deadline: Deadline) -> list[float]:
    """Train some members beside other jobs that train the others."""
    names = ", ".join(map(str, training.subset))
    with ExitStack() as stack:
        stack.enter_context(training.folder.join())
        if training.folder.leader:
            print(f"training members {names} of {training.n_members} in {training.folder.path}")
            for k in sorted(training.subset):
                training.member(k).parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(training.member(k)))
        tracker = stack.enter_context(_tracked(training))
        return [_member(training, k, tracker, deadline) for k in training.subset]


def _all_there(training: Training) -> bool:
    return all(is_trained(training.member(k)) for k in range(training.n_members))


def _gather(training: Training, started: datetime) -> float:
    """Finish a run whose members were trained by several jobs; the last of them gets here.

    Returns:
        The mean over all members.
    """
    losses = [_loss(training.member(k)) for k in range(training.n_members)]
    value = float(np.mean(losses))
    try:
        with training.folder.open():
            if training.folder.leader:
                print(f"gathering {training.n_members} members in {training.folder.path}")
                for k in range(training.n_members):
                    lock_of(training.member(k)).unlink(missing_ok=True)
                _describe(training)
                with _tracked(training) as tracker:
                    _report(training, tracker, _evaluate(training), started, value=value)
    except (BlockingIOError, FinishedError):
        print("another job gathers the members")
    return value


@contextmanager
def _tracked(training: Training) -> Iterator[Tracker]:
    tracker, done = _tracker(training), False
    try:
        yield tracker
        done = True
    finally:
        tracker.finish(failed=not done)


def _tracker(training: Training) -> Tracker:
    if training.tracker is None or not training.folder.leader:
        return NoTracker()
    return training.tracker(
        folder=training.folder.work,
        name=training.folder.path.name,
        job_type="train",
        config=training.folder.config,
    )


def _describe(training: Training) -> None:
    source = training.source
    write_json(
        training.folder.work / "tasks.json",
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


def _seeded_network(training: Training, k: int) -> nn.Module:
    torch.manual_seed(epoch_seed(training.folder.seed, k, _INITIAL))
    network = training.recipe.network()
    split = training.source.split("train")
    index = np.unique(np.linspace(0, len(split) - 1, num=_STATISTICS).astype(np.int64))
    _, target, mask = split.gather(index)
    statistics = training.recipe.loss.output_statistics(
        torch.from_numpy(target), torch.from_numpy(mask)
    )
    set_output_statistics(network, *statistics)
    return network


def _member(training: Training, k: int, tracker: Tracker, deadline: Deadline) -> float:
    folder = training.member(k)
    if not training.subset and lock_of(folder).exists() and training.folder.leader:
        with locked(folder):  # a job with members= may be training it
            pass
    module = MultiTaskModule(
        _seeded_network(training, k),
        training.recipe.loss,
        optimizer=training.recipe.optimizer,
        schedule=training.recipe.schedule,
        tasks=training.source.tasks,
        seed=training.folder.seed,
        member=k,
    )
    data = SequenceDataModule(
        training.source,
        batch_size=training.recipe.batch_size,
        seed=training.folder.seed,
        member=k,
        bootstrap=training.bootstrap,
        workers=training.recipe.workers,
    )
    train_member(
        module,
        data,
        folder,
        trainer=training.recipe.trainer,
        callbacks=training.recipe.callbacks,
        deadline=deadline,
        logger=tracker.logger(f"member-{k}"),
        title=f"member {k + 1}/{training.n_members}",
    )
    return _loss(folder)


def _loss(folder: Path) -> float:
    """Return a trained member's validation loss at its best epoch."""
    return min(epoch["validation/loss"] for epoch in read_history(folder))


def _members(training: Training) -> list[nn.Module]:
    return [
        load_weights(training.recipe.network(), training.member(k) / BEST)
        for k in range(training.n_members)
    ]


def _evaluate(training: Training) -> Evaluation:
    members = _members(training)
    predictions = {
        name: predict_split(
            members,
            training.source.split(name),
            training.recipe.loss.to_effect_scale,
            batch_size=max(training.recipe.batch_size, 256),
            device=device_of_trainer(training.recipe.trainer),
            title=f"predicting the {name} split",
        )
        for name in (*splits_read(training.calibrator, training.source.tasks), "test")
    }
    return evaluate(training.source.tasks, predictions, training.calibrator)


def _calibration_errors(evaluation: Evaluation) -> dict[str, float]:
    """Return each task's calibration error after calibration, for a tracker's summary."""
    return {
        f"calibration_error/{row.task}": float(row.value)
        for row in evaluation.scores
        if row.stage == "calibrated" and row.score in _CALIBRATION_ERRORS and np.isfinite(row.value)
    }


def _report(
    training: Training,
    tracker: Tracker,
    evaluation: Evaluation,
    started: datetime,
    *,
    value: float,
) -> None:
    from deepmr.plot import learning_curve, to_png  # late: matplotlib takes half a second

    folder = training.folder.work
    histories = [read_history(training.member(k)) for k in range(training.n_members)]
    with atomic_write(folder / "calibrator.json") as stream:
        stream.write(evaluation.calibrator_json())
    write_json(folder / SHARED_ERROR, {"split": "calibration", "ratios": evaluation.error_ratios})
    evaluation.write_metrics(folder / "metrics.parquet", histories)
    evaluation.write_scores(folder / "scores.parquet")
    figures = evaluation.draw(folder / "figures")
    figures["learning-curve"] = folder / "figures" / "learning-curve.png"
    with atomic_write(figures["learning-curve"], "wb") as stream:
        stream.write(to_png(learning_curve(read_table(folder / "metrics.parquet"))))
    tracker.table("metrics", evaluation.summary_columns())
    tracker.curves(
        "validation loss of all members",
        [[epoch["validation/loss"] for epoch in history] for history in histories],
        keys=[f"member {k + 1}" for k in range(len(histories))],
    )
    tracker.summary({"value": value, "validation_loss": value, **_calibration_errors(evaluation)})
    source = training.source
    weights = [sha256(training.member(k) / BEST) for k in range(training.n_members)]
    tracker.used("data", source.fingerprint, {"name": source.name})
    tracker.made("model", fingerprint(weights), {"weights": weights})
    for name, path in figures.items():
        tracker.figure(name, path)
    print(evaluation.text())
    written = ("tasks.json", "members", "calibrator.json", SHARED_ERROR, "metrics.parquet")
    training.folder.finish(
        device=device_of_trainer(training.recipe.trainer),
        started=started,
        inputs=training.source.inputs(),
        outputs=[folder / name for name in (*written, "scores.parquet", "figures")],
        value=value,
        facts={"data_files": training.source.provenance()},
    )
    tracker.artifact(training.folder.path.name, folder)
    print(f"results: {training.folder.path}")
