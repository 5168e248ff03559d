"""A genome as one byte a base in a memory map, encoded once from FASTA."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Int64, Shaped, UInt8
from pyfaidx import Faidx, FastaIndexingError
from tqdm import tqdm

from deepmr.data.cache import cache_folder, content_hash
from deepmr.files import locked, read_json, write_json
from deepmr.sequence import UNKNOWN, encode

__all__ = ["EncodedGenome"]

_PIECE = 1 << 24  # bases read at a time: 16 MB of text in memory, whatever the contig's length
_UNREADABLE = (EOFError, OSError, ValueError, struct.error, zlib.error)  # pyfaidx, bgzf and zlib
_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_LAYOUT = 1  # raised when the files below change their meaning


class EncodedGenome:
    """The contigs of a FASTA file, one byte a base, end to end in a memory map.

    Lower-case (soft-masked) bases are read as upper case; every letter that is not A, C, G or T
    is unknown (code 4). It travels to worker processes as a path, not as an array.

    Args:
        folder: What `from_fasta` built.

    Raises:
        FileNotFoundError: If the folder holds no encoded genome.
    """

    def __init__(self, folder: Path) -> None:
        record = folder / "contigs.json"
        if not record.exists():
            raise FileNotFoundError(f"{folder} holds no encoded genome; build it with from_fasta")
        self.folder = folder
        stored = read_json(record)
        self.sha256: str = stored["sha256"]
        self.names: tuple[str, ...] = tuple(stored["contigs"])
        self.lengths = np.asarray(list(stored["contigs"].values()), dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)])[:-1].astype(np.int64)
        self._position = {name: place for place, name in enumerate(self.names)}
        self._codes: np.ndarray | None = None
        self._views: dict[int, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    @classmethod
    def from_fasta(cls, path: Path | str) -> EncodedGenome:
        """Encode a FASTA file, or find that this was done before.

        The file may be plain, gzip or bgzip; its content decides what counts as the same file. A
        missing index is made beside it, or in the cache where its folder cannot be written to.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no FASTA, is cut short or names a contig twice.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"the genome must be a FASTA file, got {path}; no such file")
        digest = content_hash(path)
        folder = cache_folder("genomes") / f"{digest[:16]}-{_LAYOUT}"
        if not (folder / "contigs.json").exists():
            with locked(folder, wait=True):
                if not (folder / "contigs.json").exists():
                    _encode_fasta(path, folder, digest)
        return cls(folder)

    @property
    def contigs(self) -> Mapping[str, int]:
        """Length of each contig in bases, in the file's order."""
        return dict(zip(self.names, self.lengths.tolist(), strict=True))

    @property
    def codes(self) -> UInt8[np.ndarray, " base"]:
        """All contigs end to end; contig k starts at ``offsets[k]``."""
        if self._codes is None:
            mapped = np.memmap(self.folder / "codes.u8", dtype=np.uint8, mode="r")
            self._codes = np.asarray(mapped)
        return self._codes

    def locate(self, chrom: Shaped[np.ndarray, " locus"]) -> Int64[np.ndarray, " locus"]:
        """Return the position of each contig among `names`.

        Raises:
            LookupError: If one of them is not in this genome.
        """
        distinct, inverse = np.unique(chrom, return_inverse=True)
        missing = [str(name) for name in distinct if str(name) not in self._position]
        if missing:
            raise LookupError(
                f"the genome has no contig {', '.join(missing[:5])}; it has "
                f"{', '.join(self.names[:8])}{', ...' if len(self.names) > 8 else ''}"
            )
        known = np.asarray([self._position[str(name)] for name in distinct], dtype=np.int64)
        return known[inverse]

    def windows(
        self, contig: Int64[np.ndarray, " locus"], start: Int64[np.ndarray, " locus"], length: int
    ) -> UInt8[np.ndarray, "locus {length}"]:
        """Return windows of one length; what lies beyond a contig's ends is unknown.

        Args:
            contig: Positions in `names`.
            start: First base of each window within its contig; may be negative.
            length: Bases in a window.
        """
        size = self.lengths[contig]
        place = self.offsets[contig] + start
        inside = (start >= 0) & (start + length <= size)
        if bool(inside.all()) and length <= self.codes.size:
            return self._view(length)[place]
        result = np.full((start.size, length), UNKNOWN, dtype=np.uint8)
        if length <= self.codes.size:
            result[inside] = self._view(length)[place[inside]]
        for row in np.flatnonzero(~inside):
            low, high = max(int(start[row]), 0), min(int(start[row]) + length, int(size[row]))
            if low < high:
                origin = int(self.offsets[contig[row]])
                left = low - int(start[row])
                result[row, left : left + high - low] = self.codes[origin + low : origin + high]
        return result

    def count(
        self, contig: int, start: Int64[np.ndarray, " locus"], length: int, first: int, last: int
    ) -> Int64[np.ndarray, " locus"]:
        """Count bases of a range of codes in windows of one contig, in pieces of bounded memory.

        Args:
            contig: Position in `names`.
            start: First base of each window, ascending; may be negative or run over the end,
                where nothing is counted.
            length: Bases in a window.
            first: Lowest code that counts, e.g. 1 for C.
            last: Highest code that counts, e.g. 2 for G.
        """
        size, origin = int(self.lengths[contig]), int(self.offsets[contig])
        low, high = np.clip(start, 0, size), np.clip(start + length, 0, size)
        total = np.zeros(start.size, dtype=np.int64)
        for low_end in range(0, size, _PIECE):
            high_end = min(low_end + _PIECE, size)
            rows = slice(*np.searchsorted(start, [low_end - length, high_end]).tolist())
            if rows.start == rows.stop:
                continue
            # Read, not mapped: a pass over the whole genome would count as resident memory.
            codes = np.fromfile(
                self.folder / "codes.u8", np.uint8, high_end - low_end, offset=origin + low_end
            )
            codes -= np.uint8(first)  # what lies below wraps around to the top of the range
            sums = np.zeros(codes.size + 1, dtype=np.int32)
            np.cumsum(codes <= last - first, out=sums[1:])
            inner = np.clip(high[rows], low_end, high_end) - low_end
            outer = np.clip(low[rows], low_end, high_end) - low_end
            total[rows] += sums[inner] - sums[outer]
        return total

    def _view(self, length: int) -> np.ndarray:
        if length not in self._views:
            self._views[length] = np.lib.stride_tricks.sliding_window_view(self.codes, length)
        return self._views[length]


