"""Verdict on a pair of tasks from its variant effects, with negative controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effect_shard import Effects
from deepmr.effects import MemberEffects
from deepmr.inference.estimation import Answer
from deepmr.inference.question import Question
from deepmr.loci import Loci
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.verdict import (
    Check,
    Control,
    ControlNotRun,
    MemberAgreement,
    PairStatistics,
    ThresholdCurve,
    Thresholds,
    Verdict,
    compare_locus_sets,
    controls_of,
    guard_values,
    judge,
    member_agreement,
    other_locus,
    pair_statistics,
    permuted_within_loci,
    resampled_evidence,
    threshold_curve,
    wanted_controls,
)
from deepmr.workflow.assumptions import check_assumptions
from deepmr.workflow.designed_sequences import revise_by_designed
from deepmr.workflow.loci import loci_of_pair
from deepmr.workflow.measurement import Compute
from deepmr.workflow.motif_inputs import revise_by_motifs
from deepmr.workflow.twin import Twin, measure_twin, scale_of_tasks, twin_guard

__all__ = ["Judgement", "judge_pair"]

Change = Callable[[MemberEffects, int], MemberEffects]

_BATCH = 32
"""Loci whose statistics are computed together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Verdict on a pair of tasks with the results of the negative controls.

    Args:
        verdict: Structure, caveats, reasons and evidence.
        controls: Answers of the negative controls, which should hold no causal word.
        not_run: Controls that were not run, with the reason.
        panel: Checks of the assumptions behind the answer.
        curve: Slope by instrument threshold; None (the default) where it was not computed.
    """

    verdict: Verdict
    controls: tuple[Control, ...] = ()
    not_run: tuple[ControlNotRun, ...] = ()
    panel: tuple[Check, ...] = ()
    curve: ThresholdCurve | None = None

    @property
    def failed_controls(self) -> tuple[str, ...]:
        """Names of the controls with a causal verdict."""
        return tuple(one.name for one in self.controls if not one.passed)

    def structure_of(self, exposure: str, outcome: str) -> str:
        """Return the structure with respect to a given direction.

        Args:
            exposure: Name of the exposure's task.
            outcome: Name of the outcome's task.
        """
        if (exposure, outcome) == (self.verdict.exposure, self.verdict.outcome):
            return self.verdict.structure
        turned = {"forward": "reverse", "reverse": "forward"}
        return turned.get(self.verdict.structure, self.verdict.structure)

    def to_record(self) -> dict[str, Any]:
        """Return plain values, the content of ``verdict.json``."""
        return {
            **self.verdict.to_record(),
            "controls": [
                *(one.to_record() for one in self.controls),
                *(one.to_record() for one in self.not_run),
            ],
            "panel": [one.to_record() for one in self.panel],
        }


def judge_pair(
    effects: Effects,
    pair: tuple[str, str],
    question: Question,
    *,
    scale: Float64[np.ndarray, " 2"] | None = None,
    answers: Sequence[Answer] = (),
    targets: Mapping[str, str] | None = None,
    networks: Networks | None = None,
    loci: Loci | None = None,
    variants: VariantSet | None = None,
    compute: Compute | None = None,
    seed: int = 0,
) -> Judgement:
    """Return the verdict on a pair of tasks, and the same test on negative controls.

    Effects are read shard by shard: once for the normalization of each task, unless ``scale`` is
    given, and once for the sufficient statistics.

    Args:
        effects: Effects of all loci on both tasks.
        pair: Names of the exposure's and the outcome's task.
        question: Which controls are computed, and whether designed sequences and motifs revise
            the verdict; controls are judged without them.
        scale: Of both tasks, as `scale_of_tasks` returns it; computed by default.
        answers: Causal effects, whose instruments the panel of assumptions looks at; none by
            default.
        targets: What each task measures, by name, to find its own motif among the question's.
        networks: The networks, for their untrained twin and designed sequences; None (the
            default) for a table of effects.
        loci: The loci, for the same.
        variants: The variants, for the untrained twin.
        compute: Engine of the untrained twin and of designed sequences; by default that of
            `Compute`.
        seed: Seed of permutations, untrained weights, designed sequences and resamples; 0 by
            default.
    """
    has_network = networks is not None and loci is not None and variants is not None
    wanted, left = wanted_controls(question.controls, has_network=has_network, has_training=False)
    scale = scale_of_tasks(effects, pair) if scale is None else scale
    statistics, agreement = _statistics(effects, pair, scale, None)
    alone = agreement.n_members < 2
    twins: list[Twin | str] = []
    if networks and loci is not None and variants and (alone or "untrained" in wanted):
        # One network has no members that could agree: its guard is an untrained twin, and that
        # twin's guard, as a control, is another one.
        seeds = range(seed, seed + 1 + (alone and "untrained" in wanted))
        engine = compute or Compute()
        twins = [measure_twin(networks, loci, variants, engine, pair, seed=one) for one in seeds]
    guard = twin_guard(effects, pair, scale, twins[0]) if alone and twins else None
    evidence = resampled_evidence(statistics, seed=seed)
    verdict = revise_by_designed(
        judge(statistics, agreement=agreement, twin_scale=guard, evidence=evidence)[0],
        effects,
        designed=question.designed,
        scale=scale,
        networks=networks,
        loci=loci,
        compute=compute,
        seed=seed,
    )
    if networks is None:
        verdict = replace(verdict, of_table=True)
        verdict = _in_words_of_a_table(verdict) if alone else verdict
    if question.motifs is not None and loci is not None:
        verdict = revise_by_motifs(
            verdict, effects, loci, question.motifs, scale=scale, targets=targets, seed=seed
        )
    if networks is not None and loci is not None:
        suits = loci_of_pair(networks, loci, pair)
        verdict = _beside_other_loci(verdict, statistics, agreement, guard, suits, seed)
    changes: dict[str, Change] = {
        "permuted": lambda shard, index: permuted_within_loci(shard, seed=seed + index),
        "other_locus": lambda shard, index: other_locus(shard, seed=seed + index),
    }
    found: list[Control] = []
    not_run = list(left)
    n_loci = statistics.n_loci
    for name in wanted:
        if name == "other_locus" and n_loci < len(pair):
            reason = f"it needs {len(pair)} loci, there is {n_loci}"
            not_run.append(ControlNotRun(name=name, reason=reason))
        elif name in changes:
            changed = _statistics(effects, pair, scale, changes[name])
            judged = judge(changed[0], agreement=changed[1], twin_scale=guard, seed=seed)
            found += controls_of(name, judged)
    if "untrained" in wanted and twins:
        untrained = _untrained(twins, pair, seed)
        if isinstance(untrained, ControlNotRun):
            not_run.append(untrained)
        else:
            found.append(untrained)
    return Judgement(
        verdict=verdict,
        controls=tuple(found),
        not_run=tuple(not_run),
        panel=check_assumptions(
            verdict,
            evidence,
            answers,
            reliability=float(guard_values(statistics, agreement, guard, Thresholds())[0].min()),
            n_members=agreement.n_members,
            metrics=None if networks is None else networks.metrics,
        ),
        curve=threshold_curve(statistics, seed=seed),
    )


def _beside_other_loci(
    verdict: Verdict,
    statistics: PairStatistics,
    agreement: MemberAgreement,
    twin_scale: np.ndarray | None,
    suits: Bool[np.ndarray, " locus"] | None,
    seed: int,
) -> Verdict:
    """Return the verdict; with a caveat if the loci that suit the pair alone give another one."""
    if suits is None or suits.all() or not suits.any():
        return verdict
    chosen = statistics.take(np.flatnonzero(suits))
    there = judge(chosen, agreement=agreement, twin_scale=twin_scale, seed=seed)
    name = f"the {int(suits.sum())} loci that suit both tasks (loci.rule=pair)"
    return compare_locus_sets([verdict], there, name=name)[0]


def _in_words_of_a_table(verdict: Verdict) -> Verdict:
    """Return an undecided verdict whose reason speaks of effects, not of a network.

    One member cannot agree with others, and without its network there is no untrained twin: what
    is missing is a second set of effects.
    """
    if verdict.structure != "undecided":
        return verdict
    reason = (
        f"One set of effects does not say which of them on {verdict.exposure} and "
        f"{verdict.outcome} would be found again, and slopes alone do not tell a cause from shared "
        "sites: give the effects of several networks, folds or replicates (a member column, or "
        "files by a glob, effects='fold_*.tsv')."
    )
    return replace(verdict, reasons=(reason,))


def _statistics(
    effects: Effects, pair: tuple[str, str], scale: np.ndarray, change: Change | None
) -> tuple[PairStatistics, MemberAgreement]:
    rule = Thresholds()
    statistics, agreement = [], []
    for index, batch in enumerate(_batches(effects, pair)):
        shard = batch if change is None else change(batch, index)
        statistics.append(pair_statistics(shard, scale=scale, thresholds=rule))
        agreement.append(member_agreement(shard, scale=scale, thresholds=rule))
    return PairStatistics.join(statistics), MemberAgreement.join(agreement)


def _batches(effects: Effects, pair: tuple[str, str]) -> Iterator[MemberEffects]:
    """Yield effects in batches of loci that do not depend on how shards were cut."""
    held: list[MemberEffects] = []
    for shard in effects.read(pair):
        held += [shard.effects.at(slice(row, row + 1)) for row in range(len(shard.loci))]
        while len(held) >= 2 * _BATCH:  # a last batch of a few loci would leave no other locus
            yield MemberEffects.join(held[:_BATCH])
            held = held[_BATCH:]
    yield MemberEffects.join(held)


def _untrained(
    twins: Sequence[Twin | str], pair: tuple[str, str], seed: int
) -> Control | ControlNotRun:
    """Run the same test on networks with random weights, at some of the loci."""
    twin, other = twins[0], twins[-1]
    if isinstance(twin, str) or isinstance(other, str):
        reason = twin if isinstance(twin, str) else str(other)
        return ControlNotRun(name="untrained", reason=reason)
    statistics, agreement = _statistics(twin.effects, pair, twin.scale, None)
    guard = other.scale if agreement.n_members < 2 else None
    return controls_of(
        "untrained", judge(statistics, agreement=agreement, twin_scale=guard, seed=seed)
    )[0]
