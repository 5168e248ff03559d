"""Experiment tracking by Weights & Biases (offline without a key), CSV files, or not at all."""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from deepmr.files import safe_name

__all__ = ["CsvTracker", "NoTracker", "Tracker", "WandbTracker", "without_paths"]

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


_REGIONS = frozenset({"chrom", "start", "end", "locus", "ref", "alt"})
_LOCAL_FIGURES = frozenset({"forest", "scatter", "effects"})
_PATHS = frozenset(
    {
        "root",
        "run",
        "path",
        "genome",
        "tracks",
        "exclude",
        "checkpoint",
        "tasks",
        "output",
        "content",
    }
)
_KEPT = "(kept on this machine)"


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without the places where files lie on this machine.

    Example:
        >>> without_paths({"seed": 0, "loci": {"path": "my.bed", "n": 4}})
        {'seed': 0, 'loci': {'path': '(kept on this machine)', 'n': 4}}
    """

    def kept(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return without_paths(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if key in _PATHS or any(
            str(one).startswith(("/", ".", "~")) or ":\\" in str(one)
            for one in (value if isinstance(value, list | tuple) else [value])
        ):
            return _KEPT
        return value

    return {key: kept(str(key), value) for key, value in config.items()}


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
        upload: ``default``: settings, metrics, pooled tables, and figures that show no region;
            ``all``: also paths, tables and figures of single loci, and the run's files.

    Raises:
        ValueError: If ``mode`` or ``upload`` is unknown.
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
        upload: str = "default",
    ) -> None:
        import wandb

        if upload not in ("default", "all"):
            raise ValueError(f"logger.upload is default or all, got {upload!r}")
        self.everything = upload == "all"
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
            config=dict(config) if self.everything else without_paths(config),
            mode=self.mode,
            settings=wandb.Settings(
                silent=True,
                console="off",
                save_code=False,
                disable_git=not self.everything,
                x_disable_meta=not self.everything,  # command line, host, folder
            ),
        )

    def logger(self, prefix: str) -> Logger:
        """Return a WandbLogger on this run."""
        return WandbLogger(experiment=self.run, prefix=prefix)

    def table(self, name: str, columns: Columns) -> None:
        """Log a table; one of single loci only with ``upload=all``."""
        if not self.everything and _REGIONS & set(columns):
            return
        names = list(columns)
        values = [np.asarray(columns[name]).tolist() for name in names]
        rows = [list(row) for row in zip(*values, strict=True)]
        self.run.log({name: self.wandb.Table(columns=names, data=rows)})

    def summary(self, values: Mapping[str, Any]) -> None:
        """Set entries of the run's summary."""
        self.run.summary.update(dict(values))

    def figure(self, name: str, path: Path) -> None:
        """Log a figure; one of single loci only with ``upload=all``."""
        if not self.everything and name in _LOCAL_FIGURES:
            return
        self.run.log({name: self.wandb.Image(str(path))})

    def artifact(self, name: str, folder: Path, *, by_reference: Sequence[str] = ()) -> None:
        """Log a run's folder as an artifact, only with ``upload=all``.

        Large subfolders are references to where they lie.
        """
        if not self.everything:
            return
        artifact = self.wandb.Artifact(safe_name(name), type=f"{self.run.job_type}-run")
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
