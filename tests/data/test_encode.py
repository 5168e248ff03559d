from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepmr.data.source import SPLITS, DataSource, Split
from deepmr.sequence import encode

from .conftest import random_sequences, write_genome, write_peaks
from .encode_cases import Make, edit, everything

pytestmark = [
    pytest.mark.filterwarnings("ignore:without a label in the training split"),
    pytest.mark.filterwarnings("ignore:.* peaks (lie on|reach)"),
]


def test_it_is_a_data_source(source: Make) -> None:
    made = source()
    assert isinstance(made, DataSource)
    assert isinstance(made.split("train"), Split)


def test_labels_are_those_worked_out_by_hand(source: Make) -> None:
    split = source().split("train")
    _, target, mask = everything(split)
    bins = split.start + 100  # the context of 400 reaches 100 beyond the bin either side
    gata1, tal1 = target.T
    assert set(bins[gata1 == 1].tolist()) == {1000, 1200}
    assert set(bins[tal1 == 1].tolist()) == {2000}
    assert mask.all()
    assert dict(zip(*np.unique(split.chrom, return_counts=True), strict=True)) == {
        "chr1_a": 30 - 2,  # a quarter of the first and last windows lies beyond the rim
        "chr1_b": 15 - 2,
    }


def test_windows_hold_the_bases_of_their_place(source: Make) -> None:
    made = source()
    text = random_sequences()
    for name in SPLITS:
        split = made.split(name)
        codes, _, _ = everything(split)
        for row in range(0, len(split), 7):
            place = slice(split.start[row], split.end[row])
            assert codes[row].tolist() == encode(text[split.chrom[row]][place]).tolist()


def test_task_without_training_labels_is_dropped_by_name(source: Make) -> None:
    made = source()
    with pytest.warns(UserWarning, match="dropped: K562_H3K27ac$"):
        made.prepare()
    assert made.tasks.names == ("K562_GATA1", "K562_TAL1")


def test_peaks_of_a_dropped_task_do_not_make_a_window_positive(source: Make) -> None:
    split = source(negatives=0, match_gc=False).split("test")
    assert sorted((split.start + 100).tolist()) == [1000, 1200, 2000]


def test_label_is_missing_where_a_track_was_not_measured(tiny_root: Path, source: Make) -> None:
    edit(tiny_root, "h3k27ac.bed\tchr3,chr4", "tal1.bed\tchr1_a,chr4")
    made = source()
    assert made.outcomes == ("K562_H3K27ac",)
    split = made.split("train")
    _, target, mask = everything(split)
    column = made.tasks.names.index("K562_H3K27ac")
    assert mask[:, column].tolist() == (split.chrom == "chr1_a").tolist()
    assert not target[~mask].any()
    assert not everything(made.split("validation"))[2][:, column].any()


def test_task_without_positives_elsewhere_is_kept(tiny_root: Path, source: Make) -> None:
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2200)])
    made = source()
    assert made.tasks.names == ("K562_GATA1", "K562_TAL1")
    rows = {(row["split"], row["task"]): row for row in made.summary()}
    assert rows["train", "K562_TAL1"]["positives"] == 1
    assert rows["test", "K562_TAL1"]["positives"] == 0
    assert rows["test", "K562_TAL1"]["n"] == len(made.split("test"))


def test_no_task_with_training_labels_is_an_error(tiny_root: Path, source: Make) -> None:
    for name in ("gata1.narrowPeak.gz", "tal1.bed"):
        write_peaks(tiny_root / name, [("chr4", 1000, 1400)])
    with pytest.raises(ValueError, match="no task has a label in the training split"):
        source().prepare()


