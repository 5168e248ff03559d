"""Inference: ensemble effects to local and pooled causal effects with intervals."""

from deepmr.inference.contract import Estimator, Inference, LocalInference, Pooling
from deepmr.inference.correlated import Correlated
from deepmr.inference.errors_in_variables import ErrorsInVariables
from deepmr.inference.given_model import GivenModel
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.over_members import OverMembers
from deepmr.inference.per_member import CrossFitted, Jackknife, PerMember
from deepmr.inference.pool import pool_slopes
from deepmr.inference.summary import Summary
from deepmr.inference.two_way import two_way
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
