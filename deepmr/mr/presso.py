"""MR-PRESSO: global, outlier and distortion tests, and IVW without the outliers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import ALPHA, common_flags
from deepmr.mr.numerics.batch import assemble, estimate_in_batch, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["Presso", "presso", "presso_tests"]

_ELEMENTS = 1 << 14
"""Simulated effects at a time: few enough for the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presso:
    """MR-PRESSO's three tests and two estimates.

    Args:
        rss: Sum of weighted squared leave-one-out residuals.
        global_p: Share of simulated data sets with a larger sum; 0 means below 1 / iterations.
        outlier_p: The same for each instrument, times their number (Bonferroni), at most 1.
        outliers: Instruments with ``outlier_p`` below the level, where the global test rejects.
        raw: IVW of all instruments, error unfloored, t with n - 1 degrees of freedom.
        corrected: The same without the outliers; missing where there are none.
        distortion: By how much the outliers move the estimate, relative to the corrected one.
        distortion_p: Share of random removals that move it as much.
    """

    rss: Float64[np.ndarray, "*batch"]
    global_p: Float64[np.ndarray, "*batch"]
    outlier_p: Float64[np.ndarray, "*batch variant"]
    outliers: Bool[np.ndarray, "*batch variant"]
    raw: Estimate
    corrected: Estimate
    distortion: Float64[np.ndarray, "*batch"]
    distortion_p: Float64[np.ndarray, "*batch"]


