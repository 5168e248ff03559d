"""Build what a training or a prediction needs once before anything is written or overwritten."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn

from deepmr.lightning.deadline import seconds_of

__all__ = ["check_trainer", "rehearse", "schedule_length"]

_STEPS = 1000
"""Length of the rehearsed schedule; any will do."""


def check_trainer(trainer: Callable[..., pl.Trainer]) -> str:
    """Build the Trainer once and return its device, such as ``cpu`` or ``cuda:0``.

    Args:
        trainer: Builds the Lightning Trainer.

    Raises:
        ValueError: If the machine has no such device, or a setting of ``trainer`` is refused; or
            if it would train for ever (``max_epochs=-1``) or keep nothing (``fast_dev_run``).
    """
    settings = getattr(trainer, "keywords", {})
    for name in ("max_epochs", "num_nodes", "accumulate_grad_batches"):
        value = settings.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"trainer.{name} must be a whole number of at least 1, got {value}")
    seconds_of(settings.get("max_time"))
    if settings.get("fast_dev_run"):
        raise ValueError(
            "trainer.fast_dev_run keeps no network; for a short trial use trainer.max_epochs=1 "
            "and a name= of its own"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built = trainer(logger=False, enable_checkpointing=False)
            return str(built.strategy.root_device)
    except (MisconfigurationException, TypeError, ValueError, RuntimeError) as error:
        given = ", ".join(
            f"trainer.{name}={settings[name]}"
            for name in ("accelerator", "devices", "strategy", "precision")
            if name in settings
        )
        raise ValueError(f"no such trainer can be built ({given}): {error}") from error


def rehearse(
    network: Callable[[], nn.Module],
    optimizer: Callable[..., torch.optim.Optimizer],
    schedule: Mapping[str, Any],
    trainer: Callable[..., pl.Trainer],
) -> None:
    """Build network, optimizer, schedule and Trainer once, so that bad settings end at once.

    Args:
        network: Builds an untrained network.
        optimizer: Builds an optimizer from parameters.
        schedule: ``build`` and ``interval``.
        trainer: Builds the Lightning Trainer.

    Raises:
        ValueError: If one of them cannot be built; the message names the part.
    """
    check_trainer(trainer)
    if schedule["interval"] not in ("step", "epoch"):
        raise ValueError(f"scheduler.interval is step or epoch, got {schedule['interval']!r}")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        built = _attempt("model", network)
        trained = _attempt("optimizer", optimizer, built.parameters())
        build = schedule["build"]
        _attempt("scheduler", build, trained, **schedule_length(build, _STEPS))


def schedule_length(build: Callable[..., Any], steps: int) -> dict[str, int]:
    """Return the settings by which a schedule asks for the length of the training."""
    wanted = inspect.signature(getattr(build, "func", build)).parameters
    return {key: steps for key in ("total_steps", "T_max") if key in wanted}


def _attempt(part: str, build: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
    try:
        return build(*arguments, **settings)
    except ValueError:
        raise
    except (TypeError, RuntimeError, AttributeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"{part} cannot be built from its settings: {error}") from error
