"""Values against pyBigWig, which wraps another implementation; damage against the whole file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from deepmr.data.bigwig import BigWig


def written(path: Path, sizes: dict[str, int], kind: str, seed: int = 0) -> Path:
    generator = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(sizes.items()))
        for name, size in sizes.items():
            start = np.arange(7, size - 40, 40)
            value = generator.normal(size=start.size).tolist()
            if kind == "bedGraph":
                end = start + generator.integers(1, 41, start.size)
                track.addEntries(
                    [name] * start.size, start.tolist(), ends=end.tolist(), values=value
                )
            elif kind == "variable":
                track.addEntries(name, start.tolist(), values=value, span=25)
            else:
                track.addEntries(name, 7, values=value, span=30, step=40)
    return path


MANY = {f"a_contig_with_a_long_name_{k}": 200 + k for k in range(700)}  # a tree of two levels
LONG = {"chr1": 200_000, "chr2": 30_000}  # many blocks
KEYS = {f"{k:024d}": 300 for k in range(300)}  # names as wide as an item of the index


@pytest.mark.parametrize("kind", ["bedGraph", "variable", "fixed"])
@pytest.mark.parametrize("sizes", [LONG, KEYS, MANY], ids=["long", "keys", "many"])
def test_every_value_is_pybigwigs(tmp_path: Path, kind: str, sizes: dict[str, int]) -> None:
    path = written(tmp_path / "x.bw", sizes, kind)
    ours = BigWig(path)
    ours.check()
    assert ours.contigs == sizes
    with pyBigWig.open(str(path)) as theirs:
        for name, size in sizes.items():
            expected = np.asarray(theirs.values(name, 0, size, numpy=True), dtype=np.float32)
            np.testing.assert_array_equal(ours.values(name, 0, size), expected)
            low, high = size // 3, size // 3 + 111
            np.testing.assert_array_equal(ours.values(name, low, high), expected[low:high])


def test_every_cut_and_every_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    sizes = {"chr1": 4000, "chr2": 900}
    whole = written(tmp_path / "x.bw", sizes, "bedGraph").read_bytes()
    before = {name: BigWig(tmp_path / "x.bw").values(name, 0, n) for name, n in sizes.items()}
    tree = struct.unpack_from("<Q", whole, 8)[0]
    data = struct.unpack_from("<Q", whole, 16)[0]
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.bw"
    accepted = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        if place % 3:
            damaged[place] ^= 1 << int(generator.integers(8))
        else:
            del damaged[place:]
        path.write_bytes(bytes(damaged))
        try:
            track = BigWig(path)
            track.check()
            # Nothing in the file vouches for the names and lengths of contigs.
            if track.contigs == sizes and not tree <= place < data:
                after = {name: track.values(name, 0, n) for name, n in sizes.items()}
                for name in sizes:
                    np.testing.assert_array_equal(after[name], before[name])
            accepted += 1
        except ValueError as error:
            if str(path) not in str(error):
                pytest.fail(f"the message does not name the file: {error}")
    # The zoom levels at the end are not read: half of this small file.
    assert 0 < accepted < 0.7 * len(whole)


def test_index_that_points_to_itself_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bw", MANY, "bedGraph")
    content = bytearray(path.read_bytes())
    index = struct.unpack_from("<Q", content, 24)[0] + 48
    assert content[index] == 0, "the root of the index is a branch"
    struct.pack_into("<Q", content, index + 4 + 16, index)
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"x\.bw cannot be read as bigWig"):
        BigWig(path)


@pytest.mark.parametrize("content", [b"", b"chr1\t1\t2\n" * 20, b"\x26\xfc\x8f\x88" + bytes(80)])
def test_what_is_no_bigwig_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.bw").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.bw cannot be read as bigWig"):
        BigWig(tmp_path / "x.bw")


def test_parts_may_come_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path / "x.bw", LONG, "bedGraph")
    before = BigWig(path).values("chr2", 0, LONG["chr2"])
    content = bytearray(path.read_bytes())
    tree, data = struct.unpack_from("<QQ", content, 8)
    moved = len(content)
    content += content[tree:data]  # bigtools writes the tree of contigs behind the data
    content[tree:data] = bytes(data - tree)
    struct.pack_into("<Q", content, 8, moved)
    path.write_bytes(bytes(content))
    track = BigWig(path)
    track.check()
    assert track.contigs == LONG
    np.testing.assert_array_equal(track.values("chr2", 0, LONG["chr2"]), before)
