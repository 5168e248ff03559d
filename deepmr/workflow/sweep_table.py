"""Table of a sweep: jobs gathered into candidates, each judged over its seeds and members."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepmr.files import read_json
from deepmr.io.table_schemas import CANDIDATES, JOBS
from deepmr.io.tables import write_table

__all__ = [
    "DIRECTIONS",
    "Candidate",
    "JobRecord",
    "candidate_columns",
    "member_losses",
    "ranked",
    "sweep_text",
    "write_sweep",
]

DIRECTIONS = ("minimize", "maximize", "none")
"""Whether small or large values are good; ``none`` keeps the order of the command line."""

STATES = ("finished", "failed", "interrupted", "killed", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What is known of a job of a sweep.

    Args:
        overrides: Its settings, as on a command line.
        state: ``finished``, ``failed`` (it said why), ``interrupted`` (by a signal), ``killed``
            (it ended without a word) or ``missing`` (never started).
        value: What it returned; NaN unless it finished.
        members: Best validation loss of each member of a training, by the member's number; empty
            for an interrogation.
        folder: Folder of its run; empty if there is none.
        error: Why it failed, in one line.
        attempts: 1, or 2 for a job that was killed and run again.

    Raises:
        ValueError: If the state is unknown.

    Example:
        >>> JobRecord(overrides=("seed=1",), state="finished", value=0.5).value
        0.5
    """

    overrides: tuple[str, ...]
    state: str
    value: float = math.nan
    members: Mapping[str, float] = field(default_factory=dict)
    folder: str = ""
    error: str = ""
    attempts: int = 1

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"a job's state is one of {', '.join(STATES)}, got {self.state!r}")

    @property
    def finished(self) -> bool:
        """Whether the job finished."""
        return self.state == "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Settings under judgement, with their jobs: one for each seed or group of members.

    Args:
        settings: The settings that differ between candidates, as text.
        jobs: Its jobs.

    Example:
        >>> jobs = [JobRecord(overrides=(f"seed={k}",), state="finished", value=v)
        ...         for k, v in enumerate((1.0, 3.0))]
        >>> Candidate(settings={"lr": "0.1"}, jobs=tuple(jobs)).mean
        2.0
    """

    settings: Mapping[str, str]
    jobs: tuple[JobRecord, ...]

    @property
    def values(self) -> tuple[float, ...]:
        """Values of every member of every seed; of every job where there are no members."""
        found: dict[tuple[str, str], float] = {}
        for job in self.jobs:
            if job.finished and job.members:
                found |= {(job.folder, member): value for member, value in job.members.items()}
            elif job.finished:
                found[" ".join(job.overrides), ""] = job.value
        return tuple(found.values())

    @property
    def mean(self) -> float:
        """Mean of `values`; NaN if there is none."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation of `values`; NaN below two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def n_finished(self) -> int:
        """Number of jobs that finished."""
        return sum(job.finished for job in self.jobs)

    @property
    def complete(self) -> bool:
        """Whether every job finished with a number: only then are candidates comparable."""
        return self.n_finished == len(self.jobs) and math.isfinite(self.mean)

    @property
    def state(self) -> str:
        """``finished``, or the state of the first job that is not."""
        return next((job.state for job in self.jobs if not job.finished), "finished")


def ranked(candidates: Sequence[Candidate], direction: str) -> list[Candidate]:
    """Return candidates, the best first; those without all of their jobs come last.

    A candidate whose bad seeds failed must not win by those that are left.

    Args:
        candidates: In the order of the command line, which ties keep.
        direction: One of `DIRECTIONS`.

    Raises:
        KeyError: If the direction is unknown.
    """
    sign = {"minimize": 1.0, "maximize": -1.0, "none": 0.0}[direction]

    def place(candidate: Candidate) -> tuple[bool, float]:
        return not candidate.complete, sign * candidate.mean if candidate.complete else 0.0

    return sorted(candidates, key=place)


def member_losses(folder: Path) -> dict[str, float]:
    """Return the best validation loss of each finished member of a training.

    Args:
        folder: The run's folder; without members the result is empty.
    """
    losses = {}
    for path in sorted((folder / "members").glob("*/history.json")):
        epochs = [epoch["validation/loss"] for epoch in read_json(path)]
        if epochs:
            losses[path.parent.name] = float(min(epochs))
    return losses


def candidate_columns(candidates: Sequence[Candidate]) -> dict[str, list[Any]]:
    """Return the table of ranked candidates by column.

    Args:
        candidates: Ranked.
    """
    return {
        "candidate": list(range(len(candidates))),
        "settings": [_settings(one) for one in candidates],
        "mean": [one.mean for one in candidates],
        "spread": [one.spread for one in candidates],
        "n_values": [len(one.values) for one in candidates],
        "n_jobs": [len(one.jobs) for one in candidates],
        "n_finished": [one.n_finished for one in candidates],
        "state": [one.state for one in candidates],
    }


def write_sweep(folder: Path, candidates: Sequence[Candidate]) -> Path:
    """Write ``candidates.parquet`` and ``jobs.parquet``; return the path of the first.

    Args:
        folder: The sweep's folder.
        candidates: Ranked.
    """
    rows = [(place, job) for place, one in enumerate(candidates) for job in one.jobs]
    jobs = [job for _, job in rows]
    columns: dict[str, list[Any]] = {
        "job": list(range(len(rows))),
        "candidate": [place for place, _ in rows],
        "overrides": [" ".join(job.overrides) for job in jobs],
        "state": [job.state for job in jobs],
        "value": [job.value for job in jobs],
        "attempts": [job.attempts for job in jobs],
        "folder": [job.folder or None for job in jobs],
        "error": [job.error or None for job in jobs],
    }
    write_table(folder / "jobs.parquet", columns, JOBS)
    path = folder / "candidates.parquet"
    write_table(path, candidate_columns(candidates), CANDIDATES)
    return path


def sweep_text(name: str, candidates: Sequence[Candidate], *, shown: int = 20) -> str:
    """Return the table for a terminal.

    Args:
        name: Name of the sweep.
        candidates: Ranked.
        shown: Largest number of candidates, 20 by default; the file holds all of them.
    """
    jobs = [job for one in candidates for job in one.jobs]
    finished = sum(job.finished for job in jobs)
    again = sum(job.attempts > 1 for job in jobs)
    title = f"{name}: {len(candidates)} candidates, {len(jobs)} jobs, {finished} finished"
    title += f", {len(jobs) - finished} not" if finished < len(jobs) else ""
    title += f", {again} killed and run again" if again else ""
    keys = list(dict.fromkeys(key for one in candidates for key in one.settings))
    header = ["", "mean", "spread", "values", *keys, "jobs"]
    rows = [header]
    for place, one in enumerate(candidates[:shown]):
        jobs_done = f"{one.n_finished}/{len(one.jobs)}"
        rows.append(
            [
                str(place + 1) if one.complete else "-",
                _number(one.mean),
                _number(one.spread),
                str(len(one.values)),
                *(_short(one.settings.get(key, "")) for key in keys),
                jobs_done if one.complete else f"{jobs_done} {one.state}",
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    more = len(candidates) - shown
    return "\n".join([title, *lines, *([f"... and {more} more in the file"] if more > 0 else [])])


def _settings(candidate: Candidate) -> str:
    return " ".join(f"{key}={value}" for key, value in candidate.settings.items())


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _short(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    return value if len(value) < 8 else f"{number:.4g}"
