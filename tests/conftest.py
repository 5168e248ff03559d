"""Scripts run in this process, on data and networks made here and small enough for a laptop."""

from __future__ import annotations

import os

# One thread to a process, and to those that tests start: two workers with two threads each on two
# cores wait for one another. Before NumPy and torch are imported, which read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# Doors for cases outside: no tests. Importing the first, as the search for doctests would, replaces
# `deepmr.interrogate` for every test that runs in the same process.
collect_ignore = ["cases_adapter.py", "reference_adapter.py"]

TINY = (
    "data.n_train=400",
    "data.n_variants=40",
    "data.n_calibration=60",
    "data.n_test=120",
    "data.effect=1",
    "model.filters=6",
    "model.hidden=8",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
    "batch_size=64",
    "logger=null",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a script ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a failed script printed."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        return lines[0]


Script = Callable[..., Outcome]


# Files of tests that take longest, from the longest: workers begin with them, so that none is left
# alone with a long one at the end. CPU seconds are in CONTRIBUTING.md.
LONGEST = (
    "workflow/test_interruption.py", "workflow/test_interrogation_run.py", "mr/test_reference.py",
    "workflow/test_processes.py", "workflow/test_genome_run.py", "mr/test_properties.py",
    "test_package.py", "cli/test_sweep.py", "cli/test_study.py", "workflow/test_training.py",
    "effects/test_export.py", "test_conf.py", "benchmarks/test_paper_simulation_trained.py",
    "cli/test_trust.py", "workflow/test_members.py", "benchmarks/test_memory.py",
    "workflow/test_calibrate.py", "workflow/test_damaged_runs.py",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first where several workers share the tests (`pytest -n 2`)."""
    if hasattr(config, "workerinput"):
        place = {REPOSITORY / "tests" / name: rank for rank, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path, len(place)))


@pytest.fixture(scope="session", autouse=True)
def _one_locus_drawn() -> Iterator[None]:
    """Draw one locus a report: twelve take longer than all that the tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deepmr.workflow.locus_view.MOST_SHOWN", 1)
        yield


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write reports without figures, which take half the time of a small interrogation."""
    monkeypatch.setattr("deepmr.workflow.figures.draw_figures", lambda findings: {})
    monkeypatch.setattr("deepmr.workflow.locus_view.draw_gallery", lambda findings: [])


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Script:
    """Run train.py or interrogate.py as the command line would."""
    return _runner(monkeypatch, capfd.readouterr)


def _runner(monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]) -> Script:
    def call(name: str, *arguments: str) -> Outcome:
        import importlib

        from deepmr import cli

        monkeypatch.syspath_prepend(str(REPOSITORY))
        monkeypatch.setattr(sys, "argv", [str(REPOSITORY / f"{name}.py"), *arguments])
        monkeypatch.setattr("deepmr.cli.failed_jobs._failed", [])
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        main = importlib.import_module(name).main
        read()
        status = 0
        try:
            cli.run(main, name)
        except SystemExit as end:
            status = int(end.code or 0)
        said = read()
        return Outcome(status, said.out, said.err)  # type: ignore[attr-defined]

    return call


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with one finished training run, ``train/tiny``, for all tests to share."""
    import importlib

    folder = tmp_path_factory.mktemp("runs")
    from deepmr import cli

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY))
        arguments = [*TINY, f"paths.output={folder}", "name=tiny", "ensemble=3"]
        patch.setattr(sys, "argv", [str(REPOSITORY / "train.py"), *arguments])
        cli.run(importlib.import_module("train").main, "train")
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    """For scripts in processes of their own: one thread, so that results are equal to the bit."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
