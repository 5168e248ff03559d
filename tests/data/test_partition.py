from __future__ import annotations

import numpy as np
import pytest

from deepmr.data.partition import check_disjoint, fold_splits, split_contigs

CONTIGS = {"chr1_a": 10, "chr1_b": 10, "chr10": 10, "chr2": 10, "chr3": 10, "chrUn": 1}
SPLITS = {"train": ["chr1"], "validation": ["chr10"], "calibration": ["chr2"], "test": ["chr3"]}


def test_contigs_follow_their_chromosome_and_no_other() -> None:
    found = split_contigs(CONTIGS, SPLITS)
    assert found["train"] == ["chr1_a", "chr1_b"]
    assert found["validation"] == ["chr10"]
    assert all("chrUn" not in names for names in found.values())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"test": ["chr1_b"]}, "must not share a chromosome, got chr1_b in train and test"),
        ({"test": ["chr33"]}, "test names chr33, which the genome lacks; nearest are chr3"),
        ({"test": []}, "none for test"),
        ({"tset": ["chr3"]}, "unknown: tset"),
    ],
)
def test_splits_that_leak_or_match_nothing_are_refused(
    change: dict[str, list[str]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        split_contigs(CONTIGS, SPLITS | change)


def test_over_all_folds_each_chromosome_is_tested_once() -> None:
    contigs = {f"chr{k}_{part}": 100 - k for k in range(11) for part in "ab"}
    tested = []
    for fold in range(5):
        splits = fold_splits(contigs, folds=5, fold=fold)
        everything = [name for names in splits.values() for name in names]
        assert sorted(everything) == sorted({name.split("_")[0] for name in contigs})
        tested += splits["test"]
    assert sorted(tested) == sorted({name.split("_")[0] for name in contigs})


@pytest.mark.parametrize(("folds", "fold"), [(3, 0), (7, 0), (5, 5), (5, -1)])
def test_impossible_folds_are_refused(folds: int, fold: int) -> None:
    contigs = {f"chr{k}": 10 for k in range(6)}
    with pytest.raises(ValueError, match=r"data\.fold"):
        fold_splits(contigs, folds=folds, fold=fold)


def test_windows_of_two_splits_that_share_a_base_are_found() -> None:
    def part(contig: int, *starts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        start = np.asarray(starts, dtype=np.int64)
        return np.full(start.size, contig, dtype=np.int64), start, start + 10

    check_disjoint({"train": part(0, 0, 5, 20), "test": part(0, 30, 40)}, ["chr1"])
    check_disjoint({"train": part(0, 0, 5, 20), "test": part(1, 21)}, ["chr1", "chr2"])
    with pytest.raises(ValueError, match="train and test both reading chr1:29-30"):
        check_disjoint({"train": part(0, 0, 5, 20), "test": part(0, 29, 40)}, ["chr1"])
