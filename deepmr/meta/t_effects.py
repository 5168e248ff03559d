"""Meta-analysis with t-distributed random effects."""

from __future__ import annotations

import numpy as np
import scipy
from jaxtyping import Bool, Float64
from scipy import special

from deepmr.estimate import Estimate
from deepmr.meta.pooling import common_effect
from deepmr.meta.result import MetaAnalysisResult
from deepmr.meta.sample import prepare

__all__ = ["t_effects"]

_MAX_ITERATIONS = 2000
_TOLERANCE = 1e-9


def t_effects(
    value: Float64[np.ndarray, "*batch locus"],
    se: Float64[np.ndarray, "*batch locus"],
    *,
    df: float = 4.0,
    n_nodes: int = 64,
    mask: Bool[np.ndarray, "*batch locus"] | None = None,
) -> MetaAnalysisResult:
    """Pool by maximum likelihood with true effects that follow Student's t, not a normal.

    The heavy tails take up outlying loci, which a normal would let pull the mean and swell tau2.

    A t is a normal whose variance is divided by a gamma variable; the integral over that is a
    sum over nodes equally spaced in its logarithm, where a trapezoid is exact to many digits.

    Args:
        value: Effect of each locus, loci on the last axis; NaN where there is none.
        se: Standard error of each effect, same shape, 0 or more.
        df: Degrees of freedom of the effects' distribution: the lower, the heavier the tails.
        n_nodes: Nodes of the quadrature.
        mask: False where a locus is to be left out; by default none is.

    Returns:
        The centre, with its error from the observed information. ``tau2`` is the squared *scale*
        of the t (its variance is df / (df - 2) times that). The prediction's quantiles are
        those of a t with ``df``. Searches that do not end are NaN with ``converged`` False.

    Raises:
        ValueError: If ``df`` is not positive, or as `common_effect` does.

    References:
        Baker and Jackson 2008, doi:10.1007/s10729-007-9041-8 (t-distributed random effects);
        Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x (information under EM).

    Example:
        >>> r = t_effects(np.array([0.1, 0.2, 0.3, 0.4, 5.0]), np.full(5, 0.1))
        >>> 0.2 < float(r.pooled.value) < 0.4
        True
    """
    if not df > 0:
        raise ValueError(f"the effects' degrees of freedom must be positive, got {df}")
    law = scipy.stats.gamma(df / 2, scale=2 / df)
    log_node = np.linspace(np.log(law.ppf(1e-13)), np.log(law.isf(1e-13)), n_nodes)
    log_mass = law.logpdf(np.exp(log_node)) + log_node
    log_mass -= special.logsumexp(log_mass)
    inverse = np.exp(-log_node)
    sample = prepare(value, se, mask=mask)
    rows = len(sample.effect)
    out = {name: np.full(rows, np.nan) for name in ("mean", "scale2", "se")}
    converged = np.ones(rows, bool)
    for row in np.flatnonzero(sample.n_loci > 0):  # a batch is few; loci are the many
        kept = sample.present[row] > 0
        found = _expectation_maximisation(
            sample.effect[row, kept], sample.variance[row, kept], inverse, log_mass
        )
        out["mean"][row], out["scale2"][row], out["se"][row], converged[row] = found
    batch = value.shape[:-1]
    c = {name: np.where(converged, column, np.nan).reshape(batch) for name, column in out.items()}
    plain = common_effect(value, se, mask=mask)
    spread = np.asarray(np.sqrt(c["se"] ** 2 + c["scale2"]))
    return MetaAnalysisResult(
        method="t_effects",
        n_loci=plain.n_loci,
        pooled=Estimate(value=c["mean"], se=c["se"]),
        tau2=c["scale2"],
        heterogeneity=plain.heterogeneity,
        prediction=Estimate(value=c["mean"], se=spread, df=np.full(batch, float(df))),
        typical_variance=plain.typical_variance,
        converged=converged.reshape(batch),
    )


def _expectation_maximisation(
    effect: Float64[np.ndarray, " locus"],
    variance: Float64[np.ndarray, " locus"],
    inverse: Float64[np.ndarray, " node"],
    log_mass: Float64[np.ndarray, " node"],
) -> tuple[float, float, float, bool]:
    """Return centre, squared scale, the centre's error, and whether the search ended.

    A scoring step for the scale is tried first; where the likelihood falls, the slower step of
    expectation-maximisation, under which it cannot, takes its place.
    """
    mean = float(np.median(effect))
    scale2 = float(np.median((effect - mean) ** 2)) if len(effect) > 1 else 0.0
    unit = float(np.mean(variance)) + scale2
    best, safe = -np.inf, (mean, scale2)
    for _ in range(_MAX_ITERATIONS):
        total = variance[:, None] + scale2 * inverse
        residual = (effect - mean)[:, None]
        log_density = log_mass - 0.5 * np.log(total) - 0.5 * residual**2 / total
        of_locus = special.logsumexp(log_density, axis=1, keepdims=True)
        loglik = float(np.sum(of_locus))
        if loglik < best - 1e-12 * abs(best) and (mean, scale2) != safe:
            mean, scale2 = safe
            continue
        best = loglik
        share = np.exp(log_density - of_locus)
        weight = np.sum(share / total, axis=1)
        pull = residual / total
        next_mean = float(np.sum(weight * effect) / np.sum(weight))
        shrunk = scale2 * inverse / total
        moved = (shrunk * residual) ** 2 + shrunk * variance[:, None]
        safe = (next_mean, float(np.mean(np.sum(share * moved / inverse, axis=1))))
        slope = np.sum(share * inverse * (pull**2 - 1 / total))
        curve = np.sum(share * (inverse / total) ** 2)
        next_scale2 = max(0.0, scale2 + float(slope / curve)) if len(effect) > 1 else 0.0
        step = abs(next_mean - mean) / np.sqrt(unit) + abs(next_scale2 - scale2) / unit
        if step < _TOLERANCE:
            first = np.sum(share * pull, axis=1)
            information = float(np.sum(first**2 - np.sum(share * pull**2, axis=1) + weight))
            error = float(1 / np.sqrt(information)) if information > 0 else np.nan
            return next_mean, next_scale2, error, information > 0
        mean, scale2 = next_mean, next_scale2
    return np.nan, np.nan, np.nan, False
