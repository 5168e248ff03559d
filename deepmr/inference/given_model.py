"""Inference about a model that is given: effects are exact, and errors come from loci and sites."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int

from deepmr.effects import EffectSizes, MemberEffects
from deepmr.estimate import Estimate, Heterogeneity
from deepmr.inference.between_sites import position_variance
from deepmr.inference.contract import Estimator, LocalInference, Pooling
from deepmr.inference.position_jackknife import (
    count_positions,
    effective_positions,
    position_jackknife,
)
from deepmr.instruments import Rule, select
from deepmr.meta import MetaAnalysisResult
from deepmr.mr import MREstimate, value_only

__all__ = ["GivenModel"]

_OF_ERRORS = frozenset(
    {
        "directional_pleiotropy",
        "error_correlation_ignored",
        "heterogeneity",
        "weak_instruments",
        "zero_error",
    }
)
"""Flags that compare effects with their errors, which exact effects do not have."""

_ALPHA = 0.05

_LEAST_DF = 0.5
"""Least degrees of freedom of a local slope, where one position carries nearly all of it."""

_PROBE = np.array([0.9, 1.1, 0.6, 1.6, -1.2, 0.7, 2.0, -0.8, 1.3, 1.0, 0.5, 1.8])
_PROBED = 0.5 * _PROBE + np.array([0.1, -0.2, 0.0, 0.1, 0.1, 1.4, -0.1, 0.2, 0.1, -0.1, 0.0, -0.2])


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenModel:
    """What one model says: the model is given, so that effects are exact.

    The estimand is the mean local slope over the population that the loci were sampled from. Its
    error comes from that sampling alone: the spread between loci, as in a mean of independent
    values, with Student's t. A local slope's error is the disagreement among the locus's own
    sites: for the least-squares slope the position-clustered residual variance
    (`deepmr.inference.between_sites.position_variance`), for other estimators the delete-a-group
    jackknife over positions. Student's t has one degree of freedom fewer than positions of equal
    weight would be needed (`effective_positions`): where one position outweighs the rest, little
    can disagree. Where all instruments lie at one position nothing can: the slope has no interval,
    and the flag ``one_position``.

    What *another training* would say is a different question, which takes an ensemble
    (`Jackknife`). Of several members, the model given is their mean.

    Effects have errors of 0, so that a rule's threshold of precision (``min_z``) is met by every
    effect, and its threshold of size (``min_effect``) alone selects the instruments. Variants
    count equally. Estimators whose values depend on how large the errors are (debiased, profile
    likelihood, penalized) have no meaning here and are refused by `check_estimator`. Flags that
    compare effects with their errors are left out; MR-Egger's intercept is tested by the jackknife.

    References:
        Liang and Zeger 1986, doi:10.1093/biomet/73.1.13 (residuals clustered by position);
        Carter, Schnepel and Steigerwald 2017, doi:10.1162/REST_a_00639 (degrees of freedom).

    Example:
        >>> from deepmr.instruments import All
        >>> from deepmr.mr import inverse_variance_weighted
        >>> x = np.array([[1.0, 2.0, 1.0], [1.0, 1.0, 2.0]])
        >>> value = np.stack([x, x * [[0.5], [0.7]]], axis=1)[:, :, None]
        >>> at = np.broadcast_to(np.arange(3), x.shape)
        >>> effects = MemberEffects(value=value, tasks=("A", "B"), offset=at, ref=at, alt=at,
        ...                         mask=x > 0)
        >>> given = GivenModel()
        >>> local = given.local(effects, "A", "B", rule=All(), estimator=inverse_variance_weighted)
        >>> local.estimate.effect.value.round(3), local.estimate.effect.se.round(3)
        (array([0.5, 0.7]), array([0., 0.]))
        >>> from deepmr.meta import random_effects
        >>> pooled = given.pool(local, pooling=random_effects).pooled
        >>> round(float(pooled.value), 3), round(float(pooled.se), 3), float(pooled.df)
        (0.6, 0.1, 1.0)
    """

    @property
    def ignored(self) -> frozenset[str]:
        """Settings of the question without effect: ``adjustment``, the estimators' ``weights``."""
        return frozenset({"adjustment", "weights"})

    @property
    def note(self) -> str:
        """Sentence for the report on which question the intervals answer."""
        return (
            "Intervals answer what this model says: it is taken as given and its effects as "
            "exact, so that pooled intervals are about the loci sampled, local ones about "
            "disagreement among a locus's sites, and instruments are chosen by the size of their "
            "effect alone. What the networks get wrong is in no interval: what training again "
            "would say is another question, which needs an ensemble (inference=jackknife)."
        )

    def check_estimator(self, name: str, estimator: Estimator) -> None:
        """Refuse an estimator whose values depend on the size of the effects' errors.

        Args:
            name: Its short name, for the message.
            estimator: MR estimator.

        Raises:
            ValueError: If its value differs between small and large errors.
        """
        one = np.ones((1, len(_PROBE)))
        values = []
        for of_exposure, of_outcome in ((1.0, 1.0), (0.01, 0.01), (0.01, 1.0)):
            effects = EffectSizes.from_arrays(
                _PROBE[None], of_exposure * one, _PROBED[None], of_outcome * one
            )
            try:
                values.append(float(value_only(estimator)(effects).effect.value[0]))
            except ValueError:  # it needs more than effects and errors, such as sample sizes
                values.append(np.nan)
        if not np.allclose(values, values[0], rtol=1e-6, atol=0.0):
            raise ValueError(
                f"estimator={name} rests on the size of the effects' errors, and a given model's "
                "effects have none; choose slope, egger, simple_median, weighted_median, "
                "simple_mode or weighted_mode, or ask an ensemble (inference=jackknife)"
            )

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,
    ) -> LocalInference:
        """Estimate the slope of each locus over exact effects.

        Args:
            members: Effects of the model; of several members, their mean is the model.
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.
            rule: Instrument selection rule; it sees errors of 0.
            estimator: MR estimator.
        """
        effects = select(members.exact(exposure, outcome), rule, offset=members.offset)
        alike = np.ones_like(effects.se_exposure)
        equal = replace(effects, se_exposure=alike, se_outcome=alike)
        alone = value_only(estimator)
        found = alone(equal)
        between = position_variance(
            effects.beta_exposure, effects.beta_outcome, effects.mask, members.offset
        )
        positions = count_positions(effects.mask, members.offset)
        value = found.effect.value
        least_squares = np.isclose(value, _slope(effects), rtol=1e-9, atol=0.0)
        variance, intercept = between, None
        if not bool(np.all(least_squares | np.isnan(value))) or found.pleiotropy is not None:
            jackknife = position_jackknife(alone, equal, members.offset)
            variance = np.where(least_squares, between, jackknife.effect)
            intercept = jackknife.pleiotropy
        weighty = effective_positions(effects.beta_exposure, effects.mask, members.offset)
        df = np.asarray(np.maximum(weighty - 1.0, _LEAST_DF))
        kept = np.isfinite(value) & (positions > 1)
        pleiotropy = None
        if found.pleiotropy is not None and intercept is not None:
            pleiotropy = _with_error(found.pleiotropy.value, intercept, kept, df)
        return LocalInference(
            estimate=MREstimate(
                method=found.method,
                n_instruments=found.n_instruments,
                effect=_with_error(value, variance, kept, df),
                pleiotropy=pleiotropy,
                flags=_flags(found, pleiotropy, positions),
            ),
            instruments=effects.mask,
            between_sites=np.where(positions > 1, between, np.nan),
        )

    def pool(self, local: LocalInference, *, pooling: Pooling) -> MetaAnalysisResult:
        """Return the mean slope over the population of loci, with a t interval from their spread.

        Loci count equally: the mean is then that of the population, also where slopes of loci with
        many sites differ from the others'. The prediction interval is for the slope of a new locus.

        Args:
            local: Results of all loci.
            pooling: Meta-analysis that supplies tau2 and heterogeneity, with the local errors.
        """
        effect = local.estimate.effect
        known = np.isfinite(effect.value)
        count = np.asarray(known.sum(axis=-1))
        number = np.maximum(count, 1)
        mean = np.sum(effect.value, axis=-1, where=known) / number
        deviation = np.where(known, effect.value - mean[..., None], 0.0)
        several = count > 1
        variance = np.sum(deviation**2, axis=-1) / np.maximum(count - 1, 1)
        spread = np.where(several, variance, np.nan)
        value = np.asarray(np.where(count > 0, mean, np.nan))
        df = np.asarray(np.maximum(count - 1.0, 1.0))
        inner = pooling(np.asarray(effect.value), np.asarray(effect.se))
        return MetaAnalysisResult(
            method="given_model",
            n_loci=np.asarray(count, dtype=np.int64),
            pooled=Estimate(value=value, se=np.asarray(np.sqrt(spread / number)), df=df),
            tau2=inner.tau2,
            heterogeneity=Heterogeneity(q=inner.heterogeneity.q, df=inner.heterogeneity.df),
            prediction=Estimate(
                value=value, se=np.asarray(np.sqrt(spread * (1.0 + 1.0 / number))), df=df
            ),
            se_tau2=inner.se_tau2,
            typical_variance=inner.typical_variance,
            converged=inner.converged,
        )


def _slope(effects: EffectSizes) -> Float64[np.ndarray, "*batch"]:
    """Return the unweighted least-squares slope through the origin."""
    x = np.where(effects.mask, effects.beta_exposure, 0.0)
    y = np.where(effects.mask, effects.beta_outcome, 0.0)
    square = np.vecdot(x, x)
    return np.where(square > 0, np.vecdot(x, y) / np.where(square > 0, square, 1.0), np.nan)


def _with_error(
    value: Float64[np.ndarray, "*batch"],
    variance: Float64[np.ndarray, "*batch"],
    kept: np.ndarray,
    df: Float64[np.ndarray, "*batch"],
) -> Estimate:
    return Estimate(value=value, se=np.where(kept, np.sqrt(variance), np.nan), df=df)


def _flags(
    found: MREstimate, pleiotropy: Estimate | None, positions: Int[np.ndarray, "*batch"]
) -> dict[str, np.ndarray]:
    flags = {name: flag for name, flag in found.flags.items() if name not in _OF_ERRORS}
    flags["one_position"] = np.asarray(positions == 1)
    if pleiotropy is not None:
        with np.errstate(invalid="ignore"):
            flags["directional_pleiotropy"] = np.asarray(pleiotropy.p_value < _ALPHA)
    return flags
