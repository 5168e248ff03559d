"""Verdict on a pair of tasks from its variant effects, with negative controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effect_shard import Effects
from deepmr.effects import MemberEffects
from deepmr.loci import Loci
from deepmr.motifs import MotifLibrary
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.verdict import (
    Check,
    Control,
    ControlNotRun,
    MemberAgreement,
    PairStatistics,
    PredictionQuality,
    ThresholdCurve,
    Thresholds,
    Verdict,
    assumption_panel,
    compare_locus_sets,
    controls_of,
    decide,
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
from deepmr.workflow.calibration_slope import CALIBRATION_SLOPE
from deepmr.workflow.designed_sequences import check_designed, revise_by_designed
from deepmr.workflow.loci import loci_of_pair
from deepmr.workflow.measurement import Compute
from deepmr.workflow.motif_inputs import revise_by_motifs
from deepmr.workflow.table_verdict import without_networks
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
    *,
    scale: Float64[np.ndarray, " 2"] | None = None,
    controls: str = "standard",
    designed: str = "none",
    motifs: MotifLibrary | None = None,
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
        scale: Of both tasks, as `scale_of_tasks` returns it; computed by default.
        controls: ``standard`` (effects permuted within loci, effects of other loci, the untrained
            twin), ``all`` or ``none``.
        designed: Whether designed sequences revise the verdict: ``none`` (the default), ``auto``
            (where it is a direction, or undecided for reliable tasks) or ``all``. Negative
            controls are judged without them.
        motifs: Motifs that the tasks may read, which revise the verdict; none by default.
        targets: What each task measures, by name, to find its own motif among them.
        networks: The networks, for their untrained twin and designed sequences; None (the
            default) for a table of effects.
        loci: The loci, for the same.
        variants: The variants, for the untrained twin.
        compute: Engine of the untrained twin and of designed sequences; by default that of
            `Compute`.
        seed: Seed of permutations, untrained weights, designed sequences and resamples; 0 by
            default.

    Raises:
        ValueError: If ``controls`` or ``designed`` is unknown.
    """
    check_designed(designed)
    has_network = networks is not None and loci is not None and variants is not None
    wanted, left = wanted_controls(controls, has_network=has_network, has_training=False)
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
    verdict = revise_by_designed(
        judge(statistics, agreement=agreement, twin_scale=guard, seed=seed)[0],
        effects,
        designed=designed,
        scale=scale,
        networks=networks,
        loci=loci,
        compute=compute,
        seed=seed,
    )
    if networks is None:
        verdict = replace(verdict, of_table=True)
        verdict = without_networks(verdict) if alone else verdict
    if motifs is not None and loci is not None:
        verdict = revise_by_motifs(
            verdict, effects, loci, motifs, scale=scale, targets=targets, seed=seed
        )
    if networks is not None and loci is not None:
        suits = loci_of_pair(networks, loci, pair)
        verdict = _beside_other_loci(verdict, statistics, agreement, guard, suits, seed)
    changes: dict[str, Change] = {
        "permuted": lambda shard, index: permuted_within_loci(shard, seed=seed + index),
        "other_locus": lambda shard, index: other_locus(shard, seed=seed + index),
    }
    answers: list[Control] = []
    not_run = list(left)
    n_loci = statistics.n_loci
    for name in wanted:
        if name == "other_locus" and n_loci < len(pair):
            reason = f"it needs {len(pair)} loci, there is {n_loci}"
            not_run.append(ControlNotRun(name=name, reason=reason))
        elif name in changes:
            changed = _statistics(effects, pair, scale, changes[name])
            judged = judge(changed[0], agreement=changed[1], twin_scale=guard, seed=seed)
            answers += controls_of(name, judged)
    if "untrained" in wanted and twins:
        found = _untrained(twins, pair, seed)
        if isinstance(found, ControlNotRun):
            not_run.append(found)
        else:
            answers.append(found)
    return Judgement(
        verdict=verdict,
        controls=tuple(answers),
        not_run=tuple(not_run),
        panel=_panel(verdict, statistics, agreement, guard, networks, seed),
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


def _panel(
    verdict: Verdict,
    statistics: PairStatistics,
    agreement: MemberAgreement,
    twin_scale: np.ndarray | None,
    networks: Networks | None,
    seed: int,
) -> tuple[Check, ...]:
    """Check the assumptions behind the direction that the verdict answers."""
    evidence = resampled_evidence(statistics, seed=seed)
    guard, _ = guard_values(statistics, agreement, twin_scale, Thresholds())
    decision = decide(evidence, statistics.pairs, guard[statistics.pairs], Thresholds())
    return assumption_panel(
        evidence,
        decision,
        pair=0,
        direction=int(verdict.structure == "reverse"),
        n_members=agreement.n_members,
        quality=_prediction_quality(networks, (verdict.exposure, verdict.outcome)),
    )


def _prediction_quality(
    networks: Networks | None, pair: tuple[str, str]
) -> tuple[PredictionQuality, ...]:
    """Return R2 (or 2 AUROC - 1) and calibration slope of the ensemble on the test split.

    Ranks do not change under calibration, so that those before it serve where there are no others.
    """
    metrics = None if networks is None else networks.metrics
    if metrics is None:
        return ()
    kept = np.isnan(metrics["member"].astype(float)) & (metrics["split"] == "test")
    found = []
    for task in pair:
        before, after = (
            {
                str(metrics["metric"][row]): float(metrics["value"][row])
                for row in np.flatnonzero(
                    kept & (metrics["task"] == task) & (metrics["stage"] == stage)
                )
            }
            for stage in ("before", "after")
        )
        score = before | after
        found.append(
            PredictionQuality(
                explained=score.get("r2", 2.0 * score.get("auroc", np.nan) - 1.0),
                calibration_slope=after.get(CALIBRATION_SLOPE, np.nan),
            )
        )
    return tuple(found)


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
