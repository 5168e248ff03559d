"""One network is asked what it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from deepmr.io.tables import read_table
from tests.conftest import Script
from tests.workflow.questions import ASK


def test_one_network_is_asked_what_it_says_and_not_what_training_again_would_say(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    state = torch.load(runs / "train/tiny/members/0/best.ckpt", weights_only=True)["state_dict"]
    plain = {key.removeprefix("network."): value for key, value in state.items()
             if key.startswith("network.")}  # fmt: skip
    torch.save(plain, tmp_path / "net.pt")
    (tmp_path / "tasks.tsv").write_text("name\tkind\nGATA1\tcount\nTAL1\tcount\n")
    ask = ("interrogate", *ASK, f"checkpoint={tmp_path / 'net.pt'}", "model=cnn", "model.filters=6",
           "model.hidden=8", f"tasks={tmp_path / 'tasks.tsv'}", "+model.length=100",
           "+model.exposures=[0]", "+model.outcomes=[1]", "data=simulation", "data.n_train=400",
           "data.n_test=120", f"paths.output={tmp_path}")  # fmt: skip
    chosen = script(*ask, "inference=per_member", "name=chosen")
    assert "asks what training again would say and needs several" in chosen.error
    robust = script(*ask, "estimator=raps", "name=raps")
    assert "estimator=raps rests on the size of the effects' errors" in robust.error
    median = script(*ask, "inference=given_model", "meta=median", "name=median")
    assert "inference=given_model needs the variance between loci" in median.error
    asked = script(*ask, "name=one")
    assert asked.status == 0, asked.err
    assert "One network, taken as given" in asked.out
    folder = tmp_path / "interrogate/cnn-net/one"
    assert json.loads((folder / "manifest.json").read_text())["intervals"] == (
        "what this model says"
    )
    page = (folder / "report.html").read_text()
    assert "Intervals answer what this model says" in page
    assert "one network, taken as given" in page
    table = read_table(folder / "estimates.parquet")
    bare = np.isfinite(table["value"]) & np.isnan(table["se"])
    flagged = np.char.find(table["flags"].astype(str), "one_position") >= 0
    assert (flagged[bare] | np.isin(table["method"][bare], ("egger", "weighted_median"))).all()
