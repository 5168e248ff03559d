"""What `deepmr export` writes is read back, by Deep MR and by the rules of each format."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from deepmr import read_effects
from deepmr.cli.export import main
from deepmr.inference.single_effects import honest_effects
from deepmr.io.tables import read_table
from deepmr.workflow.export import open_run, variant_rows
from tests.conftest import Script
from tests.effects.conftest import Ask, TableMaker


def _same(a: Path, b: Path, *, but: tuple[str, ...] = ()) -> None:
    for name in ("estimates", "meta"):
        one, two = (read_table(folder / f"{name}.parquet") for folder in (a, b))
        assert one.keys() == two.keys()
        for column in one.keys() - set(but):
            np.testing.assert_array_equal(one[column], two[column], err_msg=f"{name}.{column}")


def test_effects_read_back_give_identical_tables(asked: Path, ask: Ask) -> None:
    path = asked / "export/effects.parquet"
    main([str(asked), "--format", "effects", "--out", str(path), "--overwrite"])
    second = ask(path, "second")
    _same(asked, second)
    verdicts = [json.loads((f / "verdict.json").read_text()) for f in (asked, second)]
    assert verdicts[0] == verdicts[1]


def test_effects_with_errors_read_back_too_also_from_summary_statistics(
    table: TableMaker, ask: Ask
) -> None:
    folder = ask(table(with_se=True), "first")
    main([str(folder), "--format", "effects"])
    second = ask(folder / "export/effects.parquet", "second")
    _same(folder, second)
    main([str(folder), "--format", "gwas"])
    two = {task: folder / f"export/{task}.gwas.tsv" for task in "XY"}
    columns = {
        "pos": "pos",
        "ref": "other_allele",
        "alt": "effect_allele",
        "effect": "beta",
    }
    found = read_effects(two, columns=columns).select("X", "Y")
    (part,) = found.shards(99)
    run = open_run(folder)
    (shard, _rows), *_ = variant_rows(run)
    np.testing.assert_array_equal(part.shard.effects.value, shard.effects.value)
    np.testing.assert_array_equal(part.shard.effects.se, shard.effects.se)


def test_effects_of_networks_read_back_give_identical_tables(
    runs: Path, script: Script, tmp_path: Path
) -> None:
    question = ("exposure=GATA1", "outcome=TAL1", "logger=null")
    output = f"paths.output={runs}"
    asked = script("interrogate", output, f"run={runs}/train/tiny", *question, "loci.n=12",
                   "name=exported", "trainer=cpu", "trainer.enable_progress_bar=false",
                   "instruments.min_effect=0", "instruments.min_z=2")  # fmt: skip
    assert asked.status == 0, asked.err
    first = runs / "interrogate/tiny/exported"
    path = tmp_path / "effects.parquet"
    main([str(first), "--format", "effects", "--out", str(path)])
    again = script("interrogate", f"effects={path}", *question, f"paths.output={tmp_path}",
                   "name=again", "instruments.min_effect=0", "instruments.min_z=2")  # fmt: skip
    assert again.status == 0, again.err
    assert np.isfinite(read_table(first / "estimates.parquet")["value"]).any()
    # only the simulation knows the truth
    _same(
        first, tmp_path / "interrogate/effects-effects/again", but=("true_value", "true_structure")
    )


def _gwas(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_summary_statistics_are_those_of_the_members(
    asked: Path, table: TableMaker, tmp_path: Path
) -> None:
    path = table(members=4)
    main([str(asked), "--format", "gwas", "--out", str(tmp_path / "out")])
    rows = _gwas(tmp_path / "out/X.gwas.tsv")
    assert len(rows) == 240
    found = read_effects(path).select("X", "Y")
    (part,) = found.shards(99)
    effects = part.shard.effects
    honest = honest_effects(effects, "X", "Y")
    for name, expected in (
        ("beta", honest.beta_exposure),
        ("se", honest.se_exposure),
        ("se_mean", effects.summarise("X", "Y").se_exposure),
    ):
        np.testing.assert_array_equal([float(row[name]) for row in rows], expected.reshape(-1))
    for row in rows[:40]:
        assert float(row["z"]) == pytest.approx(float(row["beta"]) / float(row["se"]), rel=1e-12)
        assert -np.log10(float(row["p"])) == pytest.approx(float(row["neg_log10_p"]), rel=1e-5)
        assert (row["effect_allele"], row["other_allele"], row["df"]) == ("C", "A", "3.0")
    assert rows[0]["SNP"] == "chr1:1:A:C"


def test_rows_without_an_effect_are_marked(table: TableMaker, ask: Ask) -> None:
    path = table(members=3)
    lines = path.read_text().splitlines()
    for row in range(1, len(lines)):
        cells = lines[row].split("\t")
        if cells[1] == "1" and cells[4] == "X":
            cells[5] = "0"
        if cells[1] == "2":
            cells[5] = "NA"
        lines[row] = "\t".join(cells)
    path.write_text("\n".join(lines) + "\n")
    folder = ask(path, "first")
    main([str(folder), "--format", "gwas"])
    rows = {int(row["pos"]): row for row in _gwas(folder / "export/X.gwas.tsv")}
    assert rows[1]["status"] == "no_effect"
    assert [rows[1][name] for name in ("beta", "se", "z", "p")] == ["NA"] * 4
    assert rows[2]["status"] == "missing"
    assert rows[2]["beta"] == "NA"
    assert rows[3]["status"] == "measured"
    main([str(folder), "--format", "vcf"])
    records = (folder / "export/effects.vcf").read_text().splitlines()
    (one,) = [line for line in records if line.startswith("chr1\t1\t")]
    assert "EFF_X=.;SE_X=.;" in one


def test_the_vcf_is_valid_and_read_back(asked: Path, table: TableMaker, tmp_path: Path) -> None:
    path, written = table(members=4), tmp_path / "effects.vcf"
    main([str(asked), "--format", "vcf", "--out", str(written)])
    lines = written.read_text().splitlines()
    assert lines[0] == "##fileformat=VCFv4.3"
    header = [line for line in lines if line.startswith("#")]
    contigs = [m[1] for line in header if (m := re.match(r"##contig=<ID=([^>]+)>", line))]
    field = re.compile(r"##INFO=<ID=([^,]+),Number=[A1],")
    declared = {m[1] for line in header if (m := field.match(line))}
    assert header[-1] == "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    places = []
    for line in lines[len(header) :]:
        chrom, pos, _, ref, alt, _, _, info = line.split("\t")
        assert {part.partition("=")[0] for part in info.split(";")} <= declared
        assert re.fullmatch("[ACGT]+", ref)
        assert re.fullmatch("[ACGT]+", alt)
        places.append((contigs.index(chrom), int(pos)))
    assert places == sorted(places)
    assert len(places) == 240
    found = read_effects(written).select("EFF_X", "EFF_Y")
    (part,) = found.shards(99)
    (source,) = read_effects(path).select("X", "Y").shards(99)
    sizes = honest_effects(source.shard.effects, "X", "Y")
    np.testing.assert_array_equal(part.shard.effects.value[:, 0, 0], sizes.beta_exposure)
    np.testing.assert_array_equal(part.shard.effects.se[:, 1], sizes.se_outcome)


def test_the_bed_has_the_loci_and_their_slopes_and_is_taken_as_loci(
    asked: Path, table: TableMaker, tmp_path: Path
) -> None:
    path, bed = table(members=4), tmp_path / "loci.bed"
    main([str(asked), "--format", "bed", "--out", str(bed)])
    track, *rows = bed.read_text().splitlines()
    assert track.startswith("track name=")
    cells = [row.split("\t") for row in rows]
    assert [len(row) for row in cells] == [9] * 6
    assert all(0 <= int(row[4]) <= 1000 for row in cells)
    assert [float(row[3].partition("+-")[0]) for row in cells] == pytest.approx([0.5] * 6, abs=0.02)
    again = read_effects(path, loci=bed).select("X", "Y").loci
    assert again.places() == read_effects(path).select("X", "Y").loci.places()


def test_alleles_of_several_bases_keep_their_letters(table: TableMaker, ask: Ask) -> None:
    path = table(members=3)
    path.write_text(path.read_text().replace("chr1\t7\tA\tC", "chr1\t7\tACG\tA"))
    folder = ask(path, "first")
    for form in ("effects", "vcf"):
        main([str(folder), "--format", form])
    assert any(
        line.startswith("chr1\t7\t.\tACG\tA\t")
        for line in (folder / "export/effects.vcf").read_text().splitlines()
    )
    second = ask(folder / "export/effects.parquet", "second")
    _same(folder, second)
    main([str(second), "--format", "vcf"])
    assert (second / "export/effects.vcf").read_text() == (
        folder / "export/effects.vcf"
    ).read_text()


def test_what_exists_is_kept_and_bad_input_gets_one_line(asked: Path, tmp_path: Path) -> None:
    folder = asked
    main([str(folder), "--format", "bed"])
    with pytest.raises(FileExistsError, match=r"loci.bed exists; --overwrite replaces it"):
        main([str(folder), "--format", "bed"])
    main([str(folder), "--format", "bed", "--overwrite"])
    for words, error, message in (
        ([str(folder), "--format", "vfc"], ValueError, "did you mean vcf"),
        ([str(folder)], ValueError, "--format"),
        ([str(tmp_path), "--format", "vcf"], FileNotFoundError, "is no finished run"),
        ([str(folder), "--format", "vcf", "--task", "Z"], LookupError, "it has X, Y"),
    ):
        with pytest.raises(error, match=message) as caught:
            main(words)
        assert "\n" not in str(caught.value)
