"""A table of effects becomes loci, members and errors as its columns and settings say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from deepmr import interrogate_effects, read_effects
from deepmr.data.effect_tables import ReadSettings
from deepmr.effect_shard import EffectShard
from deepmr.inference import GivenModel, Jackknife, PerMember, Summary
from deepmr.mr import inverse_variance_weighted
from deepmr.workflow.table_loci import TableLoci
from tests.effects.conftest import SLOPE, TableMaker

HERE = Path(__file__).parent


def _shard(path: object, *pair: str, **options: object) -> EffectShard:
    table = read_effects(path, **options)
    found = table.select(*(pair or ("X", "Y")))
    (part,) = found.shards(len(found.loci))
    return part.shard


def test_a_planted_slope_is_found_from_members_and_from_errors(table: TableMaker) -> None:
    for path in (table("a.tsv", members=4), table("b.tsv", with_se=True)):
        result = interrogate_effects(read_effects(path), "X", "Y")
        lower, upper = result.meta["ci_lower"][0], result.meta["ci_upper"][0]
        assert lower < SLOPE < upper
        assert upper - lower < 0.1  # 240 effects of size 2 with errors of .02


def test_one_member_without_errors_is_taken_as_given_or_refused(table: TableMaker) -> None:
    result = interrogate_effects(read_effects(table()), "X", "Y")
    assert isinstance(result.findings.question.inference, GivenModel)
    assert any("errors of its effects are unknown" in note for note in result.findings.notes)
    (reason,) = result.findings.judgement.verdict.reasons
    assert reason.startswith("One set of effects")
    assert "network's" not in reason
    with pytest.raises(ValueError, match="needs several members") as caught:
        interrogate_effects(read_effects(table()), "X", "Y", inference=Summary())
    assert "\n" not in str(caught.value)


def test_errors_of_the_table_are_those_of_the_estimate(table: TableMaker, tmp_path: Path) -> None:
    path = table(with_se=True)
    doubled = tmp_path / "doubled.tsv"
    doubled.write_text(path.read_text().replace("\t0.02\n", "\t0.04\n"))
    ivw = {"ivw": inverse_variance_weighted}
    one, two = (
        interrogate_effects(read_effects(p), "X", "Y", estimators=ivw).estimates
        for p in (path, doubled)
    )
    assert np.isfinite(one["se"]).all()
    # the other way round, effects differ by more than their errors, which then count for less
    asked = (one["exposure"] == "X") & (one["method"] == "ivw")
    assert asked.any()
    assert (two["se"][asked] > 1.2 * one["se"][asked]).all()
    with pytest.raises(
        ValueError, match="inference=jackknife needs several members, got one table"
    ):
        interrogate_effects(read_effects(path), "X", "Y", inference=Jackknife())


@pytest.mark.parametrize("with_se", [True, False], ids=["with errors", "without"])
@pytest.mark.parametrize(
    ("members", "inference"), [(1, None), (2, PerMember), (3, Jackknife)], ids=["1", "2", "3"]
)
def test_the_default_inference_follows_the_number_of_members(
    table: TableMaker, members: int, inference: type | None, with_se: bool
) -> None:
    path = table(members=members, with_se=with_se)
    result = interrogate_effects(read_effects(path), "X", "Y", controls="none")
    expected = inference or (Summary if with_se else GivenModel)
    assert type(result.findings.question.inference) is expected
    needed = {1: "needs several members", 2: "needs at least 3 members, got 2", 3: None}[members]
    if needed is not None:
        with pytest.raises(ValueError, match=needed):
            interrogate_effects(read_effects(path), "X", "Y", inference=Jackknife())


@pytest.mark.usefixtures("without_figures")
def test_what_needs_networks_is_listed_as_not_run(table: TableMaker, tmp_path: Path) -> None:
    result = interrogate_effects(read_effects(table(members=4)), "X", "Y")
    reasons = {one.name: one.reason for one in result.findings.judgement.not_run}
    assert reasons["untrained"] == "a table of effects has no network"
    folder = result.save(tmp_path / "saved")
    assert "a table of effects" in (folder / "report.html").read_text()


def test_several_files_are_members_and_a_glob_finds_them(table: TableMaker, tmp_path: Path) -> None:
    for fold in (10, 2, 1):
        table(f"fold_{fold}.tsv", seed=fold)
    found = read_effects(str(tmp_path / "fold_*.tsv")).select("X", "Y")
    assert found.members.names == ("fold_1.tsv", "fold_2.tsv", "fold_10.tsv")
    (part,) = found.shards(len(found.loci))
    assert part.shard.effects.value.shape == (6, 2, 3, 40)


def test_members_that_differ_in_a_variant_are_refused(table: TableMaker, tmp_path: Path) -> None:
    table("fold_1.tsv")
    other = table("fold_2.tsv", seed=2)
    lines = other.read_text().splitlines()
    other.write_text("\n".join(line for line in lines if "\t1005\t" not in line) + "\n")
    with pytest.raises(ValueError, match=r"fold_2.tsv has no row for chr1:1005 A>C on X"):
        _shard(str(tmp_path / "fold_*.tsv"))


def test_a_variant_listed_twice_is_refused(table: TableMaker) -> None:
    path = table()
    path.write_text(path.read_text() + "chr1\t5\tA\tC\tX\t0.5\n")
    with pytest.raises(ValueError, match="chr1:5 A>C is listed twice for X"):
        _shard(path)


def test_one_file_a_task_is_read_as_that_task(table: TableMaker, tmp_path: Path) -> None:
    whole = _shard(table())
    lines = (tmp_path / "effects.tsv").read_text().splitlines()
    for task in "XY":
        rows = [line.split("\t") for line in lines[1:] if f"\t{task}\t" in line]
        text = "\n".join("\t".join([*row[:4], row[5]]) for row in rows)
        (tmp_path / f"{task}.tsv").write_text("chrom\tpos\tref\talt\teffect\n" + text + "\n")
    two = {"GATA1": tmp_path / "X.tsv", "H3K27ac": tmp_path / "Y.tsv"}
    split = _shard(two, "GATA1", "H3K27ac")
    np.testing.assert_array_equal(split.effects.value, whole.effects.value)


def test_exchanged_alleles_of_one_task_are_turned(table: TableMaker) -> None:
    path = table()
    whole = _shard(path).effects
    swapped = []
    for line in path.read_text().splitlines():
        cells = line.split("\t")
        if cells[4] == "Y":
            cells[2], cells[3], cells[5] = cells[3], cells[2], repr(-float(cells[5]))
        swapped.append("\t".join(cells))
    path.write_text("\n".join(swapped) + "\n")
    turned = _shard(path).effects
    np.testing.assert_array_equal(turned.value, whole.value)
    np.testing.assert_array_equal(turned.ref, whole.ref)


def test_wide_parquet_and_long_text_hold_the_same(table: TableMaker, tmp_path: Path) -> None:
    path = table()
    long = pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter="\t"))
    x, y = (long.filter(pa.compute.equal(long["task"], task)) for task in "XY")
    wide = x.select(["chrom", "pos", "ref", "alt"])
    wide = wide.append_column("X", x["effect"]).append_column("Y", y["effect"])
    wide = wide.append_column("abs_score", pa.array(np.ones(wide.num_rows)))
    pq.write_table(wide, tmp_path / "wide.parquet")
    read = read_effects(tmp_path / "wide.parquet")
    assert read.tasks.names == ("X", "Y"), "absolute scores are no tasks"
    a, b = _shard(path).effects, _shard(tmp_path / "wide.parquet").effects
    np.testing.assert_array_equal(a.value, b.value)


def test_columns_are_mapped_and_missing_ones_named(table: TableMaker) -> None:
    path = table()
    path.write_text(path.read_text().replace("chrom\tpos\t", "seq\tposition_hg38\t", 1))
    columns = {"chrom": "seq", "pos": "position_hg38"}
    assert _shard(path, columns=columns).effects.value.shape == (6, 2, 1, 40)
    with pytest.raises(ValueError, match=r"effects.columns.pos=position") as caught:
        read_effects(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ValueError, match=r"effects\.columns has chrom, pos"):
        read_effects(path, columns={"position": "x"})


def test_positions_count_from_1_unless_said_otherwise(table: TableMaker) -> None:
    path = table()
    at_one = read_effects(path).select("X", "Y").loci
    zero = read_effects(path, settings=ReadSettings(one_based=False)).select("X", "Y").loci
    assert at_one.start[0] == 0
    np.testing.assert_array_equal(zero.start, at_one.start + 1)


def test_loci_follow_from_gaps_regions_or_the_table(table: TableMaker, tmp_path: Path) -> None:
    path = table()
    assert len(read_effects(path).select("X", "Y").loci) == 6
    cut = TableLoci(gap=5, width=20)
    assert len(read_effects(path, loci=cut).select("X", "Y").loci) == 12
    bed = tmp_path / "regions.bed"
    bed.write_text("chr1\t0\t30\nchr1\t10\t40\nchr1\t2000\t2040\nchr1\t9000\t9100\n")
    found = read_effects(path, loci=bed).select("X", "Y")
    (part,) = found.shards(len(found.loci))
    assert part.shard.effects.mask.sum(axis=-1).tolist() == [30, 30, 40]  # regions may overlap
    named = tmp_path / "named.tsv"
    rows = path.read_text().splitlines()
    names = {"0": "chr1:0-50"}
    cells = [row.split("\t") for row in rows[1:]]
    ends = [names.get(str(int(c[1]) // 1000), f"gene{int(c[1]) // 1000}") for c in cells]
    lines = ["\t".join([*c, end]) for c, end in zip(cells, ends, strict=True)]
    named.write_text("\n".join([rows[0] + "\tlocus", *lines]) + "\n")
    found = read_effects(named).select("X", "Y").loci.names()
    assert found[:2] == ["chr1:0-50", "chr1:1000-1040"]


def test_a_genome_turns_and_counts_alleles(tmp_path: Path) -> None:
    path = HERE / "samples/gwas_ssf.tsv"
    two = {"X": path, "Y": path}
    plain = read_effects(two, genome=HERE / "toy_ref.fa").select("X", "Y")
    assert plain.found.check.turned == 0
    other = tmp_path / "other.tsv"
    other.write_text(path.read_text().replace("\tref_allele", "\tunsaid"))
    turned = read_effects({"X": other, "Y": other}, genome=HERE / "toy_ref.fa").select("X", "Y")
    assert turned.found.check.turned == 4  # two of five rows of each task
    (a,), (b,) = plain.shards(99), turned.shards(99)
    np.testing.assert_array_equal(a.shard.effects.value, b.shard.effects.value)
    assert any("alleles were exchanged" in note for note in turned.notes)
    text = other.read_text()
    other.write_text(text.replace("\t101\t", "\t100\t").replace("\t102\t", "\t110\t"))
    with pytest.raises(ValueError, match="have neither allele in the genome"):
        read_effects({"X": other, "Y": other}, genome=HERE / "toy_ref.fa").select("X", "Y")
    kept = read_effects({"X": other, "Y": other}, genome=HERE / "toy_ref.fa", mismatch=0.5)
    assert kept.select("X", "Y").found.check.differing > 0


def test_missing_effects_are_masked_in_every_spelling(table: TableMaker) -> None:
    path = table()
    lines = path.read_text().splitlines()
    for row, word in zip((1, 4, 6, 8), ("NA", "#NA", "nan", ""), strict=True):
        cells = lines[row].split("\t")
        lines[row] = "\t".join([*cells[:5], word])
    path.write_text("\n".join(lines) + "\n")
    effects = _shard(path).effects
    assert effects.mask[0].tolist() == [False, False, False, False] + [True] * 36
    lines[9] = lines[9].rpartition("\t")[0] + "\tabc"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"row 9: effect must be a number, got 'abc'"):
        _shard(path)


def test_numbers_without_a_sign_are_no_effects(table: TableMaker) -> None:
    path = table()
    path.write_text(path.read_text().replace("\t-", "\t"))
    with pytest.raises(ValueError, match="none of the 240 numbers on X is negative"):
        _shard(path)
    assert _shard(path, settings=ReadSettings(values="difference")).effects.value.min() > 0


def test_order_of_rows_and_size_of_batches_change_nothing(
    table: TableMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(members=3)
    whole = _shard(path).effects
    head, *rows = path.read_text().splitlines()
    np.random.default_rng(1).shuffle(rows)
    path.write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.setattr("deepmr.data.effect_tables.columns._BLOCK", 4096)
    shuffled = _shard(path).effects
    np.testing.assert_array_equal(shuffled.value, whole.value)
    np.testing.assert_array_equal(shuffled.offset, whole.offset)


def test_standard_errors_follow_their_task_and_locus(table: TableMaker) -> None:
    shard = _shard(table(with_se=True))
    se = np.arange(shard.effects.se.size, dtype=float).reshape(shard.effects.se.shape)
    shard = replace(shard, effects=replace(shard.effects, se=se))
    turned = shard.keep(("Y", "X")).effects
    np.testing.assert_array_equal(turned.se[:, 0], se[:, 1])
    np.testing.assert_array_equal(turned.at(2).se, turned.se[2])
    np.testing.assert_array_equal(
        turned.summarise("X", "Y").se_exposure, shard.effects.summarise("X", "Y").se_exposure
    )
