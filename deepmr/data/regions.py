"""A user's own regions: a BED file to windows of the network's length."""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Int8, Int64, Shaped

from deepmr.data.cache import cache_folder
from deepmr.data.peaks import read_peaks

__all__ = ["Regions", "kipoiseq", "read_regions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """Windows around a user's regions, sorted by contig, place and strand.

    Args:
        chrom: Contig of each window.
        start: First base of each window, 0-based.
        end: The base behind each window.
        strand: 1 for the forward strand, -1 for the reverse strand, 0 where the file names none.
        region_start: First base of the region itself; of several with one window, of one.
        region_end: The base behind its last.
    """

    chrom: Shaped[np.ndarray, " region"]
    start: Int64[np.ndarray, " region"]
    end: Int64[np.ndarray, " region"]
    strand: Int8[np.ndarray, " region"]
    region_start: Int64[np.ndarray, " region"]
    region_end: Int64[np.ndarray, " region"]

    def __len__(self) -> int:
        return self.start.size


def read_regions(
    path: Path | str, contigs: Mapping[str, int], *, length: int, contig_names: str = "exact"
) -> Regions:
    """Read regions and resize each to one window around its middle.

    A window that would reach over a contig's end is moved inwards. Windows that come out the same,
    strand included, are kept once. The strand is BED's sixth column.

    Args:
        path: BED with three columns or more, plain, gzip or bgzip.
        contigs: Length of each contig, in the order of the result.
        length: Bases in a window.
        contig_names: ``exact``, or ``chr`` to match names that differ by that prefix.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, there is no region, or a contig is too short.
    """
    path = Path(path)
    peaks = read_peaks(
        path,
        contigs,
        beyond="refuse",
        contig_names=contig_names,
        may_be_empty=True,
        stranded=True,
        option="loci",
    )
    if not len(peaks):
        raise ValueError(f"{path} holds no region; give one line a region: chrom, start, end")
    interval = kipoiseq().Interval
    names = list(contigs)
    found: dict[tuple[int, int, int, int], tuple[int, int]] = {}
    columns = (peaks.contig, peaks.start, peaks.end, peaks.strand)
    for place, start, end, strand in zip(*(one.tolist() for one in columns), strict=True):
        size = contigs[names[place]]
        if size < length:
            raise ValueError(
                f"{path}: {names[place]} has {size} bases, fewer than the model's window of "
                f"{length}; leave {names[place]}:{start}-{end} out"
            )
        window = interval(names[place], start, end).resize(length)
        inwards = max(0, -window.start) - max(0, window.end - size)
        window = window.shift(inwards)
        found.setdefault((place, window.start, window.end, strand), (start, end))
    ordered = np.asarray(sorted((*key, *own) for key, own in found.items()), dtype=np.int64)
    return Regions(
        chrom=np.asarray(names)[ordered[:, 0]],
        start=ordered[:, 1].copy(),
        end=ordered[:, 2].copy(),
        strand=ordered[:, 3].astype(np.int8),
        region_start=ordered[:, 4].copy(),
        region_end=ordered[:, 5].copy(),
    )


def kipoiseq() -> ModuleType:
    """Import kipoiseq without its side effects: files in the home folder, and log messages.

    On import, kipoi reads its configuration with a library that complains about its own fields
    ("Unrecognized fields"), and writes a folder ``.kipoi`` to the home folder, which may be
    read-only. It is imported here and not at the top because it takes seconds, and most runs never
    need it.
    """
    with (
        tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".kipoi-") as folder,
        _home(folder),
        _silenced("kipoi_utils", "kipoi"),
    ):
        return importlib.import_module("kipoiseq")


@contextmanager
def _home(folder: str) -> Iterator[None]:
    before = os.environ.get("HOME")
    os.environ["HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before


@contextmanager
def _silenced(*names: str) -> Iterator[None]:
    """Let loggers pass nothing below an error, and restore their levels."""
    loggers = [logging.getLogger(name) for name in names]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
