"""What an interrogation will take is said before it starts, and is about right."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.io.shard_store import ShardStore
from deepmr.lightning.mutagenesis import Start
from deepmr.loci import Loci
from deepmr.mutagenesis import Allele, AlleleList, Saturation, build_engine
from deepmr.workflow.cost import check_size, estimate_duration

LENGTH = 60


def _loci(n: int) -> Loci:
    rng = np.random.default_rng(0)
    return Loci(
        chrom=np.array([f"s{k}" for k in range(n)]),
        start=np.zeros(n, dtype=np.int64),
        end=np.full(n, LENGTH, dtype=np.int64),
        codes=rng.integers(0, 4, (n, LENGTH)).astype(np.uint8),
    )


def _store(folder: Path, loci: Loci, **changes: object) -> ShardStore:
    settings = {
        "fingerprint": "f",
        "loci": [Interval(*key) for key in loci.places()],
        "loci_per_shard": 2,
        "tasks": ("X", "Y"),
        "n_members": 3,
        "effect_scale": {"X": "logit", "Y": "logit"},
    }
    return ShardStore(folder / "effects", **(settings | changes))  # type: ignore[arg-type]


def _fill(store: ShardStore, index: int) -> None:
    loci = store.loci_of(index)
    shape = (len(loci), 3 * LENGTH)
    effects = MemberEffects(
        value=np.zeros((len(loci), 2, 3, 3 * LENGTH)),
        tasks=store.tasks,
        offset=np.zeros(shape, dtype=np.int64),
        ref=np.zeros(shape, dtype=np.int64),
        alt=np.ones(shape, dtype=np.int64),
        mask=np.ones(shape, dtype=bool),
    )
    store.write(index, loci, effects, np.zeros((len(loci), 2, 3)))


class Slow(nn.Module):
    """Takes a known time for every sequence, and counts them."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))
        self.seconds, self.seen = seconds, 0

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        self.seen += len(sequence)
        time.sleep(self.seconds * len(sequence))
        return self.weight * sequence[:, :2].sum(-1)


def test_mutants_disk_and_memory_are_said_for_what_is_missing(tmp_path: Path) -> None:
    loci = _loci(7)
    store, asked = _store(tmp_path, loci), Saturation(length=LENGTH)
    said = check_size(store, loci, asked, n_outputs=2, n_passes=3)
    assert said.startswith("7 loci of 60 bases, 3 members, 2 tasks kept as float32: 3,780 mutants")
    assert "already" not in said
    for index in (0, 3):
        _fill(store, index)
    said = check_size(store, loci, asked, n_outputs=2, n_passes=3)
    assert "2,160 mutants to measure (2 of 4 shards are already computed)" in said
    for index in (1, 2):
        _fill(store, index)
    assert "all effects are already computed" in check_size(
        store, loci, asked, n_outputs=2, n_passes=3
    )


def test_half_precision_takes_half_the_disk(tmp_path: Path) -> None:
    loci, asked = _loci(400), Saturation(length=LENGTH)

    def megabytes(**changes: object) -> float:
        said = check_size(
            _store(tmp_path, loci, loci_per_shard=200, n_members=30, **changes),
            loci,
            asked,
            n_outputs=2,
            n_passes=30,
        )
        return float(said.split("at most ")[1].split(" MB")[0])

    # 4 bytes and an eighth against 2 and an eighth, beside positions and headers
    assert 0.45 < megabytes(dtype="float16") / megabytes() < 0.6


def test_a_disk_that_cannot_hold_them_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loci = _loci(4)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"are free at .*; lower loci.n, .* or choose paths.output"):
        check_size(_store(tmp_path, loci), loci, Saturation(length=LENGTH), n_outputs=2, n_passes=3)


@pytest.mark.parametrize(("processes", "shards"), [(1, 40), (3, 14)])
def test_the_time_is_that_of_the_process_with_most_shards(
    tmp_path: Path, processes: int, shards: int
) -> None:
    loci = _loci(80)
    model = Slow(0.001)
    engine = build_engine(model, length=LENGTH, engine="dense", chunk=16)
    store, asked = _store(tmp_path, loci), Saturation(length=LENGTH)
    model.seen = 0
    said = estimate_duration(
        Start(engine=engine, missing=tuple(range(40)), processes=processes, device="cpu"),
        store,
        loci,
        asked,
    )
    # 1 ms a sequence: a shard of 2 x 180 mutants of 3 members takes 1.08 s
    true = shards * 2 * 180 * 3 * 0.001
    speed = float(said.split("about ")[1].split(" mutants/s")[0].replace(",", ""))
    duration = float(said.rsplit("about ", 1)[1].split(" s")[0])
    # sleeping and Python's own time make it slower, a busy machine more so
    assert 300 < speed < 1000
    assert true < duration < 3 * true
    assert ("in each of 3 processes" in said) == (processes == 3)
    # a second's worth, doubled from 48: 48 + 48 + 96 + 192 + 360, and references
    assert model.seen < 1000


def test_listed_alleles_are_counted_in(tmp_path: Path) -> None:
    loci = _loci(80)
    letters = ["ACGT"[code] for code in loci.codes[:, 5]]
    insertions = tuple(
        tuple(Allele(locus=row, offset=5, ref=ref, alt=ref + "A" * size) for size in range(1, 151))
        for row, ref in enumerate(letters)
    )
    asked = AlleleList(alleles=insertions, beyond=np.zeros((80, 0), dtype=np.uint8))
    store = _store(tmp_path, loci)
    engine = build_engine(Slow(0.001), length=LENGTH, engine="dense", chunk=16)
    start = Start(engine=engine, missing=tuple(range(40)), processes=1, device="cpu")
    said = estimate_duration(start, store, loci, asked)
    assert "forward passes alone" in said
    # 80 loci x 150 alleles x 3 members x 1 ms = 36 s
    assert 36 < float(said.rsplit("about ", 1)[1].split(" s")[0]) < 3 * 36
    size = check_size(store, loci, asked, n_outputs=2, n_passes=3)
    assert "36,000 mutants to measure" in size
