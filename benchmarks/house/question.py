"""What the first question runs: functions and files, counted while it is asked.

A small run is trained in a temporary folder: the simulation of conf/data/simulation.yaml with
fewer sequences and two members, all other settings at their defaults, since after a single epoch
no effect is an instrument and half of the estimation is never called. Then the README's question
is asked of it under `traced.py`, in a process of its own:

    python interrogate.py exposure=GATA1 outcome=TAL1 run=... logger=none loci.n=6

Counted are the functions of the package and of the script: see `traced.py` for what a function
is. With lambdas and comprehensions, each name of a file once, the count is higher by a third
(`named`): that is the nearest to the count of the design document (805 functions in 118 files of
the first edition; this one says 817, and 119 with the script), whose own definition is
not written down. Python 3.12 runs most comprehensions in place, so that `named` is lower there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.house.source import room_of

__all__ = ["FirstQuestion", "ask_first_question"]

_NAME = "house"
_SIMULATION = ("data.n_train=2000", "data.n_variants=400", "data.n_test=60")
_CALIBRATION = "data.n_calibration=200"
_TRACED = Path(__file__).with_name("traced.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstQuestion:
    """The functions that the first question called.

    Args:
        functions: File and qualified name of each function made by `def` that was called.
        named: File and qualified name of every code object but modules and class bodies.
        imported: Files of the package that were imported.
    """

    functions: Sequence[tuple[str, str]]
    named: Sequence[tuple[str, str]]
    imported: Sequence[str]

    @property
    def files(self) -> list[str]:
        """Files of which at least one function was called."""
        return sorted({path for path, _ in self.functions})

    def outside(self, closed: Sequence[str]) -> FirstQuestion:
        """Return what lies outside closed rooms, which are entered by their door alone.

        Args:
            closed: Folders, such as ``deepmr/mr``; `source.closed_rooms` reads them.
        """
        inside = tuple(f"{room}/" for room in closed)
        return FirstQuestion(
            functions=[one for one in self.functions if not one[0].startswith(inside)],
            named=[one for one in self.named if not one[0].startswith(inside)],
            imported=[one for one in self.imported if not one.startswith(inside)],
        )

    def by_room(self) -> dict[str, dict[str, int]]:
        """Functions called and files that they lie in, for each room."""
        functions = Counter(room_of(path) for path, _ in self.functions)
        files = Counter(room_of(path) for path in self.files)
        return {
            room: {"functions": functions[room], "files": files[room]} for room in sorted(functions)
        }


def ask_first_question(repository: Path, folder: Path, package: str = "deepmr") -> FirstQuestion:
    """Train a small run and ask it the README's first question, counting.

    Args:
        repository: Root of the checkout, with train.py and interrogate.py.
        folder: An empty folder for the run.
        package: Name of the package that is counted, besides the script.

    Raises:
        RuntimeError: If one of the two commands fails; its last lines are quoted.
    """
    output = f"paths.output={folder / 'runs'}"
    sizes = ["ensemble=2", *_SIMULATION, _CALIBRATION]
    train = [str(repository / "train.py"), f"name={_NAME}", "logger=none", output, *sizes]
    _run(train, repository, folder)
    (run,) = (path for path in (folder / "runs").rglob(_NAME) if path.is_dir())
    record = folder / "record.json"
    script = str(repository / "interrogate.py")
    question = ["exposure=GATA1", "outcome=TAL1", f"run={run}", "logger=none", "loci.n=6", output]
    _run([str(_TRACED), str(record), str(repository), script, *question], repository, folder)
    found = json.loads(record.read_text(encoding="utf-8"))
    return FirstQuestion(
        functions=_counted(found["functions"], package),
        named=sorted(set(_counted(found["named"], package))),
        imported=[path for path in found["imported"] if path.startswith(f"{package}/")],
    )


def _counted(found: Sequence[tuple[str, int, str]], package: str) -> list[tuple[str, str]]:
    return [
        (path, name)
        for path, _, name in found
        if path.startswith(f"{package}/") or path == "interrogate.py"
    ]


def _run(arguments: Sequence[str], repository: Path, folder: Path) -> None:
    """Run the checkout's own code, whatever is installed, and leave no bytecode in it."""
    environment = dict(os.environ) | {
        "PYTHONPATH": str(repository),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"{' '.join(arguments)} failed with {done.returncode}:\n{tail}")
