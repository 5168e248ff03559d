"""kill -9 and the same command again: nothing lost, nothing half-written, the same tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from deepmr.io.shard_format import read_shard
from deepmr.io.tables import read_table
from tests.conftest import REPOSITORY, TINY, Script

LOCI = 7
ASK = (
    "exposure=GATA1", "outcome=TAL1", f"loci.n={LOCI}", "store.loci_per_shard=1", "logger=null",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "mutagenesis.engine=dense",
    "instruments.min_effect=0", "instruments.min_z=1", "name=x",
)  # fmt: skip


def _start(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(REPOSITORY / f"{name}.py"), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509  (one call, nothing is locked)
    )


def _heed_ctrl_c() -> None:
    """A test run started in the background ignores Ctrl-C, and its children would, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _finish(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> str:
    process = _start(name, arguments, environment)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


def _kill_when(process: subprocess.Popen, ready: Callable[[], bool]) -> None:
    """Kill the process, and those it started, as soon as a condition holds."""
    deadline = time.monotonic() + 240
    while not ready():
        assert process.poll() is None, f"ended before it was killed: {process.stdout.read()}"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _same_table(first: Path, second: Path) -> None:
    one, two = read_table(first), read_table(second)
    assert list(one) == list(two)
    for name, column in one.items():
        if column.dtype == object:
            assert column.tolist() == two[name].tolist(), name
        else:
            np.testing.assert_array_equal(column, two[name], err_msg=name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run of two members in one go, on one thread."""
    folder = tmp_path_factory.mktemp("undisturbed")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    _finish("train", (*TINY, "ensemble=2", "name=x", f"paths.output={folder}"), environment)
    return folder


def test_killed_training_resumes_to_the_same_result(
    undisturbed: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    arguments = (*TINY, "ensemble=2", "name=x", f"paths.output={tmp_path}")
    member = tmp_path / "train/x/members/1"
    _kill_when(_start("train", arguments, environment), (member / "last.ckpt").is_file)
    assert (tmp_path / "train/x/members/0/history.json").is_file(), "the first member was done"
    assert not (tmp_path / "train/x/manifest.json").exists()
    _finish("train", arguments, environment)
    for k in (0, 1):
        one, two = (
            torch.load(folder / f"train/x/members/{k}/best.ckpt", weights_only=True)["state_dict"]
            for folder in (undisturbed, tmp_path)
        )
        for key, value in one.items():
            assert torch.equal(value, two[key]), key
    for table in ("metrics", "scores"):
        _same_table(undisturbed / f"train/x/{table}.parquet", tmp_path / f"train/x/{table}.parquet")


def test_killed_training_keeps_the_same_snapshots_and_they_can_be_asked(
    script: Script, tmp_path: Path, environment: dict[str, str]
) -> None:
    tiny = [argument for argument in TINY if not argument.startswith("trainer.max_epochs")]
    cycles = ("experiment=snapshots", "scheduler.build.cycles=3", "trainer.max_epochs=6")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    _finish("train", (*tiny, *cycles, "name=x", f"paths.output={whole}"), environment)
    arguments = (*tiny, *cycles, "name=x", f"paths.output={cut}")
    first = cut / "train/x/members/0/snapshots/0.ckpt"
    _kill_when(_start("train", arguments, environment), first.is_file)
    assert not (cut / "train/x/manifest.json").exists()
    _finish("train", arguments, environment)
    for k in range(3):
        one, two = (
            torch.load(folder / f"train/x/members/0/snapshots/{k}.ckpt", weights_only=True)
            for folder in (whole, cut)
        )
        for key, value in one.items():
            assert torch.equal(value, two[key]), key
    asked = script("interrogate", *ASK, "uncertainty=snapshots", f"paths.output={cut}")
    assert asked.status == 0, asked.err
    assert "3 snapshots of one network" in asked.out
    df = read_table(cut / "interrogate/x/x/estimates.parquet")["df"]
    assert set(df[np.isfinite(df)].tolist()) == {2.0}, "three members"


def _question(run: Path, output: Path, processes: int) -> tuple[str, ...]:
    ddp = ("trainer=ddp", "trainer.devices=2") if processes == 2 else ()
    return (*ddp, *ASK, f"run={run / 'train/x'}", f"paths.output={output}")


def _shards(output: Path) -> dict[str, int]:
    """The whole shards, and when each was written."""
    folder = output / "interrogate/x/x/effects"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("shard-*.parquet")}


@dataclass
class _Killer:
    """Kills one interrogation again and again, at moments spread over its whole length.

    Start-up takes most of a short interrogation. So while shards are missing, most kills come when
    a number of them, drawn at random, lie there; all others at a moment drawn from the whole.
    """

    question: tuple[str, ...]
    output: Path
    environment: dict[str, str]
    length: float
    rng: np.random.Generator
    number: int = signal.SIGKILL
    kept: dict[str, int] = field(default_factory=dict)

    def kill(self) -> bool:
        """Start, kill, and check what is left; False where it finished first."""
        process = _start("interrogate", self.question, self.environment)
        there = len(_shards(self.output))
        if there < LOCI and self.rng.random() < 0.75:
            wanted = int(self.rng.integers(there + 1, LOCI + 1))
            self._wait(process, 240, until=lambda: len(_shards(self.output)) >= wanted)
        else:
            self._wait(process, self.rng.uniform(0.0, self.length))
        alive = process.poll() is None
        if alive:
            os.killpg(process.pid, self.number)
        said, _ = process.communicate(timeout=240)
        assert "Traceback" not in said or self.number == signal.SIGKILL, said
        finished = (self.output / "interrogate/x/x/manifest.json").is_file()
        assert finished or alive, "it ended by itself without finishing"
        found = _shards(self.output)
        changed = [name for name, when in self.kept.items() if found.get(name) != when]
        assert not changed, "whole shards are neither lost nor computed again"
        self.kept = found
        return not finished

    @staticmethod
    def _wait(
        process: subprocess.Popen, seconds: float, until: Callable[[], bool] | None = None
    ) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            if until is not None and until():
                return
            time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class _Whole:
    """An interrogation in one go by one process, and how many seconds it took."""

    folder: Path
    length: float


@pytest.fixture(scope="module")
def whole(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> _Whole:
    """What every killed interrogation is compared with, also those by two processes."""
    folder = tmp_path_factory.mktemp("whole")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    _finish("interrogate", _question(undisturbed, folder, 1), environment)
    return _Whole(folder, time.monotonic() - began)


def _compare_after_kills(
    run: Path,
    whole: _Whole,
    folder: Path,
    environment: dict[str, str],
    *,
    processes: int,
    kills: int,
    seed: int,
    number: int = signal.SIGKILL,
) -> list[str]:
    """Kill an interrogation so many times, finish it, and compare with an undisturbed one.

    Where it gets done before it has been killed that often, another one begins: what is counted
    is kills, and every interrogation is finished and compared.
    """
    rng = np.random.default_rng(seed)
    survived, begun = [], 0
    while len(survived) < kills:
        output = folder / f"cut{begun}"
        question = _question(run, output, processes)
        length = whole.length * processes  # the second starts after the first
        killer = _Killer(question, output, environment, length, rng, number)
        while len(survived) < kills and killer.kill():
            survived.append(f"{len(killer.kept)} shards")
            if len(killer.kept) == LOCI and rng.random() < 0.5:
                break  # what is left is the same each time: finish it, and begin another
        if not (output / "interrogate/x/x/manifest.json").is_file():
            _finish("interrogate", question, environment)
        assert not list(output.rglob("*.part")), "half-written files are cleared away"
        for table in ("estimates", "meta", "loci"):
            name = f"interrogate/x/x/{table}.parquet"
            _same_table(whole.folder / name, output / name)
        _same_effects(whole.folder, output)
        begun += 1
    return survived


def _same_effects(first: Path, second: Path) -> None:
    names = sorted(_shards(first))
    assert names == sorted(_shards(second))
    assert len(names) == LOCI
    for name in names:
        one, two = (
            read_shard(folder / "interrogate/x/x/effects" / name) for folder in (first, second)
        )
        assert one.loci == two.loci
        np.testing.assert_array_equal(one.effects.value, two.effects.value)


@pytest.mark.parametrize(("processes", "kills"), [(1, 2), (2, 1)])
def test_killed_mutagenesis_resumes_to_the_same_tables(
    undisturbed: Path,
    whole: _Whole,
    tmp_path: Path,
    environment: dict[str, str],
    processes: int,
    kills: int,
) -> None:
    """Three kills at random moments; seven loci over two processes: none missing, none twice."""
    _compare_after_kills(
        undisturbed, whole, tmp_path, environment, processes=processes, kills=kills, seed=processes
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)  # some forty starts of Python, on a machine that may be busy
@pytest.mark.parametrize(
    ("processes", "number"),
    [(1, signal.SIGKILL), (2, signal.SIGKILL), (1, signal.SIGTERM)],
    ids=["kill", "kill two processes", "term"],
)
def test_twenty_kills_leave_the_same_tables(
    undisturbed: Path,
    whole: _Whole,
    tmp_path: Path,
    environment: dict[str, str],
    processes: int,
    number: int,
) -> None:
    survived = _compare_after_kills(
        undisturbed,
        whole,
        tmp_path,
        environment,
        processes=processes,
        kills=20,
        seed=10 + processes,
        number=number,
    )
    assert len(survived) == 20
    # some before the first shard, some between shards: not all at one moment
    assert len(set(survived)) >= 3


def _interrupt_when(
    process: subprocess.Popen, number: int, ready: Callable[[], bool]
) -> tuple[int, str]:
    """Send a signal to one process as soon as a condition holds; return status and words."""
    deadline = time.monotonic() + 240
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


SIGNALS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
)


@SIGNALS
def test_an_interrupted_training_says_how_to_go_on(
    tmp_path: Path, environment: dict[str, str], number: int, status: int
) -> None:
    endless = ("trainer.max_epochs=100000", "callbacks=none")
    arguments = (*TINY, "ensemble=1", "name=x", f"paths.output={tmp_path}", *endless)
    last = tmp_path / "train/x/members/0/last.ckpt"
    ended, said = _interrupt_when(_start("train", arguments, environment), number, last.is_file)
    assert ended == status, said
    assert said.rstrip().endswith("interrupted; the same command goes on from here")
    assert "Traceback" not in said
    assert last.is_file()


@pytest.mark.usefixtures("without_figures")
@pytest.mark.parametrize(
    ("number", "status", "processes"),
    [(signal.SIGTERM, 143, 1), (signal.SIGTERM, 143, 2), (signal.SIGUSR1, 138, 1)],
)
def test_an_interrupted_mutagenesis_ends_at_once_and_resumes(
    script: Script,
    undisturbed: Path,
    tmp_path: Path,
    environment: dict[str, str],
    number: int,
    status: int,
    processes: int,
) -> None:
    question = [one for one in _question(undisturbed, tmp_path, processes) if "loci.n" not in one]
    process = _start("interrogate", (*question, "loci.n=20", "mutagenesis.chunk=1"), environment)
    ended, said = _interrupt_when(process, number, lambda: len(_shards(tmp_path)) >= 2)
    assert ended == status, said
    assert said.rstrip().endswith("interrupted; the same command goes on from here")
    assert "Traceback" not in said
    kept = _shards(tmp_path)
    assert 2 <= len(kept) < 20
    assert not (tmp_path / "interrogate/x/x/manifest.json").exists()
    again = (*question, "loci.n=20", "mutagenesis.chunk=1")
    if processes == 1:
        assert script("interrogate", *again).status == 0
    else:
        _finish("interrogate", again, environment)
    assert (tmp_path / "interrogate/x/x/manifest.json").is_file()
    assert all(_shards(tmp_path)[name] == when for name, when in kept.items())


def test_a_rank_does_not_outlive_the_one_that_started_it(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """As when rank 0 dies at start-up: rank 1 would wait for it for half an hour."""
    pid = tmp_path / "pid"
    code = (
        "import os, sys, time; from deepmr.cli.interruption import end_with_parent; "
        f"end_with_parent(); open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], env=environment)
    deadline = time.monotonic() + 60
    while not (pid.is_file() and pid.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    child = int(pid.read_text())
    while _is_alive(child):
        assert time.monotonic() < deadline, "the child waits for a dead parent"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
