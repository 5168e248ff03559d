"""The story of an interrogation: measure, estimate, judge, write; both doors call it.

networks + loci --measure--> variant effects --estimate--> causal effects --judge--> verdict
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from deepmr.effect_shard import Effects
from deepmr.inference.estimation import estimate
from deepmr.inference.question import Question
from deepmr.io.shard_store import ShardStore
from deepmr.lightning.rehearsal import check_trainer
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.loci import Loci
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.tasks import Task
from deepmr.workflow.cost import estimator_seconds, slower_than_mutagenesis
from deepmr.workflow.findings import Findings
from deepmr.workflow.judgement import judge_pair
from deepmr.workflow.measurement import Compute, fill_store, measure_in_memory
from deepmr.workflow.network_checks import check_networks, probability_notes
from deepmr.workflow.outputs import write_run
from deepmr.workflow.pair_of_table import PairOfTable
from deepmr.workflow.precision_check import check_precision
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.table_measurement import fill_from_table, table_in_memory
from deepmr.workflow.twin import scale_of_tasks
from deepmr.workflow.variants import VariantChoice

__all__ = ["ask", "checked", "conclude", "into_folder", "measure"]


def measure(
    networks: Networks | PairOfTable,
    loci: Loci,
    variants: VariantSet | None,
    *,
    tasks: tuple[str, ...],
    compute: Compute | None = None,
    store: ShardStore | None = None,
    leader: bool = True,
    remark: Callable[[float], str] | None = None,
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
        remark: Returns a further line of that report from the expected seconds; by default none.

    Returns:
        The effects on ``tasks`` of all loci.

    Raises:
        OSError: If the disk cannot hold the effects.
        ValueError: If networks are to be measured, and no variants are given.
    """
    compute = compute or Compute()
    if isinstance(networks, PairOfTable):
        return table_in_memory(networks) if store is None else fill_from_table(store, networks)
    if variants is None:
        raise ValueError("networks are measured on variants, got None; see deepmr.mutagenesis")
    if store is None:
        return measure_in_memory(networks, loci, variants, compute, tasks)
    fill_store(store, networks, loci, variants, compute, leader=leader, remark=remark)
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
    question = checked(question, networks, pair)

    def answer(effects: Effects, tracking: Tracker) -> float:
        error = None
        if isinstance(networks, Networks):
            error = check_precision(store, variants.loci, pair, networks, compute, folder.seed)
        findings = conclude(
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
        write_run(findings, folder, tracking, device=compute.device, started=started, facts=facts)
        return float(findings.answers[0].pooled.pooled.value)

    return into_folder(
        networks,
        variants,
        answer,
        compute=compute,
        store=store,
        folder=folder,
        tracker=tracker,
        remark=functools.partial(_slow_estimators, question, networks, variants),
    )


def into_folder(
    networks: Networks | PairOfTable,
    variants: VariantChoice,
    answer: Callable[[Effects, Tracker], float],
    *,
    compute: Compute,
    store: ShardStore,
    folder: RunFolder,
    tracker: Callable[..., Tracker] | None = None,
    what: str = "",
    remark: Callable[[float], str] | None = None,
) -> float:
    """Measure into a run's folder, and answer from the effects while it is open.

    Args:
        networks: What is interrogated: networks, or a table of effects.
        variants: The variants, with the loci they lie in.
        answer: Estimates, judges and writes, given the effects and the tracker; returns the run's
            value. It is called on rank 0 alone.
        compute: How effects are computed and kept.
        store: The run's effects.
        folder: The run's folder and settings.
        tracker: Builds the experiment tracker; None for no tracking.
        what: What is interrogated, for the terminal; nothing by default.
        remark: Given the seconds that mutagenesis will take, a sentence to say before the start;
            None for none.

    Returns:
        The run's value; NaN on ranks above 0.

    Raises:
        FileExistsError: If the run is finished, or has other settings.
        OSError: If the disk cannot hold the effects.
    """
    if compute.trainer is not None:
        check_trainer(compute.trainer)
    lines = check_networks(networks, variants.loci) if isinstance(networks, Networks) else ()
    for line in lines if folder.leader else ():
        print(f"check: {line}")
    with folder.open():
        if folder.leader:
            print(f"interrogating {what}{' ' if what else ''}in {folder.path}")
        effects = measure(
            networks,
            variants.loci,
            variants.variants,
            tasks=store.tasks,
            compute=compute,
            store=store,
            leader=folder.leader,
            remark=remark,
        )
        if not folder.leader:
            return float("nan")
        tracking = _tracker(tracker, folder)
        done = False
        try:
            value = answer(effects, tracking)
            done = True
        finally:
            tracking.finish(failed=not done)
    print(f"report: {folder.path / 'report.html'}")
    return value


def _slow_estimators(
    question: Question,
    networks: Networks | PairOfTable,
    variants: VariantChoice,
    mutagenesis: float,
) -> str:
    """Tell, given the seconds of mutagenesis, which estimators will take longer."""
    chosen = variants.variants
    if chosen is None:
        return ""
    expected = estimator_seconds(
        question,
        n_loci=len(variants.loci),
        n_variants=chosen.max_variants,
        n_members=len(networks.members),
    )
    return slower_than_mutagenesis(expected, mutagenesis)


def checked(
    question: Question, networks: Networks | PairOfTable, pair: tuple[Task, Task]
) -> Question:
    """Return the question with its shared error, once all that it asks for is known to exist.

    Args:
        question: The question.
        networks: What is asked.
        pair: Exposure and outcome.

    Raises:
        ValueError: If a setting needs more than the networks or the table hold.
        LookupError: If a task has no motif where instruments are chosen by motif.
    """
    if isinstance(networks, PairOfTable):
        networks.check(question)
    else:
        question = question.for_members(len(networks.members))
    question.check(pair)
    return question.for_errors(networks.members.error_ratios)


def conclude(
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
    """Estimate and judge: what both doors do with the measured effects.

    Args:
        networks: What is asked.
        pair: Exposure and outcome.
        variants: The variants, with the loci they lie in.
        effects: Their effects.
        question: What `checked` returned.
        compute: How the untrained twin and designed sequences are measured.
        seed: Of random controls and of the bootstrap, 0 by default.
        notes: Further sentences for the report.
    """
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
        question,
        scale=scale,
        answers=answers,
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
        judgement=judgement,
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
