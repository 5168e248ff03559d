"""The folder of a run: locked, refused, resumed or overwritten, and finished."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deepmr.files import atomic_write, locked
from deepmr.io.manifest import is_finished, read_manifest, write_manifest
from deepmr.workflow.run_identity import CONFIG, differing

__all__ = ["FinishedError", "RunFolder"]


def _is_config(path: Path) -> bool:
    """Return True for the settings file, also half-written by a killed process."""
    return path.name == CONFIG or path.name.startswith(f".{CONFIG}.")


class _Mends(NamedTuple):
    """What to do about a folder that is taken, in the words of the door that was used."""

    finished: str
    other: str
    elsewhere: str


_COMMAND = _Mends(
    finished="overwrite=true runs it again, name= keeps both",
    other="choose another name=, or overwrite=true",
    elsewhere="choose another name= or paths.output=",
)
_NOTEBOOK = _Mends(
    finished="save(folder, overwrite=True) replaces it, another folder keeps both",
    other="choose another folder, or save(folder, overwrite=True)",
    elsewhere="choose another folder",
)


class FinishedError(FileExistsError):
    """A run with the same settings is finished.

    Args:
        folder: Its folder.
        mend: What to do about it.
    """

    def __init__(self, folder: Path, mend: str = _COMMAND.finished) -> None:
        super().__init__(f"{folder} is finished; {mend}")
        self.folder = folder

    @property
    def value(self) -> float:
        """What the run returned, for a sweeper; NaN where its manifest does not say."""
        value = read_manifest(self.folder).get("value")
        return float(value) if isinstance(value, int | float) else math.nan


def _is_unused(folder: Path, mends: _Mends) -> bool:
    """Say whether a folder is missing or holds nothing but settings.

    Raises:
        FileExistsError: If it is a file, a link, or no run of Deep MR: nothing there is touched.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise FileExistsError(f"{folder} is a link or a file, not a folder; {mends.elsewhere}")
    if not folder.exists() or all(map(_is_config, folder.iterdir())):
        return True
    if not (folder / CONFIG).is_file():
        raise FileExistsError(f"{folder} exists and is not a run of Deep MR; {mends.elsewhere}")
    return False


