"""The manifest: it names what went in and came out, and only a finished run has one."""

import json
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest

import deepmr
from deepmr.files import sha256
from deepmr.io import (
    METRICS,
    changed_outputs,
    is_finished,
    manifest,
    provenance,
    read_manifest,
    write_manifest,
    write_table,
)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "members" / "0").mkdir(parents=True)
    (folder / "members" / "0" / "best.ckpt").write_bytes(b"weights")
    (folder / ".run.lock").write_text("")
    write_table(folder / "metrics.parquet", {"split": ["test"], "metric": ["nll"]}, METRICS)
    (tmp_path / "peaks.bed").write_text("chr1\t0\t10\n")
    return folder


def write(folder, **changes):
    settings = {
        "command": ["python", "train.py", "seed=0"],
        "seed": 0,
        "device": "cpu",
        "started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
        "inputs": [folder.parent / "peaks.bed"],
        "outputs": [folder],
        "facts": {"tasks": ["GATA1"]},
    }
    return write_manifest(folder, **{**settings, **changes})


def test_a_manifest_means_finished(run):
    assert not is_finished(run)
    with pytest.raises(FileNotFoundError, match="not finished"):
        read_manifest(run)
    write(run)
    assert is_finished(run)


def test_it_holds_what_the_design_promises(run):
    written = write(run)
    record = read_manifest(run)
    assert record == written == json.loads((run / "manifest.json").read_text())
    assert set(record) == {
        *("schema_version", "command", "git_commit", "git_dirty", "packages", "seed", "device"),
        *("started", "finished", "inputs", "outputs", "tasks"),
    }
    assert record["seed"] == 0
    assert record["command"] == "python train.py seed=0"
    assert record["started"] == "2026-01-02T01:04:05Z"
    assert datetime.fromisoformat(record["finished"]) <= datetime.now(UTC)
    bed = run.parent / "peaks.bed"
    assert record["inputs"] == [{"path": str(bed), "sha256": sha256(bed)}]
    assert [(o["path"], o["rows"]) for o in record["outputs"]] == [
        ("members/0/best.ckpt", None),
        ("metrics.parquet", 1),
    ]
    assert {"python", "numpy", "pyarrow"} <= set(record["packages"])


def test_changed_and_lost_outputs_are_found(run):
    write(run)
    assert changed_outputs(run) == []
    (run / "members" / "0" / "best.ckpt").write_bytes(b"others")
    (run / "metrics.parquet").unlink()
    assert changed_outputs(run) == ["members/0/best.ckpt", "metrics.parquet"]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"started": datetime(2026, 1, 1)}, ValueError, "needs a time zone"),
        ({"outputs": ["/nowhere/x"]}, FileNotFoundError, "/nowhere/x, which does not exist"),
        ({"facts": {"seed": 2}}, ValueError, "must not replace the manifest's own seed"),
    ],
)
def test_bad_manifests_are_refused_and_leave_the_run_unfinished(run, changes, error, message):
    with pytest.raises(error, match=message):
        write(run, **changes)
    assert not is_finished(run)


def test_outputs_outside_the_folder_are_refused(run):
    with pytest.raises(ValueError, match=r"inside the run's folder .*peaks.bed"):
        write(run, outputs=[run.parent / "peaks.bed"])


def test_a_manifest_of_another_version_is_refused(run):
    (run / "manifest.json").write_text('{"schema_version": 99}')
    with pytest.raises(ValueError, match="must have schema_version 2, got 99"):
        read_manifest(run)


def test_a_run_of_the_first_version_is_refused_by_name(run):
    (run / "manifest.json").write_text('{"schema_version": 1, "finished": "2026-01-01T00:00:00Z"}')
    with pytest.raises(
        ValueError, match=r"run was written by Deep MR 0\.1; train it again"
    ) as said:
        read_manifest(run)
    assert "\n" not in str(said.value)


def test_the_recorded_version_is_that_of_the_running_code(monkeypatch):
    """An editable installation's own record goes stale when the checkout moves on."""
    monkeypatch.setattr(manifest.metadata, "version", lambda name: "0.0")
    assert provenance()["packages"]["deepmr"] == deepmr.__version__


def test_commit_and_dirty_flag_are_those_of_the_source(tmp_path, monkeypatch):
    for name in ("NAME", "EMAIL"):
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", "a@b.c")
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", "a@b.c")
    (tmp_path / "deepmr").mkdir()
    source = tmp_path / "deepmr" / "__init__.py"
    source.write_text("")

    def git(*words):
        answer = subprocess.run(
            ["git", "-C", str(tmp_path), *words], check=True, capture_output=True, text=True
        )
        return answer.stdout.strip()

    git("init", "-q")
    assert manifest._git(tmp_path) == {"git_commit": None, "git_dirty": None}
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert manifest._git(tmp_path) == {"git_commit": git("rev-parse", "HEAD"), "git_dirty": False}
    source.write_text("changed = 1")
    assert manifest._git(tmp_path)["git_dirty"] is True


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setattr(manifest.shutil, "which", lambda name: None)
    made = provenance()
    assert made["git_commit"] is None
    assert made["git_dirty"] is None
