"""A network of several outputs is interrogated from the command line by a shipped yaml alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.cli.optional_packages import HOW_TO_INSTALL
from tests.conftest import Script


@pytest.mark.slow  # whole interrogations
@pytest.mark.parametrize("name", ["bpnet_lite", "borzoi_pytorch"])
def test_a_package_of_others_is_asked_end_to_end(name: str, script: Script, tmp_path: Path) -> None:
    package = {"bpnet_lite": "bpnetlite", "borzoi_pytorch": "borzoi_pytorch"}[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: {HOW_TO_INSTALL[package]}")
    from benchmarks.published import built
    from benchmarks.published_settings import TRIALS, settings_of

    trial = TRIALS[name]
    settings = dict(trial.settings) or {"network.n_filters": 8}
    reduced = type(trial)(settings=settings, gain=trial.gain)
    network = built(settings_of(name, reduced, tmp_path), gain=trial.gain)
    bases = np.random.default_rng(0).choice(list("ACGT"), 12_000)
    (tmp_path / "genome.fa").write_text(">chr1\n" + "".join(bases) + "\n")
    (tmp_path / "loci.bed").write_text("chr1\t3000\t3100\nchr1\t8000\t8100\n")
    torch.save(network.inner_network.state_dict(), tmp_path / "net.pt")
    exposure, outcome = {"bpnet_lite": ("counts", "centre")}.get(name, ("GATA1", "dnase"))
    outcome_of = script(
        "interrogate", f"model={name}", f"exposure={exposure}", f"outcome={outcome}",
        f"checkpoint={tmp_path / 'net.pt'}", "loci=bed", f"loci.path={tmp_path / 'loci.bed'}",
        f"loci.genome={tmp_path / 'genome.fa'}", "variants.region=[1020,1026]", "controls=none",
        "trainer=cpu", "logger=none", f"paths.output={tmp_path / 'out'}", "name=asked",
        *(f"model.{path}={value}" for path, value in settings.items()),
    )  # fmt: skip
    assert outcome_of.status == 0, outcome_of.err
    assert f"{exposure} -> {outcome}" in outcome_of.out
    assert list((tmp_path / "out").rglob("verdict.json"))
