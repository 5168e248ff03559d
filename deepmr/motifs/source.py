"""The text of a motif file, and what its readers share: numbered lines, errors, matrices."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from deepmr.motif import UNIFORM, Motif

__all__ = ["Source", "counted", "from_probabilities", "is_numeric", "read_source"]

_LARGEST = 256 * 2**20  # bytes of text; the whole of JASPAR is 3 MB
_ROUNDING = 0.01  # files print 2 to 6 decimals of four numbers that sum to one


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A motif file as lines.

    Args:
        path: Path, for messages.
        lines: Text of each line, without its end; line 1 comes first.
    """

    path: str
    lines: tuple[str, ...]

    def error(self, number: int, problem: str) -> ValueError:
        """Return the error of a line (1-based): path, line and problem in one line."""
        return ValueError(f"{self.path}:{number}: {problem}")

    def numbers(self, number: int, text: str) -> list[float]:
        """Return the numbers of a line, separated by white space.

        Raises:
            ValueError: If a word is no finite number.
        """
        found = []
        for word in text.split():
            try:
                value = float(word)
            except ValueError:
                raise self.error(number, f"expected numbers, got {word[:40]!r}") from None
            if not np.isfinite(value):
                raise self.error(number, f"numbers must be finite, got {word}")
            found.append(value)
        return found


def read_source(path: Path | str) -> Source:
    """Read a text file, plain or gzip-compressed (told by its first two bytes).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, no text, a damaged archive, or larger than 256 MiB.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"motif file {path} does not exist, or is a folder")
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if compressed else path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}); download it again") from error
    if len(content) > _LARGEST:
        raise ValueError(f"{path} holds more than {_LARGEST // 2**20} MiB; is it a motif file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file ({error}); is it a motif file?") from error
    if not text.strip():
        raise ValueError(f"{path} is empty; a motif file holds at least one matrix")
    return Source(path=str(path), lines=tuple(text.splitlines()))


def is_numeric(text: str) -> bool:
    """Return True for a line that begins with a number."""
    words = text.split(maxsplit=1)
    try:
        float(words[0])
    except (IndexError, ValueError):
        return False
    return True


def from_probabilities(
    source: Source,
    rows: Sequence[tuple[int, Sequence[float]]],
    *,
    name: str,
    accession: str = "",
    n_sites: float | None = None,
    background: Float64[np.ndarray, " base"] = UNIFORM,
) -> Motif:
    """Build a motif from printed probabilities; each row is divided by its rounded sum.

    Args:
        source: Where they come from.
        rows: Line number and probabilities of A, C, G, T of each position.
        name: Name of the motif.
        accession: Identifier in the library.
        n_sites: Number of sites, where known.
        background: Background probabilities.

    Raises:
        ValueError: If a row has not 4 probabilities, or they do not sum to one within 0.01.
    """
    for number, row in rows:
        if len(row) != 4:
            raise source.error(
                number, f"motif {name}: a position has 4 probabilities (A C G T), got {len(row)}"
            )
        if min(row) < 0:
            raise source.error(
                number,
                f"motif {name}: probabilities must not be negative, got {min(row):g}; "
                "a log-odds matrix cannot be read, use probabilities or counts",
            )
        if abs(sum(row) - 1.0) > _ROUNDING:
            raise source.error(
                number, f"motif {name}: probabilities must sum to 1, got {sum(row):g}"
            )
    matrix = np.array([row for _, row in rows], dtype=np.float64)
    return Motif(
        name=name,
        probabilities=matrix / matrix.sum(axis=1, keepdims=True),
        background=background,
        accession=accession,
        n_sites=n_sites,
    )


def counted(
    source: Source,
    rows: Sequence[tuple[int, Sequence[float]]],
    *,
    name: str,
    accession: str = "",
) -> Motif:
    """Build a motif from counts; ``n_sites`` is their mean total over positions.

    Matrices whose numbers are all at most one and not whole are probabilities in the layout of
    counts, and are read as such.

    Args:
        source: Where they come from.
        rows: Line number and counts of A, C, G, T of each position.
        name: Name of the motif.
        accession: Identifier in the library.

    Raises:
        ValueError: If a row has not 4 counts, one is negative, or all are zero.
    """
    for number, row in rows:
        if len(row) != 4:
            raise source.error(
                number, f"motif {name}: a position has 4 counts (A C G T), got {len(row)}"
            )
        if min(row) < 0:
            raise source.error(
                number,
                f"motif {name}: counts must not be negative, got {min(row):g}; "
                "a log-odds matrix cannot be read, use counts or probabilities",
            )
        if sum(row) == 0:
            raise source.error(number, f"motif {name}: a position has no counts at all")
    matrix = np.array([row for _, row in rows], dtype=np.float64)
    if matrix.max() <= 1.0 and bool(np.any(matrix != np.round(matrix))):
        return from_probabilities(source, rows, name=name, accession=accession)
    total = matrix.sum(axis=1)
    return Motif(
        name=name,
        probabilities=matrix / total[:, None],
        accession=accession,
        n_sites=float(total.mean()),
    )
