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

    The heaviest locus is kept apart from the rest. Where one locus outweighs all others (a
    standard error a million times smaller), what P is made of are differences of nearly equal
    numbers; written with the rest alone they are sums of positive ones.

    Args:
        coefficients: The mean.
        covariance: One over the sum of weights.
        heaviest: Position of the locus known best.
        top: Its weight.
        rest: All weights, with that one set to 0.
        pull: Its weighted residual, which balances those of the rest.
        others: Weighted residuals, with that one set to 0.
        q_value: y'Py, the weighted sum of squared residuals.
    """

    coefficients: Float64[np.ndarray, "row 1"]
    covariance: Float64[np.ndarray, "row 1 1"]
    heaviest: Int[np.ndarray, " row"]
    top: Float64[np.ndarray, " row"]
    rest: Float64[np.ndarray, "row locus"]
    pull: Float64[np.ndarray, " row"]
    others: Float64[np.ndarray, "row locus"]
    q_value: Float64[np.ndarray, " row"]

    @classmethod
    def of(cls, sample: Sample, weight: Float64[np.ndarray, "row locus"]) -> MeanFit:
        """Fit with the weights given, which it takes over."""
        rows = np.arange(len(weight))
        heaviest = sample.heaviest
        if weight.shape[-1]:
            top, known = weight[rows, heaviest], sample.effect[rows, heaviest]
            weight[rows, heaviest] = 0.0
        else:
            top, known = np.zeros(len(rows)), np.zeros(len(rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1.0 / (top + np.sum(weight, axis=-1))
            inverse = np.where(np.isfinite(inverse), inverse, np.nan)
            mean = (top * known + np.vecdot(weight, sample.effect)) * inverse
            residual = sample.effect - mean[:, None]
            others = weight * residual
            pull = -np.sum(others, axis=-1)
            q = np.vecdot(others, residual) + np.where(top > 0, pull**2 / top, 0.0)
        return cls(
            coefficients=mean[:, None],
            covariance=inverse[:, None, None],
            heaviest=heaviest,
            top=top,
            rest=weight,
            pull=pull,
            others=others,
            q_value=np.asarray(q),
        )

    @property
    def weight(self) -> Float64[np.ndarray, "row locus"]:
        """The weights."""
        return self._whole(self.rest, self.top)

    @property
    def projected(self) -> Float64[np.ndarray, "row locus"]:
        """P y: the residuals times their weights."""
        return self._whole(self.others, self.pull)

    def total(self) -> Float64[np.ndarray, " row"]:
        """Return the sum of the weights."""
        return np.asarray(self.top + np.sum(self.rest, axis=-1))

    def total_of_square(self) -> Float64[np.ndarray, " row"]:
        """Return the sum of the squared weights."""
        return np.asarray(self.top**2 + np.vecdot(self.rest, self.rest))

    def q(self) -> Float64[np.ndarray, " row"]:
        """y'Py: the weighted sum of squared residuals."""
        return self.q_value

    def slope(self) -> Float64[np.ndarray, " row"]:
        """y'PPy: minus the derivative of y'Py in tau2."""
        return np.asarray(np.vecdot(self.others, self.others) + self.pull**2)

    def trace(self) -> Float64[np.ndarray, " row"]:
        """Return tr P."""
        first = np.sum(self.rest, axis=-1)
        inside = 2 * self.top * first + first**2 - np.vecdot(self.rest, self.rest)
        return np.asarray(inside * self.covariance[:, 0, 0])

    def trace_of_square(self) -> Float64[np.ndarray, " row"]:
        """Return tr PP."""
        square = self.rest * self.rest
        r1, r2 = np.sum(self.rest, axis=-1), np.sum(square, axis=-1)
        r3 = np.vecdot(square, self.rest)
        inverse = self.covariance[:, 0, 0]
        share = self.top * inverse
        cross = 2 * share * inverse * (r1 * r2 - r3)
        small = inverse**2 * (r1**2 * r2 - 2 * r1 * r3 + r2**2)
        return np.asarray(share**2 * (r1**2 + 3 * r2) + cross + small)

    def curvature(self) -> Float64[np.ndarray, " row"]:
        """y'PPPy: minus half the derivative of y'PPy in tau2."""
        weighted = self.rest * self.others
        onto = np.sum(weighted, axis=-1)
        inverse = self.covariance[:, 0, 0]
        first = np.sum(self.rest, axis=-1)
        apart = self.top * inverse * (first * self.pull**2 - 2 * self.pull * onto)
        return np.asarray(np.vecdot(weighted, self.others) + apart - onto**2 * inverse)

    def _whole(
        self, rest: Float64[np.ndarray, "row locus"], top: Float64[np.ndarray, " row"]
    ) -> Float64[np.ndarray, "row locus"]:
        whole = rest.copy()
        if whole.shape[-1]:
            whole[np.arange(len(whole)), self.heaviest] = top
        return whole


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

    def total(self) -> Float64[np.ndarray, " row"]:
        """Return the sum of the weights."""
        return np.asarray(np.sum(self.weight, axis=-1))

    def total_of_square(self) -> Float64[np.ndarray, " row"]:
        """Return the sum of the squared weights."""
        return np.asarray(np.vecdot(self.weight, self.weight))

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
    """Fit the mean by least squares with the weights given (an array of its own)."""
    if sample.design is None:
        return MeanFit.of(sample, weight)
    return RegressionFit.of(sample, weight)


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
