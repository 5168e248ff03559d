"""One job of a script: bad input becomes one line and exit status 1."""

from __future__ import annotations

import functools
import math
import os
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from deepmr.cli.command_line import add_own_configuration, check_overrides, conf_folder, split_flags
from deepmr.cli.error_line import error_line, is_bad_input
from deepmr.cli.failed_jobs import failed_jobs, report_failure
from deepmr.cli.interruption import (
    Interruption,
    end_with_parent,
    end_with_reader,
    interrupted_by_signals,
)
from deepmr.cli.plugins import check_sweep
from deepmr.cli.quick_help import show, shows

__all__ = ["is_leader", "job", "run", "run_plain"]

_TIME_IS_UP = 124  # exit status of the command `timeout`
_subcommand: list[str] = []
"""Words of the command line before the overrides: ``["train"]`` of ``deepmr train``."""
_own_configuration: list[str] = []
"""``["--config-dir", FOLDER]`` where the user has yamls of their own, else empty."""


def _full_error() -> bool:
    return os.environ.get("HYDRA_FULL_ERROR") == "1"


def _finished_error() -> Any:
    from deepmr.workflow.run_folder import FinishedError

    return FinishedError


def _is_time_up(error: Exception) -> bool:
    """Say whether ``trainer.max_time`` ended the job; what is done is kept."""
    from deepmr.lightning.deadline import TimeIsUpError

    return isinstance(error, TimeIsUpError)


def is_leader() -> bool:
    """Return whether this process is rank 0 of its job, before any process group exists.

    Lightning's launcher, torchrun and SLURM each say so in the environment.
    """
    ranks = ("RANK", "SLURM_PROCID", "LOCAL_RANK", "NODE_RANK")
    return all(int(os.environ.get(name, "0")) == 0 for name in ranks)


def _leave_process_group() -> None:
    """Leave Lightning's process group, so that the next job of a sweep can found its own."""
    from deepmr.lightning import leave_process_group

    leave_process_group()


@functools.cache
def _sweep_group() -> str:
    """Return a name for this sweep, the same for all its jobs."""
    return f"sweep-{datetime.now(UTC):%Y%m%dT%H%M%S}"


def job(task: Callable[[DictConfig], float]) -> Callable[[DictConfig], float]:
    """Wrap a script's main function.

    In a single run bad input prints one line and exits with status 1; ``HYDRA_FULL_ERROR=1``
    shows the traceback. In a multirun the line is printed, the job counts as failed (its value
    is NaN) and the later jobs go on, also after an error that is no one's input; the whole command
    then exits with status 1. A job that was finished before counts as done.

    Ctrl-C, SIGTERM and SIGUSR1 print one line, and what is done is kept; the status is 130, 143 or
    138, and 124 where ``trainer.max_time`` was up.

    Processes that Lightning starts for ``trainer=ddp`` run ``sys.argv`` again, by the script's
    path or, after ``python -m deepmr``, by the module's name: ``sys.argv`` therefore holds the
    subcommand while a job runs. A job of a multirun is given its own command line, without
    ``-m``, and leaves no trace in the environment.
    """

    @functools.wraps(task)
    def wrapped(config: DictConfig) -> float:
        sweeping = HydraConfig.get().mode is RunMode.MULTIRUN
        environment, arguments = dict(os.environ), list(sys.argv)
        swept = [*_own_configuration, *HydraConfig.get().overrides.task]
        sys.argv = [sys.argv[0], *_subcommand, *(swept if sweeping else sys.argv[1:])]
        if sweeping:  # the sweep's runs are one group at Weights & Biases
            os.environ.setdefault("WANDB_RUN_GROUP", _sweep_group())
        if not is_leader():
            end_with_parent()
        interruption = Interruption()
        try:
            with interrupted_by_signals() as interruption, end_with_reader():
                return _in_sweep(task, config) if sweeping else task(config)
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from here", file=sys.stderr)
            sys.exit(interruption.status)
        except Exception as error:
            if _is_time_up(error):
                print(error, file=sys.stderr)
                sys.exit(_TIME_IS_UP)
            if _full_error() or not is_bad_input(error):
                raise
            print(f"error: {error_line(error)}", file=sys.stderr)
            sys.exit(1)
        finally:
            sys.argv = arguments
            if sweeping:
                _leave_process_group()
                os.environ.clear()
                os.environ.update(environment)

    return wrapped


