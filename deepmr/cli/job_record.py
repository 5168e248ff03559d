"""The record that a job of a sweep leaves on disk, whichever process or node it ran in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepmr.files import fingerprint, read_json, write_json
from deepmr.workflow.sweep_table import JobRecord, member_losses

__all__ = ["JobFile", "JobValue"]


class JobValue(float):
    """What a script returns to a sweeper: a number that knows the folder of its run.

    Args:
        value: The number.
        folder: The run's folder.

    Example:
        >>> JobValue(0.5, Path("runs/train/demo")) + 1
        1.5
    """

    folder: Path

    def __new__(cls, value: float, folder: Path) -> JobValue:
        """Return a number with a folder."""
        number = super().__new__(cls, value)
        number.folder = folder
        return number

    def __getnewargs__(self) -> tuple[float, Path]:  # type: ignore[override]
        return float(self), self.folder


class JobFile:
    """The file of a job's record.

    Args:
        folder: The sweep's folder; None for a job that belongs to no sweep, which writes nothing.
        overrides: The job's settings, as on a command line.
    """

    def __init__(self, folder: Path | None, overrides: Sequence[str]) -> None:
        self.overrides = tuple(overrides)
        self.path = None if folder is None else folder / "jobs" / f"{_name(overrides)}.json"

    def _content(self) -> dict[str, Any]:
        if self.path is None or not self.path.is_file():
            return {}
        try:
            content = read_json(self.path)
        except (ValueError, OSError):
            return {}
        return content if isinstance(content, dict) else {}

    def begin(self) -> None:
        """Note that the job runs; one that was running and said no more was killed."""
        killed = self._content().get("state") == "running"
        self._write("running", attempts=2 if killed else 1)

    def end(
        self, state: str, *, value: float = math.nan, folder: Path | None = None, error: str = ""
    ) -> None:
        """Note how the job ended.

        Args:
            state: ``finished``, ``failed`` or ``interrupted``.
            value: What it returned.
            folder: Its run's folder.
            error: Why it failed, in one line.
        """
        if self.path is None:
            return
        self._write(
            state,
            attempts=int(self._content().get("attempts", 1)),
            value=value if math.isfinite(value) else None,
            folder=str(folder or ""),
            members=member_losses(folder) if folder is not None else {},
            error=error,
        )

    def note(self, settings: str) -> None:
        """Add the fingerprint of the job's resolved settings to its record."""
        content = self._content()
        if self.path is not None and content:
            write_json(self.path, content | {"settings": settings})

    @property
    def settings(self) -> str:
        """Fingerprint of the settings that the record was made with; empty if unknown."""
        return str(self._content().get("settings", ""))

    def _write(self, state: str, **content: Any) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"overrides": list(self.overrides), "state": state, **content})

    def read(self) -> JobRecord:
        """Return the record; a job that still claims to run was killed, one without is missing."""
        content = self._content()
        state = content.get("state", "missing")
        value = content.get("value")
        return JobRecord(
            overrides=self.overrides,
            state="killed" if state == "running" else state,
            value=math.nan if value is None else float(value),
            members={str(k): float(v) for k, v in content.get("members", {}).items()},
            folder=str(content.get("folder", "")),
            error=str(content.get("error", "")),
            attempts=int(content.get("attempts", 1)),
        )


def _name(overrides: Sequence[str]) -> str:
    return fingerprint(sorted(overrides), digits=16)
