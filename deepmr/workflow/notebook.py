"""The whole question in one call, for a notebook: no configuration, nothing on disk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor, nn

from deepmr.calibration import CalibratorTable
from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.inference import Inference, PerMember
from deepmr.instruments import ByModeratedZ, Rule
from deepmr.io.shard import EffectShard
from deepmr.meta import random_effects
from deepmr.mr import egger, inverse_variance_weighted, weighted_median
from deepmr.mutagenesis import build_engine
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.report import summary_table
from deepmr.sequence import encode
from deepmr.tasks import Task, TaskTable
from deepmr.uncertainty import Auto, Trained, Uncertainty
from deepmr.workflow.estimation import Answer, Question, estimate
from deepmr.workflow.loci import Loci
from deepmr.workflow.runs import choose_pair
from deepmr.workflow.scale import EffectScale
from deepmr.workflow.telling import answer_tables

__all__ = ["Interrogation", "interrogate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrogation:
    """What was found; printing it shows the pooled effects.

    Args:
        answers: Both directions, every estimator.
        effects: Effects of all substitutions on the two tasks, for every member.
        estimates: Columns of the table of loci (``pandas.DataFrame(result.estimates)``).
        meta: Columns of the table of pooled effects.
    """

    answers: tuple[Answer, ...]
    effects: MemberEffects
    estimates: Mapping[str, np.ndarray]
    meta: Mapping[str, np.ndarray]

    def __str__(self) -> str:
        return summary_table(self.meta)


def interrogate(
    model: nn.Module | Sequence[nn.Module],
    tasks: TaskTable | Sequence[Task],
    sequences: Sequence[str] | UInt8[np.ndarray, "locus length"],
    exposure: str,
    outcome: str,
    *,
    names: Sequence[str] | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    rule: Rule | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] = random_effects,
    scale: str = "logit",
    link: Callable[[Tensor], Tensor] | None = None,
    calibrators: CalibratorTable | None = None,
    engine: str = "auto",
    region: Sequence[int] | Sequence[Sequence[int]] | None = None,
    every: int = 1,
    uncertainty: Uncertainty | None = None,
    draws: int = 30,
    seed: int = 0,
) -> Interrogation:
    """Ask a network, or an ensemble, whether one of its tasks drives another.

    Every base of every sequence is mutated, or a part of them; the effects on both tasks go to
    Mendelian randomization for each sequence and a meta-analysis over them, in both directions.
    Nothing is written, and the model leaves as it came.

    Args:
        model: ``(batch, 4, length)`` to ``(batch, task)`` raw outputs (logits for binary tasks);
            several of them are an ensemble. A single one is asked through its dropout.
        tasks: Its outputs, in order.
        sequences: Equally long strings, or base codes (0 to 3 for A, C, G, T; 4 unknown), that
            the network was not trained on.
        exposure: Name (or unambiguous target) of a task.
        outcome: Likewise.
        names: Of the sequences; by default ``sequence-0`` and so on.
        estimators: MR estimators by name; by default ivw, egger and weighted_median.
        rule: Which substitutions are instruments; by default moderated z above 3 and an effect of
            at least half a unit.
        inference: How members become intervals; by default one slope a member.
        pooling: A meta-analysis ``(value, se) -> MetaAnalysisResult``.
        scale: ``logit``, or ``probability`` for binary tasks.
        link: From raw outputs to the effect scale; by default they are on it.
        calibrators: One a task; by default none.
        engine: ``auto``, ``incremental`` or ``dense``.
        region: ``(start, end)`` within the sequences to mutate, or several; by default all.
        every: Mutate each k-th base.
        uncertainty: Where standard errors come from, such as `deepmr.uncertainty.Views`; by
            default the ensemble, or dropout draws of a single model.
        draws: So many, by default.
        seed: Of their masks, by default.

    Raises:
        ValueError: If sequences differ in length, a single model has no dropout, or exposure and
            outcome are the same.
        LookupError: If a task is unknown.
    """
    table = tasks if isinstance(tasks, TaskTable) else TaskTable(tuple(tasks))
    networks = [model] if isinstance(model, nn.Module) else list(model)
    first, second = choose_pair(table, exposure, outcome)
    codes = _codes(sequences)
    members = (uncertainty or Auto(draws=draws, seed=seed))(
        [Trained(network=network) for network in networks]
    )
    effect_scale = EffectScale(
        tasks=table,
        link=link or _unchanged,
        calibrators=calibrators or CalibratorTable.identity(table, reason="none was given"),
        scale=scale,
    )
    variants = members.variants(codes, region=region, every=every)
    build = functools.partial(build_engine, engine=engine)
    raw = [one(codes, variants) for one in members.engines(build, length=codes.shape[1])]
    effects, reference = member_effects(raw, variants, effect_scale, (first.name, second.name))
    effects = replace(effects, shared=members.shared)
    n, length = codes.shape
    chrom = np.array(names if names is not None else [f"sequence-{i}" for i in range(n)])
    loci = Loci(
        chrom=chrom,
        start=np.zeros(n, dtype=np.int64),
        end=np.full(n, length, dtype=np.int64),
        codes=codes,
    )
    shard = EffectShard(
        index=0,
        loci=tuple(Interval(*place) for place in loci.places()),
        effects=effects,
        reference=reference,
    )
    question = Question(
        rule=rule or ByModeratedZ(min_z=3.0, min_effect=0.5),
        estimators=estimators
        or {"ivw": inverse_variance_weighted, "egger": egger, "weighted_median": weighted_median},
        inference=inference or PerMember(),
        pooling=pooling,
    )
    answers = tuple(estimate([shard], loci, (first.name, second.name), question))
    estimates, meta = answer_tables(answers, loci.places())
    return Interrogation(answers=answers, effects=effects, estimates=estimates, meta=meta)


def _unchanged(raw: Tensor) -> Tensor:
    return raw


def _codes(
    sequences: Sequence[str] | UInt8[np.ndarray, "locus length"],
) -> UInt8[np.ndarray, "locus length"]:
    if isinstance(sequences, np.ndarray) and sequences.dtype == np.uint8:
        return sequences
    lengths = {len(sequence) for sequence in sequences}
    if len(lengths) != 1:
        raise ValueError(
            f"sequences must be equally long, got lengths {', '.join(map(str, sorted(lengths)))}"
            if lengths
            else "sequences must hold at least one, got none"
        )
    return np.stack([encode(sequence) for sequence in sequences])
