"""From effects of single substitutions to a verdict on the structure of two tasks."""

from deepmr.verdict.concordance import concordant_variants, median_slopes
from deepmr.verdict.controls import (
    CONTROLS,
    Control,
    ControlNotRun,
    check_controls,
    controls_of,
    empirical_p,
    other_locus,
    permuted_within_loci,
    wanted_controls,
)
from deepmr.verdict.decision import Decision, decide
from deepmr.verdict.design import WINDOW_WIDTH, DesignPlan, plan_designed
from deepmr.verdict.designed import DesignedEvidence, judge_designed, measure_designed
from deepmr.verdict.doses import (
    DoseEvidence,
    DoseStatistics,
    dose_evidence,
    dose_statistics,
    judge_doses,
)
from deepmr.verdict.evidence import PairEvidence, resampled_evidence
from deepmr.verdict.judge import guard_values, judge
from deepmr.verdict.locus_sets import compare_locus_sets
from deepmr.verdict.panel import Check, PredictionQuality, assumption_panel
from deepmr.verdict.reasons import CAVEATS
from deepmr.verdict.reliability import MemberAgreement, member_agreement
from deepmr.verdict.scale import effect_scale, locus_maximum, scaled_effects
from deepmr.verdict.statistics import STATISTICS, PairStatistics, all_pairs, pair_statistics
from deepmr.verdict.thresholds import (
    AgreementThresholds,
    DirectionThresholds,
    EffectThresholds,
    OwnThresholds,
    SiteThresholds,
    Thresholds,
)
from deepmr.verdict.verdict import CAUSAL, STRUCTURES, Measure, Verdict
from deepmr.verdict.wilson import wilson
from deepmr.verdict.window_kinds import LEAST_EXPLAINED

__all__ = [
    "CAUSAL",
    "CAVEATS",
    "CONTROLS",
    "LEAST_EXPLAINED",
    "STATISTICS",
    "STRUCTURES",
    "WINDOW_WIDTH",
    "AgreementThresholds",
    "Check",
    "Control",
    "ControlNotRun",
    "Decision",
    "DesignPlan",
    "DesignedEvidence",
    "DirectionThresholds",
    "DoseEvidence",
    "DoseStatistics",
    "EffectThresholds",
    "Measure",
    "MemberAgreement",
    "OwnThresholds",
    "PairEvidence",
    "PairStatistics",
    "PredictionQuality",
    "SiteThresholds",
    "Thresholds",
    "Verdict",
    "all_pairs",
    "assumption_panel",
    "check_controls",
    "compare_locus_sets",
    "concordant_variants",
    "controls_of",
    "decide",
    "dose_evidence",
    "dose_statistics",
    "effect_scale",
    "empirical_p",
    "guard_values",
    "judge",
    "judge_designed",
    "judge_doses",
    "locus_maximum",
    "measure_designed",
    "median_slopes",
    "member_agreement",
    "other_locus",
    "pair_statistics",
    "permuted_within_loci",
    "plan_designed",
    "resampled_evidence",
    "scaled_effects",
    "wanted_controls",
    "wilson",
]
