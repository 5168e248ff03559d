"""Published weights on real exons, where the package and the weights are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from deepmr.adapted import placement
from deepmr.cli.networks import load_checkpoints
from deepmr.models.openspliceai import build
from deepmr.mutagenesis import build_engine, saturation
from deepmr.networks import Networks
from deepmr.sequence import complement_codes, one_hot
from deepmr.uncertainty import Ensemble
from deepmr.workflow.loci import bed_loci
from tests.conftest import REPOSITORY

WEIGHTS = REPOSITORY.parent / "shared/models/openspliceai_mane"
GENOME = REPOSITORY.parent / "shared/data/encode_subset/genome.fa.gz"
CLOSE = 1e-5  # of the locus's largest effect
ROUNDED = 2e-5  # float32 log-odds of order 10, after 16 convolutions


def _networks(kind: str, flank: int, length: int) -> Networks:
    pytest.importorskip("openspliceai", reason="the package openspliceai (GPL-3) is not installed")
    if not WEIGHTS.is_dir():
        pytest.skip("the weights of OpenSpliceAI are not beside the checkout (../shared/models)")
    content = OmegaConf.load(REPOSITORY / "conf/model/openspliceai.yaml")
    content.model.input.flank, content.model.input.length = flank, length
    model = OmegaConf.to_container(content, resolve=True)["model"]
    files = [str(WEIGHTS / kind / f"model_{kind}_rs1{k}.pt") for k in (0, 1)]
    settings = {"model": model, "checkpoint": files}
    return load_checkpoints(settings, name="x", scale="logit", uncertainty=Ensemble())


def _exons(tmp_path: Path, networks: Networks):
    lines = (WEIGHTS / "exons.bed").read_text().splitlines()
    chosen = [next(x for x in lines[30:] if x.endswith(strand)) for strand in "+-"]
    (tmp_path / "exons.bed").write_text("".join(f"{one}\n" for one in chosen))
    loci, _ = bed_loci(networks, ("", ""), 0, path=tmp_path / "exons.bed", genome=GENOME)
    return loci


def test_parameters_are_those_of_the_publication() -> None:
    pytest.importorskip("openspliceai", reason="the package openspliceai (GPL-3) is not installed")
    network = build(flank=200)
    assert sum(one.numel() for one in network.parameters()) == 185_187
    assert network(torch.zeros(1, 4, 407)).shape == (1, 3, 7)


def test_a_flank_without_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match="40, 200, 1000, 5000 bases on either side, got 100"):
        build(flank=100)


def test_effects_on_both_strands_equal_a_float64_loop(tmp_path: Path) -> None:
    networks = _networks("400nt", 200, 300)
    loci = _exons(tmp_path, networks)
    placed = placement(networks.members, loci)
    variants = saturation(loci.codes, region=(345, 349))
    adapter = networks.members.networks[0]
    engine = placed.on(build_engine(adapter, length=700, check=0))
    found = engine(loci.codes, variants)
    network = adapter.network.double().eval()
    for row in range(2):
        first = int(loci.regions.start[row] - loci.start[row])
        last = int(loci.regions.end[row] - loci.start[row]) - 1
        codes = [loci.codes[row]]
        for column in range(variants.n_variants):
            mutant = loci.codes[row].copy()
            mutant[variants.offset[row, column]] = variants.alt[row, column]
            codes.append(mutant)
        stacked = np.stack(codes)
        if loci.regions.strand[row] == -1:
            stacked, first, last = complement_codes(stacked), 699 - last, 699 - first
        with torch.no_grad():
            scores = network(one_hot(torch.from_numpy(stacked), torch.float64))
        shares = torch.softmax(scores, dim=1).numpy()
        p = np.stack([shares[:, 1, first - 200], shares[:, 2, last - 200]])
        others = np.stack([shares[:, [0, 2], first - 200], shares[:, [0, 1], last - 200]]).sum(-1)
        log_odds = np.log(p / others)
        effects = log_odds[:, 1:] - log_odds[:, :1]
        largest = np.abs(effects).max()
        assert largest > 0
        np.testing.assert_allclose(found.difference[row], effects, atol=CLOSE * largest)
        np.testing.assert_allclose(found.reference[row], log_odds[:, 0], atol=ROUNDED)


def test_networks_that_cannot_see_across_an_exon_have_effects_of_exactly_nothing(
    tmp_path: Path,
) -> None:
    networks = _networks("80nt", 40, 300)
    loci = _exons(tmp_path, networks)
    placed = placement(networks.members, loci)
    network = networks.members.networks[0]
    engine = build_engine(network, length=380, engine="incremental", check=0)
    for row in range(2):
        first = int(loci.regions.start[row] - loci.start[row])
        last = int(loci.regions.end[row] - loci.start[row]) - 1
        assert last - first > 45
        far = placed.rows(slice(row, row + 1)).on(engine)
        codes = loci.codes[row : row + 1]
        at_last = far(codes, saturation(codes, region=(last, last + 3))).difference[0]
        acceptor_is_first = loci.regions.strand[row] == 1
        assert (at_last[0 if acceptor_is_first else 1] == 0).all()
        assert (at_last[1 if acceptor_is_first else 0] != 0).any()