def test_heads_are_transcription_factors_and_the_rest(tiny_root: Path, source: Make) -> None:
    edit(tiny_root, "h3k27ac.bed\tchr3,chr4", "tal1.bed\t")
    assert source().exposures == ("K562_GATA1", "K562_TAL1")
    assert source().outcomes == ("K562_H3K27ac",)
    named = source(exposures=["H3K27ac"], outcomes=["K562_TAL1"])
    assert (named.exposures, named.outcomes) == (("K562_H3K27ac",), ("K562_TAL1",))
    assert named.tasks.names == ("K562_TAL1", "K562_H3K27ac")
    rest = source(outcomes=["TAL1"])
    assert (rest.exposures, rest.outcomes) == (("K562_GATA1", "K562_H3K27ac"), ("K562_TAL1",))


def test_one_empty_head_gives_its_tasks_to_the_other(source: Make) -> None:
    assert source().exposures == ("K562_GATA1", "K562_TAL1")
    assert source().outcomes == ()


def test_task_on_both_heads_is_refused(source: Make) -> None:
    with pytest.raises(ValueError, match=r"K562_TAL1 in both data\.exposures and data\.outcomes"):
        source(exposures=["GATA1", "TAL1"], outcomes=["TAL1"]).prepare()


def test_soft_masked_and_unknown_bases(tiny_root: Path, source: Make) -> None:
    text = random_sequences()
    text["chr1_a"] = text["chr1_a"][:3000].lower() + "N" * 500 + text["chr1_a"][3500:]
    write_genome(tiny_root / "genome.fa", text)
    split = source(max_unknown=0.1).split("train")
    codes, target, _ = everything(split)
    assert target[:, 0].sum() == 4  # nothing is lost to lower case
    unknown = (codes == 4).sum(axis=1)
    assert unknown.max() <= 40
    windows = set((split.start + 100)[split.chrom == "chr1_a"].tolist())
    assert not windows & {3000, 3200, 3400}
    assert {2600, 3600} <= windows


def test_excluded_regions_are_left_out(tiny_root: Path, source: Make) -> None:
    write_peaks(tiny_root / "exclude.bed", [("chr1_a", 1100, 1101), ("chrUnknown", 5, 10)])
    split = source(exclude="exclude.bed").split("train")
    assert 1000 not in (split.start + 100)[split.chrom == "chr1_a"]
    assert 1200 in split.start + 100


def test_negatives_are_the_asked_share_and_the_same_every_time(
    source: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = source(negatives=2.0, match_gc=False).split("train")
    assert (len(first), int(everything(first)[1].any(axis=1).sum())) == (18, 6)
    monkeypatch.setenv("DEEPMR_CACHE", str(tmp_path / "another"))
    again = source(negatives=2.0, match_gc=False).split("train")
    assert again.start.tolist() == first.start.tolist()
    other = source(negatives=2.0, match_gc=False, seed=1).split("train")
    assert other.start.tolist() != first.start.tolist()


def test_augmentation_depends_on_seed_and_index_alone(source: Make) -> None:
    split = source(jitter=7).split("train")
    index = np.arange(len(split))
    whole, target, _ = split.gather(index, seed=3)
    backwards, turned, _ = split.gather(index[::-1].copy(), seed=3)
    assert np.array_equal(whole, backwards[::-1])
    assert np.array_equal(target, turned[::-1])
    one = np.concatenate([split.gather(index[k : k + 1], seed=3)[0] for k in index])
    assert np.array_equal(whole, one)
    assert not np.array_equal(whole, split.gather(index, seed=4)[0])


def test_augmented_window_is_a_shift_of_one_strand(source: Make) -> None:
    split = source(jitter=3).split("train")
    plain, _, _ = everything(split)
    augmented, _, _ = split.gather(np.arange(len(split)), seed=0)
    shifts, turns = set(), set()
    for before, after in zip(plain, augmented, strict=True):
        for turn in (False, True):
            read = np.minimum(after[::-1] ^ 3, 4) if turn else after
            for shift in range(-3, 4):
                low, high = max(0, shift), min(400, 400 + shift)
                if np.array_equal(read[low - shift : high - shift], before[low:high]):
                    shifts.add(shift)
                    turns.add(turn)
                    break
            else:
                continue
            break
        else:
            pytest.fail("a window is no shift of either strand")
    assert turns == {False, True}
    assert len(shifts) > 4


def test_unknown_bases_stay_unknown_on_the_other_strand(tiny_root: Path, source: Make) -> None:
    text = random_sequences()
    text["chr1_a"] = "N" * 40 + text["chr1_a"][40:]
    write_genome(tiny_root / "genome.fa", text)
    split = source(max_unknown=0.5).split("train")
    for seed in range(4):
        codes, _, _ = split.gather(np.asarray([0]), seed=seed)
        assert (codes == 4).sum() == 140  # 100 before the contig and 40 in it
        assert codes.max() == 4


def test_candidate_loci_lie_on_summits_of_the_test_split_apart_from_each_other(
    source: Make,
) -> None:
    chrom, start, end = source().candidate_loci("pair", exposure="GATA1", outcome="TAL1")
    assert chrom.tolist() == ["chr4", "chr4"]
    assert start.tolist() == [1000, 1900]
    assert (end - start).tolist() == [400, 400]


def test_overlapping_candidates_give_way_to_the_exposure(tiny_root: Path, source: Make) -> None:
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2200), ("chr4", 1300, 1500)])
    assert source().candidate_loci("pair", exposure="GATA1", outcome="TAL1")[1].tolist() == [1000]
    assert source().candidate_loci("pair", exposure="TAL1", outcome="GATA1")[1].tolist() == [1200]


