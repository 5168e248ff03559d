"""Mutagenesis on several processes, as a callback of Lightning's Trainer.predict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from jaxtyping import UInt8
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.utils.data import DataLoader

from deepmr.files import read_json, write_json
from deepmr.io.shard_store import ShardStore
from deepmr.lightning import interruptible
from deepmr.lightning.deadline import Deadline, TimeIsUpError
from deepmr.mutagenesis import (
    Engine,
    Placement,
    RawEffects,
    Saturation,
    VariantBatch,
    VariantSet,
    said_once,
)
from deepmr.mutagenesis.engine import counted_by
from deepmr.mutagenesis.member_effects import Scale, member_effects
from deepmr.progress import Progress
from deepmr.uncertainty import Members

__all__ = ["EnsembleModule", "MutagenesisCallback", "Start", "run_mutagenesis"]

ENGINE = "engine.json"
_NOTHING = -1
EngineBuilder = Callable[..., Engine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """State of rank 0 after its engines are built and before the first shard.

    Args:
        engine: Engine of the first member, on its device.
        missing: Numbers of the shards to compute, over all processes.
        processes: Number of processes that share them.
        device: Device of rank 0, such as ``cpu`` or ``cuda:0``.
    """

    engine: Engine
    missing: tuple[int, ...]
    processes: int
    device: str


class EnsembleModule(pl.LightningModule):
    """All networks of an interrogation as one module, which Lightning moves to its devices.

    Args:
        networks: Trained networks, or dropout draws.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def predict_step(self, batch: int, _: int) -> int:
        """Return the number of the shard; `MutagenesisCallback` computes it."""
        return batch


class _ShardData(pl.LightningDataModule):
    """Missing shards, divided between the processes."""

    def __init__(self, store: ShardStore) -> None:
        super().__init__()
        self.store = store
        self.missing: list[int] = []

    def predict_dataloader(self) -> DataLoader[int]:
        """Return this process's share of the shards that rank 0 finds missing."""
        strategy = self.trainer.strategy
        missing = self.store.missing() if self.trainer.is_global_zero else None
        missing = self.missing = strategy.broadcast(missing)
        share = missing[self.trainer.global_rank :: self.trainer.world_size]
        # a process without work takes part all the same, or the others would wait for it for ever
        return DataLoader(share or [_NOTHING], batch_size=None)


