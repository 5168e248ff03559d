"""The story of an interrogation: measure, estimate, judge, write; both doors call it.

networks + loci --measure--> variant effects --estimate--> causal effects --judge--> verdict
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from torch import nn

from deepmr.effect_shard import Effects
from deepmr.inference import Inference
from deepmr.inference.estimation import Answer, Question, estimate
from deepmr.instruments import Rule
from deepmr.io.manifest import provenance
from deepmr.io.shard_store import ShardStore
from deepmr.io.tables import ResultTable
from deepmr.lightning import device_of_trainer
from deepmr.lightning.rehearsal import check_trainer
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.loci import Loci
from deepmr.motifs import ByMotif
from deepmr.mutagenesis import VariantSet
from deepmr.networks import Networks
from deepmr.plot import forest, mr_scatter
from deepmr.report import summary_table, verdict_text
from deepmr.sequence import base_codes
from deepmr.tasks import Task, TaskTable
from deepmr.verdict import Verdict, check_controls
from deepmr.workflow.designed_sequences import check_designed
from deepmr.workflow.figures import scatter_arguments
from deepmr.workflow.findings import Findings
from deepmr.workflow.judgement import judge_pair
from deepmr.workflow.measurement import Compute, fill_store, measure_in_memory
from deepmr.workflow.outputs import log_findings, print_summary, write_page, write_tables
from deepmr.workflow.precision_check import check_precision
from deepmr.workflow.probability_check import probability_notes
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.variants import VariantChoice, saturate

__all__ = ["Interrogation", "ask", "interrogate", "measure"]


def measure(
    networks: Networks,
    loci: Loci,
    variants: VariantSet,
    *,
    tasks: tuple[str, ...],
    compute: Compute | None = None,
    store: ShardStore | None = None,
    leader: bool = True,
) -> Effects:
    """Measure the effects of variants with every member: in memory, or into a store.

    Args:
        networks: Whose effects; they leave as they came.
        loci: The sequences.
        variants: Which changes of them.
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
    if store is None:
        return measure_in_memory(networks, loci, variants, compute, tasks)
    fill_store(store, networks, loci, variants, compute, leader=leader)
    return store


