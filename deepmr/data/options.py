"""The ranges of the options of ``data=encode``, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepmr.data.signal import GAPS, SUMMARIES

__all__ = ["check_options"]

_CHOICES = {
    "missing_contigs": ("refuse", "drop"),
    "signal": tuple(SUMMARIES),
    "gaps": GAPS,
    "class_weights": ("none", "balanced", "sqrt"),
}


def check_options(options: Mapping[str, Any], *, class_weights: str) -> None:
    """Verify that the options lie in their ranges.

    Raises:
        ValueError: If one does not.
    """
    size, context = options["bin"], options["context"]
    if not 0 < size <= context:
        raise ValueError(
            f"data.bin must be at least 1 and at most data.context ({context}), got {size}"
        )
    if (context - size) % 2:
        raise ValueError(
            "data.context minus data.bin must be even, so that the bin lies in the middle, "
            f"got {context} - {size}"
        )
    if not 0 <= options["overlap"] < 1:
        raise ValueError(f"data.overlap must be at least 0 and below 1, got {options['overlap']}")
    if options["negatives"] is not None and options["negatives"] < 0:
        raise ValueError(
            f"data.negatives must be 0 or more, or null for all, got {options['negatives']}"
        )
    if not 0 <= options["max_unknown"] <= 1:
        raise ValueError(f"data.max_unknown is a share from 0 to 1, got {options['max_unknown']}")
    if options["jitter"] < 0:
        raise ValueError(f"data.jitter must be 0 or more, got {options['jitter']}")
    for option, allowed in _CHOICES.items():
        value = class_weights if option == "class_weights" else options[option]
        if value not in allowed:
            raise ValueError(f"data.{option} is one of {', '.join(allowed)}; got {value!r}")
