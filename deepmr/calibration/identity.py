"""No calibration: by choice, or by rule where there is too little to calibrate on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

__all__ = ["FittedIdentity", "Identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedIdentity:
    """The map that leaves predictions as they are.

    Args:
        reason: Why there is no other; kept in the record, so that it is never silent.
    """

    reason: str = "calibrator=none was chosen"

    @property
    def strictly_increasing(self) -> bool:
        """Always true."""
        return True

    def transform(self, prediction: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return a copy of the predictions."""
        return prediction.copy()

    def to_record(self) -> dict[str, Any]:
        """Return plain data."""
        return {"type": "identity", "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Do not calibrate."""

    def fit(
        self,
        prediction: Float64[np.ndarray, " sample"],  # noqa: ARG002 (the contract's argument)
        target: Float64[np.ndarray, " sample"],  # noqa: ARG002
        *,
        spread: Float64[np.ndarray, " sample"] | None = None,  # noqa: ARG002
    ) -> FittedIdentity:
        """Return the identity whatever the data."""
        return FittedIdentity()
