"""The weighted fit of a mean, and the traces that every estimator of tau2 is built on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from deepmr.meta.sample import Sample

__all__ = [
    "Fit",
    "MeanFit",
    "RegressionFit",
    "fit",
    "fit_weighted",
    "inverse_of",
    "trace_of_product",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanFit:
    """A weighted mean; P = W - W 1 1'W / sum(W) is its projection.

    The heaviest locus is summed apart from the rest. Where one locus outweighs all others (a
    standard error a million times smaller), what P is made of are differences of nearly equal
    numbers; written with the rest alone they are sums of positive ones.
    """

    weight: Float64[np.ndarray, "row locus"]
    coefficients: Float64[np.ndarray, "row 1"]
    covariance: Float64[np.ndarray, "row 1 1"]
    heaviest: Int[np.ndarray, " row"]
    residual: Float64[np.ndarray, "row locus"]
    projected: Float64[np.ndarray, "row locus"]

    @classmethod
    def of(cls, sample: Sample, weight: Float64[np.ndarray, "row locus"]) -> MeanFit:
        """Fit with the weights given."""
        total = np.sum(weight, axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(total > 0, 1.0 / total, np.nan)
        mean = np.vecdot(weight, sample.effect) * inverse
        residual = sample.effect - mean[:, None]
        projected = weight * residual
        rows, heaviest = np.arange(len(weight)), _heaviest(weight)
        if weight.shape[-1]:
            projected[rows, heaviest] = 0.0
            projected[rows, heaviest] = -np.sum(projected, axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                residual[rows, heaviest] = projected[rows, heaviest] / weight[rows, heaviest]
        return cls(
            weight=weight,
            coefficients=mean[:, None],
            covariance=inverse[:, None, None],
            heaviest=heaviest,
            residual=residual,
            projected=projected,
        )

    def q(self) -> Float64[np.ndarray, " row"]:
        """y'Py: the weighted sum of squared residuals."""
        return np.asarray(np.vecdot(self.projected, self.residual))

    def slope(self) -> Float64[np.ndarray, " row"]:
        """y'PPy: minus the derivative of y'Py in tau2."""
        return np.asarray(np.vecdot(self.projected, self.projected))

    def trace(self) -> Float64[np.ndarray, " row"]:
        """Return tr P."""
        top, rest = self._split()
        total = self.covariance[:, 0, 0]
        first = np.sum(rest, axis=-1)
        return np.asarray((2 * top * first + first**2 - np.vecdot(rest, rest)) * total)

    def trace_of_square(self) -> Float64[np.ndarray, " row"]:
        """Return tr PP."""
        top, rest = self._split()
        square = rest * rest
        r1, r2, r3 = np.sum(rest, axis=-1), np.sum(square, axis=-1), np.vecdot(square, rest)
        inverse = self.covariance[:, 0, 0]
        share = top * inverse
        cross = 2 * share * inverse * (r1 * r2 - r3)
        small = inverse**2 * (r1**2 * r2 - 2 * r1 * r3 + r2**2)
        return np.asarray(share**2 * (r1**2 + 3 * r2) + cross + small)

    def curvature(self) -> Float64[np.ndarray, " row"]:
        """y'PPPy: minus half the derivative of y'PPy in tau2."""
        top, rest = self._split()
        rows = np.arange(len(self.weight))
        u = self.projected[rows, self.heaviest] if rest.shape[-1] else np.zeros(len(rows))
        weighted = rest * self.projected
        onto = np.sum(weighted, axis=-1)
        inverse = self.covariance[:, 0, 0]
        share = top * inverse
        apart = share * (np.sum(rest, axis=-1) * u**2 - 2 * u * onto)
        return np.asarray(np.vecdot(weighted, self.projected) + apart - onto**2 * inverse)

    def _split(self) -> tuple[Float64[np.ndarray, " row"], Float64[np.ndarray, "row locus"]]:
        """Return the largest weight, and all weights with it set to 0."""
        rest = self.weight.copy()
        if not rest.shape[-1]:
            return np.zeros(len(rest)), rest
        rows = np.arange(len(rest))
        top = rest[rows, self.heaviest]
        rest[rows, self.heaviest] = 0.0
        return top, rest


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionFit:
    """A weighted least-squares fit; P = W - W X (X'WX)^-1 X'W is its projection.

    P is never formed: every trace needed follows from X' W^j X, which is as small as the
    number of coefficients, and every quadratic form from the residuals.
    """

    sample: Sample
    weight: Float64[np.ndarray, "row locus"]
    coefficients: Float64[np.ndarray, "row column"]
    covariance: Float64[np.ndarray, "row column column"]
    residual: Float64[np.ndarray, "row locus"]

    @classmethod
    def of(cls, sample: Sample, weight: Float64[np.ndarray, "row locus"]) -> RegressionFit:
        """Fit with the weights given."""
        covariance = inverse_of(sample.cross(weight))
        coefficients = np.matmul(covariance, sample.onto(weight * sample.effect)[:, :, None])[
            :, :, 0
        ]
        residual = sample.effect - sample.predict(coefficients)
        return cls(
            sample=sample,
            weight=weight,
            coefficients=coefficients,
            covariance=covariance,
            residual=residual,
        )

    @property
    def projected(self) -> Float64[np.ndarray, "row locus"]:
        """P y: the residuals times their weights."""
        return np.asarray(self.weight * self.residual)

    def q(self) -> Float64[np.ndarray, " row"]:
        """y'Py: the weighted sum of squared residuals."""
        return np.asarray(np.vecdot(self.projected, self.residual))

    def trace(self) -> Float64[np.ndarray, " row"]:
        """Return tr P."""
        second = self.sample.cross(self.weight**2)
        return np.asarray(np.sum(self.weight, axis=-1) - trace_of_product(self.covariance, second))

    def trace_of_square(self) -> Float64[np.ndarray, " row"]:
        """Return tr PP."""
        square = self.weight**2
        second = np.matmul(self.covariance, self.sample.cross(square))
        third = self.sample.cross(square * self.weight)
        return np.asarray(
            np.sum(square, axis=-1)
            - 2 * trace_of_product(self.covariance, third)
            + trace_of_product(second, second)
        )

    def slope(self) -> Float64[np.ndarray, " row"]:
        """y'PPy: minus the derivative of y'Py in tau2."""
        u = self.projected
        return np.asarray(np.vecdot(u, u))

    def curvature(self) -> Float64[np.ndarray, " row"]:
        """y'PPPy: minus half the derivative of y'PPy in tau2."""
        u = self.projected
        weighted = self.weight * u
        onto = self.sample.onto(weighted)
        explained = np.vecdot(np.matmul(self.covariance, onto[:, :, None])[:, :, 0], onto)
        return np.asarray(np.vecdot(weighted, u) - explained)


