"""Members of one run trained by several jobs; jobs that end at their time."""

from __future__ import annotations

import filecmp
from pathlib import Path

import pytest

from deepmr.files import locked
from deepmr.io.manifest import is_finished, read_manifest
from deepmr.lightning.deadline import Deadline, seconds_of
from tests.conftest import TINY, Script

SAME = (
    "calibrator.json", "metrics.parquet", "scores.parquet", "tasks.json", "shared_error.json",
    *(f"members/{k}/{name}" for k in range(3) for name in ("best.ckpt", "history.json")),
)  # fmt: skip


def _differing(one: Path, other: Path) -> list[str]:
    return [name for name in SAME if not filecmp.cmp(one / name, other / name, shallow=False)]


def test_members_of_two_jobs_make_the_run_that_one_job_makes_to_the_bit(
    script: Script, tmp_path: Path, runs: Path
) -> None:
    command = ("train", *TINY, "ensemble=3", "name=side", f"paths.output={tmp_path}")
    side = tmp_path / "train/side"
    first = script(*command, "members=[0,2]")
    assert first.status == 0, first.err
    assert not is_finished(side)
    last = script(*command, "members=1")
    assert "gathering 3 members" in last.out
    assert is_finished(side)
    assert _differing(side, runs / "train/tiny") == []
    assert read_manifest(side)["value"] == read_manifest(runs / "train/tiny")["value"]
    assert "members: null" in (side / "config.yaml").read_text()
    assert not list(side.glob("members/.*.lock"))
    assert "is finished" in script(*command, "members=1").error


def test_a_member_that_another_job_trains_is_left_alone(script: Script, tmp_path: Path) -> None:
    command = ("train", *TINY, "ensemble=2", "name=side", f"paths.output={tmp_path}")
    assert script(*command, "members=1", "trainer.max_epochs=3").status == 0
    command = (*command, "members=0")
    with locked(tmp_path / "train/side/members/0"):
        assert "is in use by another process" in script(*command).error
    assert "exclude each other" in script(*command, "overwrite=true").error


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ("members=5", "different numbers from 0 to 1"),
        ("members=[0,0]", "different numbers from 0 to 1"),
        ("members=all", "a number or a list of numbers, got 'all'"),
        ("members=[]", "a number or a list of numbers"),
    ],
)
def test_members_that_do_not_exist_are_refused(
    script: Script, tmp_path: Path, members: str, says: str
) -> None:
    outcome = script("train", *TINY, "ensemble=2", members, f"paths.output={tmp_path}")
    assert says in outcome.error


def test_a_training_ends_at_its_time_and_goes_on_to_the_same_bits(
    script: Script, tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("train", *TINY, "ensemble=3", "name=timed", f"paths.output={tmp_path}")
    limit = "trainer.max_time=00:01:00:00"
    with monkeypatch.context() as patch:
        patch.setattr(Deadline, "is_over", property(lambda self: self.progressed))
        ended = script(*command, limit)
    assert ended.status == 124
    assert "trainer.max_time is up; the same command goes on from here" in ended.err
    assert not is_finished(tmp_path / "train/timed")
    assert (tmp_path / "train/timed/members/0/last.ckpt").is_file(), "the member is not finished"
    on = script(*command, limit)
    assert on.status == 0, on.err
    assert _differing(tmp_path / "train/timed", runs / "train/tiny") == []


def test_a_time_too_short_for_an_epoch_says_so(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deadline, "is_over", property(lambda self: self.at is not None))
    ended = script("train", *TINY, f"paths.output={tmp_path}", "trainer.max_time=00:00:00:01")
    assert ended.status == 124
    assert "before a single epoch or shard was done; raise it" in ended.err


def test_an_interrogation_ends_at_its_time_and_goes_on_with_what_is_missing(
    script: Script, tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (
        "interrogate", "exposure=GATA1", "outcome=TAL1", f"run={runs / 'train/tiny'}", "loci.n=2",
        "store.loci_per_shard=1", "logger=null", "trainer.accelerator=cpu", "controls=none",
        f"paths.output={tmp_path}", "instruments.min_effect=0", "instruments.min_z=1",
        "trainer.max_time=00:01:00:00", "name=timed",
    )  # fmt: skip
    shards = tmp_path / "interrogate/tiny/timed/effects"
    with monkeypatch.context() as patch:
        patch.setattr(Deadline, "is_over", property(lambda self: any(shards.glob("shard-*"))))
        ended = script(*command)
    assert ended.status == 124
    assert "trainer.max_time is up" in ended.err
    assert len(list(shards.glob("shard-*"))) == 1
    on = script(*command)
    assert on.status == 0, on.err
    assert is_finished(shards.parent)


@pytest.mark.parametrize("text", ["soon", "1:00", {"weeks of": 2}, 5])
def test_a_time_that_is_none_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"trainer\.max_time must be DD:HH:MM:SS"):
        seconds_of(text)


def test_a_bad_time_is_one_line_before_anything_is_written(script: Script, tmp_path: Path) -> None:
    outcome = script("train", *TINY, f"paths.output={tmp_path}", "trainer.max_time=soon")
    assert "trainer.max_time must be DD:HH:MM:SS" in outcome.error
    assert not (tmp_path / "train").exists()