def _in_sweep(task: Callable[[DictConfig], float], config: DictConfig) -> float:
    """Run a job of a sweep, record how it ended, and never end the others by an error.

    Returns:
        The job's value; NaN if it failed.
    """
    from deepmr.cli.job_record import JobFile, JobValue
    from deepmr.cli.sweep_plugin import sweep_folder

    hydra = HydraConfig.get()
    record = JobFile(sweep_folder(hydra) if is_leader() else None, hydra.overrides.task)
    record.begin()
    try:
        with end_with_reader():
            value = task(config)
        folder = value.folder if isinstance(value, JobValue) else None
        record.end("finished", value=float(value), folder=folder)
        return float(value)
    except KeyboardInterrupt:
        record.end("interrupted")
        raise
    except Exception as error:  # noqa: BLE001  (a job that fails does not end the others)
        if isinstance(error, _finished_error()):
            print(f"already finished: {error.folder}")
            record.end("finished", value=error.value, folder=error.folder)
            return float(error.value)
        return _failed_job(error, record)


def _failed_job(error: Exception, record: Any) -> float:
    line = error_line(error)
    if _is_time_up(error):
        print(line, file=sys.stderr)
        record.end("interrupted", error=line)
        return math.nan
    if _full_error() or not is_bad_input(error):
        traceback.print_exception(error)
        line = f"{type(error).__name__}: {line}"
    print(f"error: {line}", file=sys.stderr)
    record.end("failed", error=line)
    if record.path is None:
        report_failure(" ".join(record.overrides))
    return math.nan


def _as_meant(conf: Path, config_name: str, argument: str) -> str:
    """Return an argument as Hydra takes it, where a group's name stands for another setting.

    ``logger=null`` is refused for a group: where there is a ``none``, it is meant.
    ``calibrator=PATH`` of an interrogation is the setting ``calibrators``; Hydra would take it for
    a choice of the group of that name, which training reads. ``effects=FILE`` names a table;
    ``effects=NAME`` a yaml of columns, where there is one.
    """
    key, mark, value = argument.partition("=")
    if value == "null" and (conf / key / "none.yaml").is_file():
        return f"{key}=none"
    if config_name == "interrogate" and key == "calibrator":
        return f"calibrators={value}"
    if key == "effects" and mark:
        folders = (conf, Path(os.environ.get("DEEPMR_CONF", ".")), *_config_dirs())
        if not any((folder / "effects" / f"{value}.yaml").is_file() for folder in folders):
            return f"effects.path={value}"
    return argument


def _config_dirs() -> list[Path]:
    """Return the folders that ``--config-dir`` names."""
    words = sys.argv
    return [
        Path(words[place + 1] if word in ("--config-dir", "-cd") else word.partition("=")[2])
        for place, word in enumerate(words)
        if word.startswith("--config-dir=")
        or (word in ("--config-dir", "-cd") and place + 1 < len(words))
    ]


@end_with_reader()
def run(main: Callable[[], Any], config_name: str, *, words: int = 0) -> None:
    """Check the command line, run the jobs, and exit with 1 if any of them failed.

    Args:
        main: The Hydra main.
        config_name: train, calibrate or interrogate.
        words: Words before the overrides: 1 for ``deepmr train``.
    """
    conf = conf_folder()
    _subcommand[:] = sys.argv[1 : 1 + words]
    given = sys.argv[1 + words :]
    sys.argv[1:] = [_as_meant(conf, config_name, argument) for argument in given]
    try:
        own = add_own_configuration(sys.argv, conf)
        _own_configuration[:] = ["--config-dir", str(own)] if own else []
        flags, overrides = split_flags(sys.argv[1:])
        if not set(flags) - {"-m", "--multirun"}:
            check_sweep(overrides, sweeping=bool(flags))
            check_overrides(conf, config_name, overrides, sweeping=bool(flags), own=own)
    except (ValueError, FileNotFoundError) as error:
        if _full_error():
            raise
        print(f"error: {error_line(error)}", file=sys.stderr)
        sys.exit(1)
    if shows(flags):
        show(main, config_name, installed=bool(words))
        return
    if {"-m", "--multirun"} & set(flags):
        _sweep(main)
    else:
        main()
    if failed := failed_jobs():
        print(f"{len(failed)} of the jobs failed: {'; '.join(failed)}", file=sys.stderr)
        sys.exit(1)


def _sweep(main: Callable[[], Any]) -> None:
    """Run a sweep; a signal ends it also where its jobs run in other processes."""
    from deepmr.cli.sweep_plugin import register

    register()
    interruption = Interruption()
    try:
        with interrupted_by_signals() as interruption:
            main()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(interruption.status)


def run_plain(command: Callable[[list[str]], None], words: list[str]) -> None:
    """Run a subcommand without a Hydra configuration, with the same errors and signals.

    Args:
        command: Takes the words behind the subcommand's name.
        words: Those words.
    """
    interruption = Interruption()
    try:
        with interrupted_by_signals() as interruption, end_with_reader():
            command(words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(interruption.status)
    except Exception as error:
        if _full_error() or not is_bad_input(error):
            raise
        print(f"error: {error_line(error)}", file=sys.stderr)
        sys.exit(1)
