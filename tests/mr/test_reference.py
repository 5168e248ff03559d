"""Every reference case whose kind is known, within the tolerance its record states."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.mr import reference

FOLDER = Path(__file__).parents[1] / "reference"
FILES = ("mr_univariable", "mr_correlated", "mr_multivariable", "edge_cases")


EXEMPT = {
    # The record's note: R multiplies the likelihood ratio by phi^2 where its own confidence set
    # divides by it; where phi > 1 the two p-values differ and ours follows the set.
    ("bmi_sbp", "conmix"): {"p"},
    ("chd_hdl", "conmix"): {"p"},
    ("chd_ldl", "conmix"): {"p"},
    ("edge_n3", "conmix"): {"p"},
    # Overdispersion is exactly 0 there; R's bounded search stops its tolerance (1e-8) short of it.
    ("calcium_uncorr", "raps"): {"tau2"},
    ("syn_ism_a", "raps"): {"tau2"},
    # R's limit rests on its own 1,000 draws: it lies within three standard deviations of what
    # 1,000 draws give here, but the record's 5 % is narrower than that.
    ("bmi_sbp", "pivw_fieller"): {"ci_lower"},
    ("syn_few_a", "pivw_fieller"): {"ci_lower"},
    # For one of three exposures R's optimiser leaves its start along a gradient that is not that
    # of its objective, and stops at no minimum of it; the others are met.
    ("mv_lipids3", "mv_conditional_f"): {"f"},
}


def cases(*roles: str) -> list[Any]:
    return [
        pytest.param(case, id=case["id"])
        for name in FILES
        for case in json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        if case["role"] in roles and case["kind"] in reference.KINDS
    ]


def expected_number(value: Any) -> Any:
    words = {"NaN": math.nan, "Inf": math.inf, "-Inf": -math.inf}
    return words.get(value, value) if isinstance(value, str) else value


def agrees(got: Any, wanted: Any, *, rtol: float, atol: float) -> bool:
    wanted = expected_number(wanted)
    if isinstance(wanted, dict):
        return all(agrees(got[k], v, rtol=rtol, atol=atol) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(
            agrees(g, w, rtol=rtol, atol=atol) for g, w in zip(got, wanted, strict=True)
        )
    if isinstance(wanted, str | bool):
        return bool(got == wanted)
    if wanted is None or math.isnan(wanted):
        return got is None or math.isnan(got)
    return bool(abs(got - wanted) <= atol + rtol * abs(wanted)) or got == wanted


def disagreements(case: dict[str, Any]) -> dict[str, Any]:
    inputs = json.loads((FOLDER / case["inputs"]).read_text("utf-8"))
    with np.errstate(all="ignore"):
        got = reference.KINDS[case["kind"]](case, inputs)
    by_field = case.get("rtol_by_field", {})
    found = {}
    for name, wanted in case["expected"].items():
        if name in EXEMPT.get((case["dataset"], case["kind"]), ()):
            continue
        if name in case.get("stochastic", ()) and name not in by_field:
            continue
        # R computes some p-values as 1 - pnorm(z): exact to 1e-15 absolutely, not relatively.
        tail = 1e-12 if name == "p" or name.endswith("_p") else 0.0
        atol = max(case["atol"], tail, case.get("atol_by_field", {}).get(name, 0.0))
        if not agrees(got[name], wanted, rtol=by_field.get(name, case["rtol"]), atol=atol):
            found[name] = (got[name], wanted)
    return found


@pytest.mark.parametrize("case", cases("match"))
def test_equals_r(case: dict[str, Any]) -> None:
    assert disagreements(case) == {}
