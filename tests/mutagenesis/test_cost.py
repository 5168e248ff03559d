import logging
import time
import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

from deepmr.calibration import CalibratorTable
from deepmr.mutagenesis import (
    Incremental,
    RawEffects,
    build_engine,
    bytes_in_memory,
    mutants_per_second,
    saturation,
    sequences_per_second,
)
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.networks import EffectScale
from deepmr.tasks import Task, TaskTable


def wide(length=400):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(4, 64, 9, padding=4), nn.ReLU(), nn.Conv1d(64, 64, 9, padding=4), nn.ReLU(),
        nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(64, 2),
    )  # fmt: skip


def test_the_speedup_of_a_wide_network_is_counted():
    # the second convolution does nearly all: 400 x 9 x 64 x 64 products, of which 9 x 9 x 64 x 64
    # remain, so the speedup lies near 400 / 9 = 44 and stays below it by what passes cost
    speedup = Incremental(wide(), length=400).expected_speedup()
    assert 20 < speedup < 44


def test_auto_takes_the_incremental_engine_where_it_saves_and_the_dense_one_elsewhere(caplog):
    assert build_engine(wide(), length=400).settings["engine"] == "incremental"
    all_to_all = nn.Sequential(nn.Conv1d(4, 3, 39, padding=19), nn.Flatten(), nn.Linear(60, 2))
    with caplog.at_level(logging.INFO):
        assert build_engine(all_to_all, length=20).settings["engine"] == "dense"
    assert "the incremental engine would save too little" in caplog.text


@pytest.mark.parametrize("engine", ["dense", "incremental"])
def test_speed_is_measured_within_the_time_given(engine):
    codes = np.zeros((2, 400), dtype=np.uint8)
    built = build_engine(wide(), length=400, engine=engine)
    start = time.perf_counter()
    assert mutants_per_second(built, codes, saturation(codes), seconds=0.02) > 0
    # three passes of at most .02 s and the warm-up, on a machine that may be busy
    assert time.perf_counter() - start < 5
    assert sequences_per_second(built, codes) > 0
    with pytest.raises(ValueError, match="loci without variants"):
        mutants_per_second(built, codes + np.uint8(4), saturation(codes + np.uint8(4)))


@pytest.mark.parametrize(("outputs", "members"), [(2, 12), (60, 2)])
def test_the_memory_of_a_shard_is_said_about_right(outputs, members):
    tasks = TaskTable(tuple(Task(f"t{k}", f"t{k}") for k in range(outputs)))
    scale = EffectScale(
        tasks=tasks,
        link=torch.clone,
        calibrators=CalibratorTable.identity(tasks, reason="a test"),
    )
    codes = np.zeros((8, 300), dtype=np.uint8)
    variants = saturation(codes)
    one = RawEffects(
        reference=np.zeros((8, outputs), dtype=np.float32),
        difference=np.ones((8, outputs, 900), dtype=np.float32),
    )
    tracemalloc.start()
    member_effects(
        (
            RawEffects(reference=one.reference, difference=one.difference.copy())
            for _ in range(members)
        ),
        variants,
        scale,
        ("t0", "t1"),
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = bytes_in_memory(
        n_loci=8, n_variants=900, n_outputs=outputs, n_tasks=2, n_members=members
    )
    assert peak <= said < 2 * peak
