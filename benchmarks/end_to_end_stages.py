"""Interrogate in this process, and write the seconds of each stage.

    python -m benchmarks.end_to_end_stages OUT run=... exposure=... outcome=...

Stages are functions that the program calls by a name in a module. A stage whose name is gone, or
which an interrogation no longer calls by it, is an error, not a stage without time.
"""

from __future__ import annotations

import functools
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

STAGES: Mapping[str, tuple[str, str]] = {
    "networks": ("deepmr.cli.interrogate", "_networks"),
    "checks": ("deepmr.interrogation", "check_networks"),
    "measure": ("deepmr.interrogation", "measure"),
    "precision": ("deepmr.interrogation", "check_precision"),
    "estimate": ("deepmr.interrogation", "estimate"),
    "judge": ("deepmr.interrogation", "judge_pair"),
    "tables": ("deepmr.workflow.outputs", "write_tables"),
    "figures": ("deepmr.workflow.figures", "draw_figures"),
    "gallery": ("deepmr.workflow.locus_view", "draw_gallery"),
    "page": ("deepmr.workflow.outputs", "write_page"),
}
"""Where the name lies that the program calls: figures and gallery are imported by ``write_page``
as it runs, so theirs is in the module that defines them."""


class Clock:
    """CPU and wall seconds of stages, each without the stages inside it.

    Example:
        >>> clock = Clock()
        >>> with clock.stage("page"), clock.stage("figures"):
        ...     pass
        >>> sorted(clock.seconds)
        ['figures', 'page']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, dict[str, float]] = {}
        self._inside = [{"cpu": 0.0, "wall": 0.0}]

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Return a context whose time is added to the stage.

        Args:
            name: Of the stage.
        """
        return _Stage(self, name)

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return the function, its time added to the stage.

        Args:
            function: What is called.
            name: Of the stage.
        """

        @functools.wraps(function)
        def called(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return called

    def begin(self) -> dict[str, float]:
        """Begin a stage; return the clocks' readings."""
        self._inside.append({"cpu": 0.0, "wall": 0.0})
        return _now()

    def end(self, name: str, start: Mapping[str, float]) -> None:
        """End the stage that was begun last.

        Args:
            name: Of the stage.
            start: What `begin` returned.
        """
        inside, total = self._inside.pop(), self.seconds.setdefault(name, {"cpu": 0.0, "wall": 0.0})
        for kind, now in _now().items():
            whole = now - start[kind]
            total[kind] += whole - inside[kind]
            self._inside[-1][kind] += whole


class _Stage:
    def __init__(self, clock: Clock, name: str) -> None:
        self._clock, self._name = clock, name

    def __enter__(self) -> None:
        self._start = self._clock.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clock.end(self._name, self._start)


def _now() -> dict[str, float]:
    return {"cpu": time.process_time(), "wall": time.perf_counter()}


def patch(clock: Clock, stages: Mapping[str, tuple[str, str]]) -> None:
    """Have the clock time each stage.

    Args:
        clock: The clock.
        stages: Module and name by stage.

    Raises:
        LookupError: If a module or a name in it is gone.
    """
    for stage, (module, name) in stages.items():
        try:
            home = importlib.import_module(module)
            function = getattr(home, name)
        except (ImportError, AttributeError) as error:
            raise LookupError(
                f"stage {stage}: {module}.{name} is gone ({error}); correct STAGES in {__file__}"
            ) from error
        setattr(home, name, clock.timed(function, stage))


def check_called(clock: Clock, stages: Mapping[str, tuple[str, str]]) -> None:
    """Refuse a measurement in which a stage was never called.

    Args:
        clock: The clock.
        stages: Module and name by stage.

    Raises:
        LookupError: If there is such a stage.
    """
    silent = [f"{s} ({'.'.join(stages[s])})" for s in stages if s not in clock.seconds]
    if silent:
        raise LookupError(f"never called: {', '.join(silent)}; correct STAGES in {__file__}")


def main(arguments: Sequence[str]) -> int:
    """Interrogate, and write the seconds of each stage and the peak of memory."""
    start = time.perf_counter()
    clock = Clock()
    clock.seconds["python"] = {"cpu": time.process_time(), "wall": 0.0}
    with clock.stage("import"):
        from deepmr.cli import run
        from deepmr.cli.scripts import imported_to_stay, interrogate

        with imported_to_stay():
            importlib.import_module("deepmr.cli.interrogate")
    with clock.stage("import_to_draw"):
        patch(clock, STAGES)
    sys.argv = ["interrogate.py", *arguments[1:]]
    run(interrogate, "interrogate")
    check_called(clock, STAGES)
    whole = {"cpu": time.process_time(), "wall": time.perf_counter() - start}
    seconds = clock.seconds
    other = {kind: whole[kind] - sum(s[kind] for s in seconds.values()) for kind in whole}
    seconds = {**seconds, "other": other, "all": whole}
    rounded = {s: {kind: round(v, 3) for kind, v in t.items()} for s, t in seconds.items()}
    unit = 1024**2 if sys.platform == "darwin" else 1024
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
    Path(arguments[0]).write_text(json.dumps({"seconds": rounded, "memory_mib": memory}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
