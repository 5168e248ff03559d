"""The Hydra mains behind `train.py`, `interrogate.py` and the installed command."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

from deepmr.cli.command_line import conf_folder
from deepmr.cli.job import job
from deepmr.cli.quick_start import imported_to_stay

__all__ = ["calibrate", "inspect", "interrogate", "train"]


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
