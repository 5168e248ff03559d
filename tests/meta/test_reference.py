"""Every meta-analysis case that R has an answer for, within the tolerance its record states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.meta import reference
from tests.mr.test_reference import agrees
from tests.reference_adapter import compute

FOLDER = Path(__file__).parents[1] / "reference"


def cases(*roles: str) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for name in ("meta_analysis", "edge_cases")
        for case in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        if case["role"] in roles and case["kind"] in reference.KINDS
    ]


@pytest.mark.parametrize("case", cases("match", "near"))
def test_equals_r(case: dict[str, Any]) -> None:
    inputs = json.loads((FOLDER / case["inputs"]).read_text("utf-8"))
    got = compute({key: entry for key, entry in case.items() if key != "expected"}, inputs)
    by_field = case.get("rtol_by_field", {})
    found = {
        name: (got[name], wanted)
        for name, wanted in case["expected"].items()
        if not agrees(got[name], wanted, rtol=by_field.get(name, case["rtol"]), atol=case["atol"])
    }
    assert found == {}


def test_no_kind_is_forgotten() -> None:
    records = json.loads((FOLDER / "meta_analysis.json").read_text("utf-8"))
    assert {record["kind"] for record in records} == set(reference.KINDS)
