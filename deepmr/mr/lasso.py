"""MR-Lasso: direct effects of instruments, shrunk to zero; IVW of those without one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.distributions import chi2_quantile
from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.ratio import with_positive_errors
from deepmr.mr.numerics.root import root
from deepmr.mr.result import MREstimate

__all__ = ["LassoSelection", "choose_penalty", "lasso", "lasso_selection", "penalty_path"]

_STEPS = 100
_RATIO = 1e-4
_ELEMENTS = 1 << 12


class _Path(NamedTuple):
    """Fits along the penalties: (locus, step) and which instruments have no direct effect."""

    penalty: Float64[np.ndarray, "locus step"]
    slope: Float64[np.ndarray, "locus step"]
    valid: Bool[np.ndarray, "locus step variant"]
    reached: Bool[np.ndarray, "locus step"]


def penalty_path(
    gradient: Float64[np.ndarray, "locus variant"],
    scale: Float64[np.ndarray, "locus variant"],
    n: Float64[np.ndarray, " locus"],
) -> Float64[np.ndarray, "locus step"]:
    """Return 100 penalties from the largest useful one down to 1e-4 of it."""
    usable = scale > 0
    top = np.max(np.where(usable, np.abs(gradient) / np.where(usable, scale, 1.0), 0.0), axis=-1)
    return np.asarray((top / n)[:, None] * _RATIO ** (np.arange(_STEPS) / (_STEPS - 1)))


def _column_scale(
    root_w: np.ndarray, b: np.ndarray, strength: np.ndarray, n: np.ndarray
) -> Float64[np.ndarray, "locus variant"]:
    """Return the standard deviations of the columns of (I - b b' / b'b) diag(sqrt(w)).

    They scale the penalties as glmnet does; instruments are oriented to positive x.
    """
    mean = root_w * (1 - b * b.sum(axis=-1, keepdims=True) / strength) / n
    return np.asarray(np.sqrt(np.maximum(root_w**2 * (1 - b**2 / strength) / n - mean**2, 0.0)))


def _fit_path(block: Columns, penalty: float | None) -> _Path:
    n = block.n
    w = block.mask / block.sy**2
    b = np.sqrt(w) * block.x
    strength = np.vecdot(b, b)
    scale = _column_scale(np.sqrt(w), np.abs(b), strength[:, None], n[:, None])
    ols = np.vecdot(w * block.x, block.y) / strength
    residual = block.y - ols[:, None] * block.x
    if penalty is None:
        penalties = penalty_path(w * residual, scale, n)
    else:
        penalties = np.full((len(n), 1), penalty)
    limit = (n[:, None] * penalties)[:, :, None] * (scale / np.where(w > 0, w, 1.0))[:, None]
    slope = _huber_slope(block, w, limit, ols)
    left = block.y[:, None] - slope[..., None] * block.x[:, None]
    inside = np.abs(left) <= limit * (1 + 1e-9)
    clipped = np.clip(left, -limit, limit)
    share = (
        1 - np.vecdot(w[:, None] * clipped, clipped) / np.vecdot(w * residual, residual)[:, None]
    )
    gain = np.diff(share, axis=1, prepend=0.0)
    stop = (gain < 1e-5 * share) | (share > 0.999)
    stop[:, :4] = False
    reached = np.cumsum(stop, axis=1) - stop == 0
    return _Path(penalties, slope, inside & block.mask[:, None], reached)


def _huber_slope(
    block: Columns, w: np.ndarray, limit: np.ndarray, start: np.ndarray
) -> Float64[np.ndarray, "locus step"]:
    """Minimise the sum of Huber losses, each with its own limit: the lasso with a profiled out."""
    x, y, pull = block.x[:, None], block.y[:, None], (w * block.x)[:, None]

    def score(theta: np.ndarray) -> np.ndarray:
        return np.asarray(-np.vecdot(pull, np.clip(y - theta[..., None] * x, -limit, limit)))

    usable = block.mask & (block.x != 0)
    ratio = np.where(usable, block.y / np.where(usable, block.x, 1.0), start[:, None])
    shape = limit.shape[:-1]
    low, high = (np.broadcast_to(r[:, None], shape) for r in (ratio.min(-1), ratio.max(-1)))
    return root(score, low, high)


def choose_penalty(
    spread: Float64[np.ndarray, "locus step"],
    count: Float64[np.ndarray, "locus step"],
    reached: Bool[np.ndarray, "locus step"],
    least: int,
) -> np.ndarray:
    """Return the step whose penalty is chosen, by heterogeneity among the instruments left.

    From the smallest penalty up: the last step before the residual standard error of the valid
    instruments exceeds 1 and jumps by more than the 95 % chi-square quantile over their number.
    """
    n_loci = len(spread)
    last = reached.sum(axis=1) - 1
    chosen = np.zeros(n_loci, int)
    quantile = float(chi2_quantile(0.95, 1))
    for k in range(n_loci):
        s, m = spread[k, : last[k] + 1][::-1], count[k, : last[k] + 1][::-1]
        with np.errstate(invalid="ignore"):
            jump = (s[1:] > 1) & (np.diff(s) > quantile / m[1:])
        position = int(np.argmax(jump)) if bool(jump.any()) else len(s) - 1
        enough = np.flatnonzero(m > least)
        if len(enough):
            position = max(position, int(enough[0]))
        chosen[k] = last[k] - position
    return chosen


def _valid_fit(
    block: Columns, valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return IVW slope, its fixed error, Q and the number of valid instruments."""
    w = valid / block.sy[:, None] ** 2
    x, y = block.x[:, None], block.y[:, None]
    xx = np.sum(w * x**2, axis=-1)
    slope = np.sum(w * x * y, axis=-1) / xx
    q = np.sum(w * (y - slope[..., None] * x) ** 2, axis=-1)
    return slope, 1 / np.sqrt(xx), q, valid.sum(axis=-1).astype(np.float64)


