"""Instruments that lie on one dose-response with the outcome, for the concordant slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import EffectSizes
from deepmr.instruments import Rule

__all__ = ["CONCORDANT", "FLOOR", "Concordant", "median_slopes"]

CONCORDANT = "concordant"
"""Name of the method in every table."""

FLOOR = 0.03
"""Distance from the dose-response that counts as none, over the scale of the outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concordant:
    """Keep the instruments of another rule that lie on the locus's dose-response.

    With b the median of the ratios y / x weighted by x^2, a variant is kept if |y - b x| is at
    most ``tolerance`` |b x| + ``floor``. Sites of the outcome's own, which move the exposure
    hardly and the outcome much, leave the slope so; the share of x^2 that is kept says how much of
    the exposure the slope speaks for (`carried` in ``verdict.json``).

    Args:
        rule: Selects instruments.
        floor: Distance in units of the outcome's effects that counts as none: .03 of its scale.
        tolerance: Relative distance that does not count; .5 by default.

    Example:
        >>> from deepmr.instruments import All
        >>> effects = EffectSizes.from_arrays(
        ...     beta_exposure=np.array([1.0, 2.0, 1.0]), se_exposure=np.full(3, 0.1),
        ...     beta_outcome=np.array([0.5, 1.1, 3.0]), se_outcome=np.full(3, 0.1),
        ... )
        >>> Concordant(rule=All(), floor=0.1)(effects).tolist()
        [True, True, False]
    """

    rule: Rule
    floor: float
    tolerance: float = 0.5

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return where the other rule selects and the variant lies on the dose-response."""
        kept = effects.mask & self.rule(effects, offset=offset)
        x, y = effects.beta_exposure, effects.beta_outcome
        (slope,) = median_slopes(np.where(kept, x, 0.0), y, kept)
        expected = slope[..., None] * x
        near = np.abs(y - expected) <= self.tolerance * np.abs(expected) + self.floor
        return np.asarray(kept & near)


def median_slopes(
    exposure: Float64[np.ndarray, "*batch variant"],
    outcome: Float64[np.ndarray, "*batch variant"],
    *subsets: Bool[np.ndarray, "*batch variant"],
) -> tuple[Float64[np.ndarray, "*batch"], ...]:
    """Return medians of outcome over exposure, weighted by squared exposure effects.

    One median a subset of variants; the ratios are sorted once for all. A median, so that the
    outcome's own variants or a second pathway do not drag the slope along.

    Args:
        exposure: Effects on the exposure; variants with 0 are left out.
        outcome: Effects on the outcome.
        subsets: True for the variants of each subset.

    Returns:
        A slope for each subset, 0 where it is empty.

    Example:
        >>> x, y = np.array([1.0, 1.0, 1.0, 2.0]), np.array([0.5, 0.4, 9.0, 1.0])
        >>> [b.item() for b in median_slopes(x, y, x > 0, x < 2)]
        [0.5, 0.5]
    """
    used = exposure != 0
    ratio = np.divide(outcome, exposure, out=np.zeros_like(outcome), where=used)
    order = np.argsort(ratio, axis=-1)
    ratio = np.take_along_axis(ratio, order, axis=-1)
    weight = np.take_along_axis(exposure**2, order, axis=-1)
    slopes = []
    for subset in subsets:
        part = np.where(np.take_along_axis(subset, order, axis=-1), weight, 0.0)
        total = np.cumsum(part, axis=-1)
        # Half the weight less a rounding error: three equal weights' median is the middle one.
        middle = (total >= total[..., -1:] * (0.5 - 1e-12)).argmax(axis=-1)
        slope = np.take_along_axis(ratio, middle[..., None], axis=-1)[..., 0]
        slopes.append(np.where(total[..., -1] > 0, slope, 0.0))
    return tuple(slopes)
