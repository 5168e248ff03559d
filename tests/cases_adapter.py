"""Where names that outside cases use have moved to, and estimators that they ask for by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import deepmr
from deepmr.data.encode import encode_source as EncodeSource
from deepmr.inference.question import Question
from deepmr.mr import inverse_variance_weighted
from deepmr.notebook import interrogate

__all__ = ["EncodeSource"]


def _with_ivw(*args: Any, estimators: Mapping[str, Any] | None = None, **settings: Any) -> Any:
    """Ask the default estimators, and beside them the ``ivw`` whose row the cases look up."""
    asked = estimators or {**Question().estimators, "ivw": inverse_variance_weighted}
    return interrogate(*args, estimators=asked, **settings)


deepmr.interrogate = _with_ivw
