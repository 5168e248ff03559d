"""From all pairs of tasks to a causal graph: error rates, direct effects, mediation, export.

Statistics of many pairs at once, on top of the verdict on each. Estimates of single pairs are those
of `deepmr.inference`; here is what needs all of them.
"""

from deepmr.causal_graph.direct import (
    LEAST_DISTINCT,
    LEAST_F,
    RELATIVE_ERROR,
    DirectEffects,
    direct_effects,
)
from deepmr.causal_graph.false_discovery import (
    benjamini_hochberg,
    benjamini_yekutieli,
    middle_of_estimators,
)
from deepmr.causal_graph.graph import EDGE_KINDS, Edge, TaskGraph, edge_kind
from deepmr.causal_graph.known import (
    EXPECTED,
    KnownRelation,
    PairAnswer,
    RelationScores,
    score_relations,
)
from deepmr.causal_graph.mediated import Mediation, mediation
from deepmr.causal_graph.moments import EffectMoments, effect_moments

__all__ = [
    "EDGE_KINDS",
    "EXPECTED",
    "LEAST_DISTINCT",
    "LEAST_F",
    "RELATIVE_ERROR",
    "DirectEffects",
    "Edge",
    "EffectMoments",
    "KnownRelation",
    "Mediation",
    "PairAnswer",
    "RelationScores",
    "TaskGraph",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "direct_effects",
    "edge_kind",
    "effect_moments",
    "mediation",
    "middle_of_estimators",
    "score_relations",
]
