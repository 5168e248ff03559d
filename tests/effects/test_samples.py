"""Every sample of another tool's format is read as expected, or refused with its reason.

`samples` are synthetic, with numbers of our own; `expected` is what a right reader returns.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from deepmr.data.effect_tables import (
    AlleleCheck,
    Contigs,
    ReadSettings,
    open_sources,
    prepared,
)
from deepmr.data.genome import EncodedGenome
from deepmr.workflow.effect_table import read_effects

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
WINDOW = (("chr22", 100, 112),)
CELLS = ("K562", "HepG2")
FEATURES = ("K562|DNase|None", "HepG2|DNase|None")

READ: dict[str, tuple[str, dict[str, object]]] = {
    "basenji_sad.h5": ("basenji_sad.SAD", {}),
    "baskerville_hound_scores.h5": ("baskerville_hound_scores.logSUM", {}),
    "enformer_1000G.MAF_threshold=0.005.22.h5": ("enformer_1000G.SAD", {}),
    "baskerville_hound_ism_bed.h5": ("baskerville_hound_ism_bed.logSUM", {"names": CELLS}),
    "selene_ism_diffs.tsv": ("selene_ism_diffs", {"windows": WINDOW}),
    "selene_ism_logits.tsv": ("selene_ism_logits", {"windows": WINDOW}),
    "selene_ism_predictions.tsv": ("selene_ism_diffs", {"windows": WINDOW}),
    "selene_variants_diffs.tsv": ("selene_variants_diffs", {}),
    "selene_variants.diffs.h5": ("selene_variants_diffs", {"names": FEATURES}),
    "sei_sorted.sequence_class_scores.tsv": ("sei_sequence_class", {}),
    "tangermeme_saturation_mutagenesis.npz": (
        "tangermeme_raw",
        {"names": CELLS, "windows": WINDOW},
    ),
    "grelu_predict_variant_effects_divide.csv": (
        "grelu_variants_log2_of_divide",
        {"values": "ratio"},
    ),
    "kircher_GRCh38_ALL.tsv": ("kircher", {}),
    "boda_vcf_predict.vcf": ("boda_skew", {}),
    "gwas_ssf.tsv": ("gwas_ssf", {}),
    "info_conventions.vcf": ("info_conventions", {}),
    "expecto_variants.vcf.shift_0.diff.h5": (
        "expecto_shift_0",
        {"variants": str(HERE / "variants.vcf")},
    ),
}
"""Name of the reading, and what the file does not say about itself."""

TOLERANCE = {
    "expecto_variants.vcf.shift_0.diff.h5": 1e-7,  # float32
    "selene_ism_predictions.tsv": 2e-3,  # three digits of a prediction of .4
    "selene_variants.diffs.h5": 6e-4,  # the reading has three digits, the file all
    "tangermeme_saturation_mutagenesis.npz": 1e-6,  # float32 predictions of about 2
    "grelu_predict_variant_effects_divide.csv": 1e-4,  # the reading has four decimals
}

REFUSED = {
    "alphagenome_avi_feature_importances_snvs.tsv.gz": "score of deleteriousness",
    "alphagenome_combined_splicing_snvs.tsv.gz": "without a sign",
    "alphagenome_variant_impact_score_snvs.tsv.gz": "score of deleteriousness",
    "boda_sat_mut.h5": "effects.genome=FASTA",
    "borzoi_satg_gene.h5": "gradients are attributions",
    "cadd_whole_genome_SNVs.tsv.gz": "without a sign",
    "chrombpnet.counts_scores.h5": "attributions",
    "deepsea_infile.vcf.out.alt": "predictions of one allele",
    "deepsea_infile.vcf.out.evalue": "without a sign",
    "deepsea_infile.vcf.out.ref": "predictions of one allele",
    "grelu_ism_divide.csv": "its columns are bases",
    "grelu_ism_raw.npy": "nothing says which variants",
    "grelu_predict_variant_effects_divide.csv": "effects.values=ratio",
    "gwas_ssf.tsv-meta.yaml": "no table of effects that is known here",
    "sei_sequence_class_scores.npy": "nothing says which variants",
    "selene_ism_abs_diffs.tsv": "without a sign",
    "selene_variants.alt_predictions.h5": "predictions of one allele",
    "selene_variants.ref_predictions.h5": "predictions of one allele",
    "selene_variants_row_labels.txt": "it has no effects",
    "tangermeme_attr_projected.npz": "effects cannot be had back",
    "twosamplemr_formatted_exposure.csv": "by rsid alone",
    "variant_scorer_fold_0.variant_predictions.h5": "without alleles",
    "expecto_variants.vcf.shift_0.diff.h5": "effects.variants=FILE",
}
"""Without any setting."""

ELSEWHERE = {
    "alphagenome_tidy_scores.csv": "test_alphagenome_has_a_task_a_track_and_gene",
    "alphagenome_tidy_scores_minimal.csv": "test_alphagenome_has_a_task_a_track_and_gene",
    "deepsea_infile.vcf.out.diff": "test_deepsea_differences_agree_with_selene",
    "deepsea_infile.vcf.out.logfoldchange": "test_deepsea_differences_agree_with_selene",
    "sei_sorted.chromatin_profile_diffs.tsv": "test_sei_profiles_agree_with_selene",
    "twosamplemr_exposure.csv": "test_two_sample_mr_agrees_with_gwas_ssf",
    "variant_scorer.mean.variant_scores.tsv": "test_folds_of_variant_scorer_are_members",
    "variant_scorer_fold_0.variant_scores.tsv": "test_folds_of_variant_scorer_are_members",
    "variant_scorer_fold_1.variant_scores.tsv": "test_folds_of_variant_scorer_are_members",
    "variant_scorer_fold_2.variant_scores.tsv": "test_folds_of_variant_scorer_are_members",
}

Key = tuple[str, int, str, str, str]


@pytest.fixture(scope="module")
def genome() -> EncodedGenome:
    return EncodedGenome.from_fasta(HERE / "toy_ref.fa")


def _rows(
    name: str | list[Path], *, genome: EncodedGenome | None = None, **settings: object
) -> list[tuple[Key, float, float, str]]:
    path = SAMPLES / name if isinstance(name, str) else name
    sources = open_sources(path, ReadSettings(**settings))
    tasks = [task.name for task in sources[0][0].tasks()]
    found = []
    for rows in prepared(sources, tasks, Contigs(), AlleleCheck(genome=genome)):
        keys = zip(rows.chrom, (rows.pos + 1).tolist(), rows.ref, rows.alt, rows.task, strict=True)
        found += zip(keys, rows.effect.tolist(), rows.se.tolist(), rows.member, strict=True)
    return found


def _effects(name: str, **settings: object) -> dict[Key, float]:
    rows = _rows(name, **settings)
    assert len({key for key, *_ in rows}) == len(rows)
    return {key: effect for key, effect, *_ in rows}


def _expected(name: str, column: str = "effect") -> dict[Key, float]:
    with (HERE / "expected" / f"{name}.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    column = column if column in rows[0] else "effect_of_alt"
    return {
        (r["chrom"], int(r["pos"]), r["ref"], r["alt"], r["task"]): float(r[column]) for r in rows
    }


def test_every_sample_is_read_or_refused() -> None:
    samples = {path.name for path in SAMPLES.iterdir()}
    assert samples == READ.keys() | REFUSED.keys() | ELSEWHERE.keys()
    assert set(ELSEWHERE.values()) <= set(globals())
    readings = {name for name, _ in READ.values()}
    done = {"alphagenome_tidy_scores.signed", "variant_scorer_folds"}
    assert {path.stem for path in (HERE / "expected").iterdir()} == readings | done


@pytest.mark.parametrize("name", READ)
def test_read_as_expected(name: str) -> None:
    reading, settings = READ[name]
    got, expected = _effects(name, **settings), _expected(reading)
    assert got.keys() == expected.keys()
    tolerance = TOLERANCE.get(name, 1e-9)  # decimal text and half precision are exact in double
    assert max(abs(got[key] - expected[key]) for key in expected) <= tolerance


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_its_reason(name: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[name]) as caught:
        _asked(SAMPLES / name)
    assert str(SAMPLES / name) in str(caught.value) or "numbers on" in str(caught.value)
    assert "\n" not in str(caught.value)


def _asked(path: Path) -> None:
    table = read_effects(path)
    table.select(*table.tasks.names[:2])


@pytest.mark.parametrize("form", ["", "_minimal"])
def test_alphagenome_has_a_task_a_track_and_gene(form: str) -> None:
    got = _effects(f"alphagenome_tidy_scores{form}.csv")
    with (HERE / "expected/alphagenome_tidy_scores.signed.tsv").open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len(got) == len(rows)
    for row in rows:
        (value,) = [
            effect
            for (chrom, pos, ref, alt, task), effect in got.items()
            if (chrom, str(pos), ref, alt) == (row["chrom"], row["pos"], row["ref"], row["alt"])
            and task.startswith(row["output_type"] + "|")
            and row["track_name"] in task
            and task.endswith(row["gene_id"])
        ]
        assert value == pytest.approx(float(row["effect"]), abs=1e-9)


def test_deepsea_differences_agree_with_selene() -> None:
    got, expected = _effects("deepsea_infile.vcf.out.diff"), _expected("selene_variants_diffs")
    assert expected.keys() < got.keys()  # DeepSEA does not say where the reference differs
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, abs=6e-4)  # three digits there
    logs, diff = _effects("deepsea_infile.vcf.out.logfoldchange"), got
    assert all(np.sign(logs[key]) == np.sign(diff[key]) for key in diff)


def test_sei_profiles_agree_with_selene() -> None:
    got = _effects("sei_sorted.chromatin_profile_diffs.tsv")
    for (chrom, pos, ref, alt, task), value in _expected("selene_variants_diffs").items():
        cell = task.partition("|")[0]
        number = 1 + CELLS.index(cell)
        there = got[chrom, pos, ref, alt, f"{cell} | DNase | ID:{number}"]
        assert there == pytest.approx(value, abs=6e-4)  # three digits there


def test_two_sample_mr_agrees_with_gwas_ssf(genome: EncodedGenome) -> None:
    rows = _rows("twosamplemr_exposure.csv", genome=genome)
    got = {key[:4]: (effect, se) for key, effect, se, _ in rows}
    for key, value in _expected("gwas_ssf").items():
        assert got[key[:4]] == (pytest.approx(value), 0.011)


def test_folds_of_variant_scorer_are_members(genome: EncodedGenome) -> None:
    folds = [SAMPLES / f"variant_scorer_fold_{k}.variant_scores.tsv" for k in range(3)]
    members: dict[Key, dict[str, float]] = {}
    for key, effect, se, member in _rows(folds, genome=genome):
        assert np.isnan(se)
        members.setdefault(key, {})[member] = effect
    mean, spread = (
        _expected("variant_scorer_folds"),
        _expected("variant_scorer_folds", "sd_over_folds"),
    )
    assert members.keys() == mean.keys()
    for key, found in members.items():
        assert len(found) == 3
        assert np.mean(list(found.values())) == pytest.approx(mean[key], abs=1e-6)
        assert np.std(list(found.values()), ddof=1) == pytest.approx(spread[key], abs=1e-6)
    averaged = _rows("variant_scorer.mean.variant_scores.tsv", genome=genome)
    for key, effect, se, _ in averaged:
        assert effect == pytest.approx(mean[key], abs=1e-6)
        assert np.isnan(se)


def test_errors_are_those_of_the_file() -> None:
    errors = {key: se for key, _, se, _ in _rows("gwas_ssf.tsv")}
    assert errors == _expected("gwas_ssf", "se")
    errors = {key: se for key, _, se, _ in _rows("info_conventions.vcf")}
    assert errors == _expected("info_conventions", "se")
    for key, effect, se, _ in _rows("kircher_GRCh38_ALL.tsv"):
        if effect == 0:
            assert np.isnan(se), key
        else:  # from p-values of five digits; a small effect of two decimals is coarse
            assert se == pytest.approx(0.08, rel=1e-3), key


def test_activities_of_boda_are_subtracted_where_a_genome_is_given(genome: EncodedGenome) -> None:
    table = read_effects(SAMPLES / "boda_sat_mut.h5", genome=HERE / "toy_ref.fa")
    effects = table.select("K562", "HepG2")
    (part,) = effects.shards(1)
    expected = _expected("tangermeme_raw")
    assert part.shard.effects.mask.sum() == 36
    columns = (getattr(part.shard.effects, name)[0].tolist() for name in ("offset", "ref", "alt"))
    for k, (offset, ref, alt) in enumerate(zip(*columns, strict=True)):
        for t, task in enumerate(CELLS):
            value = expected["chr22", offset + 101, "ACGT"[ref], "ACGT"[alt], task]
            # half precision of an activity of 1 to 2.4: 2^-10 apart, both alleles rounded
            assert part.shard.effects.value[0, t, 0, k] == pytest.approx(value, abs=1e-3)
