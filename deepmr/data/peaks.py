"""Peak lists: narrowPeak, broadPeak and BED with three columns or more, plain or gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

__all__ = ["Peaks", "read_peaks", "read_text"]

_SKIPPED = ("#", "track", "browser")
_SUMMIT_COLUMN = 9  # the tenth column of narrowPeak: the summit's offset from the start, or -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Peaks of one track, in the order of the file.

    Args:
        contig: Position of each peak's contig in the list the file was read against.
        start: First base, 0-based.
        end: The base behind the last.
        summit: The highest base where the file names one, else the middle.
    """

    contig: Int64[np.ndarray, " peak"]
    start: Int64[np.ndarray, " peak"]
    end: Int64[np.ndarray, " peak"]
    summit: Int64[np.ndarray, " peak"]

    def __len__(self) -> int:
        return self.start.size


def read_text(path: Path) -> str:
    """Read a text file, unpacked if it is gzip.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is called .gz and is not gzip (an empty file, say), or is cut short.
    """
    if not path.is_file():
        raise FileNotFoundError(f"a peak file is missing: {path}; no such file")
    data = path.read_bytes()
    packed = data[:2] == b"\x1f\x8b"
    if path.suffix == ".gz" and not packed:
        what = "empty (0 bytes)" if not data else "not gzip"
        raise ValueError(f"{path} is called .gz but is {what}; fetch the file again or rename it")
    try:
        return (gzip.decompress(data) if packed else data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file ({error}); give BED or narrowPeak") from error
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path} is cut short or corrupt ({error}); fetch the file again"
        ) from error


def read_peaks(path: Path, contigs: Mapping[str, int], *, missing: str = "refuse") -> Peaks:
    """Read the peaks of a file against a genome's contigs.

    Args:
        path: narrowPeak, broadPeak or BED; columns beyond the third are optional.
        contigs: Length of each contig of the genome, in its order.
        missing: What happens to a peak on a contig that the genome lacks: ``refuse`` or ``drop``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule; the message names the file and the line.
    """
    position = {name: place for place, name in enumerate(contigs)}
    rows: list[tuple[int, int, int, int]] = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.startswith(_SKIPPED):
            continue
        fields = line.split("\t") if "\t" in line else line.split()
        place = position.get(fields[0], -1)
        if place < 0 and missing == "drop":
            continue
        try:
            rows.append(_parse(fields, place))
            start, end = rows[-1][1:3]
            if place >= 0 and 0 <= start < end <= contigs[fields[0]]:
                continue
        except (IndexError, ValueError):
            pass  # said properly below, with the line
        raise ValueError(_complaint(path, number, fields, contigs))
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
    columns = [np.ascontiguousarray(table[:, column]) for column in range(4)]
    return Peaks(contig=columns[0], start=columns[1], end=columns[2], summit=columns[3])


def _parse(fields: list[str], place: int) -> tuple[int, int, int, int]:
    start, end = int(fields[1]), int(fields[2])
    offset = int(fields[_SUMMIT_COLUMN]) if len(fields) > _SUMMIT_COLUMN else -1
    summit = start + offset if 0 <= offset < end - start else (start + end) // 2
    return place, start, end, summit


def _complaint(path: Path, number: int, fields: list[str], contigs: Mapping[str, int]) -> str:
    where = f"{path}, line {number}"
    if len(fields) < 3:
        return f"{where}: a peak has at least chrom, start and end, got {len(fields)} column(s)"
    chrom = fields[0]
    try:
        start, end, *_ = _parse(fields, 0)[1:]
    except ValueError:
        shown = " ".join(fields[:3])
        return f"{where}: start, end and summit are whole numbers, got {shown!r}; is this a BED?"
    if chrom not in contigs:
        known = ", ".join(list(contigs)[:5])
        return (
            f"{where}: the genome has no contig {chrom!r} (it has {known}, ...); use peaks of the "
            "same assembly, or set data.missing_contigs=drop to leave such peaks out"
        )
    if start < 0:
        return f"{where}: a peak starts at 0 or later, got {chrom}:{start}-{end}"
    if end <= start:
        return f"{where}: a peak ends behind its start, got {chrom}:{start}-{end}"
    return (
        f"{where}: {chrom} has {contigs[chrom]} bases, got a peak at {chrom}:{start}-{end}; "
        "use peaks of the same assembly"
    )
