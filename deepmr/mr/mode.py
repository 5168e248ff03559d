"""Mode-based Mendelian randomization: where most of the ratios agree."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.effects import EffectSizes
from deepmr.estimate import Estimate
from deepmr.mr.flags import common_flags
from deepmr.mr.numerics.batch import assemble, in_batch
from deepmr.mr.numerics.blocks import Columns, by_blocks
from deepmr.mr.numerics.drawn_modes import Cells, modes_near
from deepmr.mr.numerics.kernel_density import NORMAL_MAD, bandwidth, grid_mode, kernel_mode
from deepmr.mr.numerics.ratio import Weights, outcome_error, with_positive_errors
from deepmr.mr.result import MREstimate

__all__ = ["mode_bandwidth", "penalized_mode", "simple_mode", "weighted_mode"]

Search = Literal["exact", "grid"]
ErrorMethod = Literal["bootstrap", "none"]
LEAST = 2
_ELEMENTS = 1 << 18


def _ratios(block: Columns, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    usable = block.mask & (block.x != 0)
    ratio = np.where(usable, block.y / block.x, np.nan)
    se = np.where(usable, outcome_error(block, weights) / np.abs(block.x), np.nan)
    return ratio, se


def _inverse_variance(se: np.ndarray, *, weighted: bool) -> np.ndarray:
    weight = 1 / se**2 if weighted else np.where(np.isnan(se), 0.0, 1.0)
    weight = np.nan_to_num(weight)
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def _mode(
    ratio: np.ndarray,
    weight: np.ndarray,
    h: np.ndarray,
    search: Search,
    near: np.ndarray | None = None,
    cells: Cells | None = None,
) -> np.ndarray:
    if search == "grid":
        return grid_mode(ratio, weight, h)
    if near is None:
        return kernel_mode(ratio, weight, h)
    return modes_near(near, ratio, weight, h, cells)


def _penalised(
    weight: np.ndarray, ratio: np.ndarray, se: np.ndarray, mode: np.ndarray, factor: float
) -> np.ndarray:
    """Return weights times min(1, factor p), of sum 1; p is found only where below 1 / factor."""
    z = ratio - mode[..., None]
    z *= 1 / se
    limit = np.sqrt(2) * special.erfcinv(1 / factor) * (1 - 1e-9) if factor > 1 else -1.0
    np.abs(z, out=z)
    far = np.flatnonzero(~(z < limit))
    p_value = special.erfc(z.ravel()[far] / np.sqrt(2))
    kept = np.empty(z.shape)  # by rows, so that the next reshape is a view
    kept[...] = weight
    kept.reshape(-1)[far] *= np.minimum(1.0, np.nan_to_num(factor * p_value))
    kept *= 1 / kept.sum(axis=-1, keepdims=True)
    return np.asarray(kept)


class _Options(NamedTuple):
    """Options that all mode-based estimators share."""

    weights: Weights
    phi: float
    search: Search
    iterations: int
    seed: int
    distribution: Literal["normal", "t"]

    @classmethod
    def of(
        cls,
        weights: Weights,
        phi: float,
        search: Search,
        error: ErrorMethod,
        iterations: int,
        rng: np.random.Generator | int,
        distribution: Literal["normal", "t"],
    ) -> _Options:
        """Check the words and draw the seed; without an error there are no iterations."""
        for name, word, words in (("search", search, Search), ("error", error, ErrorMethod)):
            if word not in get_args(words):
                raise ValueError(
                    f"a mode's {name} is one of {', '.join(get_args(words))}, got {word!r}"
                )
        draws = 0 if error == "none" else iterations
        seed = int(np.random.default_rng(rng).integers(2**63))
        return cls(weights, phi, search, draws, seed, distribution)


def _kernel(
    block: Columns, *, weighted: bool, penalty: float | None, options: _Options
) -> dict[str, np.ndarray]:
    phi, search, iterations = options.phi, options.search, options.iterations
    ratio, se = _ratios(block, options.weights)
    weight = _inverse_variance(se, weighted=weighted)

    def estimate(values: np.ndarray, *near: np.ndarray) -> list[np.ndarray]:
        """Return mode and bandwidth, after the first mode where there are penalties."""
        wide = np.broadcast_to(weight, values.shape)
        h = bandwidth(values, np.maximum(np.sum(~np.isnan(ratio), axis=-1), 1), phi)
        cells = Cells()
        mode = _mode(values, wide, h, search, near[0] if near else None, cells)
        if penalty is None:
            return [mode, h]
        kept = _penalised(wide, values, se, mode, penalty)
        return [mode, _mode(values, kept, h, search, near[1] if near else None, cells), h]

    *first, value, h = estimate(ratio)
    n_loci, n_variants = ratio.shape
    error = np.full(n_loci, np.nan)
    if iterations:
        rng = np.random.default_rng(options.seed)
        step = max(1, _ELEMENTS // max(n_loci * n_variants, 1))

        def draws(count: int) -> np.ndarray:
            values = se * rng.standard_normal((count, 1, n_variants))
            values += ratio
            return values

        drawn = np.concatenate(
            [
                estimate(draws(min(step, iterations - k)), *first, value)[-2]
                for k in range(0, iterations, step)
            ]
        )
        error = NORMAL_MAD * np.median(np.abs(drawn - np.median(drawn, axis=0)), axis=0)
    n = block.n
    enough = (n >= LEAST) & (h > 0)
    f = block.x / block.sx
    return {
        "value": np.where(enough, value, np.nan),
        "se": np.where(enough, error, np.nan),
        "bandwidth": h,
        "n": n,
        "f_mean": np.vecdot(f, f) / n,
    }


def _estimate(
    effects: EffectSizes,
    method: str,
    options: _Options,
    *,
    weighted: bool = True,
    penalty: float | None = None,
) -> MREstimate:
    exact: dict[str, np.ndarray] = {}
    if weighted:
        effects, exact = with_positive_errors(effects, options.weights)
    kernel = partial(_kernel, weighted=weighted, penalty=penalty, options=options)
    found = by_blocks(effects, kernel, elements=1 << 14)
    normal = options.distribution == "normal"
    df = np.asarray(np.inf) if normal else np.maximum(found["n"] - 1, 1.0)
    return assemble(
        effects,
        method,
        effect=Estimate(value=found["value"], se=found["se"], df=df),
        flags=common_flags(n=found["n"], f_mean=found["f_mean"]) | exact,
        correlated_errors="ignored" if options.weights == "first_order" else "used",
    )


def mode_bandwidth(effects: EffectSizes, *, phi: float = 1.0) -> Float64[np.ndarray, "*batch"]:
    """Return the kernel bandwidth of the mode-based estimators: 0.9 min(sd, mad) n^(-1/5) phi.

    Args:
        effects: The instruments; those with x = 0 have no ratio and are left out.
        phi: Factor on the bandwidth, 1 by default.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(mode_bandwidth(ldl_chd()) > 0)
        True
    """

    def kernel(block: Columns) -> dict[str, np.ndarray]:
        ratio, _ = _ratios(block, "first_order")
        return {"h": bandwidth(ratio, np.sum(~np.isnan(ratio), axis=-1), phi)}

    return np.asarray(in_batch(by_blocks(effects, kernel)["h"], effects.mask.shape[:-1]))


def simple_mode(
    effects: EffectSizes,
    *,
    weights: Weights = "second_order",
    phi: float = 1.0,
    search: Search = "exact",
    error: ErrorMethod = "bootstrap",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect by the mode of the ratios, each counting the same.

    Assumptions and behaviour are those of `weighted_mode`.

    Args:
        effects: The instruments; those with x = 0 have no ratio and are left out.
        weights: Order of the ratios' errors, which only the bootstrap uses here;
            ``second_order`` by default.
        phi: Factor on the bandwidth, 1 by default.
        search: ``exact`` (default) or ``grid``, as in `weighted_mode`.
        error: ``bootstrap`` (default), or ``none``, which returns a NaN standard error without
            spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default; all loci see the same standard normal draws.
        rng: Generator or seed of the draws, 0 by default.
        distribution: ``normal`` (default), or ``t`` with n - 1 degrees of freedom.

    Raises:
        ValueError: If ``search`` or ``error`` is none of these words.

    References:
        Hartwig, Davey Smith and Bowden 2017, doi:10.1093/ije/dyx102.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(simple_mode(ldl_chd(), iterations=100).effect.value > 0)
        True
    """
    options = _Options.of(weights, phi, search, error, iterations, rng, distribution)
    return _estimate(effects, "simple_mode", options, weighted=False)


