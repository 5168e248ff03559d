"""Cluster-robust standard errors: loci on one chromosome, loci that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from deepmr.estimate import Estimate
from deepmr.genome import Interval
from deepmr.meta.fit import Fit, fit
from deepmr.meta.pooling import random_effects
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import Sample, prepare
from deepmr.meta.tau2 import Tau2Method

__all__ = ["Blocks", "Correction", "cluster_robust", "overlapping", "sandwich"]

Correction = Literal["cr0", "cr1", "cr2"]


def cluster_robust(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    cluster: Shaped[np.ndarray, " locus"],
    tau2: Tau2Method = "reml",
    correction: Correction = "cr2",
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool loci by random effects, with an error that lets loci of a cluster resemble each other.

    The pooled value is that of `random_effects`; only its error and degrees of freedom change.
    It needs many clusters of none too different weight: with 22 chromosomes CR2 and its degrees
    of freedom hold their level, CR0 is too small. It does not know that networks share errors
    across clusters (see `deepmr.inference.two_way`).

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        cluster: One label a locus, the same for the whole batch.
        tau2: Estimator of the variance between loci, which sets the weights.
        correction: ``cr2``: unbiased if the working model is right, t with Satterthwaite's degrees
            of freedom. ``cr1``: CR0 times G / (G - 1), t with G - 1 (metafor's ``robust``).
            ``cr0``: the plain sandwich, t with G - 1.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The pooled effect; with fewer than two clusters its error is NaN.

    Raises:
        ValueError: If there is not one label a locus, or as `random_effects` does.

    References:
        Hedges, Tipton and Johnson 2010, doi:10.1002/jrsm.5 (robust variance in meta-analysis);
        Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004 (CR2, Satterthwaite).

    Example:
        >>> value, se = np.array([0.1, 0.2, 0.6, 0.7]), np.full(4, 0.1)
        >>> r = cluster_robust(value, se, cluster=np.array([1, 1, 2, 2]))
        >>> round(float(r.pooled.value), 3), round(float(r.pooled.se), 3), round(float(r.pooled.df))
        (0.4, 0.25, 1)
    """
    plain = random_effects(value, se, tau2=tau2, adjustment="none", mask=mask)
    sample = prepare(value, se, mask=mask)
    rows = len(sample.effect)
    error, df = np.full(rows, np.nan), np.full(rows, np.nan)
    between = plain.tau2.reshape(rows)
    for part, chunk in sample.chunks():
        covariance, freedom = sandwich(
            chunk, fit(chunk, between[part]), cluster=cluster, correction=correction
        )
        error[part], df[part] = np.sqrt(covariance[:, 0, 0]), freedom[:, 0]
    batch = value.shape[:-1]
    pooled = Estimate(value=plain.pooled.value, se=error.reshape(batch), df=df.reshape(batch))
    spread = np.asarray(np.sqrt(pooled.se**2 + plain.tau2))
    return replace(
        plain,
        method=f"{tau2}_{correction}",
        pooled=pooled,
        prediction=Estimate(value=pooled.value, se=spread, df=pooled.df),
    )


def overlapping(loci: Sequence[Interval]) -> Int[np.ndarray, " locus"]:
    """Label loci so that those that overlap, directly or through others, share a label.

    Args:
        loci: Genomic intervals, in any order.

    Example:
        >>> loci = [Interval("chr1", 0, 10), Interval("chr1", 50, 60), Interval("chr1", 5, 15)]
        >>> overlapping(loci).tolist()
        [0, 1, 0]
    """
    order = sorted(range(len(loci)), key=lambda i: loci[i])
    labels = np.zeros(len(loci), dtype=np.int64)
    label, chrom, end = -1, None, -1
    for i in order:
        locus = loci[i]
        if locus.chrom != chrom or locus.start >= end:
            label, chrom, end = label + 1, locus.chrom, locus.end
        labels[i], end = label, max(end, locus.end)
    return labels


def sandwich(
    sample: Sample,
    model: Fit,
    *,
    cluster: Shaped[np.ndarray, " locus"],
    correction: Correction,
    basis: Float64[np.ndarray, "*row column column"] | None = None,
) -> tuple[Float64[np.ndarray, "row column column"], Float64[np.ndarray, "row column"]]:
    """Return the cluster-robust covariance of a fit's coefficients, and their degrees of freedom.

    With M = (X'WX)^-1 and H_g = M^(1/2) X_g'W_g X_g M^(1/2), CR2 turns a cluster's score
    s_g = X_g'W_g r_g into M^(-1/2) (I - H_g)^(-1/2) M^(1/2) s_g: matrices as small as the number
    of coefficients, however large the cluster. (Residuals are adjusted in units of their errors.
    Where errors differ within a cluster, the variant that adjusts them as they are, in R's
    clubSandwich, is another root of the same equation, as unbiased.) ``basis`` turns the fit's
    coefficients into those whose covariance is wanted.

    Raises:
        ValueError: If there is not one label a locus, or the correction is unknown.
    """
    if correction not in get_args(Correction):
        raise ValueError(
            f"correction is one of {', '.join(get_args(Correction))}; got {correction!r}"
        )
    if len(cluster) != sample.effect.shape[-1]:
        raise ValueError(
            f"clusters need a label a locus, got {len(cluster)} labels for "
            f"{sample.effect.shape[-1]} loci"
        )
    blocks = Blocks(cluster)
    score = blocks.sum_columns(sample, model.projected)
    within = blocks.cross(sample, model.weight)
    present = blocks.sum(sample.present) > 0
    n_clusters = np.sum(present, axis=-1)
    bread = model.covariance
    root = _power(bread, 0.5)
    adjusted = bread[:, None] * present[:, :, None, None]
    if correction == "cr2":
        leverage = root[:, None] @ within @ root[:, None]
        middle = _power(np.eye(bread.shape[-1]) - leverage, -0.5)
        adjusted = root[:, None] @ middle @ root[:, None] * present[:, :, None, None]
    if basis is not None:
        adjusted = np.matmul(basis if basis.ndim == 2 else basis[:, None], adjusted)
    part = np.matmul(adjusted, score[..., None])[..., 0]
    covariance = np.matmul(np.swapaxes(part, -1, -2), part)
    few = np.where(n_clusters > 1, 1.0, np.nan)[:, None]
    g = np.maximum(n_clusters, 2)[:, None]
    columns = sample.n_columns
    if correction != "cr2":
        factor = g / np.maximum(g - columns, 1) if correction == "cr1" else np.ones_like(few)
        df = few * np.where(g > columns, g - columns, np.nan)
        return covariance * (few * factor)[:, :, None], np.broadcast_to(df, part[:, 0].shape).copy()
    return covariance * few[:, :, None], few * _satterthwaite(adjusted, within, bread)


