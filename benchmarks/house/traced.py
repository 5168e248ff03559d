"""Run a script and record which functions it calls: `python traced.py OUT ROOT SCRIPT ARGS...`.

This file is started by its path in a process of its own, so that it imports nothing but the
standard library and counts any checkout, also one that has no `benchmarks.house`.

A function is a code object under ROOT made by `def` (nested ones and methods, too); lambdas,
comprehensions and generator expressions stand only in a second list, `named`; class bodies and
modules stand in none. It counts once it is called, in any thread, also while its module is
imported (decorators). Methods that `dataclass` writes have no file and are not counted.
"""

from __future__ import annotations

import json
import runpy
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_FUNCTION = 0x01 | 0x02  # CO_OPTIMIZED and CO_NEWLOCALS: neither a module nor a class body


class CallRecord:
    """Every code object that was called between `start` and `stop`, in all threads."""

    def __init__(self) -> None:
        self._seen: dict[int, CodeType] = {}  # by id: hashing a code object reads all of it

    def start(self) -> None:
        """Watch calls: by `sys.monitoring` (Python 3.12 and later), else as a profiler."""
        if sys.version_info >= (3, 12):
            watch = sys.monitoring
            watch.use_tool_id(watch.PROFILER_ID, "benchmarks.house")
            watch.register_callback(watch.PROFILER_ID, watch.events.PY_START, self._started)
            watch.set_events(watch.PROFILER_ID, watch.events.PY_START)
        else:
            threading.setprofile(self._profiled)
            sys.setprofile(self._profiled)

    def stop(self) -> None:
        """Watch no more."""
        if sys.version_info >= (3, 12):
            sys.monitoring.set_events(sys.monitoring.PROFILER_ID, 0)
            sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)
        else:
            sys.setprofile(None)
            threading.setprofile(None)

    def called(self, root: Path) -> list[CodeType]:
        """Return the code objects under a folder that were called, without modules and classes."""
        codes = self._seen.values()
        made = (code for code in codes if code.co_flags & _FUNCTION == _FUNCTION)
        return [code for code in made if Path(code.co_filename).is_relative_to(root)]

    def _started(self, code: CodeType, _offset: int) -> Any:
        self._seen[id(code)] = code
        return sys.monitoring.DISABLE  # type: ignore[attr-defined, unused-ignore]

    def _profiled(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            self._seen[id(frame.f_code)] = frame.f_code


def _described(codes: Sequence[CodeType], root: Path) -> list[tuple[str, int, str]]:
    """File (relative to the folder), line and qualified name of each."""
    return sorted(
        {
            (Path(c.co_filename).relative_to(root).as_posix(), c.co_firstlineno, c.co_qualname)
            for c in codes
        }
    )


def _imported(root: Path) -> list[str]:
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    paths = (Path(name) for name in files if name)
    return sorted(path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root))


def main() -> None:
    """Run the script as `__main__` and write the record, also if the script exits."""
    out, root, script, *arguments = sys.argv[1:]
    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    record = CallRecord()
    record.start()
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        record.stop()
        codes = record.called(Path(root))
        found = {
            "functions": _described(
                [c for c in codes if not c.co_name.startswith("<")], Path(root)
            ),
            "named": _described(codes, Path(root)),
            "imported": _imported(Path(root)),
        }
        Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
