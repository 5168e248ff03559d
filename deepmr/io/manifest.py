"""The manifest of a finished run: provenance and digests of its files, written last."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import deepmr
from deepmr.files import read_json, reading, sha256, write_json

__all__ = [
    "MANIFEST",
    "changed_outputs",
    "is_finished",
    "provenance",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SCHEMA_VERSION = 2
"""Of the whole run folder, names of settings included: 2 since Deep MR 0.2."""
_PACKAGES = (
    "torch",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
    "hydra-core",
    "omegaconf",
    "kipoiseq",
    "pyfaidx",
    "matplotlib",
    "wandb",
)


def provenance() -> dict[str, Any]:
    """Return git commit and dirty flag of the source, and package versions.

    Commit and flag are None where the program does not run from a git checkout of its own, or git
    is not installed.
    """
    versions = {"python": platform.python_version(), "deepmr": deepmr.__version__}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**_git(Path(__file__).resolve().parents[2]), "packages": versions}


def _git(folder: Path) -> dict[str, Any]:
    """Return commit and dirty flag of a source folder, if git tracks the folder."""
    program = shutil.which("git")
    unknown = {"git_commit": None, "git_dirty": None}
    if program is None:
        return unknown

    def run_git(*words: str) -> str | None:
        answer = subprocess.run(  # noqa: S603  (git itself, with fixed words)
            [program, "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
        return answer.stdout.strip() if answer.returncode == 0 else None

    # An installed copy can lie inside a user's own repository, whose commit says nothing of it.
    if run_git("ls-files", "--error-unmatch", "deepmr/__init__.py") is None:
        return unknown
    commit, status = run_git("rev-parse", "HEAD"), run_git("status", "--porcelain")
    return {"git_commit": commit, "git_dirty": None if status is None else bool(status)}


def write_manifest(
    folder: Path | str,
    *,
    command: str | Sequence[str],
    seed: int,
    device: str,
    started: datetime,
    inputs: Iterable[Path | str] = (),
    outputs: Iterable[Path | str],
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write ``manifest.json``, which marks the run as finished, and return its content.

    Args:
        folder: The run's folder.
        command: The command line that repeats the run.
        seed: Seed of the run.
        device: Device of the computation, such as ``cpu`` or ``cuda:0 (NVIDIA H100)``.
        started: Start of the run, with a time zone.
        inputs: Files that the result depends on; a folder stands for the files in it.
        outputs: Files of the run, inside ``folder``; a folder stands for the files in it. Paths
            are stored relative to ``folder``.
        facts: Further entries, of JSON types, such as the data fingerprint; none by default.

    Raises:
        ValueError: If ``started`` has no time zone, an output lies outside the folder, or a
            further entry would replace one of the manifest's own.
        FileNotFoundError: If an input or output does not exist.
    """
    folder = Path(folder)
    if started.tzinfo is None:
        raise ValueError(f"started needs a time zone, got {started}; use datetime.now(UTC)")
    record: dict[str, Any] = {
        "schema_version": _SCHEMA_VERSION,
        "command": command if isinstance(command, str) else " ".join(command),
        **provenance(),
        "seed": seed,
        "device": device,
        "started": started.astimezone(UTC).strftime(_TIME),
        "inputs": [{"path": str(path), "sha256": sha256(path)} for path in _files(inputs)],
        "outputs": [_output(folder, path) for path in _files(outputs)],
    }
    replaced = sorted(set(facts or ()) & {*record, "finished"})
    if replaced:
        raise ValueError(f"facts must not replace the manifest's own {', '.join(replaced)}")
    record |= {**(facts or {}), "finished": datetime.now(UTC).strftime(_TIME)}
    write_json(folder / MANIFEST, record)
    return record


def _files(paths: Iterable[Path | str]) -> list[Path]:
    """Return files among paths and in folders, except hidden ones (locks, partial files)."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            found += sorted(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise FileNotFoundError(f"the manifest names {path}, which does not exist")
    return [path for path in found if path.name != MANIFEST]


def _output(folder: Path, path: Path) -> dict[str, Any]:
    try:
        relative = path.resolve().relative_to(folder.resolve())
    except ValueError as error:
        raise ValueError(f"outputs lie inside the run's folder {folder}, got {path}") from error
    rows = pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
    return {"path": relative.as_posix(), "rows": rows, "sha256": sha256(path)}


def read_manifest(folder: Path | str) -> dict[str, Any]:
    """Read the manifest of a finished run.

    Args:
        folder: The run's folder.

    Raises:
        FileNotFoundError: If there is none: the run is not finished.
        ValueError: If it is not JSON, or was written by a version of Deep MR whose runs this one
            does not read.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {MANIFEST}: it is no run, or not finished")
    record = read_json(path)
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != _SCHEMA_VERSION:
        raise ValueError(_other_version(Path(folder), version))
    return dict(record)


def _other_version(folder: Path, version: object) -> str:
    if version == 1:
        return (
            f"{folder} was written by Deep MR 0.1; train it again with this version, or read it "
            "with 0.1"
        )
    return (
        f"{folder / MANIFEST} must have schema_version {_SCHEMA_VERSION}, got {version}; "
        "it was written by another version of Deep MR"
    )


def is_finished(folder: Path | str) -> bool:
    """Return whether a run is finished: whether it has a manifest.

    Args:
        folder: The run's folder.
    """
    return (Path(folder) / MANIFEST).is_file()


def changed_outputs(folder: Path | str, *, largest: int | None = None) -> list[str]:
    """Return the outputs of a finished run that are missing or differ from their recorded digest.

    Args:
        folder: The run's folder.
        largest: Size in bytes above which a file is checked for existence alone; by default every
            file is digested, which takes about 2 s per GB.

    Raises:
        FileNotFoundError: If the run is not finished.
        ValueError: If its manifest cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "tasks.json").write_text("[]")
        >>> _ = write_manifest(folder, command="train", seed=0, device="cpu",
        ...     started=datetime.now(UTC), outputs=[folder / "tasks.json"])
        >>> changed_outputs(folder)
        []
        >>> _ = (folder / "tasks.json").write_text("{}")
        >>> changed_outputs(folder)
        ['tasks.json']
    """
    folder = Path(folder)
    record = read_manifest(folder)
    with reading(folder / MANIFEST):
        recorded = {str(one["path"]): str(one["sha256"]) for one in record["outputs"]}
        return [
            path for path, digest in recorded.items() if _differs(folder / path, digest, largest)
        ]


def _differs(path: Path, digest: str, largest: int | None) -> bool:
    if not path.is_file():
        return True
    if largest is not None and path.stat().st_size > largest:
        return False
    return sha256(path) != digest