class Blocks:
    """Loci sorted by cluster, to be summed a cluster at a time."""

    def __init__(self, cluster: Shaped[np.ndarray, " locus"]) -> None:
        self.label = label = np.unique(cluster, return_inverse=True)[1]
        self.order = np.argsort(label, kind="stable")
        self.start = np.searchsorted(label[self.order], np.arange(label.max(initial=-1) + 1))

    def sum(self, column: Float64[np.ndarray, "row locus"]) -> Float64[np.ndarray, "row cluster"]:
        """Sum over the loci of each cluster."""
        return np.asarray(np.add.reduceat(column[:, self.order], self.start, axis=-1))

    def spread(
        self, column: Float64[np.ndarray, "row cluster"]
    ) -> Float64[np.ndarray, "row locus"]:
        """Give every locus its cluster's number."""
        return np.asarray(column[:, self.label])

    def sum_columns(
        self, sample: Sample, column: Float64[np.ndarray, "row locus"]
    ) -> Float64[np.ndarray, "row cluster column"]:
        """Return X_g' column_g."""
        return np.stack([self.sum(column * x) for x in _columns(sample)], axis=-1)

    def cross(
        self, sample: Sample, weight: Float64[np.ndarray, "row locus"]
    ) -> Float64[np.ndarray, "row cluster column column"]:
        """Return X_g' W_g X_g."""
        return np.stack([self.sum_columns(sample, weight * x) for x in _columns(sample)], axis=-1)


def _columns(sample: Sample) -> list[Float64[np.ndarray, "..."]]:
    if sample.design is None:
        return [np.ones((1, 1))]
    return [sample.design[..., j] for j in range(sample.n_columns)]


def _power(
    matrix: Float64[np.ndarray, "*batch column column"], exponent: float
) -> Float64[np.ndarray, "*batch column column"]:
    """Raise symmetric matrices to a power; directions of no variance count for nothing."""
    whole = np.all(np.isfinite(matrix), axis=(-2, -1), keepdims=True)
    eigenvalue, vector = np.linalg.eigh(np.where(whole, matrix, np.eye(matrix.shape[-1])))
    tiny = eigenvalue <= 1e-12 * np.max(np.abs(eigenvalue), axis=-1, keepdims=True)
    raised = np.where(tiny, 0.0, np.where(tiny, 1.0, eigenvalue) ** exponent)
    power = (vector * raised[..., None, :]) @ np.swapaxes(vector, -1, -2)
    return np.asarray(np.where(whole, power, np.nan))


def _satterthwaite(
    adjusted: Float64[np.ndarray, "row cluster column column"],
    within: Float64[np.ndarray, "row cluster column column"],
    bread: Float64[np.ndarray, "row column column"],
) -> Float64[np.ndarray, "row column"]:
    """Degrees of freedom of each coefficient's CR2 variance if the working model is right.

    The variance of coefficient c is a sum of squares of v_g = a_g's_g, a_g a row of ``adjusted``,
    whose covariance is B_gh = a_g'(delta_gh A_g - A_g M A_h) a_h with A_g = X_g'W_g X_g.
    tr(B)^2 / tr(BB) takes no cluster-by-cluster matrix: B is diagonal less a product U M U'.
    """
    projected = np.matmul(adjusted, within)  # rows c: a_g' A_g
    diagonal = np.sum(projected * adjusted, axis=-1)
    weighted = np.matmul(projected, bread[:, None])
    overlap = np.sum(weighted * projected, axis=-1)
    gram = np.einsum("rgcp,rgcq->rcpq", projected, projected)
    square = np.matmul(gram, bread[:, None])
    trace = np.sum(diagonal - overlap, axis=1)
    trace_of_square = np.sum(diagonal**2 - 2 * diagonal * overlap, axis=1) + np.sum(
        square * np.swapaxes(square, -1, -2), axis=(-2, -1)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(trace > 0, trace**2 / trace_of_square, np.nan))
