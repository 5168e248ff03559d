"""Tracking, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmr.lightning.wandb_tracker import WandbTracker
from deepmr.plot import to_png
from deepmr.plot.style import new_axes


def test_without_a_key_a_run_is_written_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no netrc either
    folder = tmp_path / "run"
    (folder / "effects").mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "effects" / "shard").write_text("large")
    tracker = WandbTracker(
        folder=folder, name="x", job_type="train", config={"seed": 0}, project="deepmr"
    )
    try:
        assert tracker.mode == "offline"
        tracker.table("meta", {"value": [1.0], "method": ["ivw"]})
        tracker.artifact("x", folder, by_reference=["effects"])
    finally:
        tracker.finish()
    assert list((folder / "wandb").glob("offline-run-*/*.wandb"))


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"online, offline or disabled .*'sometimes'"):
        WandbTracker(
            folder=tmp_path, name="x", job_type="train", config={}, project="p", mode="sometimes"
        )


def test_regions_paths_and_files_leave_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 0\n")
    png = folder / "x.png"
    png.write_bytes(to_png(new_axes()))
    for upload in ("default", "all"):
        sent: list[str] = []
        config = {"seed": 0, "loci": {"path": "secret.bed"}, "run": "/home/me/run"}
        tracker = WandbTracker(
            folder=folder, name="ü <x>", job_type="train", config=config, project="deepmr",
            mode="offline", upload=upload,
        )  # fmt: skip
        try:
            monkeypatch.setattr(tracker.run, "log", lambda one, s=sent: s.extend(one))
            monkeypatch.setattr(tracker.run, "log_artifact", lambda one, s=sent: s.append(one.name))
            tracker.table("meta", {"value": [1.0], "method": ["ivw"]})
            tracker.table("estimates", {"chrom": ["chr1"], "start": [1]})
            for name in ("directions", "forest", "scatter", "effects"):
                tracker.figure(name, png)
            tracker.artifact("a b ü<", folder)
            shown = str(dict(tracker.run.config))
        finally:
            tracker.finish()
        everything = upload == "all"
        assert ("secret" in shown) == ("/home/me" in shown) == everything
        local = ["estimates", "forest", "scatter", "effects"]
        assert [name for name in sent if name in local] == (local if everything else [])
        assert {"meta", "directions"} <= set(sent)
        assert len(sent) == (7 if everything else 2)
