"""The result of a Mendelian randomization estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from deepmr.estimate import Estimate, Heterogeneity

__all__ = ["MREstimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MREstimate:
    """Causal effect of an exposure on an outcome, with heterogeneity, pleiotropy and warnings.

    Args:
        method: Short name, as on the command line (``ivw``, ``egger``, ...).
        n_instruments: Number of instruments used.
        effect: Change in the outcome per unit of change in the exposure.
        pleiotropy: MR-Egger's intercept, where the method has one.
        heterogeneity: Cochran's or Ruecker's Q, where the method has one.
        flags: Named warnings, each an array over the batch.
    """

    method: str
    n_instruments: Int[np.ndarray, "*batch"]
    effect: Estimate
    pleiotropy: Estimate | None = None
    heterogeneity: Heterogeneity | None = None
    flags: Mapping[str, Bool[np.ndarray, "*batch"]] = field(default_factory=dict)

    def at(self, index: int) -> MREstimate:
        """Return one element of the first batch axis, one locus say."""
        return MREstimate(
            method=self.method,
            n_instruments=np.asarray(self.n_instruments[index]),
            effect=self.effect.at(index),
            pleiotropy=None if self.pleiotropy is None else self.pleiotropy.at(index),
            heterogeneity=None if self.heterogeneity is None else self.heterogeneity.at(index),
            flags={name: np.asarray(flag[index]) for name, flag in self.flags.items()},
        )