Fit = MeanFit | RegressionFit


def fit(sample: Sample, tau2: Float64[np.ndarray, " row"]) -> Fit:
    """Fit the mean by least squares, weighted by 1 / (variance + tau2)."""
    return fit_weighted(sample, sample.weight(tau2))


def fit_weighted(sample: Sample, weight: Float64[np.ndarray, "row locus"]) -> Fit:
    """Fit the mean by least squares with the weights given."""
    if sample.design is None:
        return MeanFit.of(sample, weight)
    return RegressionFit.of(sample, weight)


def _heaviest(weight: Float64[np.ndarray, "row locus"]) -> Int[np.ndarray, " row"]:
    if not weight.shape[-1]:
        return np.zeros(len(weight), dtype=np.int64)
    return np.asarray(np.argmax(weight, axis=-1))


def trace_of_product(
    left: Float64[np.ndarray, "row column column"], right: Float64[np.ndarray, "row column column"]
) -> Float64[np.ndarray, " row"]:
    """Trace of the product of two small matrices."""
    return np.asarray(np.sum(left * np.swapaxes(right, -1, -2), axis=(-2, -1)))


def inverse_of(
    matrix: Float64[np.ndarray, "row column column"],
) -> Float64[np.ndarray, "row column column"]:
    """Invert small symmetric matrices; NaN where one is singular (too few loci)."""
    if matrix.shape[-1] == 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(matrix > 0, 1.0 / matrix, np.nan))
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = 1.0 / np.sqrt(diagonal)
        scaled = matrix * scale[:, :, None] * scale[:, None, :]
    whole = np.all(np.isfinite(scaled), axis=(-2, -1))
    identity = np.eye(matrix.shape[-1])
    scaled = np.where(whole[:, None, None], scaled, identity)
    whole &= np.linalg.eigvalsh(scaled)[:, 0] > 1e-12
    inverse = np.linalg.inv(np.where(whole[:, None, None], scaled, identity))
    scale = np.where(whole[:, None], scale, np.nan)
    return np.asarray(inverse * scale[:, :, None] * scale[:, None, :])