def test_candidates_at_the_rim_move_inwards(tiny_root: Path, source: Make) -> None:
    write_peaks(tiny_root / "gata1.narrowPeak.gz", [("chr1_a", 600, 800), ("chr4", 4900, 5000)])
    assert source().candidate_loci("pair", exposure="GATA1", outcome="GATA1")[1].tolist() == [4600]


def test_test_split_without_peaks_of_the_tasks_is_an_error(tiny_root: Path, source: Make) -> None:
    for name in ("gata1.narrowPeak.gz", "tal1.bed"):
        write_peaks(tiny_root / name, [("chr1_a", 1000, 1400)])
    with pytest.raises(LookupError, match=r"the test split \(chr4\) holds no peak of GATA1"):
        source().candidate_loci("pair", exposure="GATA1", outcome="TAL1")


def test_seen_tells_training_and_validation_from_the_rest(source: Make) -> None:
    chrom = np.asarray(["chr1_b", "chr2", "chr3", "chr4"])
    start = np.zeros(4, dtype=np.int64)
    assert source().seen(chrom, start, start + 400).tolist() == [True, True, False, False]
    with pytest.raises(LookupError, match="no contig chr9"):
        source().seen(np.asarray(["chr9"]), start[:1], start[:1] + 400)


def test_sequences_of_loci_are_fetched_at_one_length(source: Make) -> None:
    made = source()
    start = np.asarray([5, -2])
    codes = made.sequences(np.asarray(["chr2", "chr4"]), start, start + 10)
    text = random_sequences()
    assert codes[0].tolist() == encode(text["chr2"][5:15]).tolist()
    assert codes[1].tolist() == [4, 4, *encode(text["chr4"][:8]).tolist()]
    with pytest.raises(ValueError, match=r"one length, got lengths \[10, 11\]"):
        made.sequences(np.asarray(["chr2", "chr4"]), start, start + np.asarray([10, 11]))


def test_no_base_of_one_split_is_read_by_another(source: Make) -> None:
    made = source()
    reads = [set(zip(*_bases(made.split(name)), strict=True)) for name in SPLITS]
    for k, first in enumerate(reads):
        assert all(first.isdisjoint(second) for second in reads[k + 1 :])


def _bases(split: Split) -> tuple[list[str], list[int]]:
    place = (split.start[:, None] + np.arange(400)).ravel()
    return np.repeat(split.chrom, 400).tolist(), place.tolist()


