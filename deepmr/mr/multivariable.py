"""Several exposures at once: the direct effect of each, given the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int

from deepmr.effects import MultivariableEffectSizes
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.assemble import estimate_in_batch, heterogeneity_in_batch, in_batch
from deepmr.mr.ivw import Model, random_effects_factor
from deepmr.mr.robust import mm_regression

__all__ = [
    "MultivariableEstimate",
    "MultivariableRows",
    "multivariable_egger",
    "multivariable_ivw",
    "rows_of",
]

Distribution = Literal["normal", "t"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultivariableEstimate:
    """Direct effects of several exposures on one outcome.

    Args:
        method: Short name.
        n_instruments: Number of instruments used.
        effect: One direct effect for each exposure, on the last axis.
        pleiotropy: MR-Egger's intercept, where the method has one.
        heterogeneity: Q about the fitted plane, where the method has one.
        flags: Named warnings.
    """

    method: str
    n_instruments: Int[np.ndarray, "*batch"]
    effect: Estimate
    pleiotropy: Estimate | None = None
    heterogeneity: Heterogeneity | None = None
    flags: Mapping[str, Bool[np.ndarray, "*batch"]] = field(default_factory=dict)


class MultivariableRows(NamedTuple):
    """All loci in a row, absent variants neutralised."""

    x: Float64[np.ndarray, "locus exposure variant"]
    sx: Float64[np.ndarray, "locus exposure variant"]
    y: Float64[np.ndarray, "locus variant"]
    sy: Float64[np.ndarray, "locus variant"]
    mask: Bool[np.ndarray, "locus variant"]
    n: Float64[np.ndarray, " locus"]


def rows_of(effects: MultivariableEffectSizes) -> MultivariableRows:
    """Lay loci out in a row and set absent variants to effect 0 and error 1."""
    n_exposures, n_variants = effects.beta_exposure.shape[-2:]
    mask = effects.mask.reshape(-1, n_variants)
    wide = mask[:, None, :]
    x = np.where(wide, effects.beta_exposure.reshape(-1, n_exposures, n_variants), 0.0)
    sx = np.where(wide, effects.se_exposure.reshape(-1, n_exposures, n_variants), 1.0)
    y = np.where(mask, effects.beta_outcome.reshape(-1, n_variants), 0.0)
    sy = np.where(mask, effects.se_outcome.reshape(-1, n_variants), 1.0)
    return MultivariableRows(x, sx, y, sy, mask, mask.sum(axis=-1).astype(np.float64))


class _Plane(NamedTuple):
    """Coefficients, their errors at unit spread, Q and the instruments' influence."""

    coefficient: Float64[np.ndarray, "locus term"]
    error: Float64[np.ndarray, "locus term"]
    q: Float64[np.ndarray, " locus"]


def fit_plane(
    design: Float64[np.ndarray, "locus term variant"],
    y: Float64[np.ndarray, "locus variant"],
    w: Float64[np.ndarray, "locus variant"],
) -> _Plane:
    """Weighted least squares by QR, which keeps the digits that normal equations lose.

    Loci with fewer instruments than terms, or with exposures that are multiples of each other,
    are NaN.
    """
    root = np.sqrt(w)
    n_terms = design.shape[1]
    tall = np.swapaxes(design * root[:, None, :], -1, -2)
    if tall.shape[1] < n_terms:
        missing = np.full((len(y), n_terms), np.nan)
        return _Plane(missing, missing, missing[:, 0])
    finite = np.isfinite(tall).all(axis=(-2, -1))
    q, r = np.linalg.qr(np.where(finite[:, None, None], tall, 0.0))
    diagonal = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    size = np.linalg.norm(tall, axis=-2)
    singular = np.any(~(diagonal > 1e-7 * size), axis=-1) | ~finite
    r = np.where(singular[:, None, None], np.eye(n_terms), r)
    target = y * root
    inverse = np.linalg.inv(r)
    projected = np.einsum("lvt,lv->lt", q, target)
    coefficient = np.einsum("lij,lj->li", inverse, projected)
    error = np.sqrt(np.sum(inverse**2, axis=-1))
    residual = target - np.einsum("lvt,lt->lv", tall, coefficient)
    hole = singular[:, None]
    return _Plane(
        np.where(hole, np.nan, coefficient),
        np.where(hole, np.nan, error),
        np.where(singular, np.nan, np.vecdot(residual, residual)),
    )


def _flags(
    rows: MultivariableRows, n_terms: int, heterogeneity: Heterogeneity | None
) -> dict[str, np.ndarray]:
    flags = {"few_instruments": np.asarray(rows.n <= n_terms)}
    if heterogeneity is not None:
        flags["heterogeneity"] = np.asarray(heterogeneity.log_p < np.log(0.05))
    return flags


def assemble_multivariable(
    effects: MultivariableEffectSizes,
    method: str,
    rows: MultivariableRows,
    *,
    effect: Estimate,
    pleiotropy: Estimate | None = None,
    heterogeneity: Heterogeneity | None = None,
    extra_flags: Mapping[str, np.ndarray] | None = None,
) -> MultivariableEstimate:
    """Build a result from what was found for each locus in a row."""
    batch = effects.mask.shape[:-1]
    n_terms = rows.x.shape[1] + (pleiotropy is not None)
    flags = _flags(rows, n_terms, heterogeneity) | dict(extra_flags or {})
    return MultivariableEstimate(
        method=method,
        n_instruments=np.asarray(effects.mask.sum(axis=-1)),
        effect=estimate_in_batch(effect, batch),
        pleiotropy=None if pleiotropy is None else estimate_in_batch(pleiotropy, batch),
        heterogeneity=None
        if heterogeneity is None
        else heterogeneity_in_batch(heterogeneity, batch),
        flags={name: in_batch(flag, batch) for name, flag in flags.items()},
    )


