"""Loci made ready for pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["Sample", "ZeroSe", "prepare"]

ZeroSe = Literal["drop", "keep"]

_CHUNK = 2**17
"""Loci worked on at once, 1 MiB an array: so that a fit's few arrays stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Effects and variances of loci, flattened to rows; absent loci carry no weight.

    Args:
        effect: The loci's effects; 0 where absent.
        variance: Their squared standard errors; 1 where absent.
        present: 1 where there is an estimate, 0 where there is none.
        design: The columns that the mean is a linear function of, one set for all rows or one
            a row; 0 where absent. ``None`` means an intercept alone.
    """

    effect: Float64[np.ndarray, "row locus"]
    variance: Float64[np.ndarray, "row locus"]
    present: Float64[np.ndarray, "row locus"]
    design: Float64[np.ndarray, "*row locus column"] | None = None

    @property
    def n_columns(self) -> int:
        """Number of coefficients of the mean."""
        return 1 if self.design is None else int(self.design.shape[-1])

    @property
    def n_loci(self) -> Int[np.ndarray, " row"]:
        """Number of loci present."""
        return np.asarray(np.count_nonzero(self.present, axis=-1))

    @property
    def df(self) -> Float64[np.ndarray, " row"]:
        """Loci less coefficients."""
        return np.asarray(np.sum(self.present, axis=-1) - self.n_columns)

    def take(self, rows: Int[np.ndarray, " kept"] | slice) -> Sample:
        """Return some of the rows."""
        design = self.design
        if design is not None and design.ndim == 3:
            design = design[rows]
        return Sample(
            effect=self.effect[rows],
            variance=self.variance[rows],
            present=self.present[rows],
            design=design,
        )

    def mean_only(self) -> Sample:
        """Return the same loci with an intercept alone."""
        return Sample(effect=self.effect, variance=self.variance, present=self.present)

    def chunks(self) -> Iterator[tuple[slice, Sample]]:
        """Yield blocks of rows small enough to stay in the cache."""
        n_rows, n_loci = self.effect.shape
        step = max(1, _CHUNK // max(n_loci, 1))
        for start in range(0, n_rows, step):
            rows = slice(start, min(start + step, n_rows))
            yield rows, self.take(rows)

    def weight(self, tau2: Float64[np.ndarray, " row"]) -> Float64[np.ndarray, "row locus"]:
        """Return 1 / (variance + tau2), 0 where absent; NaN where that divides by zero."""
        total = self.variance + tau2[:, None]
        if np.any(total <= 0):
            total = np.where(total > 0, total, np.nan)
        return np.asarray(self.present / total)

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
    ) -> Float64[np.ndarray, "row #locus"]:
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
    if bool(np.any(se < 0)):
        raise ValueError(
            f"a standard error must not be negative, got {np.nanmin(se)}; "
            "are these variances, or signed effects?"
        )
    if zero_se not in ("drop", "keep"):
        raise ValueError(f"zero_se is one of drop, keep; got {zero_se!r}")
    variance = np.asarray(se**2)
    kept = np.isfinite(value) & np.isfinite(variance)
    if zero_se == "drop":
        kept &= variance > 0
    if mask is not None:
        kept &= mask
    flat = (int(np.prod(value.shape[:-1])), value.shape[-1])
    return Sample(
        effect=np.where(kept, value, 0.0).reshape(flat),
        variance=np.where(kept, variance, 1.0).reshape(flat),
        present=kept.astype(np.float64).reshape(flat),
    )
