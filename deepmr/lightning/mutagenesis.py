"""Mutagenesis on several processes, as a callback of Lightning's Trainer.predict."""

from __future__ import annotations

import time
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
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from deepmr.files import read_json, write_json
from deepmr.io.shard_store import ShardStore
from deepmr.lightning import interruptible
from deepmr.mutagenesis import Engine, Placement, RawEffects, Saturation, VariantBatch, VariantSet
from deepmr.mutagenesis.member_effects import Scale, member_effects
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


class _Shards(Dataset[int]):
    """Numbers of the shards of one process."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, position: int) -> int:
        return self.numbers[position]


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
        return DataLoader(_Shards(share or [_NOTHING]), batch_size=None)


class MutagenesisCallback(Callback):
    """Compute the variant effects of each shard with every member, and write the shard.

    Args:
        store: The shard store that is written to.
        codes: Bases of all loci, in the store's order.
        members: Members of the interrogation.
        build: Builds an engine for a network: ``build(model, length=..., chunk=...)``.
        scale: Link from raw outputs to the effect scale.
        variants: Variants of the loci; by default every substitution.
        progress: Show a progress bar over rank 0's loci; True by default.
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
        self.bar: tqdm[Any] | None = None

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Build the engines, with the chunk size of rank 0 or of the interrupted run."""
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
        if trainer.is_global_zero:
            self._announce(trainer, pl_module)
        if self.progress and trainer.is_global_zero:
            self.bar = self._open_bar(trainer)

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

    def _open_bar(self, trainer: pl.Trainer) -> tqdm[Any]:
        shards = trainer.predict_dataloaders.dataset.numbers
        return tqdm(
            total=sum(len(self.store.loci_of(index)) for index in shards if index != _NOTHING),
            desc="mutagenesis",
            unit="locus",
            mininterval=1.0,
        )

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
        first = index * self.store.loci_per_shard
        loci = self.store.loci_of(index)
        codes = self.codes[first : first + len(loci)]
        batch = self.variants.of(first, codes).within(self.members.margin, length=codes.shape[1])
        began = time.perf_counter()
        effects, reference = member_effects(
            self._raw(batch, codes, first), batch.substitutions, self.scale, self.store.tasks
        )
        elapsed = time.perf_counter() - began
        self.store.write(index, loci, batch.place(effects), reference)
        if self.bar is not None:
            mutants = int(batch.mask.sum()) * len(self.members.passes)
            self.bar.set_postfix_str(f"{mutants / elapsed:,.0f} mutants/s")
            self.bar.update(len(loci))

    def _raw(
        self, batch: VariantBatch, codes: UInt8[np.ndarray, "locus length"], first: int
    ) -> Iterator[RawEffects]:
        """Yield raw effects by member; those of one member are in memory at a time."""
        for engine in self.engines:
            if self.placement is not None:
                engine = self.placement.rows(slice(first, first + len(codes))).on(engine)
            yield batch.measure(engine, codes)

    def on_predict_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Wait until every process has written its shards."""
        if self.bar is not None:
            self.bar.close()
        trainer.strategy.barrier()


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
    """
    runner = trainer(
        callbacks=[callback],
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