class MutagenesisCallback(Callback):
    """Compute the variant effects of each shard with every member, and write the shard.

    Args:
        store: The shard store that is written to.
        codes: Bases of all loci, in the store's order.
        members: Members of the interrogation.
        build: Builds an engine for a network: ``build(model, length=..., chunk=...)``.
        scale: Link from raw outputs to the effect scale.
        variants: Variants of the loci; by default every substitution.
        progress: Show progress over rank 0's mutants; True by default.
        on_start: Called on rank 0 before the first shard, to print the expected duration; not
            called if no shard is missing.
        placement: Strand and outputs of each locus; None (the default) if they are read alike.
    """

    def __init__(
        self,
        store: ShardStore,
        codes: UInt8[np.ndarray, "locus length"],
        *,
        members: Members,
        build: EngineBuilder,
        scale: Scale,
        variants: VariantSet | None = None,
        progress: bool = True,
        on_start: Callable[[Start], None] | None = None,
        placement: Placement | None = None,
    ) -> None:
        self.store, self.codes, self.build, self.scale = store, codes, build, scale
        self.members, self.variants = members, variants or Saturation(length=codes.shape[1])
        self.progress, self.on_start = progress, on_start
        self.placement = placement
        self.engines: list[Engine] = []
        self.bar: Progress | None = None
        self.deadline: Deadline | None = None
        self.n_written = self.n_left = 0

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Build the engines, with the chunk size of rank 0 or of the interrupted run."""
        with said_once():
            self._build_engines(trainer)
        if trainer.is_global_zero:
            self._announce(trainer, pl_module)
        if self.progress and trainer.is_global_zero:
            self.bar = self._open_bar(trainer)

    def _build_engines(self, trainer: pl.Trainer) -> None:
        length = self.codes.shape[1]
        noted = self.store.folder / ENGINE
        settings: dict[str, Any] | None = None
        if trainer.is_global_zero:
            if noted.is_file():
                settings = read_json(noted)
            else:
                settings = dict(self.build(self.members.networks[0], length=length).settings)
                self.store.folder.mkdir(parents=True, exist_ok=True)
                write_json(noted, settings)
            self.store.discard_partial()
        settings = trainer.strategy.broadcast(settings)
        chunk = settings.get("chunk")
        self.engines = self.members.engines(self.build, length=length, chunk=chunk)

    def _announce(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        missing = tuple(trainer.datamodule.missing)
        if self.on_start is None or not missing:
            return
        self.on_start(
            Start(
                engine=self.engines[0],
                missing=missing,
                processes=trainer.world_size,
                device=str(pl_module.device),
            )
        )

    def _open_bar(self, trainer: pl.Trainer) -> Progress:
        shards = trainer.predict_dataloaders.dataset
        total = sum(self._n_mutants(self._batch(index)[0]) for index in shards if index != _NOTHING)
        return Progress("mutagenesis", total, "mutant")

    def _batch(self, index: int) -> tuple[VariantBatch, UInt8[np.ndarray, "locus length"]]:
        """Return the variants of a shard and the bases of its loci."""
        first = index * self.store.loci_per_shard
        codes = self.codes[first : first + len(self.store.loci_of(index))]
        batch = self.variants.of(first, codes).within(self.members.margin, length=codes.shape[1])
        return batch, codes

    def _n_mutants(self, batch: VariantBatch) -> int:
        return int(batch.mask.sum()) * len(self.engines)

    def on_predict_batch_end(
        self,
        trainer: pl.Trainer,  # noqa: ARG002  (Lightning's signature)
        pl_module: pl.LightningModule,  # noqa: ARG002
        outputs: Any,
        batch: Any,
        batch_idx: int,  # noqa: ARG002
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Compute the effects of one shard and write it."""
        index = int(outputs)
        if index == _NOTHING:
            return
        if self.deadline is not None and self.deadline.is_over:
            self.n_left += 1
            return
        batch, codes = self._batch(index)
        counter = _Counter(self.bar, self._n_mutants(batch), self._terms)
        with counted_by(counter):
            effects, reference = member_effects(
                self._raw(batch, codes, index * self.store.loci_per_shard),
                batch.substitutions,
                self.scale,
                self.store.tasks,
            )
        self.store.write(index, self.store.loci_of(index), batch.place(effects), reference)
        self.n_written += 1
        counter.complete()

    @property
    def _terms(self) -> int:
        """Number of strands and shifts that each engine averages: passes behind one mutant."""
        return str(self.engines[0].settings.get("augmentations", "")).count(",") + 1

    def _raw(
        self, batch: VariantBatch, codes: UInt8[np.ndarray, "locus length"], first: int
    ) -> Iterator[RawEffects]:
        """Yield raw effects by member; those of one member are in memory at a time."""
        for engine in self.engines:
            if self.placement is not None:
                engine = self.placement.rows(slice(first, first + len(codes))).on(engine)
            yield batch.measure(engine, codes)

    def on_predict_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Wait until every process has written its shards.

        Raises:
            TimeIsUpError: If the trainer's ``max_time`` was up before.
        """
        if self.bar is not None:
            self.bar.close()
        if trainer.strategy.reduce_boolean_decision(self.n_left > 0, all=False):
            raise TimeIsUpError(progressed=self.n_written > 0)
        trainer.strategy.barrier()


class _Counter:
    """Count of a shard's mutants as engines evaluate them.

    Args:
        bar: The progress; None shows none.
        total: Mutants of the shard, over all members.
        terms: Passes behind one mutant.
    """

    def __init__(self, bar: Progress | None, total: int, terms: int) -> None:
        self.bar, self.total, self.terms = bar, total, terms
        self.passes = self.shown = 0

    def __call__(self, n: int) -> None:
        self.passes += n
        self._show(min(self.passes // self.terms, self.total))

    def complete(self) -> None:
        """Count what no engine told of: alleles other than substitutions, engines of one's own."""
        self._show(self.total)

    def _show(self, done: int) -> None:
        if self.bar is not None and done > self.shown:
            self.bar.advance(done - self.shown)
        self.shown = max(self.shown, done)


def run_mutagenesis(
    callback: MutagenesisCallback,
    *,
    trainer: Callable[..., pl.Trainer],
    folder: Path,
) -> pl.Trainer:
    """Compute all missing shards on every process of the trainer.

    Args:
        callback: The mutagenesis, with members, loci and shard store.
        trainer: Builds the Lightning Trainer.
        folder: The run's folder.

    Raises:
        KeyboardInterrupt: If the user interrupted; whole shards are kept.
        TimeIsUpError: If the trainer's ``max_time`` is up; likewise.
    """
    callback.deadline = Deadline(trainer)
    runner = trainer(
        callbacks=[callback],
        max_time=None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=str(folder),
    )
    with interruptible(runner), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*Total length of `DataLoader`.*")
        runner.predict(
            EnsembleModule(callback.members.networks),
            _ShardData(callback.store),
            return_predictions=False,
        )
    return runner
