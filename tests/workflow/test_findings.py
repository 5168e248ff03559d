"""Effects' own errors against planted truth, over shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.io.shard_store import ShardStore
from deepmr.loci import Loci
from deepmr.workflow.findings import effect_errors

N_LOCI, LENGTH = 60, 12
RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(N_LOCI, 2, 3 * LENGTH))


def _loci(truth: np.ndarray | None) -> Loci:
    start = np.arange(N_LOCI) * LENGTH
    return Loci(
        chrom=np.array(["chr1"] * N_LOCI),
        start=start,
        end=start + LENGTH,
        codes=np.zeros((N_LOCI, LENGTH), dtype=np.uint8),
        true_effects=truth,
        true_tasks=("B", "A"),
    )


def _store(folder: Path, *, shared: float, common: float) -> ShardStore:
    """Five members with errors of their own (SD 1) and one that all have (``common``)."""
    loci = [Interval(*place) for place in _loci(None).places()]
    store = ShardStore(
        folder, fingerprint="x", loci=loci, loci_per_shard=25, tasks=("A", "B"), n_members=5,
        effect_scale={"A": "logit", "B": "logit"}, shared=shared,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    shape = (N_LOCI, 2, 5, 3 * LENGTH)
    value = TRUTH[:, ::-1, None] + rng.normal(size=shape)
    value += common * rng.normal(size=(*shape[:2], 1, shape[3]))
    place = np.broadcast_to(np.arange(3 * LENGTH) // 3, (N_LOCI, 3 * LENGTH)).copy()
    for index in range(store.n_shards):
        rows = slice(25 * index, 25 * index + 25)
        effects = MemberEffects(
            value=value[rows],
            tasks=("A", "B"),
            offset=place[rows],
            ref=np.zeros_like(place[rows]),
            alt=np.ones_like(place[rows]),
            mask=np.ones(place[rows].shape, bool),
        )
        reference = np.zeros(value[rows].shape[:3])
        store.write(index, store.loci_of(index), effects, reference)
    return store


def test_right_errors_have_a_scale_of_one_and_weak_effects_do_not_count(tmp_path: Path) -> None:
    found = effect_errors(_store(tmp_path, shared=0.0, common=0.0), _loci(TRUTH), ("A", "B"))
    assert list(found) == ["A", "B"]
    for task, column in (("A", 1), ("B", 0)):
        size = np.abs(TRUTH[:, column])
        assert found[task].n == int(np.sum(size > 0.1 * size.max()))
        # 1,500 effects: their median |z| is known to about 3 %
        assert found[task].inflation == pytest.approx(1.0, abs=0.1)
        assert found[task].df == 4


def test_an_error_that_members_share_shows_and_is_allowed_for_where_they_say_so(
    tmp_path: Path,
) -> None:
    common = _store(tmp_path / "a", shared=0.0, common=1.0)
    # variance 1/5 + 1 of errors against 1/5 of standard errors
    assert effect_errors(common, _loci(TRUTH), ("A", "B"))["A"].inflation == pytest.approx(
        np.sqrt(6), abs=0.25
    )
    allowed = _store(tmp_path / "b", shared=1.0, common=1.0)
    assert effect_errors(allowed, _loci(TRUTH), ("A", "B"))["A"].inflation == pytest.approx(
        1.0, abs=0.1
    )


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    assert effect_errors(_store(tmp_path, shared=0.0, common=0.0), _loci(None), ("A", "B")) == {}
