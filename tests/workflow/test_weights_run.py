"""Networks of papers are interrogated by name, with weights as the field saves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.models import Basset
from tests.conftest import Script
from tests.weights.layouts import write_safetensors

WIDTHS = {"channels": [4, 5, 6], "hidden": 7}


def _network(seed: int) -> Basset:
    torch.manual_seed(seed)
    return Basset(200, 2, **WIDTHS)


@pytest.fixture
def ask(tmp_path: Path) -> tuple[str, ...]:
    bases = np.random.default_rng(0).choice(list("ACGT"), 1500)
    (tmp_path / "genome.fa").write_text(">chr1\n" + "".join(bases) + "\n")
    (tmp_path / "loci.bed").write_text("chr1\t300\t400\nchr1\t900\t1000\n")
    (tmp_path / "tasks.tsv").write_text("name\tkind\nA\tbinary\nB\tbinary\n")
    return (
        "interrogate", "model=basset", "exposure=A", "outcome=B", "model.network.exposures=2",
        "model.network.length=200", "model.input.length=200", "model.network.hidden=7",
        "model.network.channels=[4,5,6]", f"tasks={tmp_path / 'tasks.tsv'}", "loci=bed",
        f"loci.path={tmp_path / 'loci.bed'}", f"loci.genome={tmp_path / 'genome.fa'}",
        "variants.every=20", "controls=none", "trainer=cpu", "logger=none",
        f"paths.output={tmp_path / 'out'}", "name=asked", f"checkpoint={tmp_path}/net*",
    )  # fmt: skip


@pytest.mark.slow  # a whole interrogation
def test_half_precision_and_safetensors_are_asked_and_the_report_says_so(
    script: Script, ask: tuple[str, ...], tmp_path: Path
) -> None:
    half = {
        k: v.half() if v.is_floating_point() else v for k, v in _network(0).state_dict().items()
    }
    torch.save({"model_state_dict": half}, tmp_path / "net0.pth.tar")
    write_safetensors(tmp_path / "net1.safetensors", _network(1).state_dict())
    outcome = script(*ask)
    assert outcome.status == 0, outcome.err
    (page,) = (tmp_path / "out").rglob("report.html")
    assert "half precision (float16)" in page.read_text()


def test_members_with_equal_weights_are_refused_before_any_work(
    script: Script, ask: tuple[str, ...], tmp_path: Path
) -> None:
    for k in (0, 1):
        torch.save({"epoch": k, "state_dict": _network(0).state_dict()}, tmp_path / f"net{k}.pt")
    outcome = script(*ask)
    assert outcome.status == 1
    assert "net1.pt equals" in outcome.error
    assert not (tmp_path / "out").exists()
