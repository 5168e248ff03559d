"""Ask trained networks a causal question: mutagenesis, estimates, pooling, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.data.vcf import ListedAllele
from deepmr.files import fingerprint
from deepmr.genome import Interval
from deepmr.io.manifest import write_manifest
from deepmr.io.schema import LOCI
from deepmr.io.shards import ShardStore
from deepmr.io.tables import write_table
from deepmr.lightning.mutagenesis import MutagenesisCallback, Start, run_mutagenesis
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.mutagenesis import VariantSet
from deepmr.tasks import Task
from deepmr.uncertainty import Members
from deepmr.workflow.cost import check_size, estimate_duration
from deepmr.workflow.estimation import Answer, Question, estimate
from deepmr.workflow.folder import open_run
from deepmr.workflow.loci import Loci
from deepmr.workflow.precision import MeasuredError, is_reduced, measure_error
from deepmr.workflow.reuse import reuse
from deepmr.workflow.scale import EffectScale
from deepmr.workflow.telling import tell
from deepmr.workflow.variants import write_variants

__all__ = ["InterrogationPlan", "interrogate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterrogationPlan:
    """Everything an interrogation needs, as objects; the configuration is only written down.

    Args:
        folder: Where the interrogation lies.
        config: The resolved settings, plain.
        command: The command line.
        network: What was interrogated, in words: the run or checkpoint.
        members: Whose spread gives standard errors.
        scale: From raw outputs to the effect scale.
        pair: Exposure and outcome.
        kept: Names of the tasks whose effects are kept.
        loci: The sequences.
        asked: Which variants of them.
        listed: For each locus its alleles as a file spells them; None under saturation.
        identity: What the effects depend on beyond loci and scale: weights, uncertainty, engine.
        engine: Builds a mutagenesis engine.
        precision: Of its arithmetic.
        loci_per_shard: Loci in a file of effects.
        dtype: Of the effects on disk, ``float32`` or ``float16``.
        question: How the pair is asked.
        trainer: Builds a Lightning Trainer.
        tracker: Builds the tracker; None for no tracking.
        inputs: Files that were read.
        metrics: Columns of the training run's ``metrics.parquet``, where there is one.
        notes: What the reader of the report must know.
        seed: Of the draw of loci.
        overwrite: Delete a finished interrogation first.
        leader: Whether this process is rank 0.
        error: What a lower precision was found to cost, once it was measured.
    """

    folder: Path
    config: Mapping[str, Any]
    command: str
    network: str
    members: Members
    scale: EffectScale
    pair: tuple[Task, Task]
    kept: tuple[str, ...]
    loci: Loci
    asked: VariantSet
    listed: Sequence[Sequence[ListedAllele]] | None
    identity: Mapping[str, Any]
    engine: Callable[..., Any]
    precision: str
    loci_per_shard: int
    dtype: str
    question: Question
    trainer: Callable[..., Any]
    tracker: Callable[..., Tracker] | None
    inputs: Sequence[Path]
    metrics: Mapping[str, np.ndarray] | None
    notes: Sequence[str]
    seed: int
    overwrite: bool
    leader: bool
    error: MeasuredError | None = None


def interrogate(plan: InterrogationPlan) -> float:
    """Mutate, estimate, pool, tell; the manifest comes last.

    Returns:
        The pooled effect of exposure on outcome by the first estimator; NaN on ranks above 0.

    Raises:
        FileExistsError: If the interrogation is finished, or has other settings.
        OSError: If the disk cannot hold the effects.
    """
    started = datetime.now(UTC)
    store = _store(plan)
    with open_run(plan.folder, plan.config, overwrite=plan.overwrite, leader=plan.leader):
        if plan.leader:
            print(f"interrogating in {plan.folder}")
            for said in (reuse(plan.folder, store), _size(plan, store)):
                if said:
                    print(said)
        runner = run_mutagenesis(_callback(plan, store), trainer=plan.trainer, folder=plan.folder)
        if not plan.leader:
            return float("nan")
        tracker = _tracker(plan)
        done = False
        try:
            plan = _with_measured_error(plan, store)
            value = _conclude(plan, store, tracker, str(runner.strategy.root_device), started)
            done = True
        finally:
            tracker.finish(failed=not done)
    print(f"report: {plan.folder / 'report.html'}")
    return value


def _conclude(
    plan: InterrogationPlan, store: ShardStore, tracker: Tracker, device: str, started: datetime
) -> float:
    """Estimate, pool, tell, and write the manifest."""
    pair = (plan.pair[0].name, plan.pair[1].name)
    answers = estimate(store.read(pair), plan.loci, pair, plan.question)
    _write_loci(plan, store, answers)
    if plan.listed is not None:
        write_variants(
            plan.folder / "variants.parquet",
            store.read(pair),
            plan.loci,
            plan.listed,
            scale=plan.scale.scale,
        )
    outputs = tell(plan, store, answers, tracker)
    write_manifest(
        plan.folder,
        command=plan.command,
        seed=plan.seed,
        device=device,
        started=started,
        inputs=plan.inputs,
        outputs=outputs,
        facts={
            "network": plan.network,
            "uncertainty": plan.members.spread,
            "precision": plan.error.record() if plan.error else plan.precision,
        },
    )
    tracker.artifact(
        f"{plan.folder.parent.name}-{plan.folder.name}", plan.folder, by_reference=["effects"]
    )
    return float(answers[0].pooled.pooled.value)


def _with_measured_error(plan: InterrogationPlan, store: ShardStore) -> InterrogationPlan:
    """Measure what a lower precision costs, where one was chosen, and note it for the reader."""
    if not is_reduced(plan.precision, plan.dtype):
        return plan
    error = measure_error(
        store,
        plan.loci,
        [task.name for task in plan.pair],
        members=plan.members,
        build=plan.engine,
        scale=plan.scale,
        computed=plan.precision,
        seed=plan.seed,
    )
    if error is None:
        return plan
    print(f"precision: {error}")
    return replace(plan, error=error, notes=[*plan.notes, str(error)])


def _tracker(plan: InterrogationPlan) -> Tracker:
    if plan.tracker is None:
        return NoTracker()
    return plan.tracker(
        folder=plan.folder,
        name=f"{plan.folder.parent.name}/{plan.folder.name}",
        job_type="interrogate",
        config=plan.config,
    )


def _store(plan: InterrogationPlan) -> ShardStore:
    units = plan.scale.units()
    content = {
        **plan.identity,
        "scale": units,
        "calibrators": plan.scale.calibrators.to_record(),
        "codes": fingerprint(plan.loci.codes.tobytes().hex(), digits=32),
        "variants": fingerprint(plan.asked.identity, digits=32),
        "dtype": plan.dtype,
    }
    return ShardStore(
        plan.folder / "effects",
        fingerprint=fingerprint(content, digits=32),
        loci=[Interval(*key) for key in plan.loci.places()],
        loci_per_shard=plan.loci_per_shard,
        tasks=plan.kept,
        n_members=len(plan.members),
        effect_scale={name: units[name] for name in plan.kept},
        shared=plan.members.shared,
        dtype=plan.dtype,
    )


def _callback(plan: InterrogationPlan, store: ShardStore) -> MutagenesisCallback:
    def say_duration(start: Start) -> None:
        print(estimate_duration(start, store, plan.loci, plan.asked), flush=True)

    return MutagenesisCallback(
        store,
        plan.loci.codes,
        members=plan.members,
        build=plan.engine,
        scale=plan.scale,
        asked=plan.asked,
        on_start=say_duration,
        progress=bool(plan.config["trainer"]["enable_progress_bar"]),
    )


def _size(plan: InterrogationPlan, store: ShardStore) -> str:
    return check_size(
        store,
        plan.loci,
        plan.asked,
        n_outputs=len(plan.scale.tasks),
        n_readings=len(plan.members.readings),
    )


def _write_loci(plan: InterrogationPlan, store: ShardStore, answers: Sequence[Answer]) -> None:
    forward = answers[0]
    names = [task.name for task in plan.pair]
    references, n_variants = [], []
    for shard in store.read(names):
        references.append(shard.reference.mean(axis=-1))
        n_variants.append(shard.effects.mask.sum(axis=-1))
    reference = np.concatenate(references)
    write_table(
        plan.folder / "loci.parquet",
        {
            "chrom": plan.loci.chrom,
            "start": plan.loci.start,
            "end": plan.loci.end,
            "split": np.full(len(plan.loci), plan.loci.split, dtype=object),
            "n_variants": np.concatenate(n_variants),
            "n_instruments": forward.local.instruments.sum(axis=-1),
            "reference_exposure": reference[:, 0],
            "reference_outcome": reference[:, 1],
        },
        LOCI,
    )
