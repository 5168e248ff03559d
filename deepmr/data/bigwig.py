"""Read bigWig files with every structure checked: a damaged file is refused, never followed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

__all__ = ["BigWig"]

_MAGIC, _TREE_MAGIC, _INDEX_MAGIC = 0x888FFC26, 0x78CA8C91, 0x2468ACE0
_HEADER = struct.Struct("<IHHQQQHHQQIQ")
_TREE = struct.Struct("<IIIIQQ")
_INDEX = struct.Struct("<IIQIIIIQII")
_NODE = struct.Struct("<BBH")
_BLOCK = struct.Struct("<IIIIIBBH")
_LEAF = np.dtype("<u4,<u4,<u4,<u4,<u8,<u8")  # first and last contig and base, offset, size
_BRANCH = np.dtype("<u4,<u4,<u4,<u4,<u8")
_ITEMS = {  # of a block, by its type: bedGraph, variable step, fixed step
    1: np.dtype([("start", "<u4"), ("end", "<u4"), ("value", "<f4")]),
    2: np.dtype([("start", "<u4"), ("value", "<f4")]),
    3: np.dtype([("value", "<f4")]),
}
_LARGEST_BLOCK = 1 << 26  # bytes, unpacked; writers use some tens of kilobytes
_BROKEN = (struct.error, IndexError, OverflowError, UnicodeDecodeError, ValueError, zlib.error)


@dataclass(frozen=True, slots=True)
class _Block:
    """The values of one block of data."""

    start: Int64[np.ndarray, " item"]
    end: Int64[np.ndarray, " item"]
    value: Float32[np.ndarray, " item"]


class BigWig:
    """A bigWig file, its contigs and its values.

    The header, the tree of contigs and the index are read at once; blocks of values when they are
    asked for. Each is compared with what the others say of it. Only the values themselves are
    read, not the summaries at lower resolution (zoom levels).

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no bigWig, is cut short or damaged.

    References:
        Kent et al. 2010, doi:10.1093/bioinformatics/btq351 (the format, in its supplement).
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"a signal file is missing: {path}; no such file")
        self.path = path
        size = path.stat().st_size
        self._data = np.memmap(path, dtype=np.uint8, mode="r") if size else np.zeros(0, np.uint8)
        if size < _HEADER.size or self._unpack(struct.Struct("<I"), 0)[0] != _MAGIC:
            raise ValueError(
                f"{path} cannot be read as bigWig (it does not begin as one, or is empty); tasks "
                "of kind signal and count need one"
            )
        try:
            self._read_header()
            self._ids, self.contigs = self._read_contigs()
            self._leaves = self._read_index()
        except _BROKEN as error:
            raise self._damaged(str(error)) from error

    def values(self, chrom: str, low: int, high: int) -> Float32[np.ndarray, " base"]:
        """Return the value of each base of a stretch, NaN where there is none.

        Args:
            chrom: One of `contigs`.
            low: First base, 0-based.
            high: The base behind the last, at most the contig's length.

        Raises:
            ValueError: If a block that is needed is damaged.
        """
        result = np.full(high - low, np.nan, dtype=np.float32)
        leaf, identity = self._leaves, self._ids[chrom]
        here = (leaf["f0"] == identity) & (leaf["f1"] < high) & (leaf["f3"] > low)
        for row in np.flatnonzero(here):
            block = self._block(int(row))
            start, end = np.clip(block.start - low, 0, None), np.minimum(block.end, high) - low
            length = np.maximum(end - start, 0)
            before = np.cumsum(length) - length
            place = np.repeat(start - before, length) + np.arange(int(length.sum()))
            result[place] = np.repeat(block.value, length)
        return result

    def check(self) -> None:
        """Read every block and compare the bases covered with what the header counts.

        Raises:
            ValueError: If a block is damaged, or the numbers differ.
        """
        covered = 0
        for row in range(self._leaves.size):
            block = self._block(row)
            covered += int((block.end - block.start).sum())
        if self._summary and covered != self._covered:
            raise self._damaged(f"{covered} bases have a value, its header counts {self._covered}")

    @cached_property
    def _covered(self) -> int:
        return int(self._unpack(struct.Struct("<Q"), self._summary)[0])

    def _read_header(self) -> None:
        _, version, _, tree, data, index, *_, summary, packed, _ = self._unpack(_HEADER, 0)
        if not 1 <= version <= 4:
            raise ValueError(f"version {version} is not known")
        # UCSC's tools write the tree, the data and the index in this order, others do not.
        if not all(_HEADER.size <= at < self._data.size for at in (tree, data, index)):
            raise ValueError("a part of it lies outside the file")
        self._tree, self._first, self._index = tree, data, index
        self._summary, self._packed = summary, packed
        if summary and not _HEADER.size <= summary <= self._data.size - 40:
            raise ValueError("its summary lies outside the file")

    def _read_contigs(self) -> tuple[dict[str, int], dict[str, int]]:
        magic, _, key, value, count, _ = self._unpack(_TREE, self._tree)
        if magic != _TREE_MAGIC or value != 8 or not 0 < key < 1024:
            raise ValueError("its tree of contigs is not one")
        found: list[tuple[str, int, int]] = []
        layout = struct.Struct(f"<{key}sII")
        for at, n in self._leaf_nodes(self._tree + _TREE.size, layout.size, count):
            for place in range(at, at + n * layout.size, layout.size):
                text, identity, size = layout.unpack(bytes(self._bytes(place, layout.size)))
                name = text.rstrip(b"\0").decode("ascii")
                if not name.isprintable() or not name:
                    raise ValueError(f"a contig is called {name!r}")
                found.append((name, identity, size))
        names = {name: size for name, _, size in found}
        ids = {name: identity for name, identity, _ in found}
        if len(names) != len(found) or sorted(ids.values()) != list(range(len(found))):
            raise ValueError("its contigs are not numbered from 0 on, or named twice")
        if len(found) != count or 0 in names.values():
            raise ValueError(f"it counts {count} contigs with bases and names {len(names)}")
        return ids, names

    def _read_index(self) -> np.ndarray:
        magic, _, count, *_ = self._unpack(_INDEX, self._index)
        if magic != _INDEX_MAGIC:
            raise ValueError("its index is not one")
        start = self._index + _INDEX.size
        parts = [np.zeros(0, dtype=_LEAF)]
        for at, n in self._leaf_nodes(start, _BRANCH.itemsize, count):
            parts.append(np.frombuffer(bytes(self._bytes(at, n * _LEAF.itemsize)), dtype=_LEAF))
        leaves = np.concatenate(parts)
        size = np.zeros(len(self._ids), dtype=np.int64)
        for name, identity in self._ids.items():
            size[identity] = self.contigs[name]
        contig, last = leaves["f0"], leaves["f2"]
        if leaves.size != count:
            raise ValueError(f"its index counts {count} blocks and lists {leaves.size}")
        if not (contig == last).all() or not (contig < size.size).all():
            raise ValueError("a block of its index lies on no contig")
        if not (leaves["f3"] <= size[contig]).all() or not (leaves["f1"] < leaves["f3"]).all():
            raise ValueError("a block of its index reaches beyond its contig")
        # As floats, so that no sum wraps around.
        end = leaves["f4"].astype(np.float64) + leaves["f5"].astype(np.float64)
        if not (end <= self._data.size).all() or not (leaves["f4"] >= self._first).all():
            raise ValueError("a block of its index lies outside the file")
        return leaves

    def _leaf_nodes(self, root: int, width: int, count: int) -> Iterator[tuple[int, int]]:
        """Walk a tree and yield where the items of each leaf begin, and how many there are.

        Args:
            root: Place of the root.
            width: Bytes of an item of a branch; its last eight are the place of a node.
            count: Number of items that the tree is said to have, which bounds the walk.
        """
        waiting, seen = [root], 0
        while waiting:
            at = waiting.pop()
            seen += 1
            is_leaf, _, n = self._unpack(_NODE, at)
            if is_leaf > 1 or at < _HEADER.size or seen > 2 * count + 2:
                raise ValueError("a node of a tree is none")
            at += _NODE.size
            if is_leaf:
                yield at, n
                continue
            children = [at + k * width - 8 for k in range(n, 0, -1)]
            waiting += [self._unpack(struct.Struct("<Q"), one)[0] for one in children]

    def _block(self, row: int) -> _Block:
        try:
            return self._parsed(row)
        except _BROKEN as error:
            raise self._damaged(f"block {row}: {error}") from error

    def _parsed(self, row: int) -> _Block:
        contig, first, _, last, offset, size = (int(number) for number in self._leaves[row])
        content = bytes(self._bytes(offset, size))
        if self._packed:
            stream = zlib.decompressobj()
            content = stream.decompress(content, _LARGEST_BLOCK)
            if not stream.eof or stream.unused_data:
                raise ValueError("it is cut short")
        identity, low, high, step, span, kind, _, n = _BLOCK.unpack_from(content)
        if kind not in _ITEMS or (identity, low, high) != (contig, first, last):
            raise ValueError("it is not what the index says")
        if len(content) != _BLOCK.size + n * _ITEMS[kind].itemsize or not n:
            raise ValueError(f"it does not hold the {n} values that it counts")
        items = np.frombuffer(content, dtype=_ITEMS[kind], offset=_BLOCK.size)
        start = low + step * np.arange(n) if kind == 3 else items["start"].astype(np.int64)
        end = items["end"].astype(np.int64) if kind == 1 else start + span
        apart = (start[1:] >= end[:-1]).all() and (start < end).all()
        if not apart or start[0] < low or end[-1] > high:
            raise ValueError("its values overlap, or reach beyond the block")
        return _Block(start, end, items["value"].astype(np.float32))

    def _bytes(self, at: int, size: int) -> np.ndarray:
        if not 0 <= at <= at + size <= self._data.size:
            raise ValueError(f"bytes {at} to {at + size} lie outside the file")
        return self._data[at : at + size]

    def _unpack(self, layout: struct.Struct, at: int) -> tuple[int, ...]:
        return layout.unpack(bytes(self._bytes(at, layout.size)))

    def _damaged(self, what: str) -> ValueError:
        return ValueError(
            f"{self.path} cannot be read as bigWig ({what}); it may be cut short or damaged, fetch "
            "it again"
        )
