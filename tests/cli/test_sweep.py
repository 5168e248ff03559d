"""Sweeps: what is missing is run, failures are outlived, a table ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepmr.cli import plugins
from deepmr.cli.plugins import check_sweep
from deepmr.io.tables import read_table
from tests.conftest import REPOSITORY, TINY, Script

SMALL = (*TINY, "ensemble=1", "trainer.max_epochs=1", "data.n_train=128", "data.n_test=40")


def _needs(module: str, package: str) -> pytest.MarkDecorator:
    missing = not plugins._is_installed(module)
    reason = f"{package} is not installed: pip install 'deepmr[sweeps]'"
    return pytest.mark.skipif(missing, reason=reason)


JOBLIB = _needs("hydra_plugins.hydra_joblib_launcher", "hydra-joblib-launcher")
SUBMITIT = _needs("hydra_plugins.hydra_submitit_launcher", "hydra-submitit-launcher")
OPTUNA = _needs("optuna", "optuna")


def _tables(folder: Path) -> tuple[dict, dict]:
    (sweep,) = [path for path in (folder / "sweeps").iterdir() if (path / "jobs.parquet").is_file()]
    return read_table(sweep / "candidates.parquet"), read_table(sweep / "jobs.parquet")


def _sweep_of(script: Script, tmp_path: Path, n: int, *, broken: tuple[int, ...]) -> None:
    """Two jobs find a file where their run should lie; once it is gone, they alone are run."""
    train = tmp_path / "train"
    train.mkdir()
    for k in broken:
        (train / f"r{k}").write_text("in the way")
    names = ",".join(f"r{k}" for k in range(n))
    command = ("train", "-m", *SMALL, f"name={names}", f"paths.output={tmp_path}")
    first = script(*command)
    assert first.status == 1
    _, jobs = _tables(tmp_path)
    assert [s for s in jobs["state"] if s != "finished"] == ["failed"] * len(broken)
    assert len(jobs["state"]) == n
    last = first.err.strip().splitlines()[-1]
    assert last.startswith(f"{len(broken)} of the jobs failed: ")
    for k in broken:
        assert f"name=r{k} (" in last
        assert "cannot be written to" in last
        (train / f"r{k}").unlink()
    before = {path: path.stat().st_mtime_ns for path in train.glob("*/manifest.json")}
    again = script(*command)
    assert again.status == 0, again.err
    assert again.out.count("training in ") == len(broken)
    assert again.out.count("already finished: ") == n - len(broken)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    candidates, jobs = _tables(tmp_path)
    assert set(jobs["state"]) == {"finished"}
    means = candidates["mean"].tolist()
    assert means == sorted(means)
    assert f"{n} jobs, {n} finished" in again.out


def test_a_rerun_of_a_sweep_runs_the_failed_jobs_alone(script: Script, tmp_path: Path) -> None:
    _sweep_of(script, tmp_path, 2, broken=(0,))


@pytest.mark.slow
def test_of_twelve_jobs_two_fail_and_a_rerun_does_those_two(script: Script, tmp_path: Path) -> None:
    _sweep_of(script, tmp_path, 12, broken=(3, 7))


def test_seeds_are_folded_and_random_candidates_come_again(script: Script, tmp_path: Path) -> None:
    command = (
        "train", "-m", *SMALL, "hparams_search=random", "hydra.sweeper.n_trials=1", "seed=0,1",
        "optimizer.weight_decay=0", "model.filters=4", "model.hidden=4", f"paths.output={tmp_path}",
    )  # fmt: skip
    done = script(*command)
    assert done.status == 0, done.err
    candidates, jobs = _tables(tmp_path)
    assert candidates["n_values"].tolist() == [2]
    assert all("seed" not in one and "optimizer.lr=" in one for one in candidates["settings"])
    assert candidates["mean"][0] == pytest.approx(jobs["value"].mean())
    assert candidates["spread"][0] == pytest.approx(jobs["value"].std(ddof=1))
    again = script(*command)
    assert again.out.count("already finished: ") == 2


def test_a_grid_takes_levels_of_an_interval_and_an_own_space(
    script: Script, tmp_path: Path
) -> None:
    outcome = script(
        "train", "-m", *SMALL, "hparams_search=grid", "hydra.sweeper.levels=1",
        "optimizer.lr=interval(1e-3,1e-2)", "optimizer.weight_decay=0", f"paths.output={tmp_path}",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    candidates, _ = _tables(tmp_path)
    assert candidates["settings"].tolist() == ["optimizer.lr=0.001"]


def test_a_changed_default_is_not_taken_for_a_finished_job(script: Script, tmp_path: Path) -> None:
    """The record of a job counts only with the same resolved settings, not the same words."""
    own = tmp_path / "own/model"
    own.mkdir(parents=True)
    text = (REPOSITORY / "conf/model/cnn.yaml").read_text()
    command = (
        "train", "-m", *(one for one in SMALL if not one.startswith("model.")), "model=mine",
        "seed=0", f"paths.output={tmp_path}", f"--config-dir={tmp_path / 'own'}",
    )  # fmt: skip
    for filters in (4, 5):
        (own / "mine.yaml").write_text(text.replace("filters: 16", f"filters: {filters}"))
        outcome = script(*command)
        assert outcome.out.count("training in ") == 1, outcome.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hparams_search=random", "model=cnn,residual"], "model= must be one in a search"),
        (["optimizer.lr=interval(1e-3,1e-1)"], "an interval is searched by hparams_search"),
        (
            ["hparams_search=random", "model=paper", "optimizer.lr=1", "optimizer.weight_decay=0"],
            "has nothing to search",
        ),
        (["hparams_search=random", "hydra.sweeper.n_trials=0"], "n_trials must be at least 1"),
        (["hydra.sweeper.direction=up", "seed=0"], "hydra.sweeper.direction is minimize"),
        (["hydra/launcher=joblub", "seed=0"], "did you mean joblib?"),
        (["hydra/sweeper=optuna", "seed=0"], "takes each seed for a candidate of its own"),
        (["hparams_search=tpe"], "there is no such hparams_search"),
    ],
)
def test_what_is_wrong_with_a_sweep_is_one_line_before_work_starts(
    script: Script, tmp_path: Path, arguments: list[str], says: str
) -> None:
    outcome = script("train", "-m", *arguments, "logger=null", f"paths.output={tmp_path}")
    assert outcome.status == 1
    assert says in outcome.error
    assert not (tmp_path / "train").exists()


@pytest.mark.parametrize(
    ("choice", "install"),
    [
        ("hydra/launcher=joblib", "pip install hydra-joblib-launcher"),
        ("hydra/launcher=submitit_slurm", "pip install hydra-submitit-launcher"),
        ("hparams_search=optuna", "pip install 'optuna>=4,<5'"),
    ],
)
def test_a_missing_plugin_is_named_with_the_command_that_installs_it(
    script: Script, monkeypatch: pytest.MonkeyPatch, choice: str, install: str
) -> None:
    monkeypatch.setattr(plugins, "_is_installed", lambda module: False)
    outcome = script("train", "-m", "seed=0,1", choice)
    assert outcome.status == 1
    assert install in outcome.error
    assert "'deepmr[sweeps]'" in outcome.error


@pytest.mark.parametrize(
    ("words", "sweeping", "says"),
    [
        (["hydra/launcher=joblib"], False, "add -m"),
        (["trainer=ddp", "hydra/launcher=joblib"], True, "starts processes by the command line"),
        (["trainer.strategy=ddp", "hydra/launcher=submitit_local"], True, "starts processes"),
        (["trainer=ddp", "hydra/launcher=submitit_slurm"], True, "use trainer=slurm"),
    ],
)
def test_combinations_that_cannot_work_are_refused_with_the_reason(
    words: list[str], sweeping: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "_is_installed", lambda module: True)
    with pytest.raises(ValueError, match=says):
        check_sweep(words, sweeping=sweeping)


def test_torchrun_around_a_sweep_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="each would run the whole sweep"):
        check_sweep(["seed=0,1"], sweeping=True)
    monkeypatch.setenv("WORLD_SIZE", "1")
    check_sweep(["seed=0,1"], sweeping=True)


FAKE = """#!/bin/sh
for one in "$@"; do [ -f "$one" ] && cp "$one" {copy}; done
echo "sbatch: error: no cluster here" >&2
exit 1
"""


@SUBMITIT
def test_the_sbatch_script_asks_for_what_the_yaml_says(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """In a process of its own: functions that beartype has wrapped cannot be pickled."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("srun", "sbatch"):
        (tools / name).write_text(FAKE.format(copy=tmp_path / "job.sh"))
        (tools / name).chmod(0o755)
    command = _command(
        "seed=0", f"paths.output={tmp_path}", "hydra/launcher=submitit_slurm",
        "hydra.launcher.partition=gpu", "hydra.launcher.gpus_per_node=1",
    )  # fmt: skip
    environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 1, "there is no cluster, so the job is missing"
    _, jobs = _tables(tmp_path)
    assert jobs["state"].tolist() == ["missing"]
    assert "a job was lost" in ended.stderr
    text = (tmp_path / "job.sh").read_text()
    for line in (
        "--job-name=deepmr-train", "--time=240", "--mem=16GB", "--cpus-per-task=4", "--nodes=1",
        "--ntasks-per-node=1", "--partition=gpu", "--gpus-per-node=1", "--signal=USR2@120",
    ):  # fmt: skip
        assert f"#SBATCH {line}" in text, line


