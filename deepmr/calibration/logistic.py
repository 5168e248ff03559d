"""Maximum-likelihood logistic regression on a few columns, the fit behind several calibrators."""

from __future__ import annotations

import numpy as np
import scipy
from jaxtyping import Float64
from scipy import special

__all__ = ["cross_entropy", "fit_logistic"]


def cross_entropy(
    logit: Float64[np.ndarray, "..."], target: Float64[np.ndarray, "..."]
) -> Float64[np.ndarray, "..."]:
    """Return minus the log-likelihood of each (possibly soft) label, in nats, without overflow.

    Example:
        >>> float(cross_entropy(np.array(-1000.0), np.array(1.0)))
        1000.0
    """
    return np.asarray(np.logaddexp(0.0, logit) - target * logit)


def fit_logistic(
    columns: Float64[np.ndarray, "sample column"],
    target: Float64[np.ndarray, " sample"],
    *,
    start: Float64[np.ndarray, " column"],
    lower: Float64[np.ndarray, " column"],
    upper: Float64[np.ndarray, " column"],
) -> Float64[np.ndarray, " column"]:
    """Minimise the mean cross-entropy of ``columns @ coefficients`` within a box.

    The problem is convex, so the start only matters for speed. A perfectly separable sample has
    its optimum on the box: the box is what keeps the answer finite.

    Raises:
        RuntimeError: If the optimiser stops before its tolerance.
    """

    def objective(
        coefficients: Float64[np.ndarray, " column"],
    ) -> tuple[float, Float64[np.ndarray, " column"]]:
        logit = columns @ coefficients
        gradient = columns.T @ (special.expit(logit) - target) / target.size
        return float(cross_entropy(logit, target).mean()), gradient

    result = scipy.optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)),
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 500},
    )
    # Status 2 is a line search that can no longer improve at working precision: the optimum.
    if not result.success and result.status != 2:
        raise RuntimeError(
            f"the logistic fit must converge, got {result.message!r} after {result.nit} steps on "
            f"{target.size} samples; look for extreme predictions"
        )
    return np.asarray(result.x, dtype=np.float64)
