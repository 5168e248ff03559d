"""The maximum-likelihood estimator: errors in both exposure and outcome."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.flags import common_flags
from deepmr.mr.ivw import random_effects_factor
from deepmr.mr.numerics.batch import assemble
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.generalised_least_squares import (
    correlated,
    correlation_of,
    flat,
    generalised_f,
)
from deepmr.mr.numerics.root import grid_minimum, root
from deepmr.mr.result import MREstimate

__all__ = ["maximum_likelihood", "profile_minimum"]

_ANGLES = 40


class Profile(NamedTuple):
    """Minus twice the profile log-likelihood and its first two derivatives at a slope."""

    q: Float64[np.ndarray, " locus"]
    first: Float64[np.ndarray, " locus"]
    second: Float64[np.ndarray, " locus"]


def _profile(
    slope: Float64[np.ndarray, " locus"], block: Columns, tau2: np.ndarray | float = 0.0
) -> Profile:
    theta = slope[:, None]
    variance = block.sy**2 + (theta * block.sx) ** 2 + np.asarray(tau2)[..., None]
    bend = 2 * theta * block.sx**2
    if block.psi is not None:
        shared = 2 * block.psi * block.sx * block.sy
        variance = variance - theta * shared
        bend = bend - shared
    r, x = (block.y - theta * block.x) / variance, block.x
    rr = r * r
    q = np.vecdot(rr, variance)
    first = -2 * np.vecdot(r, x) - np.vecdot(rr, bend)
    second = (
        2 * np.vecdot(x / variance, x)
        + 4 * np.sum(r * x * bend / variance, axis=-1)
        - 2 * np.sum(rr * block.sx**2, axis=-1)
        + 2 * np.sum(rr * bend**2 / variance, axis=-1)
    )
    return Profile(q, first, second)


def profile_minimum(
    block: Columns, tau2: Float64[np.ndarray, " locus"] | float = 0.0
) -> Float64[np.ndarray, " locus"]:
    """Return the slope at which sum((y - b x)^2 / (sy^2 + b^2 sx^2 + tau2)) is smallest.

    In the angle whose tangent is the slope (in units of sy / sx) the sum is a smooth wave, so a
    coarse grid of angles brackets its lowest trough and a root of the derivative is the minimum.
    """
    unit = np.sqrt(np.mean(block.sy**2, axis=-1) / np.mean(block.sx**2, axis=-1))
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    angles = np.linspace(-np.pi / 2, np.pi / 2, _ANGLES + 2)[1:-1]
    nodes = np.tan(angles)[:, None] * unit
    low, _, high = grid_minimum(lambda b: _profile(b, block, tau2).q, nodes)
    return root(lambda b: _profile(b, block, tau2).first, low, high)


def _kernel(block: Columns) -> dict[str, np.ndarray]:
    slope = profile_minimum(block)
    found = _profile(slope, block)
    n = block.n
    usable = (n >= 1) & (np.sum(block.x**2, axis=-1) > 0)
    f = block.x / block.sx
    return {
        "value": np.where(usable, slope, np.nan),
        "fixed_se": np.where(usable & (found.second > 0), np.sqrt(2 / found.second), np.nan),
        "q": np.where(usable, found.q, np.nan),
        "n": n,
        "f_mean": np.vecdot(f, f) / n,
    }


def _correlated_profile(
    slope: np.ndarray, columns: dict[str, np.ndarray], rho: np.ndarray, psi: np.ndarray
) -> Profile:
    """The same with a residual covariance that couples instruments."""
    theta = slope[:, None, None]
    sx, sy = columns["sx"], columns["sy"]
    outer_x = rho * sx[:, :, None] * sx[:, None, :]
    outer_y = rho * sy[:, :, None] * sy[:, None, :]
    mixed = rho * (psi * sx)[:, :, None] * sy[:, None, :]
    mixed = mixed + np.swapaxes(mixed, -1, -2)
    covariance = outer_y + theta**2 * outer_x - theta * mixed
    bend = 2 * theta * outer_x - mixed
    r = columns["y"] - slope[:, None] * columns["x"]
    solved = np.linalg.solve(covariance, np.stack([r, columns["x"]], axis=-1))
    a, b = solved[..., 0], solved[..., 1]
    bent = np.einsum("lij,lj->li", bend, a)
    again = np.linalg.solve(covariance, bent[..., None])[..., 0]
    x = columns["x"]
    curved = np.vecdot(a, np.einsum("lij,lj->li", outer_x, a))
    first = -2 * np.vecdot(x, a) - np.vecdot(a, bent)
    second = 2 * np.vecdot(x, b) + 4 * np.vecdot(x, again)
    second = second + 2 * np.vecdot(bent, again) - 2 * curved
    return Profile(np.vecdot(r, a), first, second)


def _correlated(effects: EffectSizes) -> dict[str, np.ndarray]:
    columns = flat(effects)
    n_loci, n_variants = columns["mask"].shape
    dense, factor = correlation_of(effects, slice(0, n_loci))
    if dense is None and factor is not None:
        dense = factor @ np.swapaxes(factor, -1, -2)
        index = np.arange(n_variants)
        dense[:, index, index] = 1.0
    rho = np.asarray(dense)
    positive = np.linalg.eigvalsh(rho)[:, 0] > 0
    rho = np.where(positive[:, None, None], rho, np.eye(n_variants))
    psi = np.broadcast_to(effects.error_correlation, effects.mask.shape).reshape(n_loci, -1)
    profile = partial(_correlated_profile, columns=columns, rho=rho, psi=psi)
    unit = np.sqrt(np.mean(columns["sy"] ** 2, axis=-1) / np.mean(columns["sx"] ** 2, axis=-1))
    unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
    angles = np.linspace(-np.pi / 2, np.pi / 2, _ANGLES + 2)[1:-1]
    low, _, high = grid_minimum(lambda b: profile(b).q, np.tan(angles)[:, None] * unit)
    slope = root(lambda b: profile(b).first, low, high)
    found = profile(slope)
    return {
        "value": np.where(positive, slope, np.nan),
        "fixed_se": np.where(positive & (found.second > 0), np.sqrt(2 / found.second), np.nan),
        "q": np.where(positive, found.q, np.nan),
        "n": columns["n"],
        "f_mean": generalised_f(effects),
    }


def maximum_likelihood(
    effects: EffectSizes,
    *,
    model: Literal["auto", "fixed", "random"] = "auto",
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect by maximum likelihood, with errors in both effects.

    With every true exposure effect a parameter, the profile likelihood leaves the slope b that
    minimises Q(b) = sum((y - b x)^2 / (sy^2 + b^2 sx^2 - 2 b psi sx sy)); Q at its minimum is the
    heterogeneity statistic, and the error is 1 / sqrt(Q'' / 2), the joint observed information.
    The exact minimum is found; R's optimiser stops near it. Correlated instruments are allowed.

    *Weak instruments* do not bias it as they do IVW, but with very many of them its error is too
    small (use `raps`). *Invalid* instruments bias it as they do IVW; overdispersion is only
    answered by a wider interval.

    Args:
        effects: The instruments; ``error_correlation`` is psi.
        model: Multiplies the error by sqrt(Q / (n - 1)) where it exceeds 1 (``random``), never
            (``fixed``), or from 4 instruments on (``auto``).
        distribution: Normal, or t with n - 1 degrees of freedom.

    References:
        Thompson et al. 2005, doi:10.1002/sim.2090; Burgess, Butterworth and Thompson 2013,
        doi:10.1002/gepi.21758 (the likelihood); Zhao et al. 2020, doi:10.1214/19-AOS1866 (its
        profile, and the behaviour with many weak instruments).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(maximum_likelihood(ldl_chd()).effect.value), 3)
        3.173
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = _correlated(effects) if correlated(effects) else by_blocks(effects, _kernel)
    n = found["n"]
    df = np.maximum(n - 1, 0.0)
    heterogeneity = Heterogeneity(q=np.where(n > 1, found["q"], np.nan), df=df)
    se = found["fixed_se"] * random_effects_factor(heterogeneity.q, df, n, model)
    degrees = np.asarray(np.inf) if distribution == "normal" else np.maximum(df, 1.0)
    return assemble(
        effects,
        "maximum_likelihood",
        effect=Estimate(value=found["value"], se=se, df=degrees),
        heterogeneity=heterogeneity,
        flags=common_flags(n=n, f_mean=found["f_mean"], log_p_heterogeneity=heterogeneity.log_p),
        correlated_errors="used",
    )