def _refuse_unless_resumable(folder: Path, config: Mapping[str, Any], mends: _Mends) -> None:
    if _is_unused(folder, mends):
        return
    others = differing(folder, config)
    state = "a finished" if is_finished(folder) else "an unfinished"
    if others:
        shown = "; ".join(others[:8]) + ("; ..." if len(others) > 8 else "")
        raise FileExistsError(
            f"{folder} holds {state} run with other settings ({shown}); {mends.other}"
        )
    if is_finished(folder):
        raise FinishedError(folder, mends.finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The folder of a run, with its settings.

    Args:
        path: The folder.
        config: The resolved settings as plain values, with digests of the files that they name
            under ``content``; written to ``config.yaml``.
        command: The command line.
        seed: The run's seed, for the manifest.
        overwrite: Replace what lies there, once the new run is finished.
        leader: Whether this process is rank 0: it alone decides and writes.
        in_notebook: Whether refusals say what to do in Python; False for the command line.
    """

    path: Path
    config: Mapping[str, Any]
    command: str
    seed: int = 0
    overwrite: bool = False
    leader: bool = True
    in_notebook: bool = False

    @property
    def work(self) -> Path:
        """Where the run's files are written: ``.NAME.new`` beside what it overwrites."""
        return _new(self.path) if self.overwrite else self.path

    @contextmanager
    def open(self) -> Iterator[Path]:
        """Lock the folder for the duration of the run, and write the settings.

        A finished run is refused unless it is to be overwritten; an unfinished one is resumed if
        it has the same settings. A run that overwrites is written into a folder beside the old
        one, which stays as it is until the new one is finished and takes its place; interrupted,
        it too is resumed. Ranks above 0 decide and write nothing.

        Returns:
            `work`, where the files go.

        Raises:
            FileExistsError: If the run is finished, has other settings, or the folder is no run.
            BlockingIOError: If another process works on it.
            OSError: If the folder cannot be written to.
        """
        if not self.leader:
            yield self.work
            return
        mends = _NOTEBOOK if self.in_notebook else _COMMAND
        _check_writable(self.path, mends)
        with locked(self.path):
            _settle(self.path)
            if self.overwrite:
                _is_unused(self.path, mends)
                _discard_other(self.work, self.config, mends)
            else:
                _refuse_unless_resumable(self.path, self.config, mends)
            self.work.mkdir(parents=True, exist_ok=True)
            _discard_partial(self.work)
            self._describe()
            yield self.work
            _settle(self.path)

    @contextmanager
    def join(self) -> Iterator[Path]:
        """Take part in a run beside other jobs: the folder is prepared, and not kept locked.

        Each job writes its own part, and the last one opens the run to finish it. A job that does
        not lead waits for nothing and writes nothing.

        Returns:
            `work`, where the files go.

        Raises:
            FileExistsError: If the run is finished, has other settings, or the folder is no run.
            ValueError: If the run is to be overwritten: the jobs would overwrite each other.
        """
        if self.overwrite:
            raise ValueError(
                "members= and overwrite=true exclude each other: each job would replace what the "
                f"others do; delete {self.path} first"
            )
        if self.leader:
            _check_writable(self.path, _COMMAND)
            with _lock_soon(self.path):
                _settle(self.path)
                _refuse_unless_resumable(self.path, self.config, _COMMAND)
                self._describe()
        yield self.work

    def _describe(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        if not (self.work / CONFIG).is_file():
            with atomic_write(self.work / CONFIG) as stream:
                yaml.safe_dump(dict(self.config), stream, sort_keys=False)

    def finish(
        self,
        *,
        device: str,
        started: datetime,
        inputs: Iterable[Path],
        outputs: Iterable[Path],
        facts: Mapping[str, Any],
        value: float = math.nan,
    ) -> None:
        """Write the manifest, which makes the run finished.

        Args:
            device: Device of the computation, such as ``cpu``.
            started: Start of the run, with a time zone.
            inputs: Files that the results depend on.
            outputs: Files and folders inside the run's folder; ``config.yaml`` is added.
            facts: Further entries of the manifest.
            value: What the run returns to a sweeper; NaN is stored as null.
        """
        write_manifest(
            self.work,
            command=self.command,
            seed=self.seed,
            device=device,
            started=started,
            inputs=inputs,
            outputs=[self.work / CONFIG, *outputs],
            facts={**facts, "value": value if math.isfinite(value) else None},
        )


_PATIENCE = 10.0  # seconds for a lock that others hold for a moment each
_PAUSE = 0.1


def _lock_soon(folder: Path) -> ExitStack:
    """Lock a folder that other jobs lock for a moment each; a run that keeps it is refused."""
    stack, until = ExitStack(), time.monotonic() + _PATIENCE
    while True:
        try:
            stack.enter_context(locked(folder))
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return stack


def _new(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.new")


def _settle(folder: Path) -> None:
    """Put a finished new run in the place of the old one, also where a kill cut that short."""
    new, old = _new(folder), folder.with_name(f".{folder.name}.old")
    if is_finished(new):
        if folder.exists():
            if old.exists():
                shutil.rmtree(old)
            folder.rename(old)
        new.rename(folder)
    elif old.exists() and not folder.exists():
        old.rename(folder)
    if old.exists():
        shutil.rmtree(old)


def _discard_other(new: Path, config: Mapping[str, Any], mends: _Mends) -> None:
    """Clear what an interrupted overwrite left, unless it had the same settings: it is resumed."""
    if _is_unused(new, mends):
        return
    try:
        resumable = not differing(new, config)
    except ValueError:  # its settings cannot be read
        resumable = False
    if not resumable:
        shutil.rmtree(new)


def _discard_partial(folder: Path) -> None:
    """Remove half-written files of a killed process; the lock excludes other writers."""
    for path in folder.rglob(".*.part"):
        path.unlink(missing_ok=True)


def _check_writable(folder: Path, mends: _Mends) -> None:
    parent = folder
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise PermissionError(f"{parent} cannot be written to; {mends.elsewhere}")
