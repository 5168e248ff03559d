"""Tables of effects made here, with a planted slope."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmr import cli
from tests.conftest import REPOSITORY, Script

SLOPE = 0.5
TableMaker = Callable[..., Path]


ASK = ("exposure=X", "outcome=Y", "logger=none")
Ask = Callable[..., Path]


def write_table(
    path: Path, *, n_loci: int = 6, members: int = 1, with_se: bool = False, seed: int = 0
) -> Path:
    """Write a long table: loci of substitutions, two tasks, Y = 0.5 X beside a little noise."""
    rng = np.random.default_rng(seed)
    header = ["chrom", "pos", "ref", "alt", "task", "effect"]
    header += (["se"] if with_se else []) + (["member"] if members > 1 else [])
    lines = ["\t".join(header)]
    for locus in range(n_loci):
        for place in range(40):
            x = 2.0 * np.random.default_rng([locus, place]).standard_normal()
            for member in range(members):
                for task, effect in (("X", x), ("Y", SLOPE * x)):
                    value = effect + 0.02 * rng.standard_normal()
                    cells = ["chr1", str(1000 * locus + place + 1), "A", "C", task, repr(value)]
                    cells += ["0.02"] if with_se else []
                    cells += [f"m{member}"] if members > 1 else []
                    lines.append("\t".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def table(tmp_path: Path) -> TableMaker:
    """Write a table by `write_table` into the test's folder."""

    def make(name: str = "effects.tsv", **options: Any) -> Path:
        return write_table(tmp_path / name, **options)

    return make


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of a small run's time; `test_command` draws them once."""
    monkeypatch.setattr("deepmr.workflow.figures.draw_figures", lambda findings: {})


@pytest.fixture
def ask(script: Script, tmp_path: Path, without_figures: None) -> Ask:
    """Interrogate a table into a folder, and return the folder."""

    def call(path: object, name: str, *words: str) -> Path:
        given = (f"paths.output={tmp_path}/runs", f"name={name}", *words)
        done = script("interrogate", f"effects={path}", *ASK, *given)
        assert done.status == 0, done.err
        (folder,) = (tmp_path / "runs/interrogate").glob(f"*/{name}")
        return folder

    return call


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished interrogation of a table with four members, for the tests of a file to share."""
    folder = tmp_path_factory.mktemp("asked")
    path = write_table(folder / "effects.tsv", members=4)
    words = [f"effects={path}", *ASK, f"paths.output={folder}/runs", "name=first"]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY))
        patch.setattr("deepmr.workflow.figures.draw_figures", lambda findings: {})
        patch.setattr(sys, "argv", [str(REPOSITORY / "interrogate.py"), *words])
        cli.run(importlib.import_module("interrogate").main, "interrogate")
    return folder / "runs/interrogate/effects-effects/first"
