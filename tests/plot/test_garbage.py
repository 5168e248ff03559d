"""Garbage collection while figures are drawn."""

from __future__ import annotations

import gc

import pytest

from deepmr.plot import rarely_collected


def test_collections_are_rare_within_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with rarely_collected():
        assert gc.get_threshold()[0] >= 100 * 700
        assert gc.isenabled()
    assert gc.get_threshold() == before


def test_thresholds_are_restored_after_an_error() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError), rarely_collected():
        raise RuntimeError
    assert gc.get_threshold() == before


@pytest.mark.parametrize("first", [0, 500_000])
def test_collection_that_is_off_or_rarer_already_stays_so(first: int) -> None:
    before = gc.get_threshold()
    gc.set_threshold(first, *before[1:])
    try:
        with rarely_collected():
            assert gc.get_threshold()[0] == first
        assert gc.get_threshold()[0] == first
    finally:
        gc.set_threshold(*before)
