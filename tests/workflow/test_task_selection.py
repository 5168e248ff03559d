import pytest

from deepmr.tasks import Task, TaskTable
from deepmr.workflow.task_selection import select_pairs

TASKS = TaskTable(
    (
        Task("K562_GATA1", "GATA1"),
        Task("K562_TAL1", "TAL1"),
        Task("K562_H3K4me3", "H3K4me3"),
        Task("HepG2_H3K27ac", "H3K27ac"),
    )
)


def test_all_with_all_is_every_ordered_pair_but_the_self_pairs() -> None:
    asked = select_pairs(TASKS, "all", "all").ordered
    assert len(asked) == len(set(asked)) == 4 * 3
    assert all(exposure != outcome for exposure, outcome in asked)


def test_lists_and_globs_name_targets_and_names() -> None:
    selection = select_pairs(TASKS, ["GATA1", "K562_TAL1"], "h3k*")
    assert selection.exposures == ("K562_GATA1", "K562_TAL1")
    assert selection.outcomes == ("K562_H3K4me3", "HepG2_H3K27ac")
    assert len(selection.ordered) == 4


def test_pairs_asked_both_ways_are_judged_once() -> None:
    selection = select_pairs(TASKS, ["GATA1", "TAL1"], ["GATA1", "TAL1"])
    assert selection.unordered.tolist() == [[0, 1]]


def test_one_exposure_named_twice_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"names K562_GATA1 twice .*one and the same"):
        select_pairs(TASKS, ["K562_GATA1", "GATA1"], "all")


def test_a_glob_may_overlap_a_name() -> None:
    assert len(select_pairs(TASKS, ["GATA1", "K562*"], "all").exposures) == 3


def test_a_task_list_of_one_is_told() -> None:
    with pytest.raises(ValueError, match="need two of them, got GATA1 alone"):
        select_pairs(TaskTable.of(["GATA1"]), "all", "all")


def test_an_unknown_glob_lists_what_there_is() -> None:
    with pytest.raises(LookupError, match=r"no task is called like 'H4\*'; known are: K562_GATA1"):
        select_pairs(TASKS, "H4*", "all")
