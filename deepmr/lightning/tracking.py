"""Experiment tracking: the contract, CSV files, TensorBoard, or none."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger

__all__ = ["CsvTracker", "NoTracker", "TensorboardTracker", "Tracker"]

Columns = Mapping[str, Sequence[Any] | np.ndarray]


@runtime_checkable
class Tracker(Protocol):
    """Experiment tracker: metrics, tables, figures and artifacts of a run."""

    def logger(self, prefix: str) -> Logger | None:
        """Return a Lightning logger whose metrics carry a prefix, or None."""
        ...

    def table(self, name: str, columns: Columns) -> None:
        """Log a table."""
        ...

    def summary(self, values: Mapping[str, Any]) -> None:
        """Record final values of the run, such as verdict and pooled effect."""
        ...

    def figure(self, name: str, path: Path) -> None:
        """Log a figure from its PNG or SVG file."""
        ...

    def curves(self, name: str, lines: Sequence[Sequence[float]], *, keys: Sequence[str]) -> None:
        """Log curves by epoch as one panel, a line each."""
        ...

    def report(self, path: Path) -> None:
        """Log the report, an HTML file."""
        ...

    def used(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Say what the run was made from: ``data``, ``model``, ``effects``."""
        ...

    def made(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Say what the run made: ``model``, ``effects``, ``estimates``."""
        ...

    def artifact(self, name: str, folder: Path, *, by_reference: Sequence[str] = ()) -> None:
        """Log a run's folder; the named subfolders only as references."""
        ...

    def finish(self, *, failed: bool = False) -> None:
        """Close the tracker; a second call has no effect."""
        ...


class NoTracker:
    """No tracking (``logger=null``)."""

    def logger(self, prefix: str) -> None:
        """Return None."""

    def table(self, name: str, columns: Columns) -> None:
        """Do nothing."""

    def summary(self, values: Mapping[str, Any]) -> None:
        """Do nothing."""

    def figure(self, name: str, path: Path) -> None:
        """Do nothing."""

    def curves(self, name: str, lines: Sequence[Sequence[float]], *, keys: Sequence[str]) -> None:
        """Do nothing."""

    def report(self, path: Path) -> None:
        """Do nothing."""

    def used(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Do nothing."""

    def made(self, kind: str, identity: str, facts: Mapping[str, Any]) -> None:
        """Do nothing."""

    def artifact(self, name: str, folder: Path, *, by_reference: Sequence[str] = ()) -> None:
        """Do nothing."""

    def finish(self, *, failed: bool = False) -> None:
        """Do nothing."""


class CsvTracker(NoTracker):
    """Metrics by epoch as CSV files under ``<run>/logs``.

    Args:
        folder: The run's folder.
    """

    def __init__(self, *, folder: Path, **_: Any) -> None:
        self.folder = folder

    def logger(self, prefix: str) -> Logger:  # type: ignore[override]
        """Return a CSVLogger.

        Args:
            prefix: Name of its folder under ``logs``.
        """
        return CSVLogger(self.folder, name="logs", version=prefix)


class TensorboardTracker(NoTracker):
    """Metrics by epoch for TensorBoard under ``<run>/tensorboard``.

    Args:
        folder: The run's folder.

    Raises:
        ValueError: If TensorBoard is not installed.
    """

    def __init__(self, *, folder: Path, **_: Any) -> None:
        if not any(map(importlib.util.find_spec, ("tensorboard", "tensorboardX"))):
            raise ValueError(
                "logger=tensorboard needs TensorBoard; pip install 'deepmr[tensorboard]', or use "
                "logger=csv"
            )
        self.folder = folder

    def logger(self, prefix: str) -> Logger:  # type: ignore[override]
        """Return a TensorBoardLogger.

        Args:
            prefix: Name of its folder under ``tensorboard``.
        """
        return TensorBoardLogger(self.folder, name="tensorboard", version=prefix)