def ask(
    networks: Networks,
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
        networks: What is interrogated.
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
    check_designed(question.designed)
    check_controls(question.controls)
    question = question.for_errors(networks.members.error_ratios)
    question.check(pair)
    if compute.trainer is not None:
        check_trainer(compute.trainer)
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
            error = check_precision(store, variants.loci, pair, networks, compute, folder.seed)
            names = (pair[0].name, pair[1].name)
            answers = estimate(
                effects.read(names),
                variants.loci,
                names,
                question,
                targets={task.name: task.target for task in pair},
            )
            judgement = judge_pair(
                effects,
                names,
                controls=question.controls,
                designed=question.designed,
                networks=networks,
                loci=variants.loci,
                variants=variants.variants,
                compute=compute,
                seed=folder.seed,
            )
            doubts = probability_notes(networks, effects, pair)
            findings = Findings(
                networks=networks,
                pair=pair,
                variants=variants,
                effects=effects,
                question=question,
                answers=tuple(answers),
                judgement=judgement,
                notes=(*notes, *question.notes, *doubts, *([str(error)] if error else [])),
            )
            facts = {
                "precision": error.record() if error else compute.precision,
                "shared_error": question.shared_error,
            }
            _write(findings, folder, tracking, device_of_trainer(compute.trainer), started, facts)
            done = True
        finally:
            tracking.finish(failed=not done)
    print(f"report: {folder.path / 'report.html'}")
    return float(answers[0].pooled.pooled.value)


def _tracker(build: Callable[..., Tracker] | None, folder: RunFolder) -> Tracker:
    if build is None:
        return NoTracker()
    return build(
        folder=folder.work,
        name=f"{folder.path.parent.name}/{folder.path.name}",
        job_type="interrogate",
        config=folder.config,
    )


def _write(
    findings: Findings,
    folder: RunFolder,
    tracker: Tracker,
    device: str,
    started: datetime,
    facts: Mapping[str, Any],
) -> None:
    """Write tables, summary, report and tracker; the manifest last."""
    path = folder.work
    tables = write_tables(findings, path)
    print_summary(findings)
    made_by = {"command": folder.command, **provenance(), "settings": dict(folder.config)}
    page = write_page(findings, path / "report.html", made_by, figures=path / "figures")
    log_findings(findings, tracker, page[:-1])
    folder.finish(
        device=device,
        started=started,
        inputs=[*findings.networks.files, *findings.variants.files],
        outputs=[*tables, *([path / "effects"] if (path / "effects").is_dir() else []), *page],
        value=float(findings.answers[0].pooled.pooled.value),
        facts={
            "network": findings.networks.description,
            "uncertainty": findings.networks.members.spread,
            **facts,
        },
    )
    tracker.artifact(f"{path.parent.name}-{folder.path.name}", path, by_reference=["effects"])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Interrogation:
    """The result of `interrogate`; printing it shows the pooled effects.

    Args:
        findings: Networks, loci, effects, question and answers.
        estimates: Table of local effects, a row per locus, direction and method.
        meta: Table of pooled effects, a row per direction and method.
    """

    findings: Findings
    estimates: ResultTable
    meta: ResultTable

    @property
    def verdict(self) -> Verdict:
        """The verdict on the pair, with reasons and evidence."""
        return self.findings.judgement.verdict

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers, one a direction and estimator."""
        return self.findings.answers

    @property
    def effects(self) -> Any:
        """The measured effects (`deepmr.effects.MemberEffects`), loci on the first axis."""
        return next(iter(self.findings.effects.read(self.findings.names))).effects

    @property
    def plot(self) -> _Plots:
        """Figures as matplotlib axes: ``plot.forest()``, ``plot.scatter(locus=0)``."""
        return _Plots(findings=self.findings)

    def report(self, path: Path | str) -> Path:
        """Write the report as one HTML file, and return its path."""
        path = Path(path)
        write_page(self.findings, path, {"command": "deepmr.interrogate", **provenance()})
        return path

    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Write tables, figures and report into a folder, the manifest last; return the folder.

        Args:
            folder: Made if it does not exist.
            overwrite: Replace an interrogation saved there before.

        Raises:
            FileExistsError: If the folder holds a saved interrogation, or something else.
        """
        exposure, outcome = self.findings.names
        run = RunFolder(
            path=Path(folder),
            config={"exposure": exposure, "outcome": outcome, "loci": self.findings.loci.names()},
            command="deepmr.interrogate(...).save(...)",
            overwrite=overwrite,
        )
        with run.open():
            _write(self.findings, run, NoTracker(), "cpu", datetime.now(UTC), {})
        return Path(folder)

    def __str__(self) -> str:
        failed = self.findings.judgement.failed_controls
        return f"{verdict_text(self.verdict, failed)}\n{summary_table(self.meta)}"

    def __repr__(self) -> str:
        exposure, outcome = self.findings.names
        return (
            f"Interrogation({exposure} -> {outcome}: {self.verdict.structure}; "
            f"{len(self.findings.loci)} loci, {self.findings.effects.n_members} members)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.meta._repr_html_()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plots:
    """Figures of an interrogation."""

    findings: Findings

    def forest(self, answer: int = 0) -> Any:
        """Draw the local effects and their mean.

        Args:
            answer: Position in ``answers``; by default the question's first estimator.
        """
        one = self.findings.answers[answer]
        effect = one.local.estimate.effect
        return forest(effect.value, effect.se, one.pooled, names=self.findings.loci.names())

    def scatter(self, locus: int | None = None) -> Any:
        """Draw the effects of one locus's variants with the slope of each estimator.

        Args:
            locus: Position among the loci; by default the one with most instruments.
        """
        arguments, options = scatter_arguments(self.findings, locus)
        return mr_scatter(*arguments, **options)


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
            several of them are an ensemble. A single one is asked through its dropout. Or
            `Networks`.
        tasks: Its outputs in order, as `Task` objects or plain names; None with `Networks`.
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
        region: ``(start, end)`` within the sequences to mutate, or several; by default all.
        every: Mutate each k-th base, default 1.
        compute: Engine and precision; by default the exact engine in float32.

    Raises:
        ValueError: If sequences differ in length or are no sequences, a single model has no
            dropout, exposure and outcome are the same, or ``designed`` is unknown.
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
    check_designed(designed)
    check_controls(controls)
    if isinstance(model, Networks):
        networks = model
    elif tasks is None:
        raise ValueError("tasks must name the model's outputs in order, got None")
    else:
        networks = Networks.of(model, tasks)
    if scale is not None:
        networks = networks.on_scale(scale)
    pair = networks.pair(exposure, outcome)
    choice = saturate(_loci(sequences, names), region=region, every=every)
    chosen = {"rule": rule, "estimators": estimators, "inference": inference, "pooling": pooling}
    given = {key: value for key, value in chosen.items() if value is not None}
    question = replace(Question(), controls=controls, designed=designed, **given)
    question = question.for_errors(networks.members.error_ratios)
    question.check(pair)
    kept = (pair[0].name, pair[1].name)
    effects = measure(networks, choice.loci, choice.variants, tasks=kept, compute=compute)
    answers = estimate(
        effects.read(kept),
        choice.loci,
        kept,
        question,
        targets={task.name: task.target for task in pair},
    )
    judgement = judge_pair(
        effects,
        kept,
        controls=question.controls,
        designed=question.designed,
        networks=networks,
        loci=choice.loci,
        variants=choice.variants,
        compute=compute,
    )
    findings = Findings(
        networks=networks,
        pair=pair,
        variants=choice,
        effects=effects,
        question=question,
        answers=tuple(answers),
        judgement=judgement,
        notes=(
            *networks.notes,
            *choice.notes,
            *question.notes,
            *probability_notes(networks, effects, pair),
        ),
    )
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
