"""What a file looks like from outside: its kind, and the names of its columns or arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deepmr.data.text import lines

__all__ = ["Head", "look", "open_h5"]

_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "h5",
    b"PAR1": "parquet",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "zip",
}
_PROGRAMS = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a file.

    Args:
        path: The file.
        kind: ``text``, ``parquet``, ``h5``, ``npz``, ``npy``, ``program`` or ``other``.
        columns: Columns of a table, names of the arrays of an h5 or npz file.
        shapes: Shape of each array.
        delimiter: What separates columns of a text table.
        comments: Lines before the header, with their marks.
        metadata: Metadata of a parquet file.
        first: Cells of the first row of a text table.
    """

    path: Path
    kind: str
    columns: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    delimiter: str = "\t"
    comments: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    first: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def has(self, *columns: str) -> bool:
        """Tell whether the file has all of these columns or arrays."""
        return set(columns) <= set(self.columns)


def look(path: Path | str) -> Head:
    """Read the beginning of a file.

    Args:
        path: The file; text may be plain, gzip or bgzip, whatever it is called.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, or an h5 file cannot be read.
        ModuleNotFoundError: If it is an h5 file and h5py is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"effects={path}: no such file")
    with path.open("rb") as stream:
        start = stream.read(8)
    if not start:
        raise ValueError(f"{path} is empty (0 bytes); give a table of effects")
    if path.suffix in _PROGRAMS:
        return Head(path=path, kind="program")
    kind = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "text")
    if kind == "h5":
        return _look_h5(path)
    if kind == "parquet":
        return _look_parquet(path)
    if kind == "zip":
        return _look_npz(path)
    if kind == "npy":
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
        return Head(path=path, kind="npy", shapes={"": shape})
    return _look_text(path)


def open_h5(path: Path) -> Any:
    """Open an HDF5 file for reading.

    Raises:
        ModuleNotFoundError: If h5py is not installed.
        ValueError: If the file is damaged.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{path} is an HDF5 file, which h5py reads: pip install 'deepmr[h5]'"
        ) from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is no whole HDF5 file ({error}); fetch it again") from error


def _look_h5(path: Path) -> Head:
    shapes: dict[str, tuple[int, ...]] = {}

    def visit(name: str, one: Any) -> None:
        if hasattr(one, "shape") and len(shapes) < 1000:
            shapes[name] = tuple(one.shape)

    with open_h5(path) as file:
        file.visititems(visit)
    return Head(path=path, kind="h5", columns=tuple(shapes), shapes=shapes)


def _look_parquet(path: Path) -> Head:
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{path} is no whole parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error
    found = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    return Head(path=path, kind="parquet", columns=tuple(schema.names), metadata=found)


def _look_npz(path: Path) -> Head:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            shapes = {name: arrays[name].shape for name in arrays.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError):
        return Head(path=path, kind="other")
    return Head(path=path, kind="npz", columns=tuple(shapes), shapes=shapes)


def _look_text(path: Path) -> Head:
    comments: list[str] = []
    header, first = "", ""
    for line in lines(path, hint="give a table of effects"):
        if not header and line.startswith("##"):
            comments.append(line)
        elif not header:
            header = line
        else:
            first = line
            break
    if not header.strip():
        raise ValueError(f"{path} has no header; give a table whose first line names its columns")
    delimiter = next((mark for mark in "\t,; " if mark in header), "\t")
    columns = [cell.strip().strip('"') for cell in header.lstrip("#").split(delimiter)]
    return Head(
        path=path,
        kind="text",
        columns=tuple(columns),
        delimiter=delimiter,
        comments=tuple(comments),
        first=tuple(first.split(delimiter)),
    )


def is_gzip(path: Path) -> bool:
    """Tell whether a file is packed, whatever it is called."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"
