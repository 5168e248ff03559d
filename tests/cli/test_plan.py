"""The planning table."""

from __future__ import annotations

import pytest

from deepmr.cli import plan
from deepmr.workflow.plan import Rates, Study, plan_rows

RATES = Rates(mutants=1000, windows=100, training_bytes=1e9, source="")
STUDY = Study(length=100, tasks=3, kept=2, members=4, windows=3600, epochs=10)


def test_hours_follow_from_the_rates() -> None:
    train, *_, ask = plan_rows(STUDY, RATES, loci=[3000], nodes=[1])
    assert train.hours == pytest.approx(4 * 10 * 3600 / 100 / 3600)
    assert ask.hours == pytest.approx(3000 * 300 * 4 / 1000 / 3600)


def test_members_and_shards_are_what_nodes_divide() -> None:
    """More nodes than members train no faster; the node with most shards decides."""
    rows = plan_rows(STUDY, RATES, loci=[40], nodes=[1, 3, 4, 9])
    train = [row.hours / rows[0].hours for row in rows[:4]]
    assert train == pytest.approx([1, 0.5, 0.25, 0.25])
    ask = [row.hours / rows[4].hours for row in rows[4:]]
    assert ask == pytest.approx([1, 16 / 40, 16 / 40, 16 / 40])  # 3 shards of 16 loci


def test_the_command_measures_a_network_and_prints_a_row_for_each_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan.main(["model=cnn", "length=60", "loci=10,20", "nodes=1,2", "windows=100", "batch_size=16"])
    said = capsys.readouterr().out
    assert said.count("| interrogate |") == 4
    assert said.count("| train |") == 2
    assert "measured on" in said


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("loci=many", "loci must be a number, got 'many'"),
        ("nodes=0", "nodes must be a whole number of at least 1"),
        ("members=1,2", "members must be a whole number"),
        ("modle=cnn", "did you mean model?"),
        ("dtype=int8", "dtype is one of float32, float16"),
        ("model=cnm", "did you mean cnn?"),
    ],
)
def test_bad_settings_get_one_line(word: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        plan.main([word])
