"""Assignment of tasks to the exposure head and the outcome head of a network."""

from __future__ import annotations

from collections.abc import Sequence

from deepmr.tasks import TaskTable

__all__ = ["choose_tasks", "divide"]


def choose_tasks(
    tasks: TaskTable, exposures: Sequence[str] | None, outcomes: Sequence[str] | None
) -> tuple[set[str] | None, set[str] | None]:
    """Resolve the two lists to names of tasks.

    Args:
        tasks: All tasks there are.
        exposures: Names or targets of tasks on the exposure head; None where the user named none.
        outcomes: Names or targets of tasks on the outcome head; None where the user named none.

    Raises:
        LookupError: If a name is unknown or means several tasks.
        ValueError: If a task is in both lists.
    """
    first = None if exposures is None else {tasks.select(name).name for name in exposures}
    second = None if outcomes is None else {tasks.select(name).name for name in outcomes}
    both = sorted((first or set()) & (second or set()))
    if both:
        raise ValueError(
            f"a task sits on one head, got {', '.join(both)} in both data.exposures and "
            "data.outcomes; any task may play either part when interrogated, so name it once"
        )
    return first, second


def divide(
    tasks: TaskTable, exposures: set[str] | None, outcomes: set[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide the tasks among the two heads: as named, else transcription factors and the rest.

    Where one head would be empty, both parts come back as one: all tasks, and none.
    """
    if exposures is None and outcomes is None:
        exposures = {task.name for task in tasks if task.assay.casefold().startswith("tf")}
    elif exposures is None:
        exposures = set(tasks.names) - (outcomes or set())
    left = tuple(name for name in tasks.names if name in exposures)
    right = tuple(name for name in tasks.names if name not in exposures)
    return (left, right) if left and right else (tasks.names, ())
