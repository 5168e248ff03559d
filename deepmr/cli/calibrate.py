"""`deepmr calibrate`: from a configuration to a post-hoc calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from deepmr.calibration import CalibratorTable
from deepmr.cli.networks import load_checkpoints, networks_of_runs
from deepmr.cli.parts import part, plain, run_folder, short_name
from deepmr.cli.trust import Trust, build
from deepmr.lightning import device_of_trainer
from deepmr.networks import Networks
from deepmr.uncertainty import Given
from deepmr.workflow.post_hoc import PostHoc, calibrate_post_hoc
from deepmr.workflow.run_identity import with_content
from deepmr.workflow.trained_runs import find_runs

__all__ = ["run_calibration"]


def run_calibration(config: DictConfig) -> float:
    """Load networks and labels, fit calibrators, show scores before and after.

    Returns:
        The mean negative log-likelihood of binary tasks on the test split, for a sweeper.

    Raises:
        ValueError: If a setting is wrong or missing, or networks and data do not fit.
        FileNotFoundError: If a file is missing.
    """
    settings = plain(config)
    own = Trust(packages=config.trust, own=True)
    networks = _networks(config, settings)
    source = networks.source
    recorded = with_content(settings, weights=list(networks.digests), data=source.fingerprint)
    calibrator = short_name(config, "calibrator")
    return calibrate_post_hoc(
        PostHoc(
            networks=networks,
            source=source,
            specification=build(settings["calibrator"], "calibrator", own),
            folder=run_folder(config, recorded, "calibrate", networks.name, label=calibrator),
            batch_size=config.batch_size,
            device=device_of_trainer(part(settings["trainer"], "trainer", own)),
        )
    )


def _networks(config: DictConfig, settings: Mapping[str, Any]) -> Networks:
    """Return the networks as they are, uncalibrated, with the labelled data."""
    if (config.run is None) == (config.checkpoint is None):
        raise ValueError(
            "calibrate takes run=RUN or checkpoint=FILE model=mine data=..., one of them"
        )
    if config.run is not None:
        if settings.get("model"):
            raise ValueError("model= goes with checkpoint=; a run knows its own network")
        runs = find_runs(settings["run"])
        bare = CalibratorTable.identity(runs[0].tasks, reason="to be calibrated")
        return networks_of_runs(
            runs, scale="logit", uncertainty=Given(), settings=settings, calibrators=bare
        )
    if not settings.get("data"):
        raise ValueError(
            "checkpoint= needs held-out labels as well: data=encode data.root=DIR, for example"
        )
    name = short_name(config, "model") if settings.get("model") else ""
    return load_checkpoints(settings, name=name, scale="logit", uncertainty=Given())
