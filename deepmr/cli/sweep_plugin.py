"""Make the sweeper known to Hydra."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import DictConfig

from deepmr.cli.command_line import conf_folder
from deepmr.cli.sweep import JobSweeper

__all__ = ["TARGET", "register", "sweep_folder"]

TARGET = "hydra_plugins.deepmr.JobSweeper"
"""Name under which Hydra knows the sweeper: it takes plugins from that package alone."""


def sweep_folder(hydra: DictConfig) -> Path | None:
    """Return the folder of the sweep that a job belongs to; None for another sweeper's.

    Args:
        hydra: Hydra's own configuration in the job.
    """
    return Path(hydra.sweep.dir) if hydra.sweeper.get("_target_") == TARGET else None


def register() -> None:
    """Make the sweeper known to Hydra, which takes plugins from the package hydra_plugins alone."""
    plugins = Plugins.instance()
    module_name, _, name = TARGET.rpartition(".")
    try:
        parent = importlib.import_module("hydra_plugins")
    except ModuleNotFoundError:  # no plugin is installed
        parent = sys.modules["hydra_plugins"] = types.ModuleType("hydra_plugins")
        parent.__path__ = []
    module = types.ModuleType(module_name)
    plugin = type(name, (JobSweeper,), {"__module__": module_name})
    setattr(module, name, plugin)
    sys.modules[module_name] = module
    setattr(parent, module_name.rpartition(".")[2], module)
    plugins.register(plugin)
    _drop_schemas()


def _drop_schemas() -> None:
    """Let the shipped yamls of launchers stand alone: a schema of the same name is deprecated."""
    stored = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    for path in (conf_folder() / "hydra" / "launcher").glob("*.yaml"):
        stored.pop(path.name, None)
