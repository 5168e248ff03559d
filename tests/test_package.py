"""The wheel: built and installed, it works from any folder, without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import deepmr
from tests.conftest import REPOSITORY, TINY

SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "deepmr", "conf")
ASK = (
    "exposure=GATA1", "outcome=TAL1", "loci.n=4", "instruments.min_z=1", "instruments.min_effect=0",
    "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "logger=null", "controls=none",
)  # fmt: skip

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy: setuptools leaves files in the folder it builds from."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        path = REPOSITORY / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    _pip("install", "--no-deps", "--target", folder, wheel)
    return folder


@pytest.fixture
def command(installed: Path, tmp_path: Path) -> Command:
    """Run the installed command in an empty folder."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(installed)}
    environment.pop("DEEPMR_CONF", None)
    empty = tmp_path / "empty"
    empty.mkdir()

    def call(*words: str, module: bool = False, **more: str) -> subprocess.CompletedProcess[str]:
        program = ["-m", "deepmr"] if module else [str(installed / "bin" / "deepmr")]
        return subprocess.run(
            [sys.executable, *program, *words],
            cwd=empty,
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return call


def _pip(*words: str | Path) -> None:
    line = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    line.insert(5, "--no-index")  # nothing is fetched
    ended = subprocess.run(line, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_wheel_holds_every_file_of_the_package_and_every_yaml(wheel: Path) -> None:
    expected = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "deepmr").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    conf = REPOSITORY / "conf"
    expected |= {
        f"deepmr/conf/{path.relative_to(conf).as_posix()}" for path in conf.rglob("*.yaml")
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_version_is_written_in_one_place(wheel: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert wheel.name.startswith(f"deepmr-{deepmr.__version__}-")


def test_the_command_answers_in_an_empty_folder(command: Command, installed: Path) -> None:
    assert "deepmr interrogate" in command("--help").stdout
    assert command("--version").stdout.strip() == deepmr.__version__
    explained = command("train", "--help", module=True)
    assert explained.returncode == 0, explained.stderr
    assert "deepmr train model=deepsea" in explained.stdout
    assert "train.py" not in explained.stdout
    wrong = command("trian")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "did you mean train?" in wrong.stderr


def test_it_trains_and_interrogates_in_an_empty_folder(command: Command, tmp_path: Path) -> None:
    """With a network described by a yaml of one's own, in a folder whose name holds a blank."""
    own = tmp_path / "my yamls"
    (own / "model").mkdir(parents=True)
    (own / "model/mine.yaml").write_text(
        "_target_: deepmr.models.MotifScanner\n_partial_: true\nfilters: 4\nhidden: 4\n"
    )
    trained = command("train", "model=mine", *TINY, "ensemble=2", "name=tiny", DEEPMR_CONF=str(own))
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "empty/runs/train/tiny/manifest.json").is_file()
    asked = command("interrogate", *ASK, module=True)
    assert asked.returncode == 0, asked.stderr
    (report,) = (tmp_path / "empty/runs/interrogate/tiny").glob("*/report.html")
    assert f"report: {report.relative_to(tmp_path / 'empty')}" in asked.stdout


@pytest.mark.parametrize(
    "module",
    [pytest.param(False, id="command", marks=pytest.mark.slow), pytest.param(True, id="module")],
)
def test_two_processes_run_the_installed_command_again(
    command: Command, tmp_path: Path, *, module: bool
) -> None:
    """Lightning starts the second by itself: from the script's path or the module's name."""
    words = (*TINY, "trainer.max_epochs=1", "ensemble=1", "name=two", "trainer=ddp")
    trained = command("train", *words, "trainer.devices=2", module=module)
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "empty/runs/train/two/manifest.json").is_file()
