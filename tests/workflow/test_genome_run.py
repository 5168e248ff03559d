"""The whole job on a tiny genome with peaks in two biosamples, and a network trained elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.tables import read_table
from tests.conftest import Script

HEADER = "task\ttarget\tassay\tbiosample\tkind\tfile\tcovers"
CONTIGS = {"chr1": 60_000, "chr2": 20_000, "chr3": 20_000, "chr4": 30_000}
MOTIF = "TGAGTCATTCCG"
SMALL = (
    "data=encode",
    "data.splits.train=[chr1]",
    "data.splits.validation=[chr2]",
    "data.splits.calibration=[chr3]",
    "data.splits.test=[chr4]",
    "data.context=300",
    "data.negatives=2",
    "model.filters=8",
    "model.hidden=8",
    "trainer.max_epochs=8",
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "batch_size=32",
    "ensemble=2",
    "logger=null",
)
ASK = ("loci.n=3", "logger=null", "trainer.accelerator=cpu", "instruments.min_effect=0",
       "instruments.min_z=1")  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Peaks lie where a motif was planted; CTCF was measured in two biosamples."""
    folder = tmp_path_factory.mktemp("genome")
    rng = np.random.default_rng(0)
    fasta, peaks = [], []
    for name, size in CONTIGS.items():
        bases = rng.choice(list("ACGT"), size)
        for middle in range(900, size - 900, 1000):
            bases[middle : middle + len(MOTIF)] = list(MOTIF)
            peaks.append(f"{name}\t{middle - 100}\t{middle + 112}\n")
        text = "".join(bases)
        fasta += [f">{name}", *(text[at : at + 60] for at in range(0, size, 60))]
    (folder / "genome.fa").write_text("\n".join(fasta) + "\n")
    (folder / "peaks.bed").write_text("".join(peaks))
    (folder / "last.bed").write_text("chr4\t800\t1012\n")
    rows = [
        "K562_JUND\tJUND\tTF ChIP-seq\tK562\tbinary\tpeaks.bed\t",
        "K562_CTCF\tCTCF\tTF ChIP-seq\tK562\tbinary\tpeaks.bed\t",
        "HepG2_CTCF\tCTCF\tTF ChIP-seq\tHepG2\tbinary\tpeaks.bed\t",
        "K562_H3K27ac\tH3K27ac\tHistone ChIP-seq\tK562\tbinary\tlast.bed\tchr4",
    ]
    (folder / "tracks.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def trained(root: Path, output: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, trained by the first test that wants it."""
    monkeypatch.setenv("DEEPMR_CACHE", str(output / "cache"))
    run = output / "train" / "genome"
    if not (run / "manifest.json").is_file():
        with pytest.warns(UserWarning, match="dropped: K562_H3K27ac"):
            done = script("train", *SMALL, f"data.root={root}", f"paths.output={output}",
                          "name=genome")  # fmt: skip
        assert done.status == 0, done.err
    return run


pytestmark = pytest.mark.filterwarnings("ignore:without a label in the training split")


def test_held_out_chromosomes_are_predicted_and_interrogated(
    trained: Path, output: Path, script: Script
) -> None:
    metrics = read_table(trained / "metrics.parquet")
    final = (metrics["metric"] == "auroc") & (metrics["stage"] == "after")
    assert set(metrics["task"][final]) == {"K562_JUND", "K562_CTCF", "HepG2_CTCF"}
    # peaks are a planted 12-mer: a scanner finds them on a chromosome it has not seen
    assert (metrics["value"][final] > 0.8).all()
    asked = script("interrogate", *ASK, "exposure=JUND", "outcome=K562_CTCF",
                   f"paths.output={output}", "name=q")  # fmt: skip
    assert asked.status == 0, asked.err
    assert "exposure: K562_JUND (for JUND)" in asked.out
    loci = read_table(output / "interrogate/genome/q/loci.parquet")
    assert set(loci["chrom"]) == {"chr4"}
    assert (loci["n_variants"] == 900).all()


def test_an_ambiguous_target_lists_the_tasks(trained: Path, output: Path, script: Script) -> None:
    asked = script("interrogate", *ASK, "exposure=JUND", "outcome=CTCF", f"run={trained}",
                   f"paths.output={output}")  # fmt: skip
    assert "'CTCF' names 2 tasks; use one of: K562_CTCF, HepG2_CTCF" in asked.error


def test_own_regions_on_training_chromosomes_are_refused_unless_allowed(
    trained: Path, output: Path, script: Script, tmp_path: Path
) -> None:
    regions = tmp_path / "regions.bed"
    regions.write_text("chr4\t850\t950\nchr1\t850\t950\n")
    ask = ("interrogate", *ASK, "exposure=JUND", "outcome=K562_CTCF", f"run={trained}",
           f"paths.output={output}", "loci=bed", f"loci.path={regions}")  # fmt: skip
    refused = script(*ask, "name=seen")
    assert "1 of 2 regions lie on training or validation chromosomes" in refused.error
    assert "chr1:750-1050" in refused.error
    allowed = script(*ask, "name=allowed", "loci.allow_seen=true")
    assert allowed.status == 0, allowed.err
    assert len(read_table(output / "interrogate/genome/allowed/loci.parquet")["chrom"]) == 2


def test_changed_data_are_noticed(trained: Path, output: Path, root: Path, script: Script) -> None:
    peaks = root / "peaks.bed"
    before = peaks.read_text()
    try:
        peaks.write_text(before + "chr1\t100\t400\n")
        asked = script("interrogate", *ASK, "exposure=JUND", "outcome=K562_CTCF", f"run={trained}",
                       f"paths.output={output}", "name=changed")  # fmt: skip
    finally:
        peaks.write_text(before)
    assert "was trained on other data" in asked.error


def test_a_network_trained_elsewhere_is_asked_about_own_regions(
    trained: Path, output: Path, root: Path, script: Script, tmp_path: Path
) -> None:
    files = []
    for k in (0, 1):
        state = torch.load(trained / f"members/{k}/best.ckpt", weights_only=True)["state_dict"]
        plain = {
            key.removeprefix("network."): value
            for key, value in state.items()
            if key.startswith("network.")
        }
        files.append(tmp_path / f"net{k}.pt")
        torch.save(plain, files[-1])
    (tmp_path / "tasks.tsv").write_text("name\tkind\nJ\tbinary\nA\tbinary\nB\tbinary\n")
    (tmp_path / "regions.bed").write_text("chr4\t850\t950\nchr4\t1850\t1950\n")
    network = ("model=cnn", "model.filters=8", "model.hidden=8", "+model.length=300",
               "+model.exposures=[0,1,2]", "+model.outcomes=[]")  # fmt: skip
    ask = ("interrogate", *ASK[1:], "exposure=J", "outcome=A", *network,
           f"checkpoint=[{files[0]},{files[1]}]", f"tasks={tmp_path / 'tasks.tsv'}",
           "loci=bed", f"loci.path={tmp_path / 'regions.bed'}", f"loci.genome={root / 'genome.fa'}",
           f"paths.output={output}", "name=foreign")  # fmt: skip
    assert "loci.length must say" in script(*ask).error
    asked = script(*ask, "loci.length=300")
    assert asked.status == 0, asked.err
    page = (output / "interrogate/cnn-net0/foreign/report.html").read_text()
    assert "are unknown" in page
    wrong = script(*ask, "loci.length=300", "model.filters=9", "name=wrong")
    assert "belongs to another network" in wrong.error
