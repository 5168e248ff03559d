"""Files that are whole or absent."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmr.files import (
    atomic_write,
    fingerprint,
    locked,
    read_json,
    safe_name,
    sha256,
    write_json,
)


def test_an_exception_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_write(path) as stream:
            stream.write("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"], "nothing half-written stays"


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "a.txt") as stream:
        stream.write("x")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_a_lock_keeps_another_process_out_and_says_so(tmp_path: Path) -> None:
    code = f"from deepmr.files import locked\nwith locked({str(tmp_path / 'run')!r}): print('held')"
    command = [sys.executable, "-c", code]
    with locked(tmp_path / "run"):
        other = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "is in use by another process" in other.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"


def test_fingerprints_ignore_the_order_of_keys_and_see_every_value() -> None:
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint({}, digits=16)) == 16


def test_json_that_is_cut_short_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, 2]})
    assert read_json(tmp_path / "a.json") == {"x": [1, 2]}
    (tmp_path / "a.json").write_text('{"x": [1,')
    with pytest.raises(ValueError, match=r"a\.json is not valid JSON .*cut short"):
        read_json(tmp_path / "a.json")


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # the standard's own example
    assert sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea")


NAMES = st.text(alphabet=st.sampled_from("ax2e-./_\\\0\u00fc "), max_size=6) | st.text(max_size=200)


@given(NAMES, NAMES)
def test_safe_names_are_plain_file_names_and_differ_where_the_texts_do(a: str, b: str) -> None:
    name = safe_name(a)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", name)
    assert not name.startswith(".")
    assert (name == safe_name(b)) == (a == b)


def test_long_names_that_differ_at_their_end_stay_apart() -> None:
    first, second = safe_name("x" * 300 + "a"), safe_name("x" * 300 + "b")
    assert first != second
    assert len(first) == 120
