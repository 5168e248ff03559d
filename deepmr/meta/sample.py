"""Effects and variances of loci, checked and flattened to rows for pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["Sample", "ZeroSe", "prepare"]

ZeroSe = Literal["drop", "keep"]

_CHUNK = 2**16
"""Loci worked on at once, half a MiB an array: so that a fit's few arrays stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Effects and variances of loci, flattened to rows; absent loci carry no weight.

    Args:
        effect: The loci's effects; 0 where absent.
        variance: Their squared standard errors; 1 where absent.
        present: 1 where there is an estimate, 0 where there is none.
        n_loci: Number of loci present.
        heaviest: Position of the locus with the smallest variance.
        design: The columns that the mean is a linear function of, one set for all rows or one
            a row; 0 where absent. ``None`` means an intercept alone.
    """

    effect: Float64[np.ndarray, "row locus"]
    variance: Float64[np.ndarray, "row locus"]
    present: Float64[np.ndarray, "row locus"]
    n_loci: Int[np.ndarray, " row"]
    heaviest: Int[np.ndarray, " row"]
    design: Float64[np.ndarray, "*row locus column"] | None = None

    @property
    def n_columns(self) -> int:
        """Number of coefficients of the mean."""
        return 1 if self.design is None else int(self.design.shape[-1])

    @property
    def df(self) -> Float64[np.ndarray, " row"]:
        """Loci less coefficients."""
        return np.asarray(self.n_loci - float(self.n_columns))

    def take(self, rows: Int[np.ndarray, " kept"] | slice) -> Sample:
        """Return some of the rows."""
        design = self.design
        if design is not None and design.ndim == 3:
            design = design[rows]
        return Sample(
            effect=self.effect[rows],
            variance=self.variance[rows],
            present=self.present[rows],
            n_loci=self.n_loci[rows],
            heaviest=self.heaviest[rows],
            design=design,
        )

    def with_design(self, design: Float64[np.ndarray, "*row locus column"] | None) -> Sample:
        """Return the same loci with another design; None is an intercept alone."""
        return replace(self, design=design)

    def chunks(self) -> Iterator[tuple[slice, Sample]]:
        """Yield blocks of rows small enough to stay in the cache."""
        n_rows, n_loci = self.effect.shape
        step = max(1, _CHUNK // max(n_loci, 1))
        for start in range(0, n_rows, step):
            rows = slice(start, min(start + step, n_rows))
            yield rows, self.take(rows)

    def weight(self, tau2: Float64[np.ndarray, " row"]) -> Float64[np.ndarray, "row locus"]:
        """Return 1 / (variance + tau2), 0 where absent; NaN where that divides by zero."""
        total: Float64[np.ndarray, "row locus"] = self.variance + tau2[:, None]
        if total.shape[-1]:
            least = total[np.arange(len(total)), self.heaviest]
            total[~(least > 0)] = np.nan
        return np.asarray(np.divide(self.present, total, out=total))

    def cross(
        self, weight: Float64[np.ndarray, "row locus"]
    ) -> Float64[np.ndarray, "row column column"]:
        """Return X' diag(weight) X."""
        x = self.design
        if x is None:
            return np.asarray(np.sum(weight, axis=-1)[:, None, None])
        if x.ndim == 2:
            p = x.shape[-1]
            products = (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)
            return np.asarray((weight @ products).reshape(len(weight), p, p))
        return np.asarray(np.matmul(np.swapaxes(x * weight[:, :, None], -1, -2), x))

    def onto(self, column: Float64[np.ndarray, "row locus"]) -> Float64[np.ndarray, "row column"]:
        """Return X' column."""
        x = self.design
        if x is None:
            return np.asarray(np.sum(column, axis=-1, keepdims=True))
        return np.asarray(column @ x if x.ndim == 2 else np.matmul(column[:, None, :], x)[:, 0, :])

    def predict(
        self, coefficients: Float64[np.ndarray, "row column"]
    ) -> Float64[np.ndarray, " row #locus"]:
        """Return X coefficients."""
        x = self.design
        if x is None:
            return coefficients
        if x.ndim == 2:
            return np.asarray(coefficients @ x.T)
        return np.asarray(np.matmul(x, coefficients[:, :, None])[:, :, 0])


def prepare(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    zero_se: ZeroSe = "drop",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> Sample:
    """Drop what is no estimate and flatten the batch to rows.

    A locus is absent where its effect or standard error is missing or infinite, where ``mask``
    is False and, with ``zero_se="drop"``, where its standard error is 0.

    Raises:
        ValueError: If the shapes differ or a standard error is negative.
    """
    if value.shape != se.shape:
        raise ValueError(
            f"pooling needs one standard error an effect, got effects of shape {value.shape} "
            f"and errors of shape {se.shape}; broadcast them first"
        )
    if zero_se not in ("drop", "keep"):
        raise ValueError(f"zero_se is one of drop, keep; got {zero_se!r}")
    if bool(np.any(se < 0)):
        raise ValueError(
            f"a standard error must not be negative, got {np.nanmin(se)}; "
            "are these variances, or signed effects?"
        )
    flat = (int(np.prod(value.shape[:-1])), value.shape[-1])
    effect, variance = value.reshape(flat), np.square(se).reshape(flat)
    if mask is None and _all_known(effect, variance):
        present, n_loci = np.broadcast_to(np.ones(()), flat), np.full(flat[0], flat[1])
        known = variance
    else:
        kept = np.isfinite(effect) & np.isfinite(variance)
        if zero_se == "drop":
            kept &= variance > 0
        if mask is not None:
            kept &= mask.reshape(flat)
        effect, variance = np.where(kept, effect, 0.0), np.where(kept, variance, 1.0)
        present = kept.astype(np.float64)
        n_loci, known = np.count_nonzero(kept, axis=-1), np.where(kept, variance, np.inf)
    heaviest = np.argmin(known, axis=-1) if flat[1] else np.zeros(flat[0], dtype=np.int64)
    return Sample(
        effect=effect,
        variance=variance,
        present=present,
        n_loci=np.asarray(n_loci),
        heaviest=np.asarray(heaviest),
    )


def _all_known(
    effect: Float64[np.ndarray, "row locus"], variance: Float64[np.ndarray, "row locus"]
) -> bool:
    """Tell in three passes whether every locus has a finite effect and a positive variance."""
    if not effect.size:
        return True
    sums = np.sum(effect), np.sum(variance)  # an infinity or NaN anywhere shows in its sum
    return bool(np.all(np.isfinite(sums)) and variance.min() > 0)
