"""Three-level meta-analysis: random effects of clusters and of loci within them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from deepmr.estimate import Estimate
from deepmr.meta.cluster_robust import Blocks
from deepmr.meta.pooling import common_effect, random_effects
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import Sample, prepare

__all__ = ["multilevel"]

_MAX_ITERATIONS = 200
_TOLERANCE = 1e-9


def multilevel(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    cluster: Shaped[np.ndarray, " locus"],
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool loci whose true effects vary between clusters, and within them, by REML.

    It gives a crowded cluster the weight of its own draw rather than of all its loci, and says
    how much of the heterogeneity lies where. It presumes that loci of a cluster resemble each
    other equally; `deepmr.meta.cluster_robust` presumes nothing of the kind but needs many
    clusters. Neither knows what one ensemble gets wrong everywhere: `deepmr.inference.two_way`.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        cluster: One label a locus, the same for the whole batch.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The pooled effect, t with clusters - 1 degrees of freedom. ``tau2`` is the variance within
        clusters, ``components["cluster"]`` that between. Clusters of one locus each, or one
        cluster alone, tell nothing about the latter; what they do not tell is 0 or shared by the
        likelihood, and with one cluster the error is NaN. A search that does not end: NaN,
        ``converged`` False.

    Raises:
        ValueError: If there is not one label a locus, or as `random_effects` does.

    References:
        Konstantopoulos 2011, doi:10.1002/jrsm.35 (three-level meta-analysis); Gilmour, Thompson
        and Cullis 1995, doi:10.2307/2533274 (average-information REML).

    Example:
        >>> value, se = np.array([0.1, 0.2, 0.6, 0.7, 0.3, 0.2]), np.full(6, 0.05)
        >>> r = multilevel(value, se, cluster=np.array([1, 1, 2, 2, 3, 3]))
        >>> round(float(r.pooled.value), 3), round(float(r.components["cluster"]), 2)
        (0.35, 0.07)
    """
    if len(cluster) != value.shape[-1]:
        raise ValueError(
            f"clusters need a label a locus, got {len(cluster)} labels for {value.shape[-1]} loci"
        )
    sample = prepare(value, se, mask=mask)
    rows = len(sample.effect)
    out = {name: np.full(rows, np.nan) for name in ("mean", "se", "tau2", "cluster")}
    converged, n_clusters = np.ones(rows, bool), np.zeros(rows, dtype=np.int64)
    blocks = Blocks(cluster)
    start = random_effects(value, se, tau2="he", adjustment="none", mask=mask).tau2.reshape(rows)
    for part, chunk in sample.chunks():
        some = chunk.n_loci > 0
        n_clusters[part] = np.count_nonzero(blocks.sum(chunk.present), axis=-1)
        here = np.where(some, start[part], 0.0)
        fitted, between, done = _maximise(chunk, blocks, 0.5 * here[:, None] * np.ones(2))
        good = some & done
        out["mean"][part] = np.where(good, fitted.mean, np.nan)
        out["se"][part] = np.where(good, 1 / np.sqrt(np.where(good, fitted.total, 1.0)), np.nan)
        out["tau2"][part] = np.where(good, between[:, 0], np.nan)
        out["cluster"][part] = np.where(good, between[:, 1], np.nan)
        converged[part] = done
    batch = value.shape[:-1]
    c = {name: column.reshape(batch) for name, column in out.items()}
    many = (n_clusters > 1).reshape(batch)
    df = np.where(many, n_clusters.reshape(batch) - 1.0, np.nan)
    error = np.where(many, c["se"], np.nan)
    spread = np.asarray(np.sqrt(error**2 + c["tau2"] + c["cluster"]))
    plain = common_effect(value, se, mask=mask)
    return MetaAnalysisResult(
        method="multilevel",
        n_loci=plain.n_loci,
        pooled=Estimate(value=c["mean"], se=error, df=df),
        tau2=c["tau2"],
        heterogeneity=plain.heterogeneity,
        prediction=Estimate(value=c["mean"], se=spread, df=df),
        typical_variance=plain.typical_variance,
        converged=converged.reshape(batch),
        components={"cluster": c["cluster"]},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixed:
    """A fit given both variances; V^-1 is diagonal less a product a cluster (Woodbury)."""

    mean: Float64[np.ndarray, " row"]
    total: Float64[np.ndarray, " row"]
    loglik: Float64[np.ndarray, " row"]
    score: Float64[np.ndarray, "row 2"]
    information: Float64[np.ndarray, "row 2 2"]


def _fit(sample: Sample, blocks: Blocks, between: Float64[np.ndarray, "row 2"]) -> _Mixed:
    """Fit the mean, with the restricted likelihood and its derivatives in (tau2, cluster)."""
    w = sample.weight(between[:, 0])
    s2 = between[:, 1][:, None]
    a = blocks.sum(w)
    shrink = 1.0 / (1.0 + s2 * a)

    def solve(column: np.ndarray) -> np.ndarray:
        """Return V^-1 column."""
        inner = blocks.sum(w * column) * shrink * s2
        return np.asarray(w * (column - blocks.spread(inner)))

    ones = w * blocks.spread(shrink)
    of_cluster = a * shrink
    total = np.sum(of_cluster, axis=-1)
    inverse = 1.0 / np.where(total > 0, total, 1.0)
    mean = np.vecdot(ones, sample.effect) * inverse
    u = solve(sample.effect - mean[:, None])
    directions = (u, sample.present * blocks.spread(blocks.sum(u)))

    def project(column: np.ndarray) -> np.ndarray:
        """Return P column."""
        return np.asarray(solve(column) - ones * (np.vecdot(ones, column) * inverse)[:, None])

    trace_tau = (
        np.sum(w, axis=-1)
        - np.sum(s2 * blocks.sum(w**2) * shrink, axis=-1)
        - np.vecdot(ones, ones) * inverse
    )
    trace_cluster = total - np.vecdot(of_cluster, of_cluster) * inverse
    projected = [project(z) for z in directions]
    score = np.stack([np.vecdot(u, z) for z in directions], axis=-1)
    score = 0.5 * (score - np.stack([trace_tau, trace_cluster], axis=-1))
    information = 0.5 * np.stack(
        [np.stack([np.vecdot(z, p) for p in projected], axis=-1) for z in directions], axis=-2
    )
    log_w = np.sum(sample.present * np.log(np.where(w > 0, w, 1.0)), axis=-1)
    loglik = 0.5 * (
        log_w
        + np.sum(np.log(shrink), axis=-1)
        + np.log(inverse)
        - np.vecdot(u, sample.effect - mean[:, None])
    )
    return _Mixed(mean=mean, total=total, loglik=loglik, score=score, information=information)


def _maximise(
    sample: Sample, blocks: Blocks, start: Float64[np.ndarray, "row 2"]
) -> tuple[_Mixed, Float64[np.ndarray, "row 2"], Bool[np.ndarray, " row"]]:
    """Climb the restricted likelihood by average information; a variance at 0 may stay there."""
    between, here = start, _fit(sample, blocks, start)
    unit = np.sum(sample.variance * sample.present, axis=-1) / np.maximum(sample.n_loci, 1)
    unit = np.maximum(unit, 1e-300)[:, None]
    size, done = np.ones(len(start)), sample.n_loci == 0
    for _ in range(_MAX_ITERATIONS):
        if done.all():
            break
        step = _step(here, between)
        proposed = np.maximum(between + size[:, None] * step, 0.0)
        there = _fit(sample, blocks, proposed)
        moved = np.max(np.abs(proposed - between) / (between + unit), axis=-1)
        rounding = 1e-11 * (1.0 + np.abs(here.loglik))
        better = there.loglik >= here.loglik - rounding
        take = better & ~done
        between = np.where(take[:, None], proposed, between)
        here = _merge(take, there, here)
        done |= (moved < _TOLERANCE) & (better | (size < 1e-6))
        size = np.where(better, np.minimum(1.0, 2 * size), 0.25 * size)
    return here, between, done


def _step(here: _Mixed, between: Float64[np.ndarray, "row 2"]) -> Float64[np.ndarray, "row 2"]:
    """Return the scoring step; a variance that would leave through 0 is taken out first."""
    free = ~((between <= 0) & (here.score <= 0))
    step = np.zeros_like(between)
    for _ in range(2):
        pair = free[:, :, None] & free[:, None, :]
        matrix = np.where(pair, here.information, 0.0)
        diagonal = np.einsum("rii->ri", matrix).copy()
        ridge = np.where(free, 1e-10 * np.max(np.abs(diagonal), axis=-1, keepdims=True), 1.0)
        ridge = np.where(ridge > 0, ridge, 1.0)
        matrix = matrix + ridge[:, :, None] * np.eye(2)
        step = np.linalg.solve(matrix, (here.score * free)[:, :, None])[:, :, 0]
        free &= ~((between <= 0) & (step < 0))
    return np.where(free, step, 0.0)


def _merge(take: Bool[np.ndarray, " row"], new: _Mixed, old: _Mixed) -> _Mixed:
    return _Mixed(
        mean=np.where(take, new.mean, old.mean),
        total=np.where(take, new.total, old.total),
        loglik=np.where(take, new.loglik, old.loglik),
        score=np.where(take[:, None], new.score, old.score),
        information=np.where(take[:, None, None], new.information, old.information),
    )
