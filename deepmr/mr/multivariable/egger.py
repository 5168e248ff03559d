"""Multivariable MR-Egger regression."""

from __future__ import annotations

import numpy as np

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.multivariable.least_squares import fit_plane
from deepmr.mr.multivariable.result import (
    Distribution,
    MultivariableEstimate,
    assemble_multivariable,
    rows_of,
)
from deepmr.mr.numerics.ratio import with_positive_errors

__all__ = ["multivariable_egger"]


def multivariable_egger(
    effects: MultivariableEffectSizes,
    *,
    orient: int = 0,
    distribution: Distribution = "normal",
) -> MultivariableEstimate:
    """Estimate direct effects and directional pleiotropy by multivariable MR-Egger.

    As `multivariable_ivw` with an intercept, after orienting instruments to a positive effect on
    one exposure. The answer for the *other* exposures depends on that choice, and the assumption
    (direct effects independent of every exposure's) is strong.

    Args:
        effects: The instruments.
        orient: Index of the exposure whose effects are made positive; where they are exactly 0
            the instrument counts as having no effects at all, as in R.
        distribution: Normal, or t with n - K - 1 degrees of freedom.

    Raises:
        ValueError: If ``orient`` is not the index of an exposure.

    References:
        Rees, Wood and Burgess 2017, doi:10.1002/sim.7492.

    Example:
        >>> from deepmr.mr import lipids_chd
        >>> found = multivariable_egger(lipids_chd())
        >>> found.effect.value.round(2).tolist(), round(float(found.pleiotropy.p_value), 2)
        ([2.83, -0.66, 0.83], 0.01)
    """
    effects, exact = with_positive_errors(effects)
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    if not 0 <= orient < n_exposures:
        raise ValueError(
            f"multivariable_egger.orient must be one of the {n_exposures} exposures' indices, "
            f"got {orient}; count from 0"
        )
    sign = np.sign(rows.x[:, orient])
    design = np.concatenate([rows.mask[:, None, :].astype(float), rows.x * sign[:, None]], axis=1)
    plane = fit_plane(design, rows.y * sign, rows.mask / rows.sy**2)
    df = np.maximum(rows.n - n_exposures - 1, 0.0)
    factor = np.maximum(np.sqrt(plane.q / np.maximum(df, 1.0)), 1.0)[:, None]
    degrees = np.maximum(df, 1.0) if distribution == "t" else np.asarray(np.inf)
    wide = degrees[:, None] if distribution == "t" else degrees
    errors = plane.error * factor
    return assemble_multivariable(
        effects,
        "multivariable_egger",
        rows,
        effect=Estimate(value=plane.coefficient[:, 1:], se=errors[:, 1:], df=wide),
        pleiotropy=Estimate(value=plane.coefficient[:, 0], se=errors[:, 0], df=degrees),
        heterogeneity=Heterogeneity(q=np.where(df > 0, plane.q, np.nan), df=df),
        extra_flags=exact,
    )
