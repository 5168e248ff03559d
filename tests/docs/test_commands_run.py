"""Documented commands were run at small size: outcomes are stored, and none failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs import run_commands, stand_ins

STORED = json.loads(run_commands.STORED.read_text())["commands"]


def test_every_documented_command_has_been_run_or_has_a_reason_why_not() -> None:
    missing = [line for line in run_commands.all_commands() if line not in STORED]
    assert not missing, f"run `python -m tests.docs.run_commands`: {missing}"
    left = {line: one["reason"] for line, one in STORED.items() if one["outcome"] == "not run"}
    assert all(left.values())
    assert len(left) < len(STORED) / 3, "most of them are run"


def test_every_reason_not_to_run_a_command_is_that_of_one() -> None:
    words = {word for command in run_commands.all_commands().values() for word in command.words}
    assert [word for word in run_commands.NOT_RUN if word not in words] == []


def test_no_documented_command_failed_when_it_was_run() -> None:
    assert [line for line, one in STORED.items() if one["outcome"] == "failed"] == []


def test_a_network_with_the_yaml_of_the_documents_is_inspected_here_and_now(tmp_path: Path) -> None:
    texts = [path.read_text() for path in run_commands.documented.documents()]
    stand_ins.networks(tmp_path, stand_ins.model_yaml(texts))
    command = run_commands.all_commands()["inspect model=mine checkpoint=net.ckpt"]
    code, said = run_commands.run(run_commands.small(command, tmp_path, 0), tmp_path)
    assert code == 0, said


@pytest.mark.slow
def test_every_documented_command_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_commands, "STORED", tmp_path / "outcomes.json")
    assert run_commands.main() == 0, (tmp_path / "outcomes.json").read_text()
