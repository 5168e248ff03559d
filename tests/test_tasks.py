"""Naming tasks."""

from __future__ import annotations

import pytest

from deepmr.tasks import Task, TaskTable

TABLE = TaskTable(
    (
        Task("K562_GATA1", "GATA1", biosample="K562"),
        Task("HepG2_CTCF", "CTCF", biosample="HepG2"),
        Task("K562_CTCF", "CTCF", biosample="K562"),
    )
)


def test_a_target_names_its_only_task_whatever_its_case() -> None:
    assert TABLE.select("gata1").name == "K562_GATA1"


def test_an_ambiguous_target_lists_the_tasks_and_a_biosample_decides() -> None:
    with pytest.raises(
        LookupError, match="'CTCF' names 2 tasks; use one of: HepG2_CTCF, K562_CTCF"
    ):
        TABLE.select("CTCF")
    assert TABLE.select("CTCF", biosample="K562").name == "K562_CTCF"


def test_an_unknown_task_is_answered_with_the_nearest() -> None:
    with pytest.raises(LookupError, match=r"no task is called 'GATA2'; did you mean: .*GATA1"):
        TABLE.select("GATA2")


def test_tables_survive_plain_records_and_keep_their_order() -> None:
    assert TaskTable.from_records(TABLE.to_records()) == TABLE
    assert TABLE.subset(["K562_CTCF", "K562_GATA1"]).names == ("K562_GATA1", "K562_CTCF")


def test_impossible_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="must differ, got A"):
        TaskTable((Task("A", "A"), Task("A", "B")))
    with pytest.raises(ValueError, match="at least one task"):
        TaskTable(())
    with pytest.raises(ValueError, match="kind is one of binary, count, signal; got 'counts'"):
        Task("A", "A", kind="counts")
