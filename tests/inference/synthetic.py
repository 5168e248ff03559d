"""Members with known true effects and errors shared the way networks share them."""

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.mr.result import MREstimate


def ensemble(
    rng,
    *,
    n_loci=60,
    n_variants=60,
    members=5,
    slope=0.5,
    locus_sd=0.0,
    member_sd=0.1,
    own_sd=0.1,
    noise=0.05,
    confounded=0.0,
):
    """Return members, and the true slope of each locus.

    A member m sees x + its noise, and y = (slope_l + u_m + w_lm) x + its noise: u is shared by
    all loci, w by all variants of a locus, the noise by nothing; ``confounded`` adds the
    exposure's noise to the outcome's.
    """
    x = rng.normal(size=(n_loci, 1, n_variants))
    truth = slope + locus_sd * rng.normal(size=n_loci)
    shape = (n_loci, members, 1)
    seen = truth[:, None, None] + member_sd * rng.normal(size=(1, members, 1))
    seen = seen + own_sd * rng.normal(size=shape)
    error_x = noise * rng.normal(size=(n_loci, members, n_variants))
    error_y = noise * rng.normal(size=(n_loci, members, n_variants)) + confounded * error_x
    zero = np.zeros((n_loci, n_variants), int)
    effects = MemberEffects(
        value=np.stack([x + error_x, seen * x + error_y], axis=1),
        tasks=("x", "y"),
        offset=zero + np.arange(n_variants) // 3,
        ref=zero,
        alt=zero,
        mask=zero == 0,
    )
    return effects, truth


def least_squares(effects):
    """Slope through the origin weighted by 1 / se^2 and its fixed-effect error, by definition."""
    weight = np.where(effects.mask, 1.0 / effects.se_outcome**2, 0.0)
    square = np.sum(weight * effects.beta_exposure**2, axis=-1)
    product = np.sum(weight * effects.beta_exposure * effects.beta_outcome, axis=-1)
    n = effects.n_instruments
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.asarray(product / square)
        error = np.asarray(np.sqrt(1.0 / square))
    return MREstimate(
        method="least_squares",
        n_instruments=n,
        effect=Estimate(value=slope, se=np.where(n > 0, error, np.nan)),
        heterogeneity=Heterogeneity(q=np.zeros(n.shape), df=np.zeros(n.shape)),
        flags={"few": np.asarray(n < 3)},
    )


def covered(effect, truth):
    low, high = effect.interval()
    return np.mean((low <= truth) & (truth <= high))
