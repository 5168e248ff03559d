"""The sweeper behind ``-m``: runs what is missing, outlives failing jobs, ends with a table."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepmr.cli.failed_jobs import report_failure
from deepmr.cli.job_record import JobFile
from deepmr.cli.search_space import Choices, Space
from deepmr.files import fingerprint, locked
from deepmr.io.manifest import is_finished
from deepmr.workflow.run_identity import identity
from deepmr.workflow.sweep_table import (
    DIRECTIONS,
    Candidate,
    candidate_columns,
    ranked,
    sweep_text,
    write_sweep,
)

__all__ = ["METHODS", "JobSweeper", "Search"]

METHODS = ("product", "grid", "random", "optuna")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Settings of a search (``hydra.sweeper``).

    Args:
        method: ``product`` and ``grid`` take every combination, ``random`` and ``optuna`` choose.
        direction: ``minimize``, ``maximize`` or ``none``.
        n_trials: Number of candidates of ``random`` and ``optuna``.
        n_jobs: Candidates that ``optuna`` proposes at a time, for a launcher that runs several.
        levels: Values that ``grid`` takes from an interval.
        seed: Seed of the choice of candidates; not the seed of any training.
        storage: Database of ``optuna``'s study; by default a file in the sweep's folder.

    Raises:
        ValueError: If the method is unknown, or a number is below 1.
    """

    method: str
    direction: str
    n_trials: int
    n_jobs: int
    levels: int
    seed: int
    storage: str | None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(
                f"hydra.sweeper.method is one of {', '.join(METHODS)}, got {self.method!r}"
            )
        if self.direction not in DIRECTIONS:
            raise ValueError(
                f"hydra.sweeper.direction is {', '.join(DIRECTIONS[:-1])} or {DIRECTIONS[-1]}, "
                f"got {self.direction!r}"
            )
        for name in ("n_trials", "n_jobs", "levels"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"hydra.sweeper.{name} must be at least 1, got {getattr(self, name)}"
                )