def test_fingerprint_follows_what_decides_the_labels(tiny_root: Path, source: Make) -> None:
    first = source().fingerprint
    assert source().fingerprint == first
    assert source(reverse_complement=False).fingerprint == first
    assert source(overlap=0.4).fingerprint != first
    assert source(seed=1).fingerprint != first
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2400)])
    assert source().fingerprint != first


def test_fingerprint_does_not_depend_on_the_folder(
    tiny_root: Path, source: Make, tmp_path: Path
) -> None:
    first = source().fingerprint
    tiny_root.rename(tmp_path / "moved")
    assert source(tmp_path / "moved").fingerprint == first


def test_prepared_labels_are_found_again(source: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(source().split("test"))
    monkeypatch.setattr("deepmr.data.prepared._build", None)
    after = everything(source().split("test"))
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_summary_tells_positives_prevalence_and_gc(source: Make) -> None:
    made = source()
    rows = {(row["split"], row["task"]): row for row in made.summary()}
    row = rows["train", "K562_GATA1"]
    codes, _, _ = everything(made.split("train"))
    per_window = np.isin(codes, [1, 2]).sum(axis=1) / (codes < 4).sum(axis=1)
    assert (row["n"], row["positives"], row["prevalence"]) == (41, 4, 4 / 41)
    # Shares are kept in float32, hence seven digits.
    assert row["gc"] == pytest.approx(per_window.mean(), rel=1e-6)


def test_class_weights_are_the_odds_against_a_positive(source: Make) -> None:
    assert source().weights() is None
    assert source(class_weights="balanced").weights().tolist() == pytest.approx([37 / 4, 39 / 2])
    # float32 keeps seven digits
    expected = np.sqrt([37 / 4, 39 / 2])
    assert source(class_weights="sqrt").weights().tolist() == pytest.approx(expected, rel=1e-6)


def test_inputs_are_the_files_that_were_read(tiny_root: Path, source: Make) -> None:
    names = {path.name for path in source().inputs()}
    assert names == {
        "genome.fa",
        "tracks.tsv",
        "gata1.narrowPeak.gz",
        "tal1.bed",
        "h3k27ac.bed",
    }


def test_folds_deal_out_the_chromosomes_named_in_splits(source: Make) -> None:
    tested = []
    for fold in range(4):
        made = source(folds=4, fold=fold)
        tested += made.splits["test"]
        made.prepare()
    assert sorted(tested) == ["chr1", "chr2", "chr3", "chr4"]


def test_rules_for_loci_that_hold_for_every_pair(tiny_root: Path, source: Make) -> None:
    made = source()
    chrom, start, end = made.candidate_loci("all")
    # Windows of 400 around bins of 200: every second one, none over the contig's ends.
    assert (end - start).tolist() == [400] * start.size
    assert set(chrom) == {"chr4"}
    assert start.tolist() == list(range(100, 4600, 400))
    # Summits at 1200 (GATA1) and 2100 (TAL1): here the same as for the pair.
    assert made.candidate_loci("any_positive")[1].tolist() == [1000, 1900]


def test_any_positive_does_not_depend_on_the_pair_and_prefers_earlier_tasks(
    tiny_root: Path, source: Make
) -> None:
    write_peaks(tiny_root / "tal1.bed", [("chr1_a", 2000, 2200), ("chr4", 1300, 1500)])
    made = source()
    assert made.candidate_loci("any_positive", exposure="TAL1", outcome="GATA1")[1].tolist() == [
        1000
    ]


def test_unknown_rule_and_missing_pair_are_refused(source: Make) -> None:
    with pytest.raises(LookupError, match=r"loci\.rule is one of any_positive, all, pair; got 'x'"):
        source().candidate_loci("x")
    with pytest.raises(ValueError, match="got GATA1 and None; name both"):
        source().candidate_loci("pair", exposure="GATA1")
