"""An interrogation's memory does not grow with its loci."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.memory import measure


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_loci_take_hardly_more_memory_than_a_hundred(tmp_path: Path) -> None:
    few, many = measure(
        tmp_path, (100, 1000), length=500, members=2, settings=("estimator=[ivw,egger]",)
    )
    assert many["peak_mb"] < 1.10 * few["peak_mb"]
    # the imports are not what is asked about: neither peak is theirs alone
    assert few["peak_mb"] > few["imports_alone_mb"] + 10


def test_the_measurement_sees_a_whole_interrogation(tmp_path: Path) -> None:
    (record,) = measure(tmp_path, (6,), length=60, members=2, settings=("estimator=[ivw]",))
    assert record["peak_mb"] > record["imports_alone_mb"] > 50
    assert (tmp_path / "runs/interrogate/cnn-member0/n6/manifest.json").is_file()