def _leave_one_out(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the IVW slope without each instrument."""
    xx = np.vecdot(w * x, x)[..., None] - w * x**2
    return np.asarray((np.vecdot(w * x, y)[..., None] - w * x * y) / xx)


def _slope(
    w: np.ndarray, x: np.ndarray, y: np.ndarray, n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    xx = np.vecdot(w * x, x)
    slope = np.vecdot(w * x, y) / xx
    q = np.vecdot(w * (y - slope[..., None] * x), y - slope[..., None] * x)
    return slope, np.sqrt(q / np.where(n > 1, n - 1, np.nan) / xx)


def _distortion(
    block: Columns, outliers: np.ndarray, raw: np.ndarray, iterations: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw what replacing non-outliers at random does to the estimate.

    As in the original: the outliers stay, the rest is drawn with replacement from the others,
    and as many as there are outliers are dropped at the end.
    """
    w = block.mask / block.sy**2
    valid = block.mask & ~outliers
    n_out = outliers.sum(axis=-1)
    n = block.mask.sum(axis=-1)
    share = valid / np.maximum(valid.sum(axis=-1, keepdims=True), 1)
    kept = w * outliers
    fixed_xx, fixed_xy = np.vecdot(kept * block.x, block.x), np.vecdot(kept * block.x, block.y)
    drawn = []
    size = np.maximum(n - 2 * n_out, 0)
    for _ in range(iterations):
        counts = np.stack(
            [
                rng.multinomial(m, p / max(p.sum(), 1e-300))
                for m, p in zip(
                    size,
                    np.where(share.sum(-1, keepdims=True) > 0, share, 1 / share.shape[1]),
                    strict=True,
                )
            ]
        )
        xx = fixed_xx + np.vecdot(counts * w * block.x, block.x)
        xy = fixed_xy + np.vecdot(counts * w * block.x, block.y)
        slope = xy / xx
        drawn.append((raw - slope) / np.abs(slope))
    return np.asarray(drawn)


def _simulated(
    block: Columns,
    w: np.ndarray,
    fitted: np.ndarray,
    observed: tuple[np.ndarray, np.ndarray],
    iterations: int,
    rngs: tuple[np.random.Generator, np.random.Generator],
    enough: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Count the simulated data sets with a larger sum, and with a larger residual, than observed.

    A locus of which a share of ``enough`` of all data sets had a larger sum is left out of those
    that follow, and the simulation ends where none is left; its counts then say no more than that.
    In units of the outcome's errors a residual from the slope of the others is
    (y - b x) / (1 - x^2 / sum x^2), b being the slope of all.
    """
    root = np.sqrt(w)
    x0, sx, y0 = root * block.x, root * block.sx, root * fitted
    rss, limit = observed[0], np.abs(root * observed[1])
    larger, beyond = np.zeros_like(rss), np.zeros_like(x0)
    mask, todo = block.mask, np.arange(len(rss))
    step = max(1, _ELEMENTS // max(x0.size, 1))
    columns = [one[todo] for one in (sx, x0, mask, y0, limit)]
    for start in range(0, iterations, step):
        if not todo.size:
            break
        sx, x0, mask, y0, limit = columns
        shape = (min(step, iterations - start), 1, x0.shape[1])
        x = sx * rngs[0].standard_normal(shape)
        x += x0
        y = mask * rngs[1].standard_normal(shape) + y0
        xx = np.vecdot(x, x)
        y -= (np.vecdot(x, y) / xx)[..., None] * x
        x *= x
        x /= -xx[..., None]
        x += 1.0
        y /= x
        larger[todo] += np.count_nonzero(np.vecdot(y, y) > rss[todo], axis=0)
        beyond[todo] += np.count_nonzero(np.abs(y, out=y) > limit, axis=0)
        going = larger[todo] / iterations < enough
        if not going.all():
            todo, columns = todo[going], [one[going] for one in columns]
    return larger, beyond


def _kernel(
    block: Columns, *, iterations: int, level: float, seed: int, distortion: bool
) -> dict[str, np.ndarray]:
    w = block.mask / block.sy**2
    n = block.n
    left_out = _leave_one_out(w, block.x, block.y)
    difference = block.y - left_out * block.x
    rss = np.vecdot(w, difference**2)
    rng_x, rng_y, rng_pick = np.random.default_rng(seed).spawn(3)
    enough = np.inf if distortion else level
    larger, beyond = _simulated(
        block, w, left_out * block.x, (rss, difference), iterations, (rng_x, rng_y), enough
    )
    total = max(iterations, 1)
    global_p = np.where(n >= 4, larger / total, np.nan)
    outlier_p = np.minimum(beyond / total * n[:, None], 1.0)
    outliers = block.mask & (outlier_p < level) & (global_p < level)[:, None]
    some = outliers.any(axis=-1) & (n - outliers.sum(axis=-1) >= 2)
    raw, raw_se = _slope(w, block.x, block.y, n)
    left = n - outliers.sum(axis=-1)
    corrected, corrected_se = _slope(w * ~outliers, block.x, block.y, left)
    bias = (raw - corrected) / np.abs(corrected)
    distortion_p = np.full_like(raw, np.nan)
    if distortion and bool(some.any()):
        drawn = _distortion(block, outliers, raw, iterations, rng_pick)
        distortion_p = np.where(some, np.mean(np.abs(drawn) > np.abs(bias), axis=0), np.nan)
    return {
        "rss": rss,
        "global_p": global_p,
        "outlier_p": np.where(block.mask, outlier_p, np.nan),
        "outliers": outliers,
        "raw": raw,
        "raw_se": raw_se,
        "corrected": np.where(some, corrected, np.nan),
        "corrected_se": np.where(some, corrected_se, np.nan),
        "left": left,
        "distortion": np.where(some, bias, np.nan),
        "distortion_p": distortion_p,
        "n": n,
    }


def _found(
    effects: EffectSizes,
    iterations: int,
    level: float,
    rng: np.random.Generator | int,
    *,
    distortion: bool,
) -> dict[str, np.ndarray]:
    seed = int(np.random.default_rng(rng).integers(2**63))
    kernel = partial(_kernel, iterations=iterations, level=level, seed=seed, distortion=distortion)
    return by_blocks(effects, kernel)


def presso_tests(
    effects: EffectSizes,
    *,
    iterations: int = 1000,
    level: float = ALPHA,
    rng: np.random.Generator | int = 0,
) -> Presso:
    """Run MR-PRESSO's global, outlier and distortion tests.

    The statistic is the sum of squared residuals, each from the IVW slope of the *other*
    instruments; its null distribution is simulated from normals around the fitted effects. The
    outlier test needs n / iterations below the level to be able to reject (give 20 n or more).

    Args:
        effects: The instruments; the tests need 4.
        iterations: Simulated data sets, 1000 by default.
        level: Of the global and of the (Bonferroni-corrected) outlier test, 0.05 by default.
        rng: Generator or seed of the simulation, 0 by default.

    References:
        Verbanck, Chen, Neale and Do 2018, doi:10.1038/s41588-018-0099-7.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(presso_tests(ldl_chd()).global_p < 0.05)
        True
    """
    effects, _ = with_positive_errors(effects)
    found = _found(effects, iterations, level, rng, distortion=True)
    batch = effects.mask.shape[:-1]
    raw, corrected = (
        estimate_in_batch(
            Estimate(value=found[name], se=found[f"{name}_se"], df=np.maximum(n - 1, 1.0)), batch
        )
        for name, n in (("raw", found["n"]), ("corrected", found["left"]))
    )
    names = ("rss", "global_p", "outlier_p", "outliers", "distortion", "distortion_p")
    return Presso(
        raw=raw, corrected=corrected, **{name: in_batch(found[name], batch) for name in names}
    )


def presso(
    effects: EffectSizes,
    *,
    iterations: int = 1000,
    level: float = ALPHA,
    rng: np.random.Generator | int = 0,
) -> MREstimate:
    """Estimate the causal effect by IVW without the outliers that MR-PRESSO finds.

    Where there are none it is IVW of all instruments. Right while fewer than half of the
    instruments are invalid, InSIDE holds for the rest and outliers stand out one by one: a group of
    invalid instruments that agree moves the slope towards itself and hides. The error ignores that
    outliers were chosen by the same data. Weak instruments lose power, not validity. The
    error is the regression's own, unfloored, on n - 1 degrees of freedom, as in the original.

    Args:
        effects: The instruments; the tests need 4.
        iterations: Simulated data sets; all loci see the same standard normal draws.
        level: Of the global and of the (Bonferroni-corrected) outlier test.
        rng: Generator or seed of the simulation, 0 by default.

    References:
        Verbanck, Chen, Neale and Do 2018, doi:10.1038/s41588-018-0099-7.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(presso(ldl_chd()).flags["horizontal_pleiotropy"])
        True
    """
    effects, exact = with_positive_errors(effects)
    found = _found(effects, iterations, level, rng, distortion=False)
    some = ~np.isnan(found["corrected"])
    n = np.where(some, found["left"], found["n"])
    flags = common_flags(n=found["n"], least=4)
    flags["horizontal_pleiotropy"] = np.asarray(found["global_p"] < level)
    return assemble(
        effects,
        "presso",
        effect=Estimate(
            value=np.where(some, found["corrected"], found["raw"]),
            se=np.where(some, found["corrected_se"], found["raw_se"]),
            df=np.maximum(n - 1, 1.0),
        ),
        flags=flags | exact,
    )
