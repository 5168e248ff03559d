"""End of a job at ``trainer.max_time``, so that the same command goes on later."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

__all__ = ["Deadline", "TimeIsUpError", "seconds_of"]

_TIME = re.compile(r"(\d+):(\d\d):(\d\d):(\d\d)")


class TimeIsUpError(Exception):
    """The time that a job was given is up; what is done is kept.

    Args:
        progressed: Whether anything was done in this time that the next one starts from.

    Example:
        >>> print(TimeIsUpError(progressed=True))
        trainer.max_time is up; the same command goes on from here
    """

    def __init__(self, *, progressed: bool) -> None:
        super().__init__(
            "trainer.max_time is up; the same command goes on from here"
            if progressed
            else "trainer.max_time is up before a single epoch or shard was done; raise it, or the "
            "same command will never get further"
        )


def seconds_of(max_time: Any) -> float | None:
    """Return the seconds of ``trainer.max_time``; None where there is none.

    Args:
        max_time: ``DD:HH:MM:SS``, or a mapping such as ``{"hours": 2}``, as Lightning takes it.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> seconds_of("00:01:30:00"), seconds_of({"minutes": 2})
        (5400.0, 120.0)
    """
    if max_time is None:
        return None
    try:
        if isinstance(max_time, Mapping):
            return timedelta(**{str(key): value for key, value in max_time.items()}).total_seconds()
        if match := _TIME.fullmatch(str(max_time)):
            days, hours, minutes, seconds = map(int, match.groups())
            return timedelta(
                days=days, hours=hours, minutes=minutes, seconds=seconds
            ).total_seconds()
    except TypeError:
        pass
    raise ValueError(f"trainer.max_time must be DD:HH:MM:SS, as in '00:01:30:00', got {max_time!r}")


class Deadline(Callback):
    """Callback that ends a training when its job's time is up, on every process at one step.

    The limit is of the job, all of its members together; time spent before an interruption does
    not count, unlike Lightning's ``Timer``.

    Args:
        trainer: Builds the Trainer, whose ``max_time`` is read.
        started: Start of the job by `time.monotonic`; by default now.
    """

    def __init__(self, trainer: Callable[..., pl.Trainer], *, started: float | None = None) -> None:
        seconds = seconds_of(getattr(trainer, "keywords", {}).get("max_time"))
        began = time.monotonic() if started is None else started
        self.at = None if seconds is None else began + seconds
        self.progressed = False

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.at is not None and time.monotonic() >= self.at

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any, **__: Any) -> None:
        """End the training if the time is up anywhere.

        Raises:
            TimeIsUpError: If it is.
        """
        if self.at is None:
            return
        if trainer.strategy.reduce_boolean_decision(self.is_over, all=False):
            raise TimeIsUpError(progressed=self.progressed)

    def on_train_epoch_end(self, *_: Any) -> None:
        """Note that the next job starts from a later epoch."""
        self.progressed = True
