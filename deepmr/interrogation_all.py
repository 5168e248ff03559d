"""The story of a question about many pairs: measure once, estimate and judge all, write.

The doors beside `deepmr.interrogation`: `ask_all` into a run's folder, `interrogate_all` in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from torch import nn

from deepmr.causal_graph import KnownRelation, score_relations
from deepmr.effect_shard import Effects
from deepmr.files import fingerprint
from deepmr.inference import Inference
from deepmr.inference.question import Question
from deepmr.instruments import Rule
from deepmr.interrogation import checked, into_folder, measure
from deepmr.interrogation_result import AllPairs
from deepmr.io.shard_store import ShardStore
from deepmr.lightning.tracking import Tracker
from deepmr.loci import Loci
from deepmr.motifs import ByMotif
from deepmr.networks import Networks
from deepmr.notebook import loci_of, networks_of
from deepmr.tasks import Task, TaskTable
from deepmr.workflow.all_pairs import PairSettings, ask_pairs
from deepmr.workflow.measurement import Compute
from deepmr.workflow.network_checks import check_networks
from deepmr.workflow.pair_findings import PairFindings, pair_answers_of
from deepmr.workflow.pair_outputs import write_pair_run
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.task_selection import PairSelection, select_pairs
from deepmr.workflow.variants import VariantChoice, saturate

__all__ = ["ask_all", "interrogate_all"]

_NOT_ASKED = (
    "Negative controls, designed sequences, motifs and the slope over concordant instruments were "
    "not asked; ask an edge again by its own exposure and outcome."
)


def ask_all(
    networks: Networks,
    selection: PairSelection,
    variants: VariantChoice,
    question: Question,
    *,
    compute: Compute,
    store: ShardStore,
    folder: RunFolder,
    settings: PairSettings | None = None,
    known: Sequence[KnownRelation] = (),
    tracker: Callable[..., Tracker] | None = None,
    notes: Sequence[str] = (),
) -> float:
    """Ask all pairs of a selection into a run's folder: one mutagenesis pass, then all answers.

    Args:
        networks: What is interrogated.
        selection: The pairs.
        variants: The variants, with the loci they lie in.
        question: Instrument rule, estimators, inference and pooling.
        compute: How effects are computed and kept.
        store: The run's effects.
        folder: The run's folder and settings.
        settings: Level of edges and choice of direct effects.
        known: Relations that the answers are held against.
        tracker: Builds the experiment tracker; None for no tracking.
        notes: Further sentences for the report.

    Returns:
        The number of edges of the graph, for a sweeper; NaN on ranks above 0.

    Raises:
        FileExistsError: If the run is finished, or has other settings.
        ValueError: If a setting of the question is unknown.
        OSError: If the disk cannot hold the effects.
    """
    started = datetime.now(UTC)
    question = _checked_all(question, networks, selection)

    def answer(effects: Effects, tracking: Tracker) -> float:
        findings = _conclude_all(
            networks,
            selection,
            variants,
            effects,
            question,
            settings=settings or PairSettings(),
            known=known,
            notes=notes,
            parts=folder.work / "parts",
            identity=fingerprint(
                [store.fingerprint, dict(folder.config), question.shared_error], digits=32
            ),
            progress=compute.progress,
            seed=folder.seed,
        )
        facts = {"precision": compute.precision, "shared_error": question.shared_error}
        device = compute.device
        write_pair_run(findings, folder, tracking, device=device, started=started, facts=facts)
        return float(len(findings.graph.edges))

    return into_folder(
        networks,
        variants,
        answer,
        compute=compute,
        store=store,
        folder=folder,
        tracker=tracker,
        what=selection.words,
    )


def _checked_all(question: Question, networks: Networks, selection: PairSelection) -> Question:
    tasks = {task.name: task for task in networks.tasks}
    first, second = selection.ordered[0]
    question = checked(question, networks, (tasks[first], tasks[second]))
    question.check([tasks[name] for name in selection.exposures])
    return question


def _conclude_all(
    networks: Networks,
    selection: PairSelection,
    variants: VariantChoice,
    effects: Effects,
    question: Question,
    *,
    settings: PairSettings,
    known: Sequence[KnownRelation] = (),
    notes: Sequence[str] = (),
    parts: Path | None = None,
    identity: str = "",
    progress: bool = False,
    seed: int = 0,
) -> PairFindings:
    """Estimate and judge: what both doors do with the measured effects."""
    answers = ask_pairs(
        effects,
        variants.loci,
        selection,
        question,
        settings=settings,
        targets={task.name: task.target for task in networks.tasks},
        folder=parts,
        identity=identity,
        progress=progress,
        seed=seed,
    )
    return PairFindings(
        networks=networks,
        variants=variants,
        settings=settings,
        answers=answers,
        question=question,
        known=score_relations(known, pair_answers_of(answers)) if known else None,
        notes=(*notes, *question.notes, _NOT_ASKED),
    )


def interrogate_all(
    model: nn.Module | Sequence[nn.Module] | Networks,
    tasks: TaskTable | Sequence[Task | str] | None,
    sequences: Loci | Sequence[str] | Int[np.ndarray, "locus length"],
    exposure: str | Sequence[str] = "all",
    outcome: str | Sequence[str] = "all",
    *,
    names: Sequence[str] | None = None,
    rule: Rule | ByMotif | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] | None = None,
    scale: str | None = None,
    level: float = 0.05,
    direct: str | Sequence[str] = "auto",
    known: Sequence[KnownRelation] = (),
    every: int = 1,
    compute: Compute | None = None,
) -> AllPairs:
    """Ask a network, or an ensemble, which of its tasks act on which: every pair, one pass.

    Effects on all tasks are measured once; every ordered pair is then estimated and judged as
    `interrogate` does with one, and edges come from the verdicts.

    Args:
        model: As for `interrogate`.
        tasks: Its outputs in order, as `Task` objects or plain names; None with `Networks`.
        sequences: Held-out sequences of one length, as for `interrogate`.
        exposure: ``all`` (default), a name, a glob such as ``H3K*``, or a list of both.
        outcome: The same.
        names: Names of the sequences.
        rule: Which substitutions are instruments; by default that of `Question`.
        estimators: MR estimators by name; their p-values are combined, and the one in the middle
            stands for the pair.
        inference: How members become intervals.
        pooling: A meta-analysis ``(value, se) -> MetaAnalysisResult``.
        scale: ``logit``, ``probability`` or ``count``; by default that of the networks.
        level: Largest false discovery rate of an edge.
        direct: ``auto`` (default): direct effects of edges given each task between their ends;
            ``none``; or names of tasks held fixed for every pair.
        known: Relations that the answers are held against.
        every: Mutate each k-th base, default 1.
        compute: Engine and precision.

    Raises:
        ValueError: If no pair is left, one exposure is named twice, or a setting is unknown.
        LookupError: If a name or glob fits no task.

    Example:
        >>> import torch
        >>> class Counts(torch.nn.Module):
        ...     def __init__(self, slope):
        ...         super().__init__()
        ...         self.slope = slope
        ...     def forward(self, x):
        ...         g = x.sum(dim=2)[:, 2]
        ...         return torch.stack([g, self.slope * g, x.sum(dim=2)[:, 0]], dim=1)
        >>> result = interrogate_all(
        ...     [Counts(1.9), Counts(2.1)], ["X", "Y", "Z"], ["ACGTACGT", "GGGATTCA"]
        ... )
        >>> result
        AllPairs(6 pairs of 3 exposures and 3 outcomes: 0 edges; 2 loci, 2 members)
        >>> round(float(result.pairs["value"][0]), 3), result.pairs.n_rows
        (2.0, 18)
    """
    networks = networks_of(model, tasks, scale=scale, inference=inference)
    selection = select_pairs(networks.tasks, exposure, outcome)
    settings = PairSettings(
        level=level, direct=direct if isinstance(direct, str) else tuple(direct)
    )
    choice = saturate(loci_of(sequences, names), every=every)
    question = Question().with_parts(
        rule=rule, estimators=estimators, inference=inference, pooling=pooling
    )
    question = question.for_members(len(networks.members), chosen=inference is not None)
    question = _checked_all(question, networks, selection)
    check_networks(networks, choice.loci)
    selection.check_given(settings.given or ())
    compute = compute or Compute()
    effects = measure(
        networks, choice.loci, choice.variants, tasks=selection.tasks, compute=compute
    )
    findings = _conclude_all(
        networks,
        selection,
        choice,
        effects,
        question,
        settings=settings,
        known=known,
        notes=(*networks.notes, *choice.notes),
    )
    return AllPairs(findings=findings)
