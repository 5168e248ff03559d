"""Ask trained networks a causal question: mutagenesis, estimates, pooling, report."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import fingerprint
from deepmr.genome import Interval
from deepmr.io.manifest import is_finished, write_manifest
from deepmr.io.schema import LOCI
from deepmr.io.shards import ShardStore
from deepmr.io.size import estimate_bytes
from deepmr.io.tables import write_table
from deepmr.lightning.mutagenesis import ENGINE, MutagenesisCallback, run_mutagenesis
from deepmr.lightning.tracking import NoTracker, Tracker
from deepmr.tasks import Task
from deepmr.uncertainty import Members
from deepmr.workflow.estimation import Answer, Question, estimate
from deepmr.workflow.folder import open_run
from deepmr.workflow.loci import Loci
from deepmr.workflow.scale import EffectScale
from deepmr.workflow.telling import tell

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
        identity: What the effects depend on beyond loci and scale: weights, uncertainty, engine.
        engine: Builds a mutagenesis engine.
        loci_per_shard: Loci in a file of effects.
        question: How the pair is asked.
        trainer: Builds a Lightning Trainer.
        tracker: Builds the tracker; None for no tracking.
        inputs: Files that were read.
        metrics: Columns of the training run's ``metrics.parquet``, where there is one.
        notes: What the reader of the report must know.
        seed: Of the draw of loci.
        overwrite: Delete a finished interrogation first.
        leader: Whether this process is rank 0.
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
    identity: Mapping[str, Any]
    engine: Callable[..., Any]
    loci_per_shard: int
    question: Question
    trainer: Callable[..., Any]
    tracker: Callable[..., Tracker] | None
    inputs: Sequence[Path]
    metrics: Mapping[str, np.ndarray] | None
    notes: Sequence[str]
    seed: int
    overwrite: bool
    leader: bool


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
            _reuse(plan, store)
            _check_disk(store, plan)
        runner = run_mutagenesis(_callback(plan, store), trainer=plan.trainer, folder=plan.folder)
        if not plan.leader:
            return float("nan")
        tracker = _tracker(plan)
        done = False
        try:
            answers = estimate(
                store.read([task.name for task in plan.pair]),
                plan.loci,
                (plan.pair[0].name, plan.pair[1].name),
                plan.question,
            )
            _write_loci(plan, store, answers)
            outputs = tell(plan, store, answers, tracker)
            write_manifest(
                plan.folder,
                command=plan.command,
                seed=plan.seed,
                device=str(runner.strategy.root_device),
                started=started,
                inputs=plan.inputs,
                outputs=outputs,
                facts={"network": plan.network, "uncertainty": plan.members.spread},
            )
            tracker.artifact(
                f"{plan.folder.parent.name}-{plan.folder.name}",
                plan.folder,
                by_reference=["effects"],
            )
            done = True
        finally:
            tracker.finish(failed=not done)
    print(f"report: {plan.folder / 'report.html'}")
    return float(answers[0].pooled.pooled.value)


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
    )


def _callback(plan: InterrogationPlan, store: ShardStore) -> MutagenesisCallback:
    return MutagenesisCallback(
        store,
        plan.loci.codes,
        members=plan.members,
        build=plan.engine,
        scale=plan.scale,
        progress=bool(plan.config["trainer"]["enable_progress_bar"]),
    )


def _reuse(plan: InterrogationPlan, store: ShardStore) -> None:
    """Take over the shards of a finished interrogation of the same effects, by hard link."""
    if store.folder.is_dir() and any(store.folder.glob("shard-*")):
        return
    for other in sorted(plan.folder.parent.iterdir()):
        if other == plan.folder or not is_finished(other):
            continue
        theirs = ShardStore(
            other / "effects",
            fingerprint=store.fingerprint,
            loci=store.loci,
            loci_per_shard=store.loci_per_shard,
            tasks=store.tasks,
            n_members=store.n_members,
            effect_scale=store.effect_scale,
        )
        if not _serves(theirs):
            continue
        store.folder.mkdir(parents=True, exist_ok=True)
        for path in [*(theirs.path(i) for i in range(theirs.n_shards)), theirs.folder / ENGINE]:
            target = store.folder / path.name
            try:
                os.link(path, target)
            except OSError:  # another file system, or one without links
                shutil.copyfile(path, target)
        print(f"mutation effects: those of {other}, nothing is computed again")
        return


def _serves(theirs: ShardStore) -> bool:
    if not all(theirs.path(index).is_file() for index in range(theirs.n_shards)):
        return False
    try:
        return not theirs.missing(verify=False)
    except ValueError:
        return False


def _check_disk(store: ShardStore, plan: InterrogationPlan) -> None:
    n, length = plan.loci.codes.shape
    needed = estimate_bytes(
        n_loci=n,
        n_variants=3 * length,
        n_tasks=len(store.tasks),
        n_members=store.n_members,
        loci_per_shard=store.loci_per_shard,
    )
    free = shutil.disk_usage(plan.folder).free
    mutants = n * 3 * length * len(plan.members.readings)
    print(
        f"{n} loci of {length} bases, {len(plan.members)} members, {len(store.tasks)} tasks kept: "
        f"{mutants:,} mutants, at most {needed / 1e6:,.1f} MB on disk"
    )
    if needed > free:
        raise OSError(
            f"the effects need {needed / 1e9:.2f} GB and {free / 1e9:.2f} GB are free at "
            f"{plan.folder}; lower loci.n, set effects.keep=pair, or choose paths.output="
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
