"""`deepmr inspect` says what is read, and does nothing else."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.conftest import Outcome

YAML = """# @package _global_
model:
  _target_: deepmr.models.Adapter
  network: {_target_: torch.nn.Sequential, _args_: [{_target_: torch.nn.Conv1d, _args_: [4, 2, 5]}]}
  input: {length: 30, channels: AGCT}
  outputs:
    A: {channel: 0, positions: centre(3), reduce: mean, activation: none}
    B: {channel: 1, positions: all, reduce: max, kind: signal}
"""


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path):
    """Run `deepmr inspect` in an empty folder."""
    main = importlib.import_module("deepmr.cli.main")

    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/mine.yaml").write_text(YAML)
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Conv1d(4, 2, 5)).state_dict(), tmp_path / "net.pt")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("deepmr.cli.failed_jobs._failed", [])
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def call(*arguments: str) -> Outcome:
        words = ["deepmr", "inspect", "--config-dir", str(tmp_path / "conf"), *arguments]
        monkeypatch.setattr(sys, "argv", words)
        capfd.readouterr()
        status = 0
        try:
            main.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capfd.readouterr()
        assert not list((tmp_path / "here").iterdir()), "inspect writes nothing"
        return Outcome(status, said.out, said.err)

    return call


def test_a_network_with_its_weights_tasks_engine_speed_and_checks(inspect, tmp_path: Path) -> None:
    outcome = inspect("model=mine", f"checkpoint={tmp_path / 'net.pt'}")
    assert outcome.status == 0, outcome.err
    for said in (
        "0.weight: (2, 4, 5) float32",
        "weights: 2 tensors, 42 numbers",
        "network: torch.nn.modules.container.Sequential, 42 parameters",
        "input: ncl with channels AGCT, 30 bases, strand forward",
        "output: (2, 2, 26) for 2 sequences",
        "A: binary (channel 0, positions centre (3), reduce mean, activation none)",
        "mutants/s",
        "check: one sequence alone, twice, and beside others: the same output",
        "check: outputs are finite",
    ):
        assert said in outcome.out, said
    assert "engine: incremental" in outcome.out or "engine: dense" in outcome.out


def test_a_file_alone_is_listed_without_a_network(inspect, tmp_path: Path) -> None:
    torch.save({"epoch": 3, "model": {"a": torch.zeros(2, 3).half()}}, tmp_path / "net.pt")
    outcome = inspect(f"checkpoint={tmp_path / 'net.pt'}")
    assert outcome.status == 0, outcome.err
    assert "model.a: (2, 3) float16" in outcome.out
    assert "engine" not in outcome.out


def test_a_network_without_a_checkpoint_has_random_weights(inspect) -> None:
    outcome = inspect("model=mine", "model.input.length=40")
    assert outcome.status == 0, outcome.err
    assert "random weights" in outcome.out
    assert "output: (2, 2, 36)" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "inspect needs checkpoint=FILE, model=NAME or run=FOLDER"),
        (["model=mine", "model.input.length=null"], "length= must be set"),
        (["model=mine", "checkpoint=missing.pt"], "missing.pt"),
        (["model=mine", "model.outputs.A.channel=7"], "channel 7 is not among 2"),
        (["model=mine", "model.outputs.A.reduce=median"], "reduce must be one of"),
        (["model=mine", "lenght=5"], "did you mean length?"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    inspect, arguments: list[str], message: str
) -> None:
    outcome = inspect(*arguments)
    assert outcome.status == 1
    assert message in outcome.error


def test_a_training_run(inspect, runs: Path) -> None:
    outcome = inspect(f"run={runs / 'train/tiny'}")
    assert outcome.status == 0, outcome.err
    assert "3 members" in outcome.out
    assert "GATA1" in outcome.out
