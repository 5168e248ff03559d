"""Finished training runs: reading one, checking its files, finding the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deepmr.files import expand_paths, read_json, reading
from deepmr.io.manifest import MANIFEST, changed_outputs, is_finished, read_manifest
from deepmr.lightning.snapshots import snapshot_paths
from deepmr.tasks import TaskTable
from deepmr.workflow.run_identity import CONFIG, read_config
from deepmr.workflow.task_selection import is_many, select_pairs

__all__ = ["SHARED_ERROR", "TrainedRun", "find_runs", "newest_run"]

SHARED_ERROR = "shared_error.json"

_ALWAYS_LISTED = (CONFIG, "tasks.json", "calibrator.json", SHARED_ERROR)
_LARGEST_CHECKED = 50_000_000  # bytes: larger files would make every question wait


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A finished training run on disk.

    Args:
        folder: The run's folder.
        config: Resolved settings of the training, from ``config.yaml``.
        description: Tasks, length, splits and data fingerprint, from ``tasks.json``.
        finished: Time of completion, UTC, ISO 8601.
    """

    folder: Path
    config: dict[str, Any]
    description: dict[str, Any]
    finished: str

    @property
    def tasks(self) -> TaskTable:
        """Tasks that the networks predict."""
        return TaskTable.from_records(self.description["tasks"])

    @property
    def shape(self) -> dict[str, Any]:
        """Numbers of outputs, length and task names that a network is built for."""
        keys = ("exposures", "outcomes", "length")
        return {key: self.description[key] for key in keys} | {"names": list(self.tasks.names)}

    @property
    def checkpoints(self) -> list[Path]:
        """Best checkpoint of every member, in order."""
        return [
            self.folder / "members" / str(k) / "best.ckpt" for k in range(self.config["ensemble"])
        ]

    @property
    def snapshots(self) -> list[list[Path]]:
        """Snapshots of every member's training, in order; empty lists where there are none."""
        return [snapshot_paths(path.parent) for path in self.checkpoints]

    @property
    def error_ratios(self) -> dict[str, float]:
        """By task, shared error of held-out predictions; see `prediction_error_ratio`."""
        return dict(read_json(self.folder / SHARED_ERROR)["ratios"])

    @classmethod
    def read(cls, folder: Path) -> TrainedRun:
        """Read a finished run, and check that its files are those that its training wrote.

        Files up to 50 MB are compared with the digests in its manifest, except figures, on which
        no result depends.

        Args:
            folder: The run's folder.

        Raises:
            FileNotFoundError: If it is not there, is no run, or is not finished.
            ValueError: If a file of it is missing or has changed since, or a version of Deep MR
                wrote it whose runs this one does not read.
        """
        run = _read(folder)
        run.check()
        return run

    def check(self) -> None:
        """Compare the run's files with the digests in its manifest.

        Raises:
            ValueError: If a file is missing or has changed since the run finished.
        """
        changed = [
            path
            for path in changed_outputs(self.folder, largest=_LARGEST_CHECKED)
            if not path.startswith("figures/")
        ]
        listed = {one["path"] for one in read_manifest(self.folder)["outputs"]}
        needed = [self.folder / name for name in _ALWAYS_LISTED] + self.checkpoints
        needed += [path for paths in self.snapshots for path in paths]
        changed += [
            path.relative_to(self.folder).as_posix()
            for path in needed
            if path.is_file() and path.relative_to(self.folder).as_posix() not in listed
        ]
        if changed:
            others = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
            raise ValueError(
                f"{self.folder / changed[0]}{others} is missing or has changed since the run "
                "finished: its sha256 is not the one in manifest.json; restore the file, or train "
                "again with overwrite=true"
            )


