"""Epochs that workers and ranks agree on."""

from __future__ import annotations

import numpy as np
import pytest

from deepmr.lightning.datamodule import EpochSampler

N, BATCH = 103, 20


def _epoch(rank: int = 0, world: int = 1, *, epoch: int = 0, **settings: bool) -> list[np.ndarray]:
    sampler = EpochSampler(
        N, BATCH, seed=3, member=1, rank=rank, world=world, **({"train": True} | settings)
    )
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    return [index for index, _ in batches]


def test_ranks_share_a_training_batch_without_repetition() -> None:
    whole = _epoch()
    halves = [_epoch(rank, 2) for rank in (0, 1)]
    for batch, first, second in zip(whole, *halves, strict=True):
        assert sorted([*first, *second]) == sorted(batch)
    seen = np.concatenate(whole)
    assert len(set(seen)) == len(seen) == 100, "the last batch is not full and is left for later"


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_cover_validation_exactly_once(world: int) -> None:
    seen = np.concatenate(
        [index for rank in range(world) for index in _epoch(rank, world, train=False)]
    )
    assert sorted(seen) == list(range(N))


def test_epochs_differ_and_repeat() -> None:
    assert not np.array_equal(_epoch(epoch=0)[0], _epoch(epoch=1)[0])
    np.testing.assert_array_equal(_epoch(epoch=1)[2], _epoch(epoch=1)[2])


def test_a_bootstrap_resample_is_the_member_s_in_every_epoch() -> None:
    first, second = (
        np.sort(np.concatenate(_epoch(epoch=epoch, bootstrap=True))) for epoch in (0, 1)
    )
    # 100 of the same 103 draws in either epoch
    assert len(np.intersect1d(first, second)) >= 0.9 * len(np.unique(first))
    assert len(np.unique(first)) < 80, "drawn with replacement: about 63 % are distinct"