def weighted_mode(
    effects: EffectSizes,
    *,
    weights: Weights = "second_order",
    phi: float = 1.0,
    search: Search = "exact",
    error: ErrorMethod = "bootstrap",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect by the mode of the weighted density of the ratios.

    Consistent where the largest group of instruments sharing a ratio is the valid one (ZEMPA),
    even if it is a minority. The density is Gaussian with bandwidth 0.9 min(sd, mad) n^(-1/5) phi,
    weights are inverse variances of the ratios; its maximum is found exactly. The standard error is
    1.4826 times the median absolute deviation over bootstrap draws of the ratios from normals.

    *Weak instruments* scatter ratios widely: the bandwidth then covers several modes and the
    estimate falls towards the middle; most variants of a saturation mutagenesis have no effect on
    the exposure, so select instruments first. The choice of ``phi`` matters: try 0.5 and 0.25. With
    identical ratios there is no bandwidth and the estimate is NaN, as below 2 instruments.

    Args:
        effects: The instruments; those with x = 0 have no ratio and are left out;
            errors of exactly 0 are floored or left out (`with_positive_errors`).
        weights: Order of the ratios' errors; ``second_order`` uses ``error_correlation``.
        phi: Factor on the bandwidth.
        search: ``exact``, or ``grid``: the best of 512 points over the whole range, as in R. Its
            answer moves in steps of the grid, and with heavy-tailed ratios the error it reports
            is that of the grid; but it is fast.
        error: ``bootstrap`` (default), or ``none``, which returns a NaN standard error without
            spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default; all loci see the same standard normal draws.
        rng: Generator or seed of the draws, 0 by default.
        distribution: ``normal`` (default), or ``t`` with n - 1 degrees of freedom (TwoSampleMR).

    Raises:
        ValueError: If ``search`` or ``error`` is none of these words.

    References:
        Hartwig, Davey Smith and Bowden 2017, doi:10.1093/ije/dyx102.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> round(float(weighted_mode(ldl_chd(), iterations=100).effect.value), 2)
        2.82
    """
    options = _Options.of(weights, phi, search, error, iterations, rng, distribution)
    return _estimate(effects, "weighted_mode", options)


def penalized_mode(
    effects: EffectSizes,
    *,
    weights: Weights = "second_order",
    phi: float = 1.0,
    penalty: float = 20.0,
    search: Search = "exact",
    error: ErrorMethod = "bootstrap",
    iterations: int = 1000,
    rng: np.random.Generator | int = 0,
    distribution: Literal["normal", "t"] = "normal",
) -> MREstimate:
    """Estimate the causal effect by a weighted mode that trusts outlying ratios less.

    Weights of `weighted_mode` are multiplied by min(1, ``penalty`` p), p from each ratio's distance
    to the weighted mode.

    Args:
        effects: The instruments; those with x = 0 have no ratio and are left out;
            errors of exactly 0 are floored or left out (`with_positive_errors`).
        weights: Order of the ratios' errors, ``second_order`` by default.
        phi: Factor on the bandwidth, 1 by default.
        penalty: Factor on a ratio's p-value, 20 by default.
        search: ``exact`` (default) or ``grid``, as in `weighted_mode`.
        error: ``bootstrap`` (default), or ``none``, which returns a NaN standard error without
            spending time; the value is the same.
        iterations: Bootstrap draws, 1000 by default; all loci see the same standard normal draws.
        rng: Generator or seed of the draws, 0 by default.
        distribution: ``normal`` (default), or ``t`` with n - 1 degrees of freedom.

    Raises:
        ValueError: If ``search`` or ``error`` is none of these words.

    References:
        Hartwig, Davey Smith and Bowden 2017, doi:10.1093/ije/dyx102.

    Example:
        >>> from deepmr.mr import ldl_chd
        >>> bool(penalized_mode(ldl_chd(), iterations=100).effect.value > 0)
        True
    """
    options = _Options.of(weights, phi, search, error, iterations, rng, distribution)
    return _estimate(effects, "penalized_mode", options, penalty=penalty)