def _kernel(block: Columns, *, penalty: float | None) -> dict[str, np.ndarray]:
    path = _fit_path(block, penalty)
    slope, error, q, count = _valid_fit(block, path.valid)
    spread = np.sqrt(q / np.where(count > 1, count - 1, np.nan))
    if penalty is None:
        step = choose_penalty(spread, count, path.reached, 1)
    else:
        step = np.zeros(len(slope), int)

    def pick(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, step[:, None], axis=1)[:, 0]

    enough = (pick(count) >= 2) & (block.n >= 3)
    valid = np.take_along_axis(path.valid, step[:, None, None], axis=1)[:, 0]
    inflated = pick(error) * np.maximum(pick(spread), 1.0)
    return {
        "value": np.where(enough, pick(slope), np.nan),
        "se": np.where(enough, inflated, np.nan),
        "q": np.where(enough, pick(q), np.nan),
        "df": np.maximum(pick(count) - 1, 0.0),
        "penalty": pick(path.penalty),
        "shrunk": pick(path.slope),
        "valid": valid & enough[:, None],
        "n": block.n,
    }


def lasso(
    effects: EffectSizes,
    *,
    penalty: float | None = None,
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect by IVW of the instruments that a lasso finds valid.

    Each instrument gets a direct effect a_j under the penalty sum |a_j|. Given the slope a_j is a
    soft-thresholded residual, so that the whole problem is one convex function of the slope (a
    Huber loss), solved exactly along 100 penalties. The penalty is the largest before the valid
    instruments become heterogeneous. The error is that of IVW on them, as if they had been given.

    *More than half invalid*, or direct effects all leaning one way, and the wrong instruments are
    kept. Choosing and estimating on the same data makes the error too small.

    Args:
        effects: The instruments; at least 3.
        penalty: Penalty (lambda, as glmnet scales it); by default chosen by heterogeneity.
        distribution: Normal, or t with one less than the valid instruments' number.

    References:
        Rees et al. 2019, doi:10.1371/journal.pone.0222362 (MR-Lasso and the choice of penalty);
        Kang et al. 2016, doi:10.1080/01621459.2014.994705 (the idea);
        Friedman, Hastie and Tibshirani 2010, doi:10.18637/jss.v033.i01 (the path of penalties).

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(lasso(ldl_chd()).effect.value), 2)
        2.67
    """
    effects, exact = with_positive_errors(effects)
    found = by_blocks(effects, partial(_kernel, penalty=penalty), elements=_ELEMENTS)
    df = found["df"]
    degrees = np.asarray(np.inf) if distribution == "normal" else np.maximum(df, 1.0)
    flags = common_flags(n=found["n"])
    flags["invalid_instruments"] = np.asarray(found["valid"].sum(axis=-1) < found["n"])
    return assemble(
        effects,
        "lasso",
        effect=Estimate(value=found["value"], se=found["se"], df=degrees),
        heterogeneity=Heterogeneity(q=found["q"], df=df),
        flags=flags | exact,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LassoSelection:
    """Result of the lasso: valid instruments, penalty and penalised slope.

    Args:
        valid: Instruments without a direct effect.
        penalty: The penalty chosen (lambda, as glmnet scales it).
        shrunk: The lasso's own slope, before refitting; biased towards that of all instruments.
    """

    valid: Bool[np.ndarray, "*batch variant"]
    penalty: Float64[np.ndarray, "*batch"]
    shrunk: Float64[np.ndarray, "*batch"]


def lasso_selection(effects: EffectSizes, *, penalty: float | None = None) -> LassoSelection:
    """Return the instruments that `lasso` finds valid, and at which penalty.

    Args:
        effects: The instruments; at least 3.
        penalty: Penalty (lambda, as glmnet scales it); by default chosen by heterogeneity.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> lasso_selection(ldl_chd()).valid.shape
        (28,)
    """
    effects, _ = with_positive_errors(effects)
    found = by_blocks(effects, partial(_kernel, penalty=penalty), elements=_ELEMENTS)
    batch = effects.mask.shape[:-1]
    return LassoSelection(
        **{name: in_batch(found[name], batch) for name in ("valid", "penalty", "shrunk")}
    )