def _encode_fasta(path: Path, folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream, _indexed(path) as fasta:
            contigs = {}
            for contig, record in fasta.index.items():
                contigs[str(contig)] = int(record.rlen)
                _encode_contig(fasta, str(contig), int(record.rlen), path, stream)
        if not any(contigs.values()):
            raise ValueError(f"{path} holds no sequence; give a FASTA file")
        Path(name).replace(folder / "codes.u8")
    finally:
        Path(name).unlink(missing_ok=True)
    write_json(folder / "contigs.json", {"sha256": digest, "contigs": contigs})


def _encode_contig(fasta: Faidx, contig: str, length: int, path: Path, stream: BinaryIO) -> None:
    bar = tqdm(total=length, unit="base", unit_scale=True, desc=contig, disable=length < 4 * _PIECE)
    with bar:
        for first in range(0, length, _PIECE):
            last = min(first + _PIECE, length)
            try:
                text = str(fasta.fetch(contig, first + 1, last))
            except _UNREADABLE as error:
                raise ValueError(_cut_short(path, contig, first, last)) from error
            if len(text) != last - first:
                raise ValueError(_cut_short(path, contig, first, last))
            stream.write(encode(text).tobytes())
            bar.update(last - first)


def _cut_short(path: Path, contig: str, first: int, last: int) -> str:
    return (
        f"{path} is cut short or does not fit its index: {contig}:{first}-{last} cannot be read; "
        "fetch the file again, or delete its .fai and .gzi"
    )


@contextmanager
def _indexed(path: Path) -> Iterator[Faidx]:
    """Open a FASTA file with its index; a plain gzip file is unpacked into the cache for it."""
    with tempfile.TemporaryDirectory(dir=cache_folder("genomes"), prefix=".unpack-") as folder:
        readable = path
        if _is_gzip(path) and not _is_bgzip(path):
            readable = Path(folder) / "genome.fa"
            try:
                with gzip.open(path, "rb") as packed, readable.open("wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 22)
            except (EOFError, OSError, zlib.error) as error:
                raise ValueError(
                    f"{path} is cut short or corrupt ({error}); fetch the file again"
                ) from error
        elif _is_bgzip(path) and path.suffix not in {".gz", ".bgz"}:
            readable = Path(folder) / "genome.fa.gz"
            readable.symlink_to(path.resolve())
        if _is_bgzip(path) and not _ends(path, _BGZIP_END):
            raise ValueError(
                f"{path} is cut short: it lacks bgzip's end marker; fetch the file again"
            )
        names = _index_names(readable, Path(folder))
        try:
            fasta = Faidx(str(readable), as_raw=True, **names)
        except (FastaIndexingError, *_UNREADABLE) as error:
            raise ValueError(
                f"{path} cannot be read as FASTA ({error}); give a plain, gzip or bgzip FASTA file"
            ) from error
        try:
            yield fasta
        finally:
            fasta.close()


def _index_names(path: Path, spare: Path) -> dict[str, str]:
    """Choose where the index lies: beside the file where that is fresh or can be written."""
    suffixes = (".fai", ".gzi") if _is_bgzip(path) else (".fai",)
    beside = [path.with_name(path.name + suffix) for suffix in suffixes]
    changed = path.stat().st_mtime
    fresh = all(index.exists() and index.stat().st_mtime >= changed for index in beside)
    chosen = beside
    if not fresh and not os.access(path.parent, os.W_OK):
        chosen = [spare / index.name for index in beside]
    return dict(zip(("indexname", "gzi_indexname"), map(str, chosen), strict=False))


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _is_bgzip(path: Path) -> bool:
    """Tell bgzip by the BC subfield in the first block's header (SAM specification, 4.1)."""
    with path.open("rb") as stream:
        head = stream.read(18)
    return (
        head[:2] == b"\x1f\x8b" and len(head) == 18 and bool(head[3] & 4) and head[12:14] == b"BC"
    )


def _ends(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - len(mark)))
        return stream.read() == mark