def multivariable_ivw(
    effects: MultivariableEffectSizes,
    *,
    model: Model = "auto",
    distribution: Distribution = "normal",
    robust: bool = False,
) -> MultivariableEstimate:
    """Estimate direct effects by weighted regression of outcome effects on all exposures'.

    The plane through the origin with weights 1 / sy^2. Each slope is the effect of its exposure
    with the others held fixed: of GATA1 on acetylation not through accessibility, say. Errors are
    multiplied by the residual spread sqrt(Q / (n - K)) as in `inverse_variance_weighted`.

    *Weak instruments* here means weak given the other exposures (`conditional_f`): a strong F for
    each alone is not enough, and the bias may go either way. *Collinear* exposures give NaN.
    Exposures left out that the variants act through are pleiotropy.

    Args:
        effects: The instruments; more of them than exposures.
        model: As for `inverse_variance_weighted`.
        distribution: Normal, or t with n - K degrees of freedom.
        robust: Regress by an MM-estimate instead of least squares.

    References:
        Burgess and Thompson 2015, doi:10.1093/aje/kwu283;
        Sanderson, Davey Smith, Windmeijer and Bowden 2019, doi:10.1093/ije/dyy262.

    Example:
        >>> x = np.array([[0.1, 0.2, 0.3, 0.1], [0.3, 0.1, 0.1, 0.2]])
        >>> y = np.array([1.0, 2.0]) @ x
        >>> one, yes = np.full(4, 0.01), np.ones(4, bool)
        >>> e = MultivariableEffectSizes(
        ...     beta_exposure=x, se_exposure=x / 10, beta_outcome=y, se_outcome=one, mask=yes
        ... )
        >>> multivariable_ivw(e).effect.value.round(6).tolist()
        [1.0, 2.0]
    """
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    df = np.maximum(rows.n - n_exposures, 0.0)
    if robust:
        root = rows.mask / rows.sy
        fit = mm_regression(rows.x * root[:, None, :], rows.y * root, rows.mask)
        errors = np.sqrt(np.diagonal(fit.covariance, axis1=-2, axis2=-1)) / fit.scale[:, None]
        plane = _Plane(fit.coefficient, errors, df * fit.scale**2)
    else:
        plane = fit_plane(rows.x, rows.y, rows.mask / rows.sy**2)
    heterogeneity = Heterogeneity(q=np.where(df > 0, plane.q, np.nan), df=df)
    factor = random_effects_factor(plane.q, df, rows.n, model)
    degrees = np.maximum(df, 1.0)[:, None] if distribution == "t" else np.asarray(np.inf)
    effect = Estimate(value=plane.coefficient, se=plane.error * factor[:, None], df=degrees)
    return assemble_multivariable(
        effects, "multivariable_ivw", rows, effect=effect, heterogeneity=heterogeneity
    )


def multivariable_egger(
    effects: MultivariableEffectSizes,
    *,
    orient: int = 0,
    distribution: Distribution = "normal",
) -> MultivariableEstimate:
    """Estimate direct effects and directional pleiotropy by multivariable MR-Egger.

    As `multivariable_ivw` with an intercept, after orienting instruments to a positive effect on
    one exposure. The answer for the *other* exposures depends on that choice, and the assumption
    (direct effects independent of every exposure's) is strong.

    Args:
        effects: The instruments.
        orient: Index of the exposure whose effects are made positive; where they are exactly 0
            the instrument counts as having no effects at all, as in R.
        distribution: Normal, or t with n - K - 1 degrees of freedom.

    Raises:
        ValueError: If ``orient`` is not the index of an exposure.

    References:
        Rees, Wood and Burgess 2017, doi:10.1002/sim.7492.
    """
    rows = rows_of(effects)
    n_exposures = rows.x.shape[1]
    if not 0 <= orient < n_exposures:
        raise ValueError(
            f"multivariable_egger.orient must be one of the {n_exposures} exposures' indices, "
            f"got {orient}; count from 0"
        )
    sign = np.sign(rows.x[:, orient])
    design = np.concatenate([rows.mask[:, None, :].astype(float), rows.x * sign[:, None]], axis=1)
    plane = fit_plane(design, rows.y * sign, rows.mask / rows.sy**2)
    df = np.maximum(rows.n - n_exposures - 1, 0.0)
    factor = np.maximum(np.sqrt(plane.q / np.maximum(df, 1.0)), 1.0)[:, None]
    degrees = np.maximum(df, 1.0) if distribution == "t" else np.asarray(np.inf)
    wide = degrees[:, None] if distribution == "t" else degrees
    errors = plane.error * factor
    return assemble_multivariable(
        effects,
        "multivariable_egger",
        rows,
        effect=Estimate(value=plane.coefficient[:, 1:], se=errors[:, 1:], df=wide),
        pleiotropy=Estimate(value=plane.coefficient[:, 0], se=errors[:, 0], df=degrees),
        heterogeneity=Heterogeneity(q=np.where(df > 0, plane.q, np.nan), df=df),
    )
