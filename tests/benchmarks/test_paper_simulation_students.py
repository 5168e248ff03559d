"""The benchmark's parametric bootstrap: students of a round's ensemble, trained once."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.paper_simulation import __main__ as command
from benchmarks.paper_simulation.evidence import Round, gather
from benchmarks.paper_simulation.students import gather_students
from benchmarks.paper_simulation.verdict import verdicts

SIZES = ("data.n_train=60", "data.n_variants=10", "data.n_test=20", "data.length=50")
OPTIONS = (*SIZES, "data.n_calibration=60", "trainer.max_epochs=1", "model.filters=6")


def test_students_of_a_round_are_trained_once_and_judge_it(tmp_path: Path) -> None:
    one = Round(scenario="both", seed=3, network="default", members=2, options=OPTIONS)
    records = verdicts(one, tmp_path, 1, ["default"], 2)
    both = ["parametric_bootstrap", "parametric_bootstrap_moved"]
    assert [record["method"] for record in records] == [
        *["default", "default", "per_member", "per_member"],
        *both,
        *both,
    ]
    assert records[-1]["students"] == 2
    assert not list((tmp_path / "train").glob("*/manifest.json")), "weights are not kept"
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(written) == 3
    again = verdicts(one, tmp_path, 1, ["default"], 2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")} == written
    assert [record["n_loci"] for record in again] == [record["n_loci"] for record in records]


def test_students_know_the_round_s_ensemble(tmp_path: Path) -> None:
    one = Round(scenario="none", seed=4, network="default", members=2, options=OPTIONS)
    mean = gather(one, tmp_path).members.value.mean(axis=2)
    first, second = gather_students(one, tmp_path, 2, noise="poisson")
    # The teacher is trained anew here, in the same process: equal up to float32 storage.
    np.testing.assert_allclose(first.teacher, mean, atol=1e-4)
    np.testing.assert_array_equal(first.teacher, second.teacher)
    assert not np.array_equal(first.members.value, second.members.value)


@pytest.mark.parametrize("options", [["--students", "1"], ["--students", "2"]])
def test_what_students_cannot_do_is_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(options)  # one student, and students of the published network
