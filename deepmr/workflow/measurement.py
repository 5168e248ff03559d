"""Compute variant effects with the networks, in memory or into a run's shard store."""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepmr.adapted import placement
from deepmr.effect_shard import EffectShard, EffectsInMemory
from deepmr.files import fingerprint
from deepmr.io.manifest import is_finished
from deepmr.io.shard_store import ShardStore
from deepmr.lightning import device_of_trainer
from deepmr.lightning.mutagenesis import ENGINE, MutagenesisCallback, Start, run_mutagenesis
from deepmr.loci import Loci
from deepmr.mutagenesis import VariantSet, build_engine
from deepmr.mutagenesis.member_effects import member_effects
from deepmr.networks import Networks
from deepmr.workflow.cost import check_size, estimate_duration

__all__ = ["Compute", "fill_store", "measure_in_memory", "open_store", "reuse_effects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """Settings of the computation of variant effects: engine, precision, device, storage.

    Args:
        engine: Builds a mutagenesis engine, ``engine(model, length=..., chunk=...)``; by default
            `deepmr.mutagenesis.build_engine`.
        settings: The engine's settings that change effects, for the shards' fingerprint.
        trainer: Builds the Lightning Trainer that computes shards; needed for a store only.
        progress: Show a progress bar; True by default.
        dtype: Type of effects on disk: ``float32`` (default) or ``float16``.
        loci_per_shard: Number of loci in a shard, 16 by default.
    """

    engine: Callable[..., Any] = build_engine
    settings: Mapping[str, Any] = field(default_factory=dict)
    trainer: Callable[..., Any] | None = None
    progress: bool = True
    dtype: str = "float32"
    loci_per_shard: int = 16

    @property
    def precision(self) -> str:
        """Precision of the engine's arithmetic."""
        return str(self.settings.get("precision", "float32"))

    @property
    def device(self) -> str:
        """Device of the trainer, such as ``cpu``, which is also that of no trainer."""
        return device_of_trainer(self.trainer) if self.trainer else "cpu"


def measure_in_memory(
    networks: Networks,
    loci: Loci,
    variants: VariantSet,
    compute: Compute,
    tasks: tuple[str, ...],
) -> EffectsInMemory:
    """Compute the effects of all variants on some tasks, as one shard in memory.

    Args:
        networks: Networks of the members; their weights, mode and device are not changed.
        loci: Loci, all of one length.
        variants: Variants of the loci.
        compute: The engine.
        tasks: Names of the tasks to keep.
    """
    members, length = networks.members, int(loci.codes.shape[1])
    batch = variants.of(0, loci.codes).within(members.margin, length=length)
    engines = members.engines(compute.engine, length=length)
    placed = placement(members, loci)
    if placed is not None:
        engines = [placed.on(engine) for engine in engines]
    raw = (batch.measure(engine, loci.codes) for engine in engines)
    effects, reference = member_effects(raw, batch.substitutions, networks.scale, tasks)
    effects = replace(batch.place(effects), shared=members.shared)
    units = networks.scale.units()
    return EffectsInMemory(
        shard=EffectShard(index=0, loci=loci.intervals(), effects=effects, reference=reference),
        effect_scale={task: units[task] for task in tasks},
    )


def open_store(
    folder: Path,
    networks: Networks,
    loci: Loci,
    variants: VariantSet,
    compute: Compute,
    tasks: tuple[str, ...],
) -> ShardStore:
    """Return the shard store of a run, with a fingerprint of all settings that change an effect.

    Args:
        folder: Folder of the run; shards lie in ``effects`` below it.
        networks: Networks of the members.
        loci: Loci, all of one length.
        variants: Variants of the loci.
        compute: Engine, precision and storage.
        tasks: Names of the tasks to keep.
    """
    members, units = networks.members, networks.scale.units()
    content = {
        "weights": list(networks.digests),
        "uncertainty": [members.spread, len(members), members.identity],
        "engine": dict(compute.settings),
        "scale": units,
        "calibrators": networks.scale.calibrators.to_record(),
        "codes": fingerprint(loci.codes.tobytes().hex(), digits=32),
        "variants": fingerprint(variants.identity, digits=32),
        "dtype": compute.dtype,
    }
    placed = placement(members, loci)
    if placed is not None:
        content["placement"] = placed.identity
    return ShardStore(
        folder / "effects",
        fingerprint=fingerprint(content, digits=32),
        loci=loci.intervals(),
        loci_per_shard=compute.loci_per_shard,
        tasks=tasks,
        n_members=len(members),
        effect_scale={name: units[name] for name in tasks},
        shared=members.shared,
        dtype=compute.dtype,
    )


def fill_store(
    store: ShardStore,
    networks: Networks,
    loci: Loci,
    variants: VariantSet,
    compute: Compute,
    *,
    leader: bool = True,
    remark: Callable[[float], str] | None = None,
) -> str:
    """Compute every missing shard of a store, on all processes of the trainer.

    Shards of a finished interrogation with the same effects, in a folder beside this one, are
    reused. Whole shards are kept after an interruption.

    Args:
        store: Shard store in the folder of an open run.
        networks: Networks of the members.
        loci: Loci in the order of the store.
        variants: Variants of the loci.
        compute: Engine, precision and trainer.
        leader: True (the default) for rank 0, which prints cost and expected duration.
        remark: Returns a further line from the expected seconds; by default (None) none.

    Returns:
        Device of the computation, such as ``cpu``.

    Raises:
        OSError: If the disk cannot hold the effects.
        ValueError: If there is no trainer.
    """
    if compute.trainer is None:
        raise ValueError("measuring into a store needs a trainer; set Compute(trainer=...)")
    if leader:
        size = functools.partial(
            check_size,
            store,
            loci,
            variants,
            n_outputs=len(networks.tasks),
            n_passes=len(networks.members.passes),
        )
        for message in (reuse_effects(store), size()):
            if message:
                print(message)

    def report_duration(start: Start) -> None:
        print(estimate_duration(start, store, loci, variants, remark=remark), flush=True)

    callback = MutagenesisCallback(
        store,
        loci.codes,
        members=networks.members,
        build=compute.engine,
        scale=networks.scale,
        variants=variants,
        on_start=report_duration,
        placement=placement(networks.members, loci),
        progress=compute.progress,
    )
    runner = run_mutagenesis(callback, trainer=compute.trainer, folder=store.folder.parent)
    return str(runner.strategy.root_device)


def reuse_effects(store: ShardStore) -> str | None:
    """Link the shards of a finished interrogation with the same effects into a store.

    Nothing is taken over if the store has shards of its own, nor from an interrogation that this
    one overwrites: overwriting means doing it again.

    Args:
        store: Shard store of an interrogation; the folders beside the interrogation are searched.

    Returns:
        A sentence with the folder of the other interrogation; None if there is none.
    """
    folder = store.folder.parent
    if store.folder.is_dir() and any(store.folder.glob("shard-*")):
        return None
    for other in sorted(folder.parent.iterdir()):
        if other == folder or not is_finished(other) or folder.name == f".{other.name}.new":
            continue
        theirs = ShardStore(
            other / "effects",
            fingerprint=store.fingerprint,
            loci=store.loci,
            loci_per_shard=store.loci_per_shard,
            tasks=store.tasks,
            n_members=store.n_members,
            effect_scale=store.effect_scale,
            dtype=store.dtype,
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
        return f"variant effects: reused from {other}"
    return None


def _serves(theirs: ShardStore) -> bool:
    if not all(theirs.path(index).is_file() for index in range(theirs.n_shards)):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a run with other tasks nothing is computed again
            return not theirs.missing(verify=False)
    except ValueError:
        return False
