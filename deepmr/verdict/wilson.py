"""Limits of a share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

__all__ = ["wilson"]


def wilson(
    share: Float64[np.ndarray, "*batch"], n: Float64[np.ndarray, "*batch"], *, z: float
) -> Float64[np.ndarray, "*batch"]:
    """Return a limit of Wilson's interval of a share; the upper one for positive ``z``.

    Args:
        share: Observed share.
        n: Number of observations; with none the limit is 0 or 1.
        z: Normal quantile, negative for the lower limit.

    References:
        Wilson 1927, doi:10.1080/01621459.1927.10502953

    Example:
        >>> wilson(np.array([1.0]), np.array([8.0]), z=-1.645).round(2)
        array([0.75])
    """
    safe = np.where(n > 0, n, 1.0)
    part = np.sqrt(share * (1 - share) / safe + z * z / (4 * safe**2))
    limit = (share + z * z / (2 * safe) + np.sign(z) * abs(z) * part) / (1 + z * z / safe)
    return np.asarray(np.where(n > 0, limit, float(z > 0)))
