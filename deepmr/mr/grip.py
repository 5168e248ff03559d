"""MR-GRIP: a test for pleiotropy that no choice of alleles can change."""

from __future__ import annotations

from typing import Literal

import numpy as np

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["grip"]


def _regression(block: Columns) -> dict[str, np.ndarray]:
    """Regress x y on x^2 with intercept and weights 1 / (x sy)^2, in units of the errors."""
    usable = block.mask & (block.x != 0)
    root = np.where(usable, 1 / np.where(usable, np.abs(block.x) * block.sy, 1.0), 0.0)
    square = root**2
    total = square.sum(axis=-1)
    design, target = block.x**2, block.x * block.y
    mean_x = np.vecdot(square, design) / total
    mean_y = np.vecdot(square, target) / total
    u, v = root * (design - mean_x[:, None]), root * (target - mean_y[:, None])
    xx = np.vecdot(u, u)
    slope = np.vecdot(u, v) / xx
    residual = v - slope[:, None] * u
    n = usable.sum(axis=-1).astype(np.float64)
    q = np.vecdot(residual, residual)
    spread = np.sqrt(q / np.maximum(n - 2, 1.0))
    return {
        "value": slope,
        "se": spread / np.sqrt(xx),
        "intercept": mean_y - slope * mean_x,
        "intercept_se": spread * np.sqrt(1 / total + mean_x**2 / xx),
        "q": q,
        "n": n,
    }


def _adjusted(block: Columns, plain: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Replace powers of the exposure effects by unbiased estimates of the true ones'."""
    weight = block.mask / block.sy**2
    total = weight.sum(axis=-1)
    x2, s2 = block.x**2, block.sx**2
    second, third = x2 - s2, x2 - 3 * s2
    fourth = x2**2 - 6 * x2 * s2 + 3 * s2**2
    product = block.x * block.y
    strength = np.vecdot(weight, second)
    numerator = total * np.vecdot(weight, product * third) - np.vecdot(weight, product) * strength
    denominator = total * np.vecdot(weight, fourth) - strength**2
    usable = block.mask & (block.x != 0)
    fitted = plain["value"][:, None] * block.x
    fitted = fitted + plain["intercept"][:, None] / np.where(usable, block.x, 1.0)
    spread = np.sum((block.y - fitted) ** 2, axis=-1, where=usable) / plain["n"]
    noise = weight**2 * spread[:, None] * x2
    variance = total**2 * np.vecdot(noise, third**2) + noise.sum(axis=-1) * strength**2
    variance -= 2 * total * strength * np.vecdot(noise, second)
    return {"value": numerator / denominator, "se": np.sqrt(variance) / np.abs(denominator)}


def _kernel(block: Columns, *, adjusted: bool) -> dict[str, np.ndarray]:
    found = _regression(block)
    if adjusted:
        found |= _adjusted(block, found)
    enough = found["n"] >= 3
    missing = {"n": found["n"]}
    return {k: np.where(enough, v, np.nan) for k, v in found.items()} | missing


def grip(
    effects: EffectSizes,
    *,
    adjusted: bool = False,
    distribution: Literal["normal", "t"] = "t",
) -> MREstimate:
    """Estimate the causal effect and the pleiotropy by MR-GRIP.

    MR-Egger's answer depends on which allele is called the effect allele. Multiplying every term
    by the exposure effect, x y = a + b x^2, leaves nothing to orient. The intercept a is the
    covariance of direct effects with the instruments' effects: zero under a weaker form of InSIDE.
    Errors are those of the regression, without a floor (as in TwoSampleMR), on n - 2 degrees.

    *Weak instruments* attenuate it as they do MR-Egger; ``adjusted`` replaces the powers of x by
    unbiased estimates of the true ones, which holds with many instruments and a mean F above 10
    or so, and otherwise may be wild. Instruments with x = 0 carry no information and are left out.

    Args:
        effects: The instruments; at least 3 with an exposure effect, otherwise NaN.
        adjusted: Correct for weak instruments; False by default.
        distribution: ``t`` (default) with n - 2 degrees of freedom, or ``normal``.

    References:
        Dudbridge, Bowden et al. 2025, doi:10.1371/journal.pgen.1011967, as implemented in
        TwoSampleMR's mr_grip.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> result = grip(ldl_chd())
        >>> bool(result.pleiotropy.p_value > 0.05)
        True
    """
    effects, exact = with_positive_errors(effects)
    found = by_blocks(effects, lambda block: _kernel(block, adjusted=adjusted))
    n = found["n"]
    df = np.maximum(n - 2, 0.0)
    degrees = np.asarray(np.inf) if distribution == "normal" else np.maximum(df, 1.0)
    pleiotropy = Estimate(value=found["intercept"], se=found["intercept_se"], df=degrees)
    heterogeneity = Heterogeneity(q=found["q"], df=df)
    return assemble(
        effects,
        "grip",
        effect=Estimate(value=found["value"], se=found["se"], df=degrees),
        pleiotropy=pleiotropy,
        heterogeneity=heterogeneity,
        flags=common_flags(
            n=n,
            log_p_heterogeneity=heterogeneity.log_p,
            log_p_pleiotropy=pleiotropy.log_p_value,
        )
        | exact,
    )
