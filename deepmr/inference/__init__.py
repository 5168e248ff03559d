"""Inference: ensemble effects to local and pooled causal effects with intervals.

Example:
    Five members see 20 loci of 30 variants, whose slopes are .5 on average:

    >>> import numpy as np
    >>> from deepmr.effects import MemberEffects
    >>> from deepmr.instruments import All
    >>> from deepmr.meta import random_effects
    >>> from deepmr.mr import slope
    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat(rng.choice([-1.0, 1.0, 2.0], size=(20, 1, 30)), 5, axis=1)
    >>> slopes = 0.5 + 0.1 * rng.standard_normal((20, 1, 1)) + 0.02 * rng.standard_normal((5, 1))
    >>> noise = 0.01 * rng.standard_normal((2, 20, 5, 30))
    >>> value = np.stack([x + noise[0], slopes * x + noise[1]], axis=1)
    >>> at = np.tile(np.arange(30), (20, 1))
    >>> effects = MemberEffects(value=value, tasks=("X", "Y"), offset=at, ref=0 * at,
    ...                         alt=0 * at + 1, mask=at >= 0)

    Each method estimates the loci, and pools them (`Summary` takes members' errors for independent
    between loci, so that its error is too small):

    >>> methods = (
    ...     PerMember(), Jackknife(), CrossFitted(), ErrorsInVariables(), Correlated(), Summary()
    ... )
    >>> for method in methods:
    ...     local = method.local(effects, "X", "Y", rule=All(), estimator=slope)
    ...     pooled = method.pool(local, pooling=random_effects).pooled
    ...     print(type(method).__name__, round(float(pooled.value), 2), round(float(pooled.se), 3))
    PerMember 0.49 0.029
    Jackknife 0.49 0.029
    CrossFitted 0.49 0.029
    ErrorsInVariables 0.49 0.029
    Correlated 0.49 0.029
    Summary 0.49 0.025

    Shards of loci are joined before pooling:

    >>> half = PerMember().local(effects, "X", "Y", rule=All(), estimator=slope)
    >>> whole = LocalInference.join([half, half])
    >>> whole.estimate.effect.value.shape, round(float(two_way(
    ...     whole.slopes, pooling=random_effects).pooled.value), 2)
    ((40,), 0.49)
    >>> round(float(pool_slopes(whole, pooling=random_effects).pooled.value), 2)
    0.49
"""

from deepmr.inference.contract import Estimator, Inference, LocalInference, Pooling
from deepmr.inference.correlated import Correlated
from deepmr.inference.errors_in_variables import ErrorsInVariables
from deepmr.inference.given_model import GivenModel
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.over_members import OverMembers
from deepmr.inference.per_member import CrossFitted, Jackknife, PerMember
from deepmr.inference.summary import Summary
from deepmr.inference.two_way import pool_slopes, two_way
from deepmr.inference.z_score import EffectZScores, effect_z_scores

__all__ = [
    "Correlated",
    "CrossFitted",
    "EffectZScores",
    "ErrorsInVariables",
    "Estimator",
    "GivenModel",
    "Inference",
    "Jackknife",
    "LocalInference",
    "MemberPair",
    "MemberSlopes",
    "OverMembers",
    "PerMember",
    "Pooling",
    "Summary",
    "effect_z_scores",
    "pool_slopes",
    "two_way",
]
