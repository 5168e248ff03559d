"""One door to the library for reference cases: a case record in, the fields of `expected` out.

The reference records (tests/reference/README.md) name what is computed by `kind` and how by
`setting`; tests/mr/reference.py and tests/meta/reference.py map kinds to library calls.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["compute"]

Calculation = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
_PARTS = ("mr", "meta")


def _part(name: str) -> ModuleType | None:
    """Load tests/<name>/reference.py by its path: it works with any folder on sys.path."""
    path = Path(__file__).parent / name / "reference.py"
    if not path.exists():
        return None
    module_name = f"deepmr_tests_{name}_reference"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def compute(case: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the library's numbers for one reference case, under the names of `expected`.

    Args:
        case: The record; `kind`, `setting` and `dataset` are read, never `expected`.
        inputs: The data set the record points to.

    Raises:
        NotImplementedError: If the kind is left out, with the reason.
    """
    for name in _PARTS:
        module = _part(name)
        kinds: Mapping[str, Calculation] = {} if module is None else module.KINDS
        if case["kind"] in kinds:
            return kinds[case["kind"]](case, inputs)
        left_out: Mapping[str, str] = getattr(module, "LEFT_OUT", {})
        if case["kind"] in left_out:
            raise NotImplementedError(f"{case['kind']}: {left_out[case['kind']]}")
    raise NotImplementedError(f"no calculation is known for the kind {case['kind']!r}")
