"""A genome encoded as one byte a base in a memory map, made once from FASTA."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, Shaped, UInt8
from tqdm import tqdm

from deepmr.data.cache import cache_folder, content_hash
from deepmr.data.fasta import read_fasta
from deepmr.files import locked, read_json, write_json
from deepmr.sequence import UNKNOWN

__all__ = ["EncodedGenome"]

_PIECE = 1 << 24  # bases read at a time: 16 MB of text in memory, whatever the contig's length
_LAYOUT = 2  # raised when the files below change their meaning


class EncodedGenome:
    """The contigs of a FASTA file, one byte a base, end to end in a memory map.

    Lower-case (soft-masked) bases are read as upper case; every letter that is not A, C, G or T
    is unknown (code 4). It travels to worker processes as a path, not as an array.

    Args:
        folder: What `from_fasta` built.

    Raises:
        FileNotFoundError: If the folder holds no encoded genome.
        ValueError: If its files are damaged: they are compared with the digest written when they
            were made.
    """

    def __init__(self, folder: Path) -> None:
        record = folder / "contigs.json"
        if not record.exists():
            raise FileNotFoundError(f"{folder} holds no encoded genome; build it with from_fasta")
        self.folder = folder
        stored = _checked(folder)
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

        The file may be plain, gzip or bgzip; its content alone decides what counts as the same
        file. It is read from its beginning to its end: an index beside it (.fai, .gzi) is neither
        read nor made, so that a stale one cannot mislead. A damaged encoding in the cache is made
        again.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is no FASTA of nucleotides, is cut short or damaged, or names a
                contig twice.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"the genome must be a FASTA file, got {path}; no such file")
        digest = content_hash(path)
        folder = cache_folder("genomes") / f"{digest[:16]}-{_LAYOUT}"
        if not _usable(folder):
            with locked(folder, wait=True):
                if not _usable(folder):
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


def _checked(folder: Path) -> dict[str, Any]:
    """Read the record of an encoded genome and compare the codes with it."""
    record, codes = folder / "contigs.json", folder / "codes.u8"
    stored = read_json(record)
    try:
        size, digest = sum(stored["contigs"].values()), stored["codes_sha256"]
        whole = codes.is_file() and codes.stat().st_size == size and content_hash(codes) == digest
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{record} is damaged ({error!r}); delete {folder}") from error
    if not whole:
        raise ValueError(
            f"{codes} has not the content that was written to it; delete {folder}, it is made again"
        )
    return dict(stored)


def _usable(folder: Path) -> bool:
    """Tell whether a folder holds an encoded genome, undamaged."""
    if not (folder / "contigs.json").exists():
        return False
    try:
        _checked(folder)
    except ValueError as error:
        warnings.warn(f"the genome is encoded again: {error}", stacklevel=4)
        return False
    return True


def _encode_fasta(path: Path, folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    contigs: dict[str, int] = {}
    content = hashlib.sha256()
    bar = tqdm(unit="base", unit_scale=True, desc=f"encode {path.name}", delay=3, disable=None)
    try:
        with bar, os.fdopen(handle, "wb") as stream:
            for contig, codes in read_fasta(path, _PIECE):
                contigs[contig] = contigs.get(contig, 0) + codes.size
                packed = codes.tobytes()
                content.update(packed)
                stream.write(packed)
                bar.update(codes.size)
        Path(name).replace(folder / "codes.u8")
    finally:
        Path(name).unlink(missing_ok=True)
    record = {"sha256": digest, "codes_sha256": content.hexdigest(), "contigs": contigs}
    write_json(folder / "contigs.json", record)
