"""From effects of single substitutions to a verdict on the structure of two tasks."""

from deepmr.verdict.concordance import concordant_variants, median_slopes
from deepmr.verdict.decision import Decision, decide, judge, wilson
from deepmr.verdict.evidence import PairEvidence, resampled_evidence
from deepmr.verdict.reasons import CAVEATS
from deepmr.verdict.reliability import MemberAgreement, member_agreement
from deepmr.verdict.scale import effect_scale, locus_maximum, scaled_effects
from deepmr.verdict.statistics import STATISTICS, PairStatistics, all_pairs, pair_statistics
from deepmr.verdict.thresholds import Thresholds
from deepmr.verdict.verdict import CAUSAL, STRUCTURES, Measure, Verdict

__all__ = [
    "CAUSAL",
    "CAVEATS",
    "STATISTICS",
    "STRUCTURES",
    "Decision",
    "Measure",
    "MemberAgreement",
    "PairEvidence",
    "PairStatistics",
    "Thresholds",
    "Verdict",
    "all_pairs",
    "concordant_variants",
    "decide",
    "effect_scale",
    "judge",
    "locus_maximum",
    "median_slopes",
    "member_agreement",
    "pair_statistics",
    "resampled_evidence",
    "scaled_effects",
    "wilson",
]
