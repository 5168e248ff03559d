"""Damaged files of every input format; the long version is ``python -m benchmarks.fuzz``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz import Format, damage, formats, outcome, run


def test_damaged_files_are_refused_by_name_or_harmless() -> None:
    found = run(60)
    assert found["files"] == 600
    assert found["faults"] == []
    for name, counts in found["counts"].items():
        assert counts["refused"] > 20, name


def test_undamaged_files_are_valid_by_the_independent_rules(tmp_path: Path) -> None:
    for one in formats(tmp_path):
        if one.is_valid is not None:
            assert one.is_valid(one.content), one.name


@pytest.mark.parametrize(
    ("read", "word"),
    [
        (lambda path: path.read_bytes(), "FAULT: damaged content accepted"),
        (lambda path: {}["x"], "FAULT: message without the file's name"),
        (lambda path: 1 / 0, "FAULT: traceback"),
    ],
)
def test_a_careless_reader_is_found_out(tmp_path: Path, read: Any, word: str) -> None:
    one = Format(name="x.gz", content=b"abc" * 50, read=read, is_valid=None)
    damaged = damage(one.content, np.random.default_rng(3))
    assert damaged != one.content
    assert outcome(one, tmp_path, damaged, one.content)[0] == word
