"""When a run's folder is refused, resumed or replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deepmr.io.manifest import is_finished
from deepmr.workflow.run_folder import RunFolder
from tests.conftest import TINY, Script


def _folder(path: Path, *, overwrite: bool = False, seed: int = 0) -> RunFolder:
    return RunFolder(
        path=path, config={"seed": seed, "overwrite": overwrite}, command="x", overwrite=overwrite
    )


def _finish(folder: RunFolder, content: str) -> None:
    with folder.open() as work:
        (work / "result").write_text(content)
        _manifest(folder)


def _manifest(folder: RunFolder) -> None:
    folder.finish(
        device="cpu",
        started=datetime.now(UTC),
        inputs=[],
        outputs=[folder.work / "result"],
        facts={},
    )


class _Kill(Exception):  # noqa: N818
    """Stands for a kill."""


def _cut(folder: RunFolder, act: Callable[[Path], None]) -> None:
    """Begin a run, do something in it, and end it before it is finished."""
    with contextlib.suppress(_Kill), folder.open() as work:
        act(work)
        raise _Kill


def test_an_overwrite_replaces_the_old_run_only_when_it_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "x"
    _finish(_folder(path), "old")
    again = _folder(path, overwrite=True, seed=1)
    _cut(again, lambda work: (work / "half").write_text((path / "result").read_text()))
    assert is_finished(path)
    assert (path / "result").read_text() == "old", "the old run stays readable"
    with again.open() as work:
        assert (work / "half").read_text() == "old", "the same command resumes"
        (work / "result").write_text("new")
        _manifest(again)
    assert (path / "result").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["x"], "nothing is left beside it"


def test_an_overwrite_with_other_settings_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "x"
    _finish(_folder(path), "old")
    _cut(_folder(path, overwrite=True, seed=1), lambda work: (work / "half").touch())
    with _folder(path, overwrite=True, seed=2).open() as work:
        assert not (work / "half").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_a_kill_between_the_manifest_and_the_move_loses_nothing(
    tmp_path: Path, moved: bool
) -> None:
    path = tmp_path / "x"
    _finish(_folder(path), "old")
    again = _folder(path, overwrite=True)

    def finish(work: Path) -> None:
        (work / "result").write_text("new")
        _manifest(again)

    _cut(again, finish)  # the manifest is there, the move has not begun
    if moved:
        path.rename(tmp_path / ".x.old")
    with pytest.raises(FileExistsError, match="is finished"), _folder(path).open():
        pass
    assert (path / "result").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["x"]


def test_what_is_no_run_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    for name in ("mine", "link", "file"):
        with (
            pytest.raises(OSError, match="choose another"),
            _folder(tmp_path / name, overwrite=True).open(),
        ):
            pass
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"


SLIPS: list[tuple[str, list[str], str]] = [
    ("train", ["trainer.accelerator=gpu"], "trainer.accelerator=gpu"),
    ("train", ["trainer.devices=0"], "trainer.devices=0"),
    ("train", ["trainer.devices=x"], "trainer.devices"),
    ("train", ["trainer.max_epochs=-1"], "trainer.max_epochs must be"),
    ("train", ["+trainer.fast_dev_run=true"], "trainer.fast_dev_run keeps no network"),
    ("train", ["optimizer.lr=abc"], "optimizer"),
    ("train", ["optimizer.lr=.nan"], "optimizer"),
    ("train", ["optimizer.lr=nan"], "learning rate"),
    ("train", ["+trainer.nonsense=1"], "nonsense"),
    ("train", ["logger=wandb", "logger.mode=sometimes"], "logger.mode"),
    ("train", ["model.filters=abc"], "model"),
]


@pytest.mark.parametrize(("name", "slip", "says"), SLIPS, ids=str)
def test_a_slip_gets_one_line_and_leaves_the_finished_run_as_it_is(
    runs: Path, script: Script, name: str, slip: list[str], says: str
) -> None:
    import torch

    if "gpu" in slip[0] and torch.cuda.is_available():
        pytest.skip("there is one")
    before = _content(runs / "train/tiny")
    outcome = script(
        name, *TINY, f"paths.output={runs}", "name=tiny", "ensemble=3", "overwrite=true", *slip
    )
    assert outcome.status == 1
    assert says in outcome.error
    assert _content(runs / "train/tiny") == before


def _content(folder: Path) -> dict[str, Any]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