def newest_run(
    folder: Path, exposure: str | Sequence[str], outcome: str | Sequence[str]
) -> TrainedRun:
    """Return the most recently finished run that predicts both tasks, or all that are named.

    Runs that cannot be read, such as those of Deep MR 0.1, are left out, which one line says.

    Args:
        folder: ``<paths.output>/train``.
        exposure: Target or name of the exposure's task; or a list, a glob or ``all``.
        outcome: Target or name of the outcome's task; likewise.

    Raises:
        FileNotFoundError: If there is no finished run that can be read.
        LookupError: If none predicts both; the message gives the reason for the newest.
        ValueError: If both are the same task, or a file of the run has changed.
    """
    runs, unread = _readable(folder)
    if not runs:
        why = f" ({unread})" if unread else ""
        raise FileNotFoundError(
            f"no finished run lies under {folder}{why}; train one first (deepmr train), or name "
            "one with run=FOLDER"
        )
    if unread:
        print(f"left out: {unread}")
    first_error: LookupError | None = None
    for run in runs:
        try:
            if is_many(exposure) or is_many(outcome):
                select_pairs(run.tasks, exposure, outcome)
            else:
                run.tasks.pair(str(exposure), str(outcome))
        except LookupError as error:
            first_error = first_error or error
        else:
            run.check()
            return run
    raise LookupError(
        f"none of {len(runs)} finished runs under {folder} predicts both tasks; "
        f"{runs[0].folder.name}: {first_error.args[0] if first_error else ''}"
    )


def _readable(folder: Path) -> tuple[list[TrainedRun], str]:
    """Return the finished runs in a folder, newest first, and why others cannot be read."""
    runs: list[TrainedRun] = []
    reasons: list[str] = []
    names: list[str] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not is_finished(path) or path.name.startswith("."):
            continue
        try:
            runs.append(_read(path))
        except (ValueError, KeyError, FileNotFoundError) as error:
            reasons.append(str(error))
            names.append(path.name)
    runs.sort(key=lambda run: run.finished, reverse=True)
    if not reasons:
        return runs, ""
    more = f"; nor can {', '.join(names[1:])} be read" if len(names) > 1 else ""
    return runs, f"{reasons[0]}{more}"


def find_runs(named: str | Path | Sequence[str | Path]) -> list[TrainedRun]:
    """Read one or several runs whose members can be pooled as one ensemble.

    Args:
        named: A path, a glob, or a list of them.

    Raises:
        FileNotFoundError: If one does not exist or is not finished, or a glob matches nothing.
        ValueError: If runs differ in tasks, data or splits, a file of a run has changed, or one
            cannot be read.
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


def _read(folder: Path) -> TrainedRun:
    """Read a finished run without comparing its files with its manifest."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"run {folder} does not exist; give the folder of a training run, runs/train/NAME"
        )
    if not is_finished(folder):
        raise FileNotFoundError(
            f"run {folder} is not finished; give its training command again to finish it"
        )
    manifest = read_manifest(folder)
    description = folder / "tasks.json"
    if not description.is_file():
        raise FileNotFoundError(f"{folder} is no training run: it has no tasks.json")
    with reading(folder / MANIFEST):
        finished = manifest["finished"]
        datetime.fromisoformat(finished)  # by which the newest run is found
    config = read_config(folder)
    with reading(description):
        run = TrainedRun(
            folder=folder,
            config=config,
            description=dict(read_json(description)),
            finished=finished,
        )
        _check_description(run)
    for part in ("model", "data"):
        if not isinstance(run.config.get(part), dict):
            raise ValueError(  # noqa: TRY004  (bad input)
                f"{folder / CONFIG} must hold the settings of {part}; restore the file, or train "
                "again"
            )
    members = run.config.get("ensemble")
    if isinstance(members, bool) or not isinstance(members, int) or members < 1:
        raise ValueError(
            f"{folder / CONFIG} must have an ensemble of at least 1 member, got {members!r}; "
            "restore the file, or train again"
        )
    return run


def _check_description(run: TrainedRun) -> None:
    """Check the types in ``tasks.json``: whoever edits it gets one line."""
    names = set(run.tasks.names)
    for task in run.tasks:
        if not all(isinstance(value, str) for value in asdict(task).values()):
            raise TypeError("a task's entries are texts")
    for key in ("exposures", "outcomes"):
        if not isinstance(run.description[key], list) or not set(run.description[key]) <= names:
            raise ValueError(f"{key} must list names of tasks, got {run.description[key]!r:.80}")
    length = run.description["length"]
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise ValueError(f"length must be a whole number of at least 1, got {length!r:.80}")
    for key in ("data_fingerprint", "splits"):
        if key not in run.description:
            raise KeyError(key)
