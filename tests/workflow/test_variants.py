"""Which variants of the loci are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from deepmr.data.vcf import ListedAllele
from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.io.table_schemas import VARIANTS
from deepmr.io.tables import read_table
from deepmr.loci import Loci
from deepmr.workflow.variants import from_vcf, saturate, write_variants

HEADER = "#CHROM\tPOS\tID\tREF\tALT\n"


@pytest.fixture
def loci() -> Loci:
    codes = np.array([[0, 1, 2, 3, 0, 1], [3, 3, 3, 3, 4, 0]], dtype=np.uint8)
    return Loci(
        chrom=np.array(["c1", "c2"]),
        start=np.array([10, 20]),
        end=np.array([16, 26]),
        codes=codes,
        true_effects=np.arange(2 * 2 * 18, dtype=np.float64).reshape(2, 2, 18),
        true_tasks=("X", "Y"),
    )


def test_saturation_of_everything_leaves_the_loci_as_they_are(loci: Loci) -> None:
    choice = saturate(loci)
    assert choice.loci is loci
    assert choice.notes == ()


def test_the_truth_is_narrowed_to_the_substitutions_asked(loci: Loci) -> None:
    choice = saturate(loci, region=[[1, 2], [4, 6]], every=2)
    assert choice.notes == ("2 of the 6 bases of each locus were mutated.",)
    columns = [3, 4, 5, 12, 13, 14]
    np.testing.assert_array_equal(choice.loci.true_effects, loci.true_effects[..., columns])
    # in the order in which the engine measures them
    offset = choice.variants.of(0, loci.codes).substitutions.offset[0]
    np.testing.assert_array_equal(offset, np.array(columns) // 3)


def test_a_file_s_variants_have_no_truth_and_say_what_was_left_out(
    loci: Loci, tmp_path: Path
) -> None:
    path = tmp_path / "a.vcf"
    path.write_text(HEADER + "c1\t12\trs\tCG\tC,<DEL>\nc1\t11\t.\tA\tG\nc1\t40\t.\tA\tG\n")
    choice = from_vcf(loci, path=path)
    assert choice.loci.true_effects is None
    assert choice.files == (path,)
    assert choice.notes == (
        "Of the 4 alternative alleles of a.vcf, 2 lie in the loci: 1 of one base, 1 insertions, "
        "deletions and longer replacements.",
        "1 lie outside the loci.",
        "1 have no letters to predict from (symbolic, missing or ambiguous).",
        "1 of 2 loci hold no listed variant.",
    )
    batch = choice.variants.of(0, loci.codes)
    assert batch.beyond.tolist() == [[4], [4]], "no genome: a deletion draws in unknown bases"
    assert [str(one) for one in batch.others] == ["locus 0 offset 1 CG>C"]
    assert batch.substitutions.offset[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            "c1\t12\t.\tG\tA",
            "line 2: REF must be the bases of the genome, got G where c1 has C at ",
        ),
        ("c1\t12\t.\tCGA\tC", "got CGA where c1 has CGT at position 12; is this another assembly"),
        ("c2\t25\t.\tA\tC", "got A where c2 has N"),
    ],
)
def test_a_wrong_reference_is_named_with_its_line(
    loci: Loci, tmp_path: Path, record: str, says: str
) -> None:
    (tmp_path / "a.vcf").write_text(f"{HEADER}{record}\n")
    with pytest.raises(ValueError, match=says):
        from_vcf(loci, path=tmp_path / "a.vcf")


def test_wrong_references_can_be_skipped_and_are_counted(loci: Loci, tmp_path: Path) -> None:
    records = "c1\t12\t.\tG\tA\nc1\t11\t.\tA\tG\nc2\t21\t.\tT\tA\n"
    (tmp_path / "a.vcf").write_text(HEADER + records)
    choice = from_vcf(loci, path=tmp_path / "a.vcf", ref_mismatch="skip")
    assert [[one.position for one in window] for window in choice.listed] == [[10], [20]]
    assert "1 have a REF that is not the genome's, and were left out." in choice.notes
    (tmp_path / "b.vcf").write_text(HEADER + records + "c1\t12\t.\tA\tC\nc1\t13\t.\tA\tC\n")
    with pytest.raises(ValueError, match=r"b\.vcf: REF of 3 of 5 alleles .*another assembly"):
        from_vcf(loci, path=tmp_path / "b.vcf", ref_mismatch="skip")
    with pytest.raises(ValueError, match=r"ref_mismatch is one of refuse, skip; got 'x'"):
        from_vcf(loci, path=tmp_path / "a.vcf", ref_mismatch="x")


def test_one_deletion_written_at_several_places_of_a_repeat_is_one_variant(
    loci: Loci, tmp_path: Path
) -> None:
    # c2 holds TTTTNA: the same T is lost four times; two Ts are another variant.
    records = "c2\t22\t.\tTT\tT\nc2\t21\tfirst\tTT\tT\nc2\t23\t.\tTT\tT\nc2\t21\t.\tTTT\tT\n"
    (tmp_path / "a.vcf").write_text(HEADER + records)
    choice = from_vcf(loci, path=tmp_path / "a.vcf")
    assert [(one.position, one.ref, one.name) for one in choice.listed[1]] == [
        (20, "TTT", ""),
        (21, "TT", ""),
    ]
    assert "2 are listed more than once, and were taken once." in choice.notes
    assert [len(one.ref) for one in choice.variants.alleles[1]] == [3, 2]


def test_standard_errors_in_the_table_are_those_of_the_members_mean(
    loci: Loci, tmp_path: Path
) -> None:
    (tmp_path / "a.vcf").write_text(f"{HEADER}c2\t21\trs7\tT\tA,C\nc2\t22\t.\tTT\tT\n")
    choice = from_vcf(replace(loci, true_effects=None), path=tmp_path / "a.vcf")
    value = np.zeros((2, 2, 3, 3))
    value[1, 0, :, 0] = [1.0, 2.0, 3.0]
    value[1, 1, :, 2] = [2.0, 2.0, 5.0]
    mask = np.array([[False] * 3, [True] * 3])
    effects = MemberEffects(
        value=value,
        tasks=("X", "Y"),
        offset=np.zeros((2, 3), dtype=np.int64),
        ref=np.full((2, 3), -1),
        alt=np.full((2, 3), -1),
        mask=mask,
    )
    shard = EffectShard(
        index=0,
        loci=(Interval("c1", 10, 16), Interval("c2", 20, 26)),
        effects=effects,
        reference=np.zeros((2, 2, 3)),
    )
    path = tmp_path / "variants.parquet"
    write_variants(path, [shard], choice.loci, choice.listed, scale="logit")
    table = read_table(path)
    assert list(table) == VARIANTS.names
    assert pq.read_schema(path).metadata[b"effect_scale"] == b"logit"
    assert table["task"].tolist() == ["X"] * 3 + ["Y"] * 3
    assert table["position"].tolist() == [20, 20, 21] * 2
    assert table["id"].tolist() == ["rs7", "rs7", ""] * 2
    assert table["alt"].tolist() == ["A", "C", "T"] * 2
    assert table["effect"].tolist() == [2, 0, 0, 0, 0, 3]
    # standard deviations 1 and sqrt(3) over sqrt(3) members
    np.testing.assert_allclose(table["se_mean"], [3**-0.5, 0, 0, 0, 0, 1], rtol=1e-12)
    np.testing.assert_allclose(table["spread"], [1, 0, 0, 0, 0, 3**0.5], rtol=1e-12)
    # (1/3 + 1/2) of the variance, and 1.1 times the members' relative spread at the locus: the one
    # effect of each task has variance 1 at 2, and 3 at 3; of so few all count as partial
    known = 1 / 3 + 1 / 2 + 1.1**2
    square = [known + 0.06**2 * 2**2, 0, 0, 0, 0, 3 * known + 0.06**2 * 3**2]
    np.testing.assert_allclose(table["se"] ** 2, square, rtol=1e-12)
    assert (table["df"] == 2).all()
    assert (table["n_members"] == 3).all()


def test_the_error_that_members_share_widens_a_variant_s_error_but_not_that_of_the_mean(
    tmp_path: Path,
) -> None:
    effects = MemberEffects(
        value=np.array([[[[1.0], [2.0], [3.0]], [[0.0], [0.0], [0.0]]]]),
        tasks=("X", "Y"),
        offset=np.zeros((1, 1), dtype=np.int64),
        ref=np.full((1, 1), -1),
        alt=np.full((1, 1), -1),
        mask=np.ones((1, 1), dtype=bool),
    )
    place = (Interval("c1", 10, 16),)
    shard = EffectShard(index=0, loci=place, effects=effects, reference=np.zeros((1, 2, 3)))
    loci = Loci(
        chrom=np.array(["c1"]),
        start=np.array([10]),
        end=np.array([16]),
        codes=np.zeros((1, 6), dtype=np.uint8),
    )
    listed = [[ListedAllele(position=12, name="rs1", ref="A", alt="C", line=1)]]
    path = tmp_path / "variants.parquet"
    write_variants(path, [shard], loci, listed, scale="logit")
    table = read_table(path)
    # Three members of spread 1 at 2: variance 1/3 of the mean, and what they share.
    np.testing.assert_allclose(table["se_mean"], [3**-0.5, 0], rtol=1e-12)
    np.testing.assert_allclose(
        table["se"], [(1 / 3 + 1 / 2 + 1.1**2 + 0.06**2 * 2**2) ** 0.5, 0], rtol=1e-12
    )