def _command(*arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "train.py"), "-m", *SMALL, *arguments]


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [pytest.param("joblib", marks=JOBLIB), pytest.param("submitit_local", marks=SUBMITIT)],
)
def test_four_jobs_side_by_side_one_of_which_fails(
    launcher: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = _command(
        "data.confounding=none,sometimes", "seed=0,1", f"hydra/launcher={launcher}",
        f"paths.output={tmp_path}",
    )  # fmt: skip
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=500
    )
    assert ended.returncode == 1, ended.stderr
    _, jobs = _tables(tmp_path)
    assert sorted(jobs["state"]) == ["failed", "failed", "finished", "finished"]
    assert "sometimes" in ended.stderr.splitlines()[-1]
    assert "Warning" not in ended.stderr


@pytest.mark.slow
@OPTUNA
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_a_study_that_is_killed_and_given_again_goes_on_from_its_storage(
    number: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = _command(
        "hparams_search=optuna", "hydra.sweeper.n_trials=4", "seed=0", f"paths.output={tmp_path}",
        "trainer.max_epochs=20",
    )  # fmt: skip
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 200
        while len(_finished(tmp_path)) < 2 or not _running(tmp_path):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        done = _finished(tmp_path)
        os.kill(process.pid, number)
        status = process.wait(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert status == (-9 if number == signal.SIGKILL else 143)
    before = {path: path.stat().st_mtime_ns for path in done}
    ended = subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=400
    )
    assert ended.returncode == 0, ended.stderr
    candidates, jobs = _tables(tmp_path)
    assert len(candidates["mean"]) == 4
    assert set(jobs["state"]) == {"finished"}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "was killed: run again once" in ended.stdout or number == signal.SIGTERM
    assert sorted(jobs["attempts"].tolist()) == [1, 1, 1, 2 if number == signal.SIGKILL else 1]


def _finished(folder: Path) -> list[Path]:
    return sorted((folder / "train").glob("*/manifest.json"))


def _running(folder: Path) -> bool:
    for path in (folder / "sweeps").glob("*/jobs/*.json"):
        if json.loads(path.read_text())["state"] == "running":
            return True
    return False


def test_the_extra_names_every_package_that_a_choice_needs() -> None:
    import tomllib

    extra = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["sweeps"]
    needed = {one.name.strip("'") for one in plugins.LAUNCHERS.values() if one}
    needed |= {one.name.strip("'") for one in plugins._SEARCHES.values()}
    for name in needed:
        assert any(line.startswith(name.partition(">")[0]) for line in extra), name


def test_the_shipped_wandb_sweep_searches_settings_that_exist() -> None:
    import yaml

    from deepmr.cli.command_line import check_overrides

    sweep = yaml.safe_load((REPOSITORY / "docs/wandb-sweep.yaml").read_text())
    fixed = [word for word in sweep["command"] if "=" in word]
    searched = [
        f"{name}={one.get('min', (one.get('values') or [0])[0])}"
        for name, one in sweep["parameters"].items()
    ]
    check_overrides(REPOSITORY / "conf", "train", [*fixed, *searched])
    assert (REPOSITORY / sweep["program"]).is_file()
    assert sweep["command"][-1] == "${args_no_hyphens}"
