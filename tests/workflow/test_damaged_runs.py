"""Damaged or edited files of a run get one line that names the file; nothing else is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import deepmr
from deepmr.files import sha256

FILES = ("calibrator.json", "tasks.json", "config.yaml", "manifest.json")
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 3, 1.5, 1e300, float("nan"), "", "x", "../..", "ü", [], {}, [1], {"a": 1},
    ["GATA1"], "${oc.env:HOME}", 10**30,
)  # fmt: skip


def _mutated(node: Any, rng: np.random.Generator) -> Any:
    """Return plain data with one value replaced, left out, or renamed, at random."""
    if isinstance(node, dict) and node and rng.random() < 0.9:
        key = list(node)[int(rng.integers(len(node)))]
        kind = rng.random()
        if kind < 0.1:
            return {name: value for name, value in node.items() if name != key}
        if kind < 0.15:
            return {(f"{key}x" if name == key else name): value for name, value in node.items()}
        return {**node, key: _mutated(node[key], rng)}
    if isinstance(node, list) and node and rng.random() < 0.9:
        place = int(rng.integers(len(node)))
        return [*node[:place], _mutated(node[place], rng), *node[place + 1 :]]
    return VALUES[int(rng.integers(len(VALUES)))]


def _damaged(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    if rng.random() < 0.75:
        plain = yaml.safe_load(content) if name.endswith("yaml") else json.loads(content)
        changed = _mutated(plain, rng)
        return (yaml.safe_dump if name.endswith("yaml") else json.dumps)(changed).encode()
    place = int(rng.integers(len(content)))
    middle = [b"", b"\0", b"\xff", b"{", b"!!python/object/apply:os.system ['x']"]
    return content[:place] + middle[int(rng.integers(5))] + content[place + int(rng.integers(9)) :]


def _refusal(folder: Path) -> str | None:
    try:
        deepmr.load_run(folder)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("sealed", [True, False], ids=["edited", "edited with its digest"])
@pytest.mark.parametrize("name", FILES)
def test_mutated_files_are_read_or_refused_in_one_line(
    runs: Path, tmp_path: Path, name: str, sealed: bool
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs / "train/tiny", folder)
    content, manifest = (folder / name).read_bytes(), (folder / "manifest.json").read_text()
    rng = np.random.default_rng(FILES.index(name))
    refused, changed = 0, 0
    for _ in range(50):
        (folder / name).write_bytes(_damaged(content, name, rng))
        if not sealed and name != "manifest.json":
            record = json.loads(manifest)
            for output in record["outputs"]:
                if output["path"] == name:
                    output["sha256"] = sha256(folder / name)
            (folder / "manifest.json").write_text(json.dumps(record))
        changed += (folder / name).read_bytes() != content
        said = _refusal(folder)
        refused += said is not None
        assert said is None or (str(folder) in said and "\n" not in said), said
    assert refused == changed or (refused >= 10 and (not sealed or name == "manifest.json"))


def test_a_damaged_manifest_of_one_run_does_not_block_the_others(
    runs: Path, tmp_path: Path, script: Any
) -> None:
    for name in ("good", "bad"):
        shutil.copytree(runs / "train/tiny", tmp_path / "train" / name)
    for damage in ("[]", "{", "{}", '{"schema_version": 2}', '"x"', "\0"):
        (tmp_path / "train/bad/manifest.json").write_text(damage)
        from deepmr.workflow.trained_runs import newest_run

        assert newest_run(tmp_path / "train", "GATA1", "TAL1").folder.name == "good"


def _edit(folder: Path, name: str, path: tuple[Any, ...], value: Any) -> None:
    """Set a value in a file of a run, or delete it where it is None, and seal the run again."""
    file = folder / name
    whole = (
        yaml.safe_load(file.read_text()) if name.endswith("yaml") else json.loads(file.read_text())
    )
    node = whole
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    file.write_text(json.dumps(whole))
    record = json.loads((folder / "manifest.json").read_text())
    for output in record["outputs"]:
        if output["path"] == name:
            output["sha256"] = sha256(file)
    (folder / "manifest.json").write_text(json.dumps(record))


AFFINE = {
    "type": "affine", "method": "temperature", "slope": 1.1, "intercept": 0.0, "strength": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        *(
            ("calibrator.json", ("tasks", "GATA1"), AFFINE | edit)
            for edit in (
                {"slope": 1e30},
                {"slope": True},
                {"slope": "1.1"},
                {"intercept": 1e300},
                {"strength": 3.0},
                {"method": {}},
            )
        ),
        ("config.yaml", ("model",), None),
        ("config.yaml", ("data",), "x"),
        ("manifest.json", ("finished",), ""),
        ("manifest.json", ("finished",), "${oc.env:HOME}"),
    ],
)
def test_an_edit_that_would_change_an_answer_is_refused_also_with_its_digest(
    runs: Path, tmp_path: Path, name: str, path: tuple[Any, ...], value: Any
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs / "train/tiny", folder)
    _edit(folder, "calibrator.json", ("tasks", "GATA1"), AFFINE)
    assert _refusal(folder) is None
    _edit(folder, name, path, value)
    assert str(folder / name) in str(_refusal(folder))


@pytest.mark.parametrize("name", ["members/1/best.ckpt", "calibrator.json", "tasks.json"])
def test_a_file_that_the_manifest_no_longer_lists_is_refused_by_name(
    runs: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs / "train/tiny", folder)
    record = json.loads((folder / "manifest.json").read_text())
    record["outputs"] = [one for one in record["outputs"] if one["path"] != name]
    (folder / "manifest.json").write_text(json.dumps(record))
    assert str(folder / name) in str(_refusal(folder))
