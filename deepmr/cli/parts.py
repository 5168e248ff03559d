"""Build objects from their parts of a configuration: data, networks, losses, any `_target_`."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import nn

from deepmr.cli.job import is_leader
from deepmr.cli.setting_types import run_name
from deepmr.cli.trust import Trust, build
from deepmr.data.source import DataSource
from deepmr.files import safe_name
from deepmr.inference import GivenModel, Jackknife
from deepmr.inference.question import Question
from deepmr.losses import MultiTaskLoss
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.run_identity import run_hash

__all__ = [
    "build_loss",
    "build_network",
    "build_source",
    "is_chosen",
    "optional",
    "part",
    "plain",
    "run_folder",
    "short_name",
    "with_inference",
    "without_null",
]

_INFERENCE = "deepmr.inference"
_OPTIONAL = ("weights", "adjustment")

NOBODY = Trust(origin="a configuration")
"""A stranger's word, with no package trusted."""

_NOT_PARTS = ("hydra", "hparams_search", "experiment")


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a resolved configuration as plain data, without Hydra's own."""
    content = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    if not isinstance(content, dict):
        raise TypeError(f"a configuration is a mapping, got {type(content).__name__}")
    return {str(key): value for key, value in content.items() if key not in _NOT_PARTS}


def run_folder(
    config: DictConfig, recorded: Mapping[str, Any], *parents: str, label: str
) -> RunFolder:
    """Return a run's folder: ``name=``, else a label and the hash of what is recorded.

    Args:
        config: The configuration.
        recorded: Settings with digests of the files that they name (`with_content`).
        parents: Folders below ``paths.output``, such as ``train``.
        label: Beginning of the default name.

    Raises:
        ValueError: If ``name=`` is no folder's name.
    """
    default = safe_name(f"{label}-{run_hash(recorded)}")
    script = Path(sys.argv[0]).name
    by_path = script.endswith(".py") and script != "__main__.py"
    return RunFolder(
        path=Path(config.paths.output).joinpath(
            *parents, default if config.name is None else run_name(config.name)
        ),
        config=recorded,
        command=shlex.join([*(["python", script] if by_path else ["deepmr"]), *sys.argv[1:]]),
        seed=config.seed,
        overwrite=config.overwrite,
        leader=is_leader(),
    )


def part(config: Mapping[str, Any], place: str, trust: Trust) -> Callable[..., Any]:
    """Return the builder that a part's ``_target_`` names, with the part's settings filled in.

    Args:
        config: The part.
        place: Group of the configuration it stands under, such as ``model``.
        trust: Whose word it is.

    Raises:
        ValueError: If the target may not be built there; nothing was called.
    """
    built: Callable[..., Any] = build(config, place, trust, partial=True)
    return built


def build_source(config: Mapping[str, Any], trust: Trust = NOBODY) -> Any:
    """Build a `DataSource` from its part of a configuration.

    Not annotated as one: checking a protocol at run time reads its properties, and reading a
    source's properties prepares the data.
    """
    return part(config["data"], "data", trust)()


def build_network(
    config: Mapping[str, Any], source_tasks: Mapping[str, Any], trust: Trust = NOBODY
) -> Callable[[], nn.Module]:
    """Return a builder of untrained networks for a data set's tasks and length.

    Args:
        config: With the part ``model``.
        source_tasks: names (of all tasks, in order), exposures, outcomes and length.
        trust: Whose word the configuration is; by default a stranger's.
    """
    names = list(source_tasks["names"])
    settings: dict[str, Any] = {"length": source_tasks["length"]}
    settings["exposures"] = [names.index(name) for name in source_tasks["exposures"]]
    settings["outcomes"] = [names.index(name) for name in source_tasks["outcomes"]]
    return functools.partial(part(config["model"], "model", trust), **settings)


def build_loss(
    config: Mapping[str, Any], source: DataSource, trust: Trust = NOBODY
) -> MultiTaskLoss:
    """Build the loss for a data source's tasks."""
    weights = source.weights()
    loss: MultiTaskLoss = part(config["loss"], "loss", trust)(
        tasks=source.tasks,
        outcomes=source.outcomes,
        positive_weight=None if weights is None else weights.tolist(),
    )
    return loss


def without_null(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out weights and adjustments that are null: the function knows its own.

    Args:
        settings: Of an estimator or a meta-analysis.

    Example:
        >>> without_null({"weights": None, "penalty": None})
        {'penalty': None}
    """
    return {k: v for k, v in settings.items() if v is not None or k not in _OPTIONAL}


def optional(
    config: Mapping[str, Any] | None, place: str, trust: Trust
) -> Callable[..., Any] | None:
    """Return a part that may be left out."""
    return None if not config else part(config, place, trust)


def short_name(config: DictConfig, group: str) -> str:
    """Return the name by which a part was chosen on the command line."""
    from hydra.core.hydra_config import HydraConfig

    # Not set where a configuration was composed by hand, as studies do.
    choices = HydraConfig.get().runtime.choices if HydraConfig.initialized() else {}
    return str(choices.get(group) or config[group]["_target_"])


def is_chosen(group: str) -> bool:
    """Say whether a part was named on the command line, rather than left at its default."""
    from hydra.core.hydra_config import HydraConfig

    return any(one.startswith(f"{group}=") for one in HydraConfig.get().overrides.task)


def with_inference(settings: Mapping[str, Any], question: Question) -> Mapping[str, Any]:
    """Return settings that record which inference stands in the default's place.

    One member puts `GivenModel` there, two `PerMember`.

    Args:
        settings: Settings of the interrogation.
        question: The question, as its members can answer it.

    Example:
        >>> asked = {"inference": {"_target_": "deepmr.inference.Jackknife", "loci": "fixed"}}
        >>> with_inference(asked, Question().for_members(1))
        {'inference': {'_target_': 'deepmr.inference.GivenModel'}}
        >>> with_inference(asked, Question().for_members(2))
        {'inference': {'_target_': 'deepmr.inference.PerMember', 'loci': 'fixed'}}
        >>> with_inference(asked, Question()) == asked
        True
    """
    asked = settings["inference"]
    default = f"{_INFERENCE}.{Jackknife.__name__}"
    target = f"{_INFERENCE}.{type(question.inference).__name__}"
    if asked["_target_"] != default or target == default:
        return settings
    kept = {} if isinstance(question.inference, GivenModel) else asked
    return {**settings, "inference": {**kept, "_target_": target}}
