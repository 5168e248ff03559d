"""The Hydra mains behind `train.py`, `interrogate.py` and the installed command."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import hydra
from omegaconf import DictConfig

from deepmr.cli.command_line import conf_folder
from deepmr.cli.job import job

__all__ = ["calibrate", "imported_to_stay", "inspect", "interrogate", "train"]


@contextmanager
def imported_to_stay() -> Iterator[None]:
    """Import without garbage collection, and leave what was imported out of later ones.

    A million objects of modules are otherwise searched again and again, and once more as the
    process ends: a fifth of a short command.

    Example:
        >>> with imported_to_stay():
        ...     gc.isenabled()
        False
        >>> gc.isenabled()
        True
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")
@job
def train(config: DictConfig) -> float:
    """Train, calibrate, evaluate; return the ensemble's mean validation loss for a sweeper."""
    with imported_to_stay():
        from deepmr.cli.train import run_training

    return run_training(config)


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="interrogate")
@job
def interrogate(config: DictConfig) -> float:
    """Measure, estimate, pool, report; return the pooled effect for a sweeper."""
    with imported_to_stay():
        from deepmr.cli.interrogate import asks_many, run_interrogation

    if asks_many(config):
        from deepmr.cli.all_pairs import run_all_pairs

        return run_all_pairs(config)
    return run_interrogation(config)


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="calibrate")
@job
def calibrate(config: DictConfig) -> float:
    """Calibrate trained networks on held-out labels; return the mean NLL for a sweeper."""
    from deepmr.cli.calibrate import run_calibration

    return run_calibration(config)


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="inspect")
@job
def inspect(config: DictConfig) -> float:
    """Print what a network is, and check it; return its speed for a sweeper."""
    from deepmr.cli.inspect import run_inspection

    return run_inspection(config)
