"""How each shipped yaml is reduced for a CPU, and the files that it reads."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from deepmr.cli.optional_packages import HOW_TO_INSTALL

__all__ = ["TRIALS", "Trial", "missing_packages", "settings_of", "table_of_tasks"]

CONF = Path(__file__).resolve().parents[1] / "conf/model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A yaml's settings in a benchmark.

    Args:
        settings: Overrides, by dotted path below ``model``; none by default.
        mutants: Mutants that whole forward passes are timed on.
        length: Bases of a locus, where the yaml does not say.
        tasks: Tasks of the table, for a yaml that reads one.
        gain: Of the random weights (see `benchmarks.published.built`).
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    mutants: int = 48
    length: int = 1000
    tasks: int | None = None
    gain: float | None = 1.4


_SMALL_ENFORMER = {
    "network.dim": 96,
    "network.depth": 2,
    "network.heads": 2,
    "network.dim_divisible_by": 12,
    "network.attn_dim_key": 16,
    "network.target_length": 8,
    "input.length": 2048,
}
_SMALL_BORZOI = {
    "network.dim": 96,
    "network.depth": 1,
    "network.heads": 2,
    "network.bins_to_return": 32,
    "input.length": 2048,
}

TRIALS: Mapping[str, Trial] = {
    "deepsea_published": Trial(tasks=919),
    "beluga": Trial(
        tasks=2002,
        settings={"network.channels": [80, 120, 160], "network.hidden": 500},
    ),
    "basset": Trial(tasks=164),
    "danq": Trial(
        tasks=919,
        settings={"network.filters": 80, "network.recurrent": 80, "network.hidden": 231},
    ),
    "bpnet_lite": Trial(),
    "chrombpnet_lite": Trial(settings={"network.n_filters": 128}, mutants=24),
    "enformer_pytorch": Trial(settings=_SMALL_ENFORMER),
    "borzoi_pytorch": Trial(settings=_SMALL_BORZOI, mutants=12),
    "grelu": Trial(),
    "openspliceai": Trial(gain=None),
    "pangolin": Trial(settings={"network.L": 8}, mutants=12, gain=None),
    "puffin": Trial(settings={"input.length": 400}, gain=None),
    "legnet": Trial(),
}
"""Of every yaml in ``conf/model`` that reads a network of others."""


def settings_of(name: str, trial: Trial, folder: Path) -> dict[str, Any]:
    """Return the part ``model`` of a yaml, reduced, with the files that it reads.

    Args:
        name: Of the yaml.
        trial: How it is reduced.
        folder: Where the files go.
    """
    config = OmegaConf.load(CONF / f"{name}.yaml")
    config.checkpoint = str(folder / "grelu.ckpt")
    if name == "grelu":
        torch.save(GRELU, folder / "grelu.ckpt")
    for path, value in trial.settings.items():
        OmegaConf.update(config, f"model.{path}", value)
    if trial.tasks:
        table = table_of_tasks(trial.tasks, folder)
        OmegaConf.update(config, "model.tasks", str(table), force_add=True)
    part = OmegaConf.to_container(config, resolve=True)["model"]
    for one in (part.get("outputs") or {}).values():
        if one.get("positions") in ("start", "end"):  # of BED lines, which a benchmark has none of
            one["positions"] = "centre(1)"
    return dict(part)


def table_of_tasks(number: int, folder: Path) -> Path:
    """Write the table that names a network's outputs; return its file.

    Args:
        number: Of tasks.
        folder: Where the file goes.
    """
    table = folder / "tasks.tsv"
    rows = [f"task_{k}\tbinary\n" for k in range(number)]
    table.write_text("name\tkind\n" + "".join(rows))
    return table


GRELU = {
    "hyper_parameters": {
        "model_params": {
            "model_type": "ConvModel",
            "n_tasks": 2,
            "stem_channels": 64,
            "n_conv": 4,
            "channel_init": 64,
            "norm": True,
            "pool_func": "max",
            "pool_size": 2,
            "final_pool_func": "avg",
        },
        "train_params": {"task": "regression", "loss": "poisson"},
    },
    "data_params": {"tasks": {"name": ["K562", "HepG2"]}, "train": {"seq_len": 500}},
}
"""What gReLU writes beside the weights of its plainest network."""


def missing_packages(content: object) -> list[str]:
    """Return which of the known packages a part of a configuration names and are not here.

    Args:
        content: Plain data with ``_target_`` anywhere in it.

    Example:
        >>> missing_packages({"network": {"_target_": "torch.nn.ReLU"}})
        []
    """
    if isinstance(content, Mapping):
        found = [name for value in content.values() for name in missing_packages(value)]
        head = str(content.get("_target_", "")).partition(".")[0]
        if head in HOW_TO_INSTALL and importlib.util.find_spec(head) is None:
            found.append(head)
        return sorted(set(found))
    if isinstance(content, list | tuple):
        return sorted({name for value in content for name in missing_packages(value)})
    return []
