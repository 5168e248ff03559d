"""Say which optional package a choice of the command line needs, before Hydra starts."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deepmr.cli.command_line import nearest

__all__ = ["LAUNCHERS", "check_sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    module: str
    name: str


_JOBLIB = _Package(module="hydra_plugins.hydra_joblib_launcher", name="hydra-joblib-launcher")
_SUBMITIT = _Package(module="hydra_plugins.hydra_submitit_launcher", name="hydra-submitit-launcher")
_OPTUNA = _Package(module="optuna", name="'optuna>=4,<5'")

LAUNCHERS: Mapping[str, _Package | None] = MappingProxyType(
    {"basic": None, "joblib": _JOBLIB, "submitit_local": _SUBMITIT, "submitit_slurm": _SUBMITIT}
)
"""Launchers, each with the package it needs."""

_SEARCHES: Mapping[str, _Package] = MappingProxyType({"optuna": _OPTUNA})


def check_sweep(overrides: Sequence[str], *, sweeping: bool) -> None:
    """Check launcher, search and sweeper of a command line.

    Args:
        overrides: Of the command line.
        sweeping: Whether it is a multirun's (``-m``).

    Raises:
        ValueError: In one line: what is missing, and the command that installs it; or why the
            combination cannot work.

    Example:
        >>> check_sweep(["hydra/launcher=basic"], sweeping=True)
        >>> check_sweep(["hydra/launcher=basic"], sweeping=False)
        Traceback (most recent call last):
        ValueError: hydra/launcher= acts in a sweep alone; add -m
    """
    given = dict(one.split("=", 1) for one in overrides if "=" in one)
    for key in ("hydra/launcher", "hydra/sweeper", "hparams_search"):
        if key in given and not sweeping and given[key] not in ("null", "none"):
            raise ValueError(f"{key}= acts in a sweep alone; add -m")
    if not sweeping:
        return
    if given.get("hydra/sweeper", "jobs") not in ("jobs", "basic"):
        raise ValueError(
            f"hydra/sweeper={given['hydra/sweeper']} takes each seed for a candidate of its own "
            "and picks the luckiest; use hparams_search=optuna, random or grid"
        )
    launcher = given.get("hydra/launcher", "basic")
    if launcher not in LAUNCHERS and not launcher.startswith("["):
        raise ValueError(
            f"hydra/launcher={launcher}: there is no such launcher; {nearest(launcher, LAUNCHERS)}"
        )
    _require(f"hydra/launcher={launcher}", LAUNCHERS.get(launcher))
    search = given.get("hparams_search", "null")
    _require(f"hparams_search={search}", _SEARCHES.get(search))
    _check_processes(given, launcher)


def _require(choice: str, package: _Package | None) -> None:
    if package is not None and not _is_installed(package.module):
        raise ValueError(
            f"{choice} needs a package that is not installed; pip install {package.name} "
            "(or pip install 'deepmr[sweeps]' for all that sweeps can use)"
        )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False


def _check_processes(given: Mapping[str, str], launcher: str) -> None:
    """Refuse sweeps whose jobs would start processes where they cannot."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
        raise ValueError(
            "torchrun starts every process of one job, and each would run the whole sweep; start "
            "the sweep without it (trainer=ddp trainer.devices=N), or torchrun for each job"
        )
    several = given.get("trainer") in ("ddp", "slurm") or "ddp" in given.get("trainer.strategy", "")
    if several and launcher in ("joblib", "submitit_local"):
        raise ValueError(
            f"trainer=ddp starts processes by the command line, which hydra/launcher={launcher} "
            "hides from it; leave the launcher out (jobs run in turn, each on all processes), or "
            "give each job one process (trainer=auto)"
        )
    if several and launcher == "submitit_slurm" and given.get("trainer") != "slurm":
        raise ValueError(
            "under hydra/launcher=submitit_slurm SLURM starts the processes; use trainer=slurm, "
            "trainer.devices=N, trainer.num_nodes=M in place of trainer=ddp"
        )
