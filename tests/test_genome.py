from __future__ import annotations

import pytest

from deepmr.genome import Interval


def test_length_counts_from_start_to_the_base_before_the_end() -> None:
    assert Interval("chr1", 0, 1).length == 1
    assert Interval("chr1", 100, 200).length == 100


def test_intervals_are_ordered_by_place_and_can_be_keys() -> None:
    places = [Interval("chr2", 1, 5), Interval("chr1", 7, 9), Interval("chr1", 7, 8)]
    assert sorted(places) == places[::-1]
    assert len({*places, Interval("chr2", 1, 5)}) == 3


@pytest.mark.parametrize(
    ("start", "end", "complaint"),
    [
        (-1, 5, "starts at 0 or later, got chr1:-1-5"),
        (5, 5, "ends behind its start, got chr1:5-5"),
        (5, 4, "ends behind its start, got chr1:5-4"),
    ],
)
def test_impossible_interval_is_refused(start: int, end: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Interval("chr1", start, end)
