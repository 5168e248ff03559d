"""Files: written whole or not at all, locked, identified by their content, expanded from globs."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

__all__ = [
    "atomic_write",
    "expand_paths",
    "fingerprint",
    "lock_of",
    "locked",
    "read_json",
    "reading",
    "safe_name",
    "sha256",
    "umask",
    "write_json",
]

_LONGEST_NAME = 120  # leaves room for suffixes within the 255 bytes of common file systems


@contextmanager
def atomic_write(path: Path | str, mode: str = "w") -> Iterator[IO[Any]]:
    """Write a file beside its name and move it into place when it is whole.

    An exception, or a kill, leaves what was there before untouched.

    Raises:
        OSError: If the folder cannot be written to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    partial = Path(name)
    try:
        with os.fdopen(handle, mode, encoding=encoding) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.chmod(0o666 & ~umask())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def umask() -> int:
    """Return the process's file mode creation mask, which can only be read by setting it."""
    current = os.umask(0o022)
    os.umask(current)
    return current


@contextmanager
def locked(path: Path | str, *, wait: bool = False) -> Iterator[None]:
    """Hold an exclusive lock on a path; the system frees it when the process ends, killed or not.

    Args:
        path: What is protected; the lock lies beside it as ``.<name>.lock``.
        wait: Wait for another holder to finish, rather than refuse.

    Raises:
        BlockingIOError: If another process holds the lock and ``wait`` is false.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_of(path), timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BlockingIOError(
            f"{path} is in use by another process; wait for it to end, or choose another name"
        ) from error
    try:
        yield
    finally:
        lock.release()


def lock_of(path: Path | str) -> Path:
    """Return the file by which `locked` protects a path.

    Args:
        path: What is protected.

    Example:
        >>> lock_of("runs/train/demo").as_posix()
        'runs/train/.demo.lock'
    """
    path = Path(path)
    return path.parent / f".{path.name}.lock"


def expand_paths(named: str | Path | Sequence[str | Path], *, what: str) -> list[Path]:
    """Return the paths that a path, a glob or a list of them names, each once, in order.

    Args:
        named: Paths; those with ``*``, ``?`` or ``[`` are globs, whose matches are sorted.
        what: What they are, for the message: ``run``, ``checkpoint``.

    Raises:
        FileNotFoundError: If a glob matches nothing.
    """
    found: list[Path] = []
    for pattern in [named] if isinstance(named, str | Path) else named:
        magic = glob.has_magic(str(pattern)) and not Path(pattern).exists()
        matches = sorted(glob.glob(str(pattern))) if magic else [pattern]  # noqa: PTH207
        if not matches:
            raise FileNotFoundError(f"no {what} matches {pattern}")
        found += [Path(match) for match in matches if Path(match) not in found]
    return found


def sha256(path: Path | str) -> str:
    """Return the hexadecimal SHA-256 of a file's content."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(value: Any, digits: int = 8) -> str:
    """Return hexadecimal digits that identify a JSON-like value, whatever its key order.

    Example:
        >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def write_json(path: Path | str, value: Any) -> None:
    """Write JSON atomically, indented for people."""
    with atomic_write(path) as stream:
        json.dump(value, stream, indent=2, allow_nan=False)
        stream.write("\n")


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Turn whatever a damaged or edited file provokes into one error that names the file.

    Args:
        path: The file whose content is used in the block.

    Raises:
        ValueError: For an error about the content; OSError and LookupError of a missing file pass.

    Example:
        >>> with reading("tasks.json"):
        ...     {"length": 100}["tasks"]
        Traceback (most recent call last):
        ValueError: tasks.json is damaged or was edited (KeyError: 'tasks'); restore it, or make ...
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
        MemoryError,
    ) as error:
        if str(path) in str(error):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(
            f"{path} is damaged or was edited ({what[:300]}); restore it, or make the run again"
        ) from error


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: If the file is not JSON; the message names it.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); was it cut short?") from error


def safe_name(text: str) -> str:
    """Return a file name for a text from anywhere (a task, a run); other texts get other names.

    Letters, digits, ``_``, ``-`` and ``.`` stay, save a leading dot; everything else becomes
    ``-x`` and the hexadecimal digits of its UTF-8 bytes. A long name is cut and ends in a digest.
    The result is never empty, ``.`` or ``..``, has no separator, and at most 120 characters.

    Args:
        text: Any text.

    Example:
        >>> [safe_name(text) for text in ("K562_GATA1", "../evil", "A/B", "a-xb")]
        ['K562_GATA1', '-x2e.-x2fevil', 'A-x2fB', 'a-x2dxb']
    """
    escaped = []
    for place, letter in enumerate(text):
        plain = letter.isascii() and (letter.isalnum() or letter in "_-.")
        # A "-x" of the text itself would look like an escape; a leading dot hides the file.
        if letter == "-" and text[place + 1 : place + 2] == "x":
            plain = False
        if letter == "." and place == 0:
            plain = False
        escaped.append(letter if plain else "-x" + letter.encode("utf-8", "surrogatepass").hex())
    name = "".join(escaped) or "-x"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name[: _LONGEST_NAME - 35]}-x-{digest[:32]}"
