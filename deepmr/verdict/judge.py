"""From the statistics of all loci to one verdict a pair: evidence, decision, and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from deepmr.verdict.decision import decide, hidden_kinds
from deepmr.verdict.evidence import PairEvidence, resampled_evidence
from deepmr.verdict.reasons import compose
from deepmr.verdict.reliability import MemberAgreement
from deepmr.verdict.statistics import PairStatistics
from deepmr.verdict.thresholds import Thresholds
from deepmr.verdict.verdict import Verdict

__all__ = ["compare_locus_sets", "guard_values", "judge"]


def judge(
    statistics: PairStatistics,
    *,
    agreement: MemberAgreement | None = None,
    twin_scale: Float64[np.ndarray, " task"] | None = None,
    thresholds: Thresholds | None = None,
    evidence: PairEvidence | None = None,
    seed: int = 0,
) -> tuple[Verdict, ...]:
    """Judge every pair: evidence, decision, and both in words.

    Args:
        statistics: Sufficient statistics of all loci (`PairStatistics.join`).
        agreement: Of the ensemble's members (`MemberAgreement.join`).
        twin_scale: Scales of the same tasks in an untrained twin of the network, over the same
            loci; what the guard of one network alone needs.
        thresholds: Constants of the rule.
        evidence: What `resampled_evidence` returned for the same statistics, where it is needed
            for more than the verdict; computed by default.
        seed: Of the resamples.

    Returns:
        One verdict a pair, in the order of ``statistics.pairs``.

    Raises:
        ValueError: If there is no locus.
    """
    rule = Thresholds() if thresholds is None else thresholds
    evidence = resampled_evidence(statistics, seed=seed) if evidence is None else evidence
    guard, value = guard_values(statistics, agreement, twin_scale, rule)
    pairs = statistics.pairs
    decision = decide(evidence, pairs, guard[pairs], rule, hidden_kinds(statistics, rule))
    ensemble = agreement is not None and agreement.n_members > 1
    return compose(statistics, evidence, decision, value, rule, ensemble=ensemble)


def guard_values(
    statistics: PairStatistics,
    agreement: MemberAgreement | None,
    twin_scale: Float64[np.ndarray, " task"] | None,
    rule: Thresholds,
) -> tuple[Float64[np.ndarray, " task"], Float64[np.ndarray, " task"]]:
    """Return each task's guard over its threshold (1 and more passes), and the guard itself.

    With two members and more the guard is their effects' correlation; with one network the
    ratio of its scale to its untrained twin's; with neither it is missing.
    """
    if agreement is not None and agreement.n_members > 1:
        value = agreement.correlation
        return value / rule.reliability, value
    if twin_scale is not None:
        value = np.divide(
            statistics.scale,
            twin_scale,
            out=np.full_like(statistics.scale, np.inf),
            where=twin_scale > 0,
        )
        return value / rule.twin_ratio, value
    missing: Float64[np.ndarray, " task"] = np.full(len(statistics.tasks), np.nan)
    return missing, missing


def compare_locus_sets(
    verdicts: Sequence[Verdict], others: Sequence[Verdict], *, name: str
) -> tuple[Verdict, ...]:
    """Add the caveat ``locus_set`` to verdicts that another set of loci does not share.

    A verdict of undecided on either side is no contradiction, and adds nothing.

    Args:
        verdicts: On the run's loci, as `judge` returns them.
        others: Of the same pairs, on the other loci (``PairStatistics.take``).
        name: Of the other set, in words, such as ``loci with both motifs``.

    Raises:
        ValueError: If the pairs differ.

    Example:
        >>> here = Verdict(exposure="X", outcome="Y", structure="forward")
        >>> there = Verdict(exposure="X", outcome="Y", structure="shared")
        >>> compare_locus_sets([here], [there], name="loci with both motifs")[0].caveats
        ('locus_set',)
    """
    compared = []
    for one, other in zip(verdicts, others, strict=True):
        if (one.exposure, one.outcome) != (other.exposure, other.outcome):
            raise ValueError(
                "compare_locus_sets needs the same pairs in the same order, got "
                f"{one.exposure} and {one.outcome} beside {other.exposure} and {other.outcome}"
            )
        decided = "undecided" not in (one.structure, other.structure)
        if decided and one.structure != other.structure:
            text = (
                f"At {name} the verdict is {other.structure}, not {one.structure}: it depends on "
                "the loci asked."
            )
            one = replace(one, caveats=(*one.caveats, "locus_set"), reasons=(*one.reasons, text))
        compared.append(one)
    return tuple(compared)
