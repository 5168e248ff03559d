from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmr.data.bins import covered_bins, covered_length

PEAKS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 40)), max_size=8)


def arrays(peaks: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.asarray(peaks, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 0] + table[:, 1]


@given(PEAKS, st.sampled_from([0.0, 0.25, 0.5, 0.9]), st.integers(1, 12))
def test_labels_equal_the_overlap_taken_bin_by_bin(
    peaks: list[tuple[int, int]], overlap: float, n_bins: int
) -> None:
    start, end = arrays(peaks)
    expected = [
        any(
            min(e, 10 * k + 10) - max(s, 10 * k) > overlap * 10
            for s, e in zip(start, end, strict=True)
        )
        for k in range(n_bins)
    ]
    found = covered_bins(start, end, n_bins=n_bins, size=10, overlap=overlap)
    assert found.tolist() == expected


@pytest.mark.parametrize(("end", "positive"), [(300, False), (301, True)])
def test_half_a_bin_is_not_more_than_half(end: int, positive: bool) -> None:
    found = covered_bins(np.asarray([200]), np.asarray([end]), n_bins=2, size=200, overlap=0.5)
    assert found.tolist() == [False, positive]


def test_two_peaks_that_only_together_cover_half_do_not_count() -> None:
    start, end = np.asarray([0, 100]), np.asarray([80, 180])
    assert not covered_bins(start, end, n_bins=1, size=200, overlap=0.5).any()


def test_overlap_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.overlap must be at least 0 and below 1, got 1\.0"):
        covered_bins(np.asarray([0]), np.asarray([5]), n_bins=1, size=10, overlap=1.0)


@given(PEAKS, PEAKS)
def test_covered_length_equals_the_count_of_bases(
    regions: list[tuple[int, int]], windows: list[tuple[int, int]]
) -> None:
    start, end = arrays(regions)
    low, high = arrays(windows)
    bases = np.zeros(200, dtype=bool)
    for s, e in zip(start, end, strict=True):
        bases[s:e] = True
    expected = [int(bases[a:b].sum()) for a, b in zip(low, high, strict=True)]
    assert covered_length(start, end, low, high).tolist() == expected
