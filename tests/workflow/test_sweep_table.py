"""A candidate is judged over its seeds and members."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from deepmr.io.tables import read_table
from deepmr.workflow.sweep_table import Candidate, JobRecord, ranked, sweep_text, write_sweep


def _candidate(name: str, *values: float, failed: int = 0) -> Candidate:
    jobs = [
        JobRecord(overrides=(f"x={name}", f"seed={k}"), state="finished", value=value)
        for k, value in enumerate(values)
    ]
    jobs += [
        JobRecord(overrides=(f"x={name}", f"seed=f{k}"), state="failed", error="no")
        for k in range(failed)
    ]
    return Candidate(settings={"x": name}, jobs=tuple(jobs))


def test_the_luckiest_seed_does_not_win() -> None:
    lucky, steady = _candidate("lucky", 0.1, 2.0, 2.0), _candidate("steady", 1.0, 1.1, 0.9)
    best, worst = ranked([lucky, steady], "minimize")
    assert (best, worst) == (steady, lucky)
    assert min(worst.values) < min(best.values)


def test_a_candidate_without_all_of_its_seeds_comes_last() -> None:
    partial, whole = _candidate("partial", 0.1, failed=1), _candidate("whole", 5.0, 6.0)
    assert ranked([partial, whole], "minimize") == [whole, partial]
    assert not partial.complete
    assert partial.state == "failed"


def test_the_direction_decides_and_none_keeps_the_order() -> None:
    low, high = _candidate("low", 1.0), _candidate("high", 2.0)
    assert ranked([low, high], "maximize") == [high, low]
    assert ranked([high, low], "none") == [high, low]
    with pytest.raises(KeyError):
        ranked([low], "up")


def test_mean_and_spread_are_over_members_of_all_seeds_each_counted_once() -> None:
    """Two jobs that trained members of one run see each other's: a member counts once."""
    members = {"0": 1.0, "1": 3.0}
    jobs = [
        JobRecord(
            overrides=(f"members={k}",), state="finished", value=2.0, members=members, folder="a"
        )
        for k in (0, 1)
    ]
    other = JobRecord(
        overrides=("seed=1",), state="finished", value=5.0, members={"0": 5.0}, folder="b"
    )
    candidate = Candidate(settings={}, jobs=(*jobs, other))
    assert candidate.values == (1.0, 3.0, 5.0)
    assert candidate.mean == 3.0
    assert candidate.spread == 2.0


def test_a_value_that_is_no_number_is_not_the_best() -> None:
    nothing, something = _candidate("nan", math.nan), _candidate("some", 9.0)
    assert ranked([nothing, something], "minimize")[0] is something


def test_the_files_hold_every_job_and_the_text_the_best_first(tmp_path: Path) -> None:
    candidates = ranked([_candidate("b", 2.0, 4.0), _candidate("a", 1.0, failed=1)], "minimize")
    table = read_table(write_sweep(tmp_path, candidates))
    jobs = read_table(tmp_path / "jobs.parquet")
    assert table["settings"].tolist() == ["x=b", "x=a"]
    assert table["n_finished"].tolist() == [2, 1]
    assert jobs["state"].tolist() == ["finished", "finished", "finished", "failed"]
    assert jobs["error"].tolist()[-1] == "no"
    lines = sweep_text("train-1", candidates).splitlines()
    assert lines[0] == "train-1: 2 candidates, 4 jobs, 3 finished, 1 not"
    assert lines[2].split() == ["1", "3", "1.414", "2", "b", "2/2"]
    assert lines[3].split()[-2:] == ["1/2", "failed"]
