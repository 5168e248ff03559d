"""From effects of single substitutions to a verdict on the structure of two tasks.

Example:
    X reads motif a; Y reads what X reads, and motif b. Half of 60 loci hold either:

    >>> import numpy as np
    >>> from deepmr.effects import MemberEffects
    >>> rng = np.random.default_rng(0)
    >>> sites = np.zeros((2, 60, 120))  # motif, locus, variant: three a base
    >>> loss = np.repeat([1.0, 0.9, 0.5, 0.7, 1.0, 0.8], 3)
    >>> for motif, start in enumerate((12, 72)):
    ...     sites[motif, rng.random(60) < 0.5, start : start + 18] = -loss
    >>> x, y = sites[0], 0.6 * sites[0] + 0.8 * sites[1]
    >>> offset = np.tile(np.repeat(np.arange(40), 3), (60, 1))
    >>> zero, all_of_them = np.zeros_like(offset), np.ones(offset.shape, dtype=bool)
    >>> effects = MemberEffects(
    ...     value=np.repeat(np.stack([x, y], axis=1)[:, :, None], 3, axis=2), tasks=("X", "Y"),
    ...     offset=offset, ref=zero, alt=zero + 1, mask=all_of_them,
    ... )
    >>> scale = effect_scale(locus_maximum(effects))
    >>> statistics = pair_statistics(effects, scale=scale)
    >>> agreement = member_agreement(effects, scale=scale)
    >>> (verdict,) = judge(statistics, agreement=agreement)
    >>> verdict.structure, verdict.caveats
    ('forward', ('nested',))
    >>> on_one_line = concordant_variants(x / scale[0], y / scale[1])
    >>> bool(on_one_line[x != 0].all())  # every variant that moves X lies on one dose-response
    True

    By motif doses Y reads a, too, which is not to tell from reading X; a decoy explains nothing:

    >>> decoy = 0.1 * rng.standard_normal((60, 1, 120))
    >>> sums = dose_statistics(
    ...     effects, np.concatenate([sites.swapaxes(0, 1), decoy], axis=1), scale=scale,
    ...     motifs=("a", "b", "decoy"), is_decoy=(False, False, True),
    ... )
    >>> doses = dose_evidence(DoseStatistics.join([sums]))
    >>> doses.inputs(0), doses.inputs(1), doses.to_record()["motifs"]
    (('a',), ('a', 'b'), ['a', 'b'])
    >>> judge_doses([verdict], doses, statistics.pairs)[0].structure
    'forward'

    The slope against its negative controls:

    >>> permuted = permuted_within_loci(effects, seed=0)
    >>> control = pair_statistics(permuted, scale=scale)
    >>> empirical_p(statistics, {"permuted": control}).shape  # pair, direction
    (1, 2)
    >>> elsewhere = pair_statistics(other_locus(effects, seed=0), scale=scale)
    >>> asked = judge(elsewhere, agreement=agreement)
    >>> [one.passed for one in controls_of("other_locus", asked)]
    [True]

    The same in steps: evidence with its intervals, the guard of reliability, the rule, and what the
    answer rests on:

    >>> evidence = resampled_evidence(statistics, resamples=50)
    >>> rule = Thresholds()
    >>> passes, guard = guard_values(statistics, agreement, None, rule)
    >>> bool((passes >= 1).all())
    True
    >>> decision = decide(evidence, statistics.pairs, passes[statistics.pairs], rule)
    >>> decision.structure.tolist()
    ['forward']
    >>> panel = assumption_panel(
    ...     evidence, pair=0, direction=0, reliability=float(passes.min()), n_members=3
    ... )
    >>> isinstance(panel[0], Check), bool(np.abs(scaled_effects(effects, scale)).max() > 0.9)
    (True, True)
    >>> curve = threshold_curve(statistics, resamples=50)  # the slope by instrument threshold
    >>> rule == Thresholds(
    ...     effects=EffectThresholds(), sites=SiteThresholds(), agreement=AgreementThresholds(),
    ...     direction=DirectionThresholds(), own=OwnThresholds(),
    ... )
    True

    Designed sequences: sites cut out of loci are put into backgrounds on which no task is active,
    alone and together. X reads one motif, Y what X reads and another; a pair left open is
    rescued:

    >>> motifs = np.array([[0, 1, 3, 0, 2, 2, 1, 3], [2, 3, 1, 1, 0, 2, 3, 0]], dtype=np.uint8)
    >>> codes = rng.integers(0, 4, (40, 60)).astype(np.uint8)
    >>> for motif, start in zip(motifs, (10, 40)):
    ...     codes[rng.random(40) < 0.6, start : start + 8] = motif
    >>> def predict(codes):
    ...     words = np.lib.stride_tricks.sliding_window_view(codes, 8, axis=1)
    ...     a, b = (np.sum(4.0 ** ((words == one).sum(-1) - 8.0), axis=1) for one in motifs)
    ...     return np.stack([a, 0.6 * a + 0.8 * b], axis=1)[..., None]
    >>> base = np.arange(180) // 3
    >>> mutants = np.repeat(codes[:, None], 180, axis=1)
    >>> mutants[:, np.arange(180), base] = (codes[:, base] + 1 + np.arange(180) % 3) % 4
    >>> value = predict(mutants.reshape(-1, 60)).reshape(40, 180, 2, 1) - predict(codes)[:, None]
    >>> everywhere = np.tile(base, (40, 1))
    >>> measured = MemberEffects(
    ...     value=value.transpose(0, 2, 3, 1), tasks=("X", "Y"), offset=everywhere,
    ...     ref=codes[:, base].astype(int), alt=mutants[:, np.arange(180), base].astype(int),
    ...     mask=np.ones(everywhere.shape, dtype=bool),
    ... )
    >>> scale = effect_scale(locus_maximum(measured))
    >>> plan = plan_designed(measured, codes, scale=scale, n_candidates=50)
    >>> designed = measure_designed(plan, predict)
    >>> sorted((designed.response > 0.15).tolist())  # one kind of site moves Y, the other both
    [[False, True], [True, True]]
    >>> open_pair = Verdict(
    ...     exposure="X", outcome="Y", structure="undecided",
    ...     evidence={"is_reliable": Measure(value=1.0)},
    ... )
    >>> judge_designed([open_pair], designed, np.array([[0, 1]]))[0].structure
    'forward'
"""

from deepmr.verdict.concordance import concordant_variants
from deepmr.verdict.controls import (
    CONTROLS,
    Control,
    ControlNotRun,
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
)
from deepmr.verdict.evidence import (
    PairEvidence,
    ThresholdCurve,
    resampled_evidence,
    threshold_curve,
    wilson,
)
from deepmr.verdict.judge import compare_locus_sets, guard_values, judge
from deepmr.verdict.motif_inputs import explained_alone, judge_doses, likely_inputs
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
    "ThresholdCurve",
    "Thresholds",
    "Verdict",
    "all_pairs",
    "assumption_panel",
    "compare_locus_sets",
    "concordant_variants",
    "controls_of",
    "decide",
    "dose_evidence",
    "dose_statistics",
    "effect_scale",
    "empirical_p",
    "explained_alone",
    "guard_values",
    "judge",
    "judge_designed",
    "judge_doses",
    "likely_inputs",
    "locus_maximum",
    "measure_designed",
    "member_agreement",
    "other_locus",
    "pair_statistics",
    "permuted_within_loci",
    "plan_designed",
    "resampled_evidence",
    "scaled_effects",
    "threshold_curve",
    "wanted_controls",
    "wilson",
]
