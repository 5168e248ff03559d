"""Text files, plain, gzip or bgzip, read as a stream; damage is reported with the file's name."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["is_bgzip", "lines", "pieces"]

_PACKED = (".gz", ".bgz")
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_BOM = b"\xef\xbb\xbf"


def lines(path: Path, *, hint: str = "give a text file") -> Iterator[str]:
    r"""Yield the lines of a text file without their ends (``\n``, ``\r\n`` or ``\r``).

    A byte-order mark before the first line is not part of it.

    Args:
        path: The file, plain, gzip or bgzip.
        hint: What to do if it is not text, for the message.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not text, is cut short or damaged, or is called .gz and is not
            packed.
    """
    with _opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        number = 0
        try:
            for number, line in enumerate(text, start=1):
                if "\0" in line:
                    raise ValueError(
                        f"{path}, line {number}: not a text file (a zero byte); {hint}"
                    )
                yield line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is not a text file ({error.reason} behind line {number}); {hint}"
            ) from error


def pieces(path: Path, size: int = 1 << 24) -> Iterator[bytes]:
    """Yield the unpacked content of a file in pieces; a byte-order mark is left out.

    Args:
        path: The file, plain, gzip or bgzip.
        size: Largest number of bytes of a piece.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is cut short or damaged, or is called .gz and is not packed.
    """
    with _opened(path) as stream:
        piece = stream.read(len(_BOM)).removeprefix(_BOM) or stream.read(size)
        while piece:
            yield piece
            piece = stream.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if not path.is_file():
        raise FileNotFoundError(f"a file is missing: {path}; no such file")
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    if path.suffix in _PACKED and not packed:
        what = "empty (0 bytes)" if not path.stat().st_size else "not gzip"
        raise ValueError(
            f"{path} is called {path.suffix} but is {what}; fetch the file again or rename it"
        )
    if is_bgzip(path) and not _ends(path, _BGZIP_END):
        # Without its last, empty block, a file cut between two blocks would read as whole.
        raise ValueError(
            f"{path} is cut short or corrupt (it lacks bgzip's end marker); fetch the file again"
        )
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        try:
            yield stream  # type: ignore[misc]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path} is cut short or corrupt ({error}); fetch the file again"
            ) from error


def is_bgzip(path: Path) -> bool:
    """Tell bgzip from plain gzip by the BC subfield in the first block's header.

    References:
        The SAM/BAM Format Specification Working Group, Sequence Alignment/Map Format
        Specification, section 4.1 (the BGZF block header and end-of-file marker).
    """
    with path.open("rb") as stream:
        head = stream.read(18)
    return (
        head[:2] == b"\x1f\x8b" and len(head) == 18 and bool(head[3] & 4) and head[12:14] == b"BC"
    )


def _ends(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - len(mark)))
        return stream.read() == mark
