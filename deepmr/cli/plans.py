"""From configuration to objects: the only place where one becomes the other."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from deepmr.data.source import DataSource
from deepmr.losses import MultiTaskLoss
from deepmr.workflow.fit import FitPlan
from deepmr.workflow.folder import run_hash

__all__ = [
    "build_loss",
    "build_network",
    "build_source",
    "command",
    "fetch_only",
    "fit_plan",
    "is_leader",
    "optional",
    "part",
    "plain",
    "short_name",
]

_NOT_PARTS = ("hydra", "hparams_search", "experiment")


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a resolved configuration as plain data, without Hydra's own."""
    content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    if not isinstance(content, dict):
        raise TypeError(f"a configuration is a mapping, got {type(content).__name__}")
    return {str(key): value for key, value in content.items() if key not in _NOT_PARTS}


def is_leader() -> bool:
    """Return whether this process is rank 0 of its job, before any process group exists.

    Lightning's launcher, torchrun and SLURM each say so in the environment.
    """
    ranks = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")
    return all(int(os.environ.get(name, "0")) == 0 for name in ranks)


def command() -> str:
    """Return the command line as a user would repeat it."""
    return shlex.join(["python", Path(sys.argv[0]).name, *sys.argv[1:]])


def part(config: Mapping[str, Any]) -> Callable[..., Any]:
    """Return what a part's ``_target_`` names, with the part's settings filled in.

    The rest is called with real objects: Hydra would turn the dataclasses among them into
    configurations.
    """
    built = instantiate(dict(config) | {"_partial_": True}, _convert_="all")
    if not callable(built):
        raise TypeError(f"{config.get('_target_')} is not callable")
    return built


def build_source(config: Mapping[str, Any]) -> Any:
    """Build a `DataSource` from its part of a configuration.

    Not annotated as one: checking a protocol at run time reads its properties, and reading a
    source's properties prepares the data.
    """
    return part(config["data"])()


def build_network(
    config: Mapping[str, Any], source_tasks: Mapping[str, Any]
) -> Callable[[], nn.Module]:
    """Return a builder of untrained networks for a data set's tasks and length.

    Args:
        config: With the part ``model``.
        source_tasks: names (of all tasks, in order), exposures, outcomes and length.
    """
    names = list(source_tasks["names"])
    settings: dict[str, Any] = {"length": source_tasks["length"]}
    settings["exposures"] = [names.index(name) for name in source_tasks["exposures"]]
    settings["outcomes"] = [names.index(name) for name in source_tasks["outcomes"]]
    return functools.partial(part(config["model"]), **settings)


def build_loss(config: Mapping[str, Any], source: DataSource) -> MultiTaskLoss:
    """Build the loss for a data source's tasks."""
    weights = source.weights()
    loss: MultiTaskLoss = part(config["loss"])(
        tasks=source.tasks,
        outcomes=source.outcomes,
        positive_weight=None if weights is None else weights.tolist(),
    )
    return loss


def optional(config: Mapping[str, Any] | None) -> Callable[..., Any] | None:
    """Return a part that may be left out."""
    return None if not config else part(config)


def short_name(config: DictConfig, group: str) -> str:
    """Return the name by which a part was chosen on the command line."""
    from hydra.core.hydra_config import HydraConfig

    return str(HydraConfig.get().runtime.choices.get(group) or config[group]["_target_"])


def fetch_only(config: DictConfig) -> bool:
    """Fetch the data's files and say where they are, if ``data.download_only`` asks for no more.

    Raises:
        FileNotFoundError: If a file cannot be fetched.
    """
    if not config.data.get("download_only"):
        return False
    for path in part(plain(config)["data"])().download():
        print(path)
    return True


def _run_name(config: DictConfig, source: DataSource, settings: Mapping[str, Any]) -> str:
    return "-".join((short_name(config, "model"), source.name, run_hash(settings)))


def fit_plan(config: DictConfig) -> FitPlan:
    """Turn the configuration of ``train.py`` into objects.

    Raises:
        ValueError: If a part cannot be built from its settings.
        FileNotFoundError: If the data are not there.
    """
    settings = plain(config)
    if config.seed < 0:
        raise ValueError(f"seed must not be negative, got {config.seed}")
    source: DataSource = build_source(settings)
    settings["data_fingerprint"] = source.fingerprint
    name = config.name or _run_name(config, source, settings)
    shape = {
        "names": source.tasks.names,
        "exposures": source.exposures,
        "outcomes": source.outcomes,
        "length": source.length,
    }
    return FitPlan(
        folder=Path(config.paths.output) / "train" / str(name),
        config=settings,
        command=command(),
        source=source,
        network=build_network(settings, shape),
        loss=build_loss(settings, source),
        optimizer=part(settings["optimizer"]),
        schedule=dict(settings["scheduler"]) | {"build": part(settings["scheduler"]["build"])},
        trainer=part(settings["trainer"]),
        callbacks=[part(callback) for callback in settings["callbacks"].values()],
        calibrator=instantiate(settings["calibrator"], _convert_="all"),
        tracker=optional(settings["logger"]),
        seed=config.seed,
        ensemble=config.ensemble,
        bootstrap=config.bootstrap,
        batch_size=config.batch_size,
        workers=config.workers,
        overwrite=config.overwrite,
        leader=is_leader(),
    )
