"""What W&B would receive, read back from the records of an offline run."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deepmr.lightning.tracking import TensorboardTracker
from deepmr.lightning.wandb_tracker import WandbTracker

BLOCK, FULL, LAST = 32768, 1, 4
SECRET = "chr7:5530600-5530700"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1"></svg>'


def chunks(content: bytes) -> Iterator[bytes]:
    """Yield the records of a W&B file: LevelDB's log format behind a header of seven bytes."""
    place, held = 7, b""
    while place + 7 <= len(content):
        left = BLOCK - place % BLOCK
        if left < 7:  # a record's head never straddles blocks
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        held += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (FULL, LAST):
            yield held
            held = b""


def records(folder: Path) -> list[Any]:
    from wandb.proto import wandb_internal_pb2

    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    found: list[Any] = []
    for _ in range(300):  # W&B's own process writes the last records a moment after `finish`
        found = [wandb_internal_pb2.Record.FromString(one) for one in chunks(file.read_bytes())]
        if any(record.HasField("exit") for record in found):
            break
        time.sleep(0.1)
    return found


def tracked(folder: Path, upload: str, **settings: Any) -> WandbTracker:
    folder.mkdir(exist_ok=True)
    return WandbTracker(
        folder=folder,
        name="demo/GATA1-TAL1",
        job_type="interrogate",
        config={"exposure": "GATA1", "outcome": "TAL1", "data": {"_target_": "a.b.EncodeSource"}},
        project="deepmr",
        mode="offline",
        upload=upload,
        **settings,
    )


@pytest.fixture(scope="module", params=("default", "all"))
def run(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[tuple[str, list[Any]]]:
    folder = tmp_path_factory.mktemp(request.param) / "run"
    tracker = tracked(folder, request.param, tags=["mine"])
    for name in ("forest", "directions"):
        (folder / f"{name}.svg").write_text(SVG)
        tracker.figure(name, folder / f"{name}.svg")
    (folder / "report.html").write_text(f"<p>{SECRET}</p>")
    tracker.report(folder / "report.html")
    tracker.summary({"verdict": "forward", "effect": 0.5, "calibration_error": 0.02})
    tracker.curves("loss of all members", [[3.0, 2.0], [4.0, 1.0, 0.5]], keys=["1", "2"])
    tracker.used("model", "ab12", {"weights": ["ff00"]})
    tracker.made("estimates", "cd34", {"effects": "ef56"})
    tracker.finish()
    return request.param, records(folder)


def history(found: list[Any]) -> set[str]:
    items = [item for record in found for item in record.history.item]
    return {(item.key or item.nested_key[0]).split("/")[0] for item in items}


def test_a_run_has_its_group_tags_and_an_id(run):
    _, found = run
    (one,) = [record.run for record in found if record.HasField("run")]
    assert one.run_group == "demo", "the training run, which its interrogations join"
    assert {"interrogate", "GATA1", "TAL1", "encode", "mine"} <= set(one.tags)
    assert one.run_id.isalnum()
    upload, _ = run
    assert (one.host == "-") == (upload == "default"), "the machine's name stays here"


def test_the_summary_holds_verdict_effect_and_calibration_error(run):
    _, found = run
    items = {i.key: i.value_json for r in found for i in r.summary.update}
    assert json.loads(items["verdict"]) == "forward"
    assert json.loads(items["effect"]) == 0.5
    assert json.loads(items["calibration_error"]) == 0.02


def test_what_was_used_and_made_is_linked_by_digests(run):
    _, found = run
    artifacts = [r.artifact for r in found if r.HasField("artifact")]
    artifacts += [
        r.request.log_artifact.artifact for r in found if r.request.HasField("log_artifact")
    ]
    used = {a.name: a.use_after_commit for a in artifacts if a.type in ("model", "estimates")}
    assert used == {"model-ab12": True, "estimates-cd34": False}


def test_the_members_curves_are_one_panel(run):
    _, found = run
    assert any("loss of all members" in name for name in history(found))


def test_report_and_figures_of_loci_leave_only_when_asked(run):
    upload, found = run
    local = history(found) & {"report", "forest"}
    assert local == ({"report", "forest"} if upload == "all" else set())
    assert "directions" in history(found)
    assert (SECRET in str(found)) is False, "the page itself is a file, not a record"


def test_a_run_that_goes_on_keeps_its_id(tmp_path):
    first = tracked(tmp_path / "run", "default")
    first.finish()
    second = tracked(tmp_path / "run", "default")
    second.finish()
    assert first.run.id == second.run.id
    other = tracked(tmp_path / "other", "default")
    other.finish()
    assert other.run.id != first.run.id


def test_a_sweep_is_one_group(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_GROUP", "sweep-1")
    tracker = tracked(tmp_path / "run", "default")
    tracker.finish()
    assert tracker.run.group == "sweep-1"


def test_what_fails_at_wandb_is_one_line_and_no_failure(tmp_path, monkeypatch, capsys):
    tracker = tracked(tmp_path / "run", "default")
    kept = tracker.run

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no\nnetwork")

    tracker.run = Broken()
    tracker.summary({"a": 1})
    tracker.table("meta", {"value": [1.0]})
    tracker.used("model", "x", {})
    tracker.finish()
    kept.finish()
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 4
    assert all("no network; the run goes on without it" in line for line in lines)
    import wandb

    def refused(**_: Any) -> None:
        raise RuntimeError("no such project")

    monkeypatch.setattr(wandb, "init", refused)
    alone = tracked(tmp_path / "alone", "default")
    alone.summary({"a": 1})
    assert alone.logger("member-0") is None
    assert "no such project" in capsys.readouterr().err


def test_tensorboard_that_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'deepmr\[tensorboard\]'"):
        TensorboardTracker(folder=tmp_path)