class JobSweeper(Sweeper):
    """Hydra sweeper: each candidate is judged over its seeds and members.

    Args:
        params: The search space: settings with their values, in override syntax.
        **search: Settings of `Search`.
    """

    def __init__(self, *, params: Mapping[str, Any] | None = None, **search: Any) -> None:
        self.params = {str(key): str(value) for key, value in (params or {}).items()}
        self.settings = search
        self.config: DictConfig = OmegaConf.create({})
        self.context: HydraContext | None = None
        self.launcher: Launcher | None = None
        self.folder = Path()
        self.name = ""
        self.n_launched = 0

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take Hydra's context and build the launcher."""
        self.config, self.context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Candidate]:
        """Run the jobs that are missing; write and print the table.

        What is wrong with the sweep itself, such as an empty search space, is one line and status
        1.

        Args:
            arguments: Overrides of the command line.
        """
        try:
            return self._sweep(arguments)
        except (ValueError, OSError, ImportError) as error:
            if os.environ.get("HYDRA_FULL_ERROR") == "1":
                raise
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            sys.exit(1)

    def _sweep(self, arguments: Sequence[str]) -> list[Candidate]:
        search = Search(**self.settings)
        space = Space.parse(self.params, arguments)
        _check_space(space, search, self.params)
        self.name, self.folder = self._identity(space, search)
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder):
            candidates = ranked(self._candidates(space, search), search.direction)
            path = write_sweep(self.folder, candidates)
        print(f"\n{sweep_text(self.name, candidates)}\ntable: {path}")
        self._track(candidates)
        _report_failures(candidates, space)
        return candidates

    def _identity(self, space: Space, search: Search) -> tuple[str, Path]:
        """Name the sweep by what it varies and shares, so that the same command resumes it."""
        command = str(self.config.hydra.job.config_name)
        ignored = ("overwrite=", "logger", "workers=", "paths.output=")
        content = [
            search.method,
            sorted(one for one in space.fixed if not one.startswith(ignored)),
            {key: repr(value) for key, value in space.varied.items()},
            {key: value.values for key, value in space.folds.items()},
        ]
        name = f"{command}-{fingerprint(content)}"
        return name, (Path(str(self.config.hydra.sweep.dir)) / name).absolute()

    def _candidates(self, space: Space, search: Search) -> list[Candidate]:
        if search.method == "optuna":
            from deepmr.cli.study import run_study

            return run_study(space, search, self)
        if search.method == "random":
            settings = space.random(search.n_trials, seed=search.seed)
        else:
            settings = space.grid(search.levels)
        return self.run(space, settings)

    def run(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]:
        """Run the jobs of some candidates, and return the candidates with their records.

        A job that is killed is run again once.

        Args:
            space: The search space.
            settings: Values of the varied settings of each candidate.
        """
        files = {job: JobFile(self.folder, job) for one in settings for job in space.jobs(one)}
        self._launch([job for job, file in files.items() if self._is_to_run(job, file)])
        for job, file in files.items():
            if file.read().state in ("killed", "missing"):
                print(f"lost, run again: {' '.join(job)}", file=sys.stderr)
                self._launch([job])
        return self.gather(space, settings)

    def gather(self, space: Space, settings: Sequence[Mapping[str, str]]) -> list[Candidate]:
        """Return candidates with the records that their jobs left; nothing is run.

        Args:
            space: The search space.
            settings: Values of the varied settings of each candidate.
        """
        return [
            Candidate(
                settings=one,
                jobs=tuple(JobFile(self.folder, job).read() for job in space.jobs(one)),
            )
            for one in settings
        ]

    def _is_to_run(self, job: tuple[str, ...], file: JobFile) -> bool:
        """Compose a job's settings; False if they are invalid, or its run is finished."""
        try:
            settings = self._settings(job)
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            line = " ".join(str(error).split())
            print(f"error: {line}", file=sys.stderr)
            file.end("failed", error=line)
            return False
        record = file.read()
        done = record.finished and bool(record.folder) and file.settings == settings
        if done and is_finished(record.folder):
            print(f"already finished: {record.folder}")
            return False
        return True

    def _settings(self, job: Sequence[str]) -> str:
        """Return the fingerprint of a job's settings; empty where a record never suffices."""
        from deepmr.cli.parts import plain  # late: it imports torch

        context = _required(self.context)
        config = context.config_loader.load_sweep_config(self.config, list(job))
        if "exposure" in config or config.get("overwrite"):
            return ""  # it may ask the newest run, or is to be made anew
        own = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
        return fingerprint(identity(plain(own)), digits=16)

    def _launch(self, jobs: Sequence[tuple[str, ...]]) -> None:
        """Run jobs by the launcher; what became of each stands in its record."""
        if not jobs:
            return
        own = [
            f"hydra.sweep.dir={_quoted(str(self.folder))}",
            f"++hydra.job.env_set.WANDB_RUN_GROUP={self.name}",
        ]
        batch = [[*job, *own] for job in jobs]
        first, self.n_launched = self.n_launched, self.n_launched + len(batch)
        launcher = self.config.hydra.launcher
        if "submitit" not in str(launcher.get("_target_")):
            self._attempt(batch, first)
        else:
            self._submit(batch, first, most=launcher.get("array_parallelism") or len(batch))
        for job in jobs:
            file = JobFile(self.folder, job)
            if file.read().finished:
                file.note(self._settings(job))

    def _attempt(self, batch: Sequence[Sequence[str]], first: int) -> None:
        try:
            _required(self.launcher).launch(batch, initial_job_idx=first)
        except Exception as error:  # noqa: BLE001  (a lost worker raises what its launcher likes)
            print(f"a job was lost: {' '.join(str(error).split())[:300]}", file=sys.stderr)

    def _submit(self, batch: Sequence[Sequence[str]], first: int, *, most: int) -> None:
        """Submit each job by itself: an array whose first job is lost would not wait for others.

        The threads are daemons, so that an interrupted sweep ends, whatever the cluster does.
        """
        waiting = list(enumerate(batch))[::-1]

        def work() -> None:
            while waiting:
                number, job = waiting.pop()
                self._attempt([job], first + number)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(most, len(batch)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _track(self, candidates: Sequence[Candidate]) -> None:
        """Log the table beside the jobs, in their group."""
        from deepmr.cli.parts import optional
        from deepmr.cli.trust import Trust

        logger = OmegaConf.to_container(self.config.logger, resolve=True)
        build = optional(logger, "logger", Trust(own=True))  # type: ignore[arg-type]
        if build is None:
            return
        tracker = build(folder=self.folder, name=self.name, job_type="sweep", config={})
        tracker.table("candidates", candidate_columns(candidates))
        tracker.finish()


def _check_space(space: Space, search: Search, params: Mapping[str, str]) -> None:
    if search.method == "product":
        if any(not isinstance(one, Choices) for one in space.varied.values()):
            raise ValueError(
                "an interval is searched by hparams_search=optuna, random or grid; add one, or "
                "list values"
            )
        return
    if not space.varied:
        raise ValueError(
            f"hparams_search={search.method} has nothing to search: every setting of its space is "
            "fixed on the command line; give one several values, such as "
            "'optimizer.lr=interval(1e-3,1e-1)'"
        )
    if params and "model" in space.varied:
        raise ValueError(
            "model= must be one in a search: each model has a search space of its own; search them "
            "one after the other"
        )


def _report_failures(candidates: Sequence[Candidate], space: Space) -> None:
    for job in (job for one in candidates for job in one.jobs if not job.finished):
        own = " ".join(one for one in job.overrides if one not in space.fixed)
        report_failure(f"{own} ({job.error or job.state})".strip())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _required(value: Any) -> Any:
    if value is None:
        raise RuntimeError("JobSweeper.setup was not called")
    return value
