"""Train an ensemble on sequence and calibrate it: `python train.py --help`."""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from deepmr import cli

CONF = Path(__file__).resolve().with_name("conf")


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
@cli.job
def main(config: DictConfig) -> float:
    """Train, calibrate, evaluate; return the ensemble's mean validation loss for a sweeper."""
    from deepmr.cli.plans import fetch_only, fit_plan
    from deepmr.workflow.fit import fit

    if fetch_only(config):
        return float("nan")
    return fit(fit_plan(config))


if __name__ == "__main__":
    cli.run(main, "train")
