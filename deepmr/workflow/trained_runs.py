"""Find trained runs: the newest that can answer, or those that were named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmr.files import expand_paths, read_json
from deepmr.io.manifest import is_finished, read_manifest
from deepmr.lightning.snapshots import snapshot_paths
from deepmr.tasks import TaskTable
from deepmr.workflow.run_folder import read_config

__all__ = ["TrainedRun", "find_runs", "newest_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A finished training run, as it lies on disk.

    Args:
        folder: Where.
        config: Its resolved settings.
        description: Its ``tasks.json``.
        finished: When it finished, UTC, ISO 8601.
    """

    folder: Path
    config: dict[str, Any]
    description: dict[str, Any]
    finished: str

    @property
    def tasks(self) -> TaskTable:
        """What it predicts."""
        return TaskTable.from_records(self.description["tasks"])

    @property
    def shape(self) -> dict[str, Any]:
        """What a network must be built for."""
        keys = ("exposures", "outcomes", "length")
        return {key: self.description[key] for key in keys} | {"names": list(self.tasks.names)}

    @property
    def checkpoints(self) -> list[Path]:
        """The best weights of every member, in order."""
        return [
            self.folder / "members" / str(k) / "best.ckpt" for k in range(self.config["ensemble"])
        ]

    @property
    def snapshots(self) -> list[list[Path]]:
        """The snapshots of every member's training, in order; empty lists where it kept none."""
        return [snapshot_paths(path.parent) for path in self.checkpoints]

    @classmethod
    def read(cls, folder: Path) -> TrainedRun:
        """Read a finished run.

        Raises:
            FileNotFoundError: If it is not there, is no run, or is not finished.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"run {folder} does not exist")
        if not is_finished(folder):
            raise FileNotFoundError(
                f"run {folder} is not finished; give its training command again to finish it"
            )
        description = folder / "tasks.json"
        if not description.is_file():
            raise FileNotFoundError(f"{folder} is no training run: it has no tasks.json")
        return cls(
            folder=folder,
            config=read_config(folder),
            description=read_json(description),
            finished=str(read_manifest(folder)["finished"]),
        )


def newest_run(folder: Path, exposure: str, outcome: str) -> TrainedRun:
    """Return the most recently finished run that predicts both tasks.

    Args:
        folder: ``<paths.output>/train``.
        exposure: Target or name of a task.
        outcome: Target or name of a task.

    Raises:
        FileNotFoundError: If there is no finished run.
        LookupError: If none predicts both; it says why the newest does not.
        ValueError: If both are the same task.
    """
    candidates = (
        sorted(p for p in folder.iterdir() if is_finished(p) and not p.name.startswith("."))
        if folder.is_dir()
        else []
    )
    runs = sorted(
        (TrainedRun.read(path) for path in candidates), key=lambda run: run.finished, reverse=True
    )
    if not runs:
        raise FileNotFoundError(f"no finished run lies under {folder}; run train.py first")
    first_error: LookupError | None = None
    for run in runs:
        try:
            run.tasks.pair(exposure, outcome)
        except LookupError as error:
            first_error = first_error or error
        else:
            return run
    raise LookupError(
        f"none of {len(runs)} finished runs under {folder} predicts both tasks; "
        f"{runs[0].folder.name}: {first_error.args[0] if first_error else ''}"
    )


def find_runs(named: str | Path | Sequence[str | Path]) -> list[TrainedRun]:
    """Return the runs that a path, a list of paths or a glob names, checked to be one ensemble.

    Raises:
        FileNotFoundError: If one does not exist or is not finished, or a glob matches nothing.
        ValueError: If they differ in tasks, data or splits.
    """
    runs = [TrainedRun.read(folder) for folder in expand_paths(named, what="run")]
    for run in runs[1:]:
        for key in ("tasks", "length", "data_fingerprint", "splits"):
            if run.description[key] != runs[0].description[key]:
                raise ValueError(
                    f"{run.folder} and {runs[0].folder} cannot be pooled as one ensemble: "
                    f"their {key.replace('_', ' ')} differ"
                )
    return runs
