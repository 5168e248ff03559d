"""Medians of many rows of one distribution, such as bootstrap draws, without sorting them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

__all__ = ["medians"]

_LONG = 512
_MANY = 4
_REACH = 3.0
"""Ranks beside the middle that are looked at, in square roots of a row's length.

The rank of a draw's median among another draw's values has a standard deviation of about .7 of it.
"""


def medians(values: Float64[np.ndarray, "*batch variant"]) -> Float64[np.ndarray, "*batch"]:
    """Return the median of each row, the same to the bit as by sorting; nothing may be NaN.

    With many rows along the first axis, only values near the first row's median are ordered; a
    row whose median does not lie there is done by itself.

    Args:
        values: Rows of at least one value.

    Example:
        >>> medians(np.array([[3.0, 1.0, 2.0], [6.0, 4.0, 8.0]])).tolist()
        [2.0, 6.0]
    """
    count = values.shape[-1]
    if count < _LONG or values.ndim < 2 or len(values) < _MANY:
        return _by_selection(values)
    middle, reach = count // 2, int(_REACH * np.sqrt(count))
    first = np.partition(values[0], (middle - reach, middle + reach), axis=-1)
    low, high = first[..., middle - reach, None], first[..., middle + reach, None]
    reached = values >= low
    inside = (reached & (values <= high)).reshape(-1, count)
    rows = values.reshape(-1, count)
    number = _true(inside)
    place = middle - (count - _true(reached.reshape(-1, count)))
    known = (place >= 1) & (place < number)
    near = np.full((len(rows), int(number.max())), np.inf)
    near[np.arange(near.shape[1]) < number[:, None]] = rows.ravel()[np.flatnonzero(inside)]
    near.sort(axis=-1)
    upper, lower = (
        np.take_along_axis(near, np.clip(place - k, 0, near.shape[1] - 1)[:, None], axis=-1)[:, 0]
        for k in (0, 1 - count % 2)
    )
    found = (lower + upper) / 2
    if not known.all():
        found[~known] = _by_selection(rows[~known])
    return np.asarray(found.reshape(values.shape[:-1]))


def _true(marked: np.ndarray) -> np.ndarray:
    """Return how many of each row are true, eight at a time."""
    return np.asarray(np.bitwise_count(np.packbits(marked, axis=-1)).sum(axis=-1, dtype=np.int64))


def _by_selection(values: np.ndarray) -> np.ndarray:
    middle = values.shape[-1] // 2
    parted = np.partition(values, middle, axis=-1)
    high = parted[..., middle]
    low = parted[..., :middle].max(axis=-1) if values.shape[-1] % 2 == 0 else high
    return np.asarray((low + high) / 2)
