"""The Anscombe transform of counts: the scale on which tasks of kind ``count`` are modelled."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from jaxtyping import Float

__all__ = ["ANSCOMBE_SHIFT", "anscombe", "expected_count"]

ANSCOMBE_SHIFT = 0.375
"""What is added to a count under the root: 3/8."""

Counts = TypeVar("Counts", bound=Float[np.ndarray, "..."])


def anscombe(count: Counts) -> Counts:
    """Return 2 sqrt(y + 3/8), on which a Poisson count has a variance close to 1.

    Args:
        count: Counts, 0 or more, of any shape; NaN stays NaN. The result has its dtype.

    Raises:
        ValueError: If a count is negative.

    References:
        Anscombe 1948, doi:10.1093/biomet/35.3-4.246.

    Example:
        >>> anscombe(np.array([0.625, 3.625])).tolist()
        [2.0, 4.0]
    """
    if bool((count < 0).any()):
        raise ValueError(
            f"a task of kind count needs counts of 0 or more, got {np.nanmin(count)}; "
            "use kind signal"
        )
    return np.asarray(2.0 * np.sqrt(count + ANSCOMBE_SHIFT))  # type: ignore[return-value]


def expected_count(transformed: Counts) -> Counts:
    """Return (a / 2)^2 - 3/8, the count of a value on the Anscombe scale.

    Values below 0, which no count has, stand for a value of 0.

    Args:
        transformed: Values on the Anscombe scale, of any shape; NaN stays NaN.

    Example:
        >>> expected_count(np.array([4.0, 6.0])).tolist()
        [3.625, 8.625]
    """
    root = np.maximum(transformed, 0.0) / 2.0
    return np.asarray(root * root - ANSCOMBE_SHIFT)  # type: ignore[return-value]
