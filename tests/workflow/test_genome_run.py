"""The whole job on a tiny genome with peaks in two biosamples, and a network trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.manifest import changed_outputs
from deepmr.io.shard_format import read_shard
from deepmr.io.tables import read_table
from tests.conftest import Outcome, Script

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


@pytest.mark.parametrize("row", ["chr9\t5\tA\tC\t1", "chr1\t5\tN\tC\t1"])
def test_a_fault_in_the_table_of_alleles_is_told_before_there_is_a_folder(
    root: Path, trained: Path, output: Path, tmp_path: Path, script: Script, row: str
) -> None:
    table = tmp_path / "alleles.tsv"
    table.write_text(f"chrom\tpos\tref\talt\tK562_JUND\n{row}\n")
    faulty = script("train", *SMALL, f"data.root={root}", f"data.alleles={table}",
                    f"paths.output={tmp_path / 'runs'}", "name=faulty")  # fmt: skip
    assert faulty.status == 1
    assert f"{table}, line 2" in faulty.error
    assert not (tmp_path / "runs").exists()


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
    assert "loci.length must be set" in script(*ask).error
    asked = script(*ask, "loci.length=300")
    assert asked.status == 0, asked.err
    page = (output / "interrogate/cnn-net0/foreign/report.html").read_text()
    assert "are unknown" in page
    wrong = script(*ask, "loci.length=300", "model.filters=9", "name=wrong")
    assert "belongs to another network" in wrong.error


VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def _bases(root: Path, chrom: str) -> str:
    record = (root / "genome.fa").read_text().split(f">{chrom}\n")[1].split(">")[0]
    return record.replace("\n", "")


def _vcf(root: Path, path: Path) -> Path:
    """Variants of every kind around chr4:850-950, whose window is 750 to 1050, and 1850-1950."""
    bases = _bases(root, "chr4")

    def line(start: int, ref: int, *alternatives: str, name: str = ".") -> str:
        return f"chr4\t{start + 1}\t{name}\t{bases[start : start + ref]}\t{','.join(alternatives)}"

    def others(at: int) -> list[str]:
        return [base for base in "ACGT" if base != bases[at]]

    records = [
        line(903, 1, *others(903), name="rs1"),  # in the motif
        line(905, 4, bases[905], name="del"),
        line(800, 1, bases[800] + "ACGT", "<DUP>", name="ins"),
        line(820, 2, others(820)[0] + others(821)[0], name="mnv"),
        line(1500, 1, others(1500)[0], name="outside"),
        *(line(1900 + k, 1, *others(1900 + k)) for k in range(12)),
    ]
    path.write_text(VCF + "".join(f"{record}\t.\t.\t.\n" for record in records))
    return path


@pytest.fixture
def ask_regions(
    trained: Path, output: Path, tmp_path: Path, script: Script
) -> Callable[..., Outcome]:
    regions = tmp_path / "regions.bed"
    regions.write_text("chr4\t850\t950\nchr4\t1850\t1950\nchr4\t2850\t2950\n")

    def ask(*arguments: str) -> Outcome:
        return script("interrogate", *ASK, "exposure=JUND", "outcome=K562_CTCF", f"run={trained}",
                      f"paths.output={output}", "loci=bed", f"loci.path={regions}",
                      *arguments)  # fmt: skip

    return ask


def test_the_variants_of_a_file_are_asked_and_come_out_with_standard_errors(
    root: Path, output: Path, tmp_path: Path, ask_regions: Callable[..., Outcome]
) -> None:
    path = _vcf(root, tmp_path / "some.vcf")
    asked = ask_regions("variants=vcf", f"variants.path={path}", "name=listed")
    assert asked.status == 0, asked.err
    assert "Of the 44 alternative alleles of some.vcf, 42 lie in the loci" in asked.out
    assert "39 of one base, 3 insertions, deletions and longer" in asked.out
    assert "1 lie outside the loci" in asked.out
    assert "1 have no letters" in asked.out
    assert "1 of 3 loci hold no listed variant" in asked.out
    folder = output / "interrogate/genome/listed"
    table = read_table(folder / "variants.parquet")
    assert len(table["effect"]) == 2 * 42
    assert set(table["task"]) == {"K562_JUND", "K562_CTCF"}
    assert np.isfinite(table["effect"]).all()
    assert (table["se"] > 0).all()
    assert (table["df"] == 1).all()
    loci = read_table(folder / "loci.parquet")
    assert loci["n_variants"].tolist() == [6, 36, 0]
    assert np.isnan(read_table(folder / "estimates.parquet")["true_value"]).all()
    assert "Truth" not in (folder / "report.html").read_text()
    assert changed_outputs(folder) == []

    everything = ask_regions("name=saturated")
    assert everything.status == 0, everything.err
    shard = read_shard(output / "interrogate/genome/saturated/effects/shard-000000.parquet")
    effects = shard.effects.at(0)
    rows = (table["id"] == "rs1") & (table["task"] == "K562_JUND")
    mean = effects.of("K562_JUND").mean(axis=0)
    for alt, effect in zip(table["alt"][rows], table["effect"][rows], strict=True):
        same = (effects.offset == 903 - 750) & (effects.alt == "ACGT".index(alt))
        # stored as float32; other mutants beside it change the last bits of float32 products
        np.testing.assert_allclose(effect, mean[same][0], rtol=1e-4)


def test_a_changed_file_is_another_question(
    root: Path, output: Path, tmp_path: Path, ask_regions: Callable[..., Outcome]
) -> None:
    path = _vcf(root, tmp_path / "some.vcf")
    ask = ("variants=vcf", f"variants.path={path}", "estimator=[ivw]")
    assert ask_regions(*ask).status == 0
    assert "is finished" in ask_regions(*ask).error
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    assert ask_regions(*ask).status == 0, "one variant less: neither refused nor mixed up"


def test_a_reference_allele_of_another_assembly_is_refused(
    root: Path, tmp_path: Path, ask_regions: Callable[..., Outcome]
) -> None:
    base = _bases(root, "chr4")[899]
    wrong = next(letter for letter in "ACGT" if letter != base)
    path = tmp_path / "wrong.vcf"
    path.write_text(f"{VCF}chr4\t900\t.\t{wrong}\t{base}\t.\t.\t.\n")
    asked = ask_regions("variants=vcf", f"variants.path={path}", "name=wrong")
    assert f"line 3: REF must be the bases of the genome, got {wrong} where chr4 has {base}" in (
        asked.error
    )


def test_part_of_every_locus_is_asked(output: Path, ask_regions: Callable[..., Outcome]) -> None:
    asked = ask_regions("variants.region=[140,180]", "variants.every=2", "name=part")
    assert asked.status == 0, asked.err
    assert "20 of the 300 bases of each locus were mutated" in asked.out
    loci = read_table(output / "interrogate/genome/part/loci.parquet")
    assert (loci["n_variants"] == 60).all()
    assert "must lie within the locus of 300 bases" in ask_regions("variants.region=[0,301]").error


HOSTILE = ("../../../evil", "/abs/evil", "A/B")


@pytest.mark.filterwarnings("error:effect shard")  # a run beside with other tasks is no fault
def test_task_names_of_a_stranger_s_table_write_nothing_outside_the_output(
    root: Path, script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPMR_CACHE", str(tmp_path / "cache"))
    data, output = tmp_path / "data", tmp_path / "deep/down/runs"
    data.mkdir()
    for name in ("genome.fa", "peaks.bed"):
        (data / name).symlink_to(root / name)
    rows = [f"{name}\tT{k}\tx\tK562\tbinary\tpeaks.bed\t" for k, name in enumerate(HOSTILE)]
    (data / "tracks.tsv").write_text("\n".join([HEADER, *rows]) + "\n")
    small = [one for one in SMALL if not one.startswith("trainer.max_epochs")]
    done = script("train", *small, "trainer.max_epochs=1", f"data.root={data}", "name=x",
                  f"paths.output={output}")  # fmt: skip
    assert done.status == 0, done.err
    ask = ("interrogate", *ASK, "loci.n=2", f"run={output}/train/x", f"paths.output={output}")
    for pair in (HOSTILE[:2], HOSTILE[1:], ("all", "all")):
        asked = script(*ask, f"exposure={pair[0]}", f"outcome={pair[1]}")
        assert asked.status == 0, asked.err
    assert {one.name for one in tmp_path.iterdir()} == {"data", "cache", "deep"}
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["down"]
    assert [one.name for one in (tmp_path / "deep/down").iterdir()] == ["runs"]
    assert not Path("/abs").exists()
    folders = [one for one in (output / "interrogate/x").iterdir() if not one.is_file()]
    assert len(folders) == 3
    assert all((one / "manifest.json").is_file() for one in folders)
