"""The story of an interrogation: measure, estimate, judge, write; both doors call it.

networks + loci --measure--> variant effects --estimate--> causal effects --judge--> verdict
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from torch import nn

from deepmr.effect_shard import Effects
from deepmr.inference import GivenModel, Inference
from deepmr.inference.estimation import Question, estimate
from deepmr.instruments import Rule
from deepmr.interrogation_result import Interrogation
from deepmr.io.shard_store import ShardStore
from deepmr.lightning import device_of_trainer
from deepmr.lightning.rehearsal import check_trainer
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.loci import Loci
from deepmr.motifs import ByMotif, MotifLibrary
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.sequence import base_codes
from deepmr.tasks import Task, TaskTable
from deepmr.uncertainty import Given
from deepmr.verdict import check_controls
from deepmr.workflow.designed_sequences import check_designed
from deepmr.workflow.findings import Findings
from deepmr.workflow.instrument_check import with_instrument_check
from deepmr.workflow.judgement import judge_pair, scale_of_tasks
from deepmr.workflow.measurement import Compute, fill_store, measure_in_memory
from deepmr.workflow.network_checks import check_networks
from deepmr.workflow.outputs import write_run
from deepmr.workflow.pair_of_table import PairOfTable
from deepmr.workflow.precision_check import check_precision
from deepmr.workflow.probability_check import probability_notes
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.table_measurement import fill_from_table, table_in_memory
from deepmr.workflow.variants import VariantChoice, saturate

__all__ = ["Interrogation", "ask", "interrogate", "measure"]


def measure(
    networks: Networks | PairOfTable,
    loci: Loci,
    variants: VariantSet | None,
    *,
    tasks: tuple[str, ...],
    compute: Compute | None = None,
    store: ShardStore | None = None,
    leader: bool = True,
) -> Effects:
    """Measure the effects of variants with every member: in memory, or into a store.

    Args:
        networks: Whose effects; they leave as they came. A table's effects are read instead.
        loci: The sequences.
        variants: Which changes of them; None for those of a table.
        tasks: Names of the tasks to keep.
        compute: The engine and how effects are kept; by default the exact engine in float32.
        store: Where shards go; it resumes and takes over effects measured before. None keeps
            everything in memory.
        leader: Whether this process is rank 0, which reports cost and duration.

    Returns:
        The effects on ``tasks`` of all loci.

    Raises:
        OSError: If the disk cannot hold the effects.
    """
    compute = compute or Compute()
    if isinstance(networks, PairOfTable) or variants is None:
        return table_in_memory(networks) if store is None else fill_from_table(store, networks)
    if store is None:
        return measure_in_memory(networks, loci, variants, compute, tasks)
    fill_store(store, networks, loci, variants, compute, leader=leader)
    return store


def ask(
    networks: Networks | PairOfTable,
    pair: tuple[Task, Task],
    variants: VariantChoice,
    question: Question,
    *,
    compute: Compute,
    store: ShardStore,
    folder: RunFolder,
    tracker: Callable[..., Tracker] | None = None,
    notes: Sequence[str] = (),
) -> float:
    """Interrogate into a run's folder: measure, estimate, judge, write; the manifest comes last.

    Args:
        networks: What is interrogated: networks, or a table of effects.
        pair: Exposure and outcome.
        variants: The variants, with the loci they lie in.
        question: Instrument rule, estimators, inference and pooling.
        compute: How effects are computed and kept.
        store: The run's effects.
        folder: The run's folder and settings.
        tracker: Builds the experiment tracker; None for no tracking.
        notes: Further sentences for the report.

    Returns:
        The pooled effect of exposure on outcome by the first estimator; NaN on ranks above 0.

    Raises:
        FileExistsError: If the interrogation is finished, or has other settings.
        ValueError: If a setting of the question is unknown.
        OSError: If the disk cannot hold the effects.
    """
    started = datetime.now(UTC)
    question = _checked(question, networks, pair)
    if compute.trainer is not None:
        check_trainer(compute.trainer)
    checked = check_networks(networks, variants.loci) if isinstance(networks, Networks) else ()
    for line in checked:
        if folder.leader:
            print(f"check: {line}")
    with folder.open():
        if folder.leader:
            print(f"interrogating in {folder.path}")
        effects = measure(
            networks,
            variants.loci,
            variants.variants,
            tasks=store.tasks,
            compute=compute,
            store=store,
            leader=folder.leader,
        )
        if not folder.leader:
            return float("nan")
        tracking = _tracker(tracker, folder)
        done = False
        try:
            error = (
                check_precision(store, variants.loci, pair, networks, compute, folder.seed)
                if isinstance(networks, Networks)
                else None
            )
            findings = _conclude(
                networks, pair, variants, effects, question, compute, seed=folder.seed, notes=notes
            )
            if error:
                findings = replace(findings, notes=(*findings.notes, str(error)))
            facts = {
                "precision": error.record() if error else compute.precision,
                "shared_error": question.shared_error,
                "members": {
                    "shared": networks.members.shared,
                    "error_ratios": list(networks.members.error_ratios),
                },
                "intervals": question.asks,
            }
            device = device_of_trainer(compute.trainer) if compute.trainer else "cpu"
            write_run(findings, folder, tracking, device=device, started=started, facts=facts)
            done = True
        finally:
            tracking.finish(failed=not done)
    print(f"report: {folder.path / 'report.html'}")
    return float(findings.answers[0].pooled.pooled.value)


def _checked(
    question: Question, networks: Networks | PairOfTable, pair: tuple[Task, Task]
) -> Question:
    """Return the question with its shared error, once all that it asks for is known to exist."""
    check_designed(question.designed)
    check_controls(question.controls)
    known = isinstance(networks, PairOfTable) and networks.found.has_errors
    question = question if known else question.for_members(len(networks.members))
    question.check(pair)
    if isinstance(networks, PairOfTable):
        networks.check(question)
    return question.for_errors(networks.members.error_ratios)


def _conclude(
    networks: Networks | PairOfTable,
    pair: tuple[Task, Task],
    variants: VariantChoice,
    effects: Effects,
    question: Question,
    compute: Compute,
    *,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Findings:
    """Estimate and judge: what both doors do with the measured effects."""
    names = (pair[0].name, pair[1].name)
    targets = {task.name: task.target for task in pair}
    modules = networks if isinstance(networks, Networks) else None  # a table has none
    scale = scale_of_tasks(effects, names)
    answers = estimate(
        effects.read(names),
        variants.loci,
        names,
        question,
        targets=targets,
        scale=dict(zip(names, scale.tolist(), strict=True)),
    )
    judgement = judge_pair(
        effects,
        names,
        scale=scale,
        controls=question.controls,
        designed=question.designed,
        motifs=question.motifs,
        targets=targets,
        networks=modules,
        loci=variants.loci,
        variants=variants.variants,
        compute=compute,
        seed=seed,
    )
    return Findings(
        networks=networks,
        pair=pair,
        variants=variants,
        effects=effects,
        question=question,
        answers=tuple(answers),
        judgement=with_instrument_check(judgement, answers),
        notes=(
            *notes,
            *question.notes,
            *(probability_notes(modules, effects, pair) if modules else ()),
        ),
    )


def _tracker(build: Callable[..., Tracker] | None, folder: RunFolder) -> Tracker:
    if build is None:
        return NoTracker()
    return build(
        folder=folder.work,
        name=f"{folder.path.parent.name}/{folder.path.name}",
        job_type="interrogate",
        config=folder.config,
    )


def interrogate(
    model: nn.Module | Sequence[nn.Module] | Networks,
    tasks: TaskTable | Sequence[Task | str] | None,
    sequences: Loci | Sequence[str] | Int[np.ndarray, "locus length"],
    exposure: str,
    outcome: str,
    *,
    names: Sequence[str] | None = None,
    rule: Rule | ByMotif | None = None,
    estimators: Mapping[str, Callable[..., Any]] | None = None,
    inference: Inference | None = None,
    pooling: Callable[..., Any] | None = None,
    scale: str | None = None,
    controls: str = "standard",
    designed: str = "none",
    motifs: MotifLibrary | None = None,
    region: Sequence[int] | Sequence[Sequence[int]] | None = None,
    every: int = 1,
    compute: Compute | None = None,
) -> Interrogation:
    """Ask a network, or an ensemble, whether one of its tasks drives another.

    Every base of every sequence is mutated, or a part of them; the effects on both tasks go to
    Mendelian randomization for each sequence and a meta-analysis over them, in both directions.
    Nothing is written to disk, and the model leaves as it came. Links, calibrators and kinds of
    uncertainty are chosen by `Networks.of`, runs on disk are loaded by `deepmr.load_run`.

    Args:
        model: ``(batch, 4, length)`` to ``(batch, task)`` raw outputs (logits for binary tasks);
            several of them are an ensemble. A single one is asked through its dropout; without any
            it is taken as given (`deepmr.inference.GivenModel`). Or `Networks`.
        tasks: Its outputs in order, as `Task` objects or plain names; None with `Networks`, and
            with `deepmr.models.Adapter`, which names them.
        sequences: Held-out sequences of one length: strings of A, C, G, T, N; integer codes
            ``(locus, length)``, 0 to 3 for A, C, G, T and 4 for unknown; or `Loci`.
        exposure: Name (or unambiguous target) of a task.
        outcome: Name (or unambiguous target) of a task.
        names: Names of the sequences; by default ``sequence-0`` and so on.
        rule: Which substitutions are instruments; by default that of `Question`.
            `deepmr.motifs.ByMotif` takes those inside the exposure's own motif.
        estimators: MR estimators by name; by default those of `Question`.
        inference: How members become intervals; by default that of `Question`.
        pooling: A meta-analysis ``(value, se) -> MetaAnalysisResult``; by default that of
            `Question`.
        scale: ``logit`` or ``probability``; by default that of the networks (``logit``).
        controls: Negative controls asked beside the question: ``standard`` (default), ``all`` or
            ``none``.
        designed: Whether designed sequences revise the verdict: ``none`` (default), ``auto`` (where
            it is a direction, or undecided for reliable tasks) or ``all``. They cost thousands of
            forward passes a member.
        motifs: Motifs that the tasks may read (`deepmr.motifs.read_motifs`), which revise the
            verdict; none by default.
        region: ``(start, end)`` within the sequences to mutate, or several; by default all.
        every: Mutate each k-th base, default 1.
        compute: Engine and precision; by default the exact engine in float32.

    Raises:
        ValueError: If sequences differ in length or are no sequences, a single model is asked
            what needs several, exposure and outcome are the same, or ``designed`` is unknown.
        LookupError: If a task is unknown, or has no motif where instruments are chosen by motif.

    Example:
        >>> import torch
        >>> class Counts(torch.nn.Module):
        ...     def __init__(self, slope):
        ...         super().__init__()
        ...         self.slope = slope
        ...     def forward(self, x):
        ...         g = x.sum(dim=2)[:, 2]
        ...         return torch.stack([g, self.slope * g], dim=1)
        >>> result = interrogate(
        ...     [Counts(1.9), Counts(2.1)], ["X", "Y"], ["ACGTACGT", "GGGATTCA"], "X", "Y"
        ... )
        >>> result
        Interrogation(X -> Y: undecided; 2 loci, 2 members)
        >>> round(float(result.meta["value"][0]), 3)
        2.0
        >>> import tempfile
        >>> folder = result.save(tempfile.mkdtemp() + "/x-to-y")  # doctest: +ELLIPSIS
        verdict: undecided
        ...
        >>> (folder / "meta.parquet").is_file(), (folder / "report.html").is_file()
        (True, True)
    """
    if isinstance(model, Networks):
        networks = model
    else:
        given = Given() if isinstance(inference, GivenModel) else None
        networks = Networks.of(model, tasks, uncertainty=given)
    if scale is not None:
        networks = networks.on_scale(scale)
    pair = networks.pair(exposure, outcome)
    choice = saturate(_loci(sequences, names), region=region, every=every)
    chosen = {"rule": rule, "estimators": estimators, "inference": inference, "pooling": pooling}
    named = {key: value for key, value in chosen.items() if value is not None}
    question = replace(Question(), controls=controls, designed=designed, motifs=motifs, **named)
    question = question.for_members(len(networks.members), chosen=inference is not None)
    question = _checked(question, networks, pair)
    check_networks(networks, choice.loci)
    compute = compute or Compute()
    kept = (pair[0].name, pair[1].name)
    effects = measure(networks, choice.loci, choice.variants, tasks=kept, compute=compute)
    notes = (*networks.notes, *choice.notes)
    findings = _conclude(networks, pair, choice, effects, question, compute, notes=notes)
    return Interrogation(findings=findings, estimates=findings.estimates(), meta=findings.meta())


def _loci(
    sequences: Loci | Sequence[str] | Shaped[np.ndarray, "..."], names: Sequence[str] | None
) -> Loci:
    if isinstance(sequences, Loci):
        return sequences
    codes = base_codes(sequences)
    n, length = codes.shape
    chrom = names if names is not None else [f"sequence-{i}" for i in range(n)]
    return Loci(
        chrom=np.array(chrom),
        start=np.zeros(n, dtype=np.int64),
        end=np.full(n, length, dtype=np.int64),
        codes=codes,
    )
