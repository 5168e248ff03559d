"""A user's own regions: a BED file to windows of the model's length."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
from jaxtyping import Int64, Shaped

from deepmr.data.cache import cache_folder
from deepmr.data.peaks import read_peaks

__all__ = ["kipoiseq", "read_regions"]


def read_regions(
    path: Path | str, contigs: Mapping[str, int], *, length: int
) -> tuple[Shaped[np.ndarray, " locus"], Int64[np.ndarray, " locus"], Int64[np.ndarray, " locus"]]:
    """Read regions and resize each to one window around its middle.

    A window that would reach over a contig's rim is moved inwards. Windows that come out the same
    are kept once.

    Args:
        path: BED with three columns or more, plain or gzip.
        contigs: Length of each contig.
        length: Bases in a window.

    Returns:
        chrom, start, end of each window, sorted by contig (in the order of ``contigs``) and place.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line breaks a rule, there is no region, or a contig is too short.
    """
    path = Path(path)
    peaks = read_peaks(path, contigs)
    if not len(peaks):
        raise ValueError(f"{path} holds no region; give one line a region: chrom, start, end")
    interval = kipoiseq().Interval
    names = list(contigs)
    found = set()
    for place, start, end in zip(
        peaks.contig.tolist(), peaks.start.tolist(), peaks.end.tolist(), strict=True
    ):
        size = contigs[names[place]]
        if size < length:
            raise ValueError(
                f"{path}: {names[place]} has {size} bases, fewer than the model's window of "
                f"{length}; leave {names[place]}:{start}-{end} out"
            )
        window = interval(names[place], start, end).resize(length)
        inwards = max(0, -window.start) - max(0, window.end - size)
        window = window.shift(inwards)
        found.add((place, window.start, window.end))
    ordered = np.asarray(sorted(found), dtype=np.int64)
    return np.asarray(names)[ordered[:, 0]], ordered[:, 1].copy(), ordered[:, 2].copy()


def kipoiseq() -> ModuleType:
    """Import kipoiseq without letting it write to the home folder, which may be read-only.

    It is imported here and not at the top because it takes seconds, and most runs never need it.
    """
    with _home(cache_folder("kipoi")):
        return importlib.import_module("kipoiseq")


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before
