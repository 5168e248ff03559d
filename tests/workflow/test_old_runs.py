"""Runs of Deep MR 0.1 are refused by name, and do not stand in the way of others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Script

ASK = (
    "exposure=GATA1", "outcome=TAL1", "loci.n=2", "instruments.min_z=1", "instruments.min_effect=0",
    "trainer.accelerator=cpu", "logger=null", "controls=none",
)  # fmt: skip


@pytest.fixture
def output(runs: Path, tmp_path: Path) -> Path:
    """A finished run, and two finished later by version 0.1."""
    for name in ("tiny", "old", "older"):
        shutil.copytree(runs / "train/tiny", tmp_path / "train" / name)
    for name in ("old", "older"):
        _age(tmp_path / "train" / name)
    return tmp_path


def _age(folder: Path) -> None:
    path = folder / "manifest.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"schema_version": 1, "finished": "2099-01-01T00:00:00Z"}))


def test_a_run_of_the_first_version_that_is_named_is_refused(script: Script, output: Path) -> None:
    old = output / "train/old"
    ended = script("interrogate", *ASK, f"run={old}", f"paths.output={output}")
    assert ended.status == 1
    assert ended.error == (
        f"error: {old} was written by Deep MR 0.1; train it again with this version, "
        "or read it with 0.1"
    )


def test_the_newest_run_is_found_past_those_of_the_first_version(
    script: Script, output: Path
) -> None:
    ended = script("interrogate", *ASK, f"paths.output={output}")
    assert ended.status == 0, ended.err
    said = ended.out.splitlines()
    (left_out,) = [line for line in said if line.startswith("left out: ")]
    assert f"{output / 'train/old'} was written by Deep MR 0.1" in left_out
    assert left_out.endswith("; nor can older be read")
    assert any(line.startswith(f"run: {output / 'train/tiny'} ") for line in said)


def test_where_only_the_first_version_has_trained_the_refusal_says_so(
    script: Script, output: Path
) -> None:
    shutil.rmtree(output / "train/tiny")
    ended = script("interrogate", *ASK, f"paths.output={output}")
    assert ended.status == 1
    assert "no finished run lies under" in ended.error
    assert "was written by Deep MR 0.1" in ended.error
