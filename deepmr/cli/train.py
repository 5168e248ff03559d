"""`deepmr train`: from a configuration to a training."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from deepmr.cli.job_record import JobValue
from deepmr.cli.parts import (
    build_loss,
    build_network,
    build_source,
    optional,
    part,
    plain,
    run_folder,
    short_name,
)
from deepmr.cli.trust import Trust, build
from deepmr.data.source import DataSource
from deepmr.workflow.run_identity import with_content
from deepmr.workflow.training import Recipe, Training, train

__all__ = ["build_training", "run_training"]


def run_training(config: DictConfig) -> float:
    """Train, calibrate, evaluate; return the ensemble's mean validation loss for a sweeper.

    With ``data.download_only=true`` the data's files are fetched and named, and nothing is
    trained; the value is NaN.

    Raises:
        ValueError: If a part cannot be built from its settings.
        FileNotFoundError: If data are missing or a file cannot be fetched.
    """
    if config.data.get("download_only"):
        for path in part(plain(config)["data"], "data", _trust(config))().download():
            print(path)
        return float("nan")
    training = build_training(config)
    return JobValue(train(training), training.folder.path)


def build_training(config: DictConfig) -> Training:
    """Build a training from the configuration of ``train.py``.

    Raises:
        ValueError: If a part cannot be built from its settings.
        FileNotFoundError: If the data are not there.
    """
    settings = plain(config)
    if config.seed < 0:
        raise ValueError(f"seed must not be negative, got {config.seed}")
    if config.workers < 0:
        raise ValueError(f"workers must be 0 or more loader processes, got {config.workers}")
    trust = _trust(config)
    source: DataSource = build_source(settings, trust)
    recorded = with_content({**settings, "members": None}, data=source.fingerprint)
    shape = {
        "names": source.tasks.names,
        "exposures": source.exposures,
        "outcomes": source.outcomes,
        "length": source.length,
    }
    return Training(
        source=source,
        recipe=Recipe(
            network=build_network(settings, shape, trust),
            loss=build_loss(settings, source, trust),
            optimizer=part(settings["optimizer"], "optimizer", trust),
            schedule=dict(settings["scheduler"])
            | {"build": part(settings["scheduler"]["build"], "scheduler", trust)},
            trainer=part(settings["trainer"], "trainer", trust),
            callbacks=[
                part(callback, "callbacks", trust) for callback in settings["callbacks"].values()
            ],
            batch_size=config.batch_size,
            workers=config.workers,
        ),
        n_members=config.ensemble,
        subset=_subset(settings["members"]),
        bootstrap=config.bootstrap,
        calibrator=build(settings["calibrator"], "calibrator", trust),
        folder=run_folder(
            config, recorded, "train", label=f"{short_name(config, 'model')}-{source.name}"
        ),
        tracker=optional(settings["logger"], "logger", trust),
    )


def _subset(members: Any) -> tuple[int, ...]:
    """Return the members that a job trains, of ``members=0`` or ``members=[0,1]``; empty for all.

    Raises:
        ValueError: If they are no whole numbers.
    """
    if members is None:
        return ()
    listed = members if isinstance(members, list) else [members]
    if not listed or any(isinstance(k, bool) or not isinstance(k, int) for k in listed):
        raise ValueError(f"members must be a number or a list of numbers, got {members!r}")
    return tuple(listed)


def _trust(config: DictConfig) -> Trust:
    """Settings of a training are the user's own word."""
    return Trust(packages=config.trust, own=True)
