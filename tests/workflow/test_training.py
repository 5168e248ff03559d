"""From data to a run that others can ask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.manifest import changed_outputs, read_manifest
from deepmr.io.tables import read_table
from tests.conftest import TINY, Script


def test_a_run_holds_what_it_promises(runs: Path) -> None:
    folder = runs / "train" / "tiny"
    manifest = read_manifest(folder)
    assert manifest["seed"] == 0
    assert "train.py" in manifest["command"]
    assert changed_outputs(folder) == []
    for name in ("config.yaml", "tasks.json", "calibrator.json", "scores.parquet"):
        assert (folder / name).is_file()
    assert len(list((folder / "members").glob("*/best.ckpt"))) == 3
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "learning-curve.png",
        "reliability-GATA1.png",
        "reliability-TAL1.png",
    }
    assert not list(folder.glob("members/*/last.ckpt")), "only the best weights stay"


def test_metrics_are_long_with_epochs_and_final_scores(runs: Path) -> None:
    metrics = read_table(runs / "train" / "tiny" / "metrics.parquet")
    epochs = metrics["metric"] == "loss"
    assert set(metrics["split"][epochs]) == {"train", "validation"}
    assert epochs.sum() == 2 * 3 * 3, "two splits, three members, three epochs"
    final = metrics["split"] == "test"
    assert set(metrics["stage"][final]) == {"before", "after"}
    assert {"pearson", "spearman", "r2", "mse"} <= set(metrics["metric"][final])


def test_members_differ_and_follow_from_the_seed(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    first, second = (
        torch.load(runs / f"train/tiny/members/{k}/best.ckpt", weights_only=True)["state_dict"]
        for k in (0, 1)
    )
    key = "network.scan.weight"
    assert not torch.equal(first[key], second[key])
    again = script("train", *TINY, f"paths.output={tmp_path}", "name=again", "ensemble=1")
    assert again.status == 0, again.err
    same = torch.load(tmp_path / "train/again/members/0/best.ckpt", weights_only=True)
    assert torch.equal(same["state_dict"][key], first[key]), (
        "member 0 does not depend on the others"
    )


def test_a_finished_run_is_refused_and_says_how_to_go_on(runs: Path, script: Script) -> None:
    before = (runs / "train/tiny/manifest.json").read_bytes()
    arguments = [*TINY, f"paths.output={runs}", "name=tiny", "ensemble=3"]
    assert "overwrite=true" in script("train", *arguments).error
    other = script("train", *arguments, "seed=7")
    assert "seed=0 there, 7 here" in other.error
    assert (runs / "train/tiny/manifest.json").read_bytes() == before


def test_the_name_follows_from_the_settings(script: Script, tmp_path: Path) -> None:
    arguments = [*TINY, "ensemble=1", "trainer.max_epochs=1", f"paths.output={tmp_path}"]
    assert script("train", *arguments).status == 0
    assert script("train", *arguments, "seed=1").status == 0
    names = sorted(path.name for path in (tmp_path / "train").iterdir() if path.is_dir())
    assert len(names) == 2
    assert all(name.startswith("cnn-simulation-") and len(name) == 23 for name in names)
    assert script("train", *arguments).status == 1, "the same settings are the same run"
    assert script("train", *arguments, "overwrite=true").status == 0


def test_a_foreign_folder_is_never_deleted(script: Script, tmp_path: Path) -> None:
    precious = tmp_path / "train" / "mine" / "thesis.tex"
    precious.parent.mkdir(parents=True)
    precious.write_text("x")
    outcome = script("train", *TINY, f"paths.output={tmp_path}", "name=mine", "overwrite=true")
    assert "is not a run of Deep MR" in outcome.error
    assert precious.read_text() == "x"


def test_a_failing_job_of_a_sweep_does_not_end_the_others(script: Script, tmp_path: Path) -> None:
    outcome = script(
        "train",
        "-m",
        *TINY,
        "ensemble=1",
        "trainer.max_epochs=1",
        f"paths.output={tmp_path}",
        "data.confounding=sometimes,none,both",
    )
    assert outcome.status == 1
    assert "sometimes" in outcome.error
    finished = list((tmp_path / "train").glob("*/manifest.json"))
    assert len(finished) == 2


def test_bootstrap_members_train_on_their_own_resample(script: Script, tmp_path: Path) -> None:
    outcome = script(
        "train", *TINY, "ensemble=2", "bootstrap=true", f"paths.output={tmp_path}", "name=b"
    )
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "train/b/calibrator.json").read_text())
    assert set(record["tasks"]) == {"GATA1", "TAL1"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ensemble=0"], "ensemble needs at least 1 member"),
        (["seed=-1"], "seed must not be negative"),
        (
            ["data=encode", "data.portal=http://127.0.0.1:9", "data.retries=0"],
            "place each one by hand",
        ),
        (["data=encode", "data.root=nowhere"], "data.root must be an existing folder, got nowhere"),
        (["model.width=200"], "model.width must not exceed"),
    ],
)
def test_bad_settings_get_one_line(
    script: Script,
    tmp_path: Path,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPMR_CACHE", str(tmp_path / "cache"))
    tiny = [a for a in TINY if not ("data=encode" in arguments and a.startswith("data."))]
    outcome = script("train", *tiny, *arguments, f"paths.output={tmp_path}")
    assert outcome.status == 1
    assert says in outcome.error
    assert not list(tmp_path.glob("train/*/manifest.json"))


def test_an_output_folder_that_is_a_file_is_said(script: Script, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    outcome = script("train", *TINY, f"paths.output={tmp_path / 'runs'}")
    assert "cannot be written to" in outcome.error


def test_predictions_are_finite_after_calibration(runs: Path) -> None:
    scores = read_table(runs / "train/tiny/scores.parquet")
    nll = scores["value"][scores["score"] == "nll"]
    assert len(nll) == 4
    assert np.isfinite(nll.astype(float)).all()


def test_a_job_of_a_sweep_that_is_finished_counts_as_done(script: Script, tmp_path: Path) -> None:
    sweep = (
        "-m",
        *TINY,
        "ensemble=1",
        "trainer.max_epochs=1",
        f"paths.output={tmp_path}",
        "seed=0,1",
    )
    assert script("train", *sweep[:-1], "seed=0").status == 0
    again = script("train", *sweep)
    assert again.status == 0, again.err
    assert again.out.count("already finished") == 1
    for manifest in (tmp_path / "train").glob("*/manifest.json"):
        assert read_manifest(manifest.parent)["value"] > 0
