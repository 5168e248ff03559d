"""Experiment tracking by Weights & Biases (offline without a key), CSV files, or not at all."""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

__all__ = ["CsvTracker", "NoTracker", "Tracker", "WandbTracker"]

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
        """Log a figure from its PNG file."""
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


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        known = netrc.netrc().hosts
    except (FileNotFoundError, netrc.NetrcParseError, OSError):
        return False
    return any("wandb" in host for host in known)


class WandbTracker:
    """Tracking by Weights & Biases, offline if there is no key.

    Args:
        folder: The run's folder; W&B writes below it.
        name: Name of the run at W&B.
        job_type: ``train`` or ``interrogate``.
        config: The resolved configuration.
        project: W&B project.
        entity: W&B team or user; by default (None) that of the key.
        mode: ``online``, ``offline`` or ``disabled``; by default (None) online with a key, else
            offline.

    Raises:
        ValueError: If ``mode`` is unknown.
    """

    def __init__(
        self,
        *,
        folder: Path,
        name: str,
        job_type: str,
        config: Mapping[str, Any],
        project: str,
        entity: str | None = None,
        mode: str | None = None,
    ) -> None:
        import wandb

        if mode not in (None, "online", "offline", "disabled"):
            raise ValueError(f"logger.mode is online, offline or disabled (or null), got {mode!r}")
        self.wandb = wandb
        self.mode = mode or ("online" if _has_key() else "offline")
        self.run = wandb.init(
            project=project,
            entity=entity,
            name=name,
            job_type=job_type,
            dir=str(folder),
            config=dict(config),
            mode=self.mode,
            settings=wandb.Settings(silent=True, console="off"),
        )

    def logger(self, prefix: str) -> Logger:
        """Return a WandbLogger on this run."""
        return WandbLogger(experiment=self.run, prefix=prefix)

    def table(self, name: str, columns: Columns) -> None:
        """Log a table."""
        names = list(columns)
        values = [np.asarray(columns[name]).tolist() for name in names]
        rows = [list(row) for row in zip(*values, strict=True)]
        self.run.log({name: self.wandb.Table(columns=names, data=rows)})

    def summary(self, values: Mapping[str, Any]) -> None:
        """Set entries of the run's summary."""
        self.run.summary.update(dict(values))

    def figure(self, name: str, path: Path) -> None:
        """Log a figure."""
        self.run.log({name: self.wandb.Image(str(path))})

    def artifact(self, name: str, folder: Path, *, by_reference: Sequence[str] = ()) -> None:
        """Log a run's folder as an artifact; large subfolders as references to where they lie."""
        artifact = self.wandb.Artifact(name, type=f"{self.run.job_type}-run")
        skipped = {"wandb", *by_reference}
        for path in sorted(folder.iterdir()):
            if path.name in skipped or path.name.startswith("."):
                continue
            if path.is_dir():
                artifact.add_dir(str(path), name=path.name)
            else:
                artifact.add_file(str(path), name=path.name)
        for sub in by_reference:
            if (folder / sub).is_dir():
                artifact.add_reference((folder / sub).resolve().as_uri(), name=sub)
        self.run.log_artifact(artifact)

    def finish(self, *, failed: bool = False) -> None:
        """Close the run."""
        self.run.finish(exit_code=1 if failed else 0)
