"""Tracking, offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmr.lightning.tracking import WandbTracker


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
