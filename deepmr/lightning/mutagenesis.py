"""Mutagenesis as an inference callback of Trainer.predict."""

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
from deepmr.mutagenesis import Engine, RawEffects, Saturation, VariantBatch, VariantSet
from deepmr.mutagenesis.member_effects import Scale, member_effects
from deepmr.uncertainty import Members

__all__ = ["EnsembleModule", "MutagenesisCallback", "Start", "run_mutagenesis"]

ENGINE = "engine.json"
_NOTHING = -1
EngineBuilder = Callable[..., Engine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What rank 0 knows when its engines are built and nothing is measured yet.

    Args:
        engine: Of the first member, on its device.
        missing: The shards to compute, over all processes.
        processes: How many share them.
        device: Where they compute.
    """

    engine: Engine
    missing: tuple[int, ...]
    processes: int
    device: str


class EnsembleModule(pl.LightningModule):
    """All networks that are read, so that Lightning moves them and starts the processes.

    Args:
        networks: Trained networks, or dropout draws.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def predict_step(self, batch: int, _: int) -> int:
        """Pass the number of the shard on: the callback does the work."""
        return batch


class _Shards(Dataset[int]):
    """The shards of one rank, by number."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, position: int) -> int:
        return self.numbers[position]


class _ShardData(pl.LightningDataModule):
    """Deal the missing shards out to the ranks, none twice."""

    def __init__(self, store: ShardStore) -> None:
        super().__init__()
        self.store = store
        self.missing: list[int] = []

    def predict_dataloader(self) -> DataLoader[int]:
        """Return this rank's missing shards, as rank 0 sees them."""
        strategy = self.trainer.strategy
        missing = self.store.missing() if self.trainer.is_global_zero else None
        missing = self.missing = strategy.broadcast(missing)
        share = missing[self.trainer.global_rank :: self.trainer.world_size]
        # a rank without work takes part all the same, or the others would wait for it for ever
        return DataLoader(_Shards(share or [_NOTHING]), batch_size=None)


class MutagenesisCallback(Callback):
    """Measure the variants of each locus of a shard, with every member, and write the shard.

    Args:
        store: Where shards go.
        codes: Bases of all loci, in the store's order.
        members: Who reads them, and how.
        build: Builds an engine for a network: ``build(model, length=..., chunk=...)``.
        scale: From raw outputs to the effect scale.
        variants: Which variants; by default every substitution.
        progress: Show a bar over this rank's loci.
        on_start: Called on rank 0 once the engines are built, before the first shard: the place
            to say how long it will take. Not called where no shard is missing.
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
    ) -> None:
        self.store, self.codes, self.build, self.scale = store, codes, build, scale
        self.members, self.variants = members, variants or Saturation(length=codes.shape[1])
        self.progress, self.on_start = progress, on_start
        self.engines: list[Engine] = []
        self.bar: tqdm[Any] | None = None

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Build the engines; rank 0 chooses the chunk, a resumed run keeps it."""
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
        """Measure one shard's effects and write it."""
        index = int(outputs)
        if index == _NOTHING:
            return
        first = index * self.store.loci_per_shard
        loci = self.store.loci_of(index)
        codes = self.codes[first : first + len(loci)]
        batch = self.variants.of(first, codes).within(self.members.margin, length=codes.shape[1])
        began = time.perf_counter()
        effects, reference = member_effects(
            self._raw(batch, codes), batch.substitutions, self.scale, self.store.tasks
        )
        elapsed = time.perf_counter() - began
        self.store.write(index, loci, batch.place(effects), reference)
        if self.bar is not None:
            mutants = int(batch.mask.sum()) * len(self.members.passes)
            self.bar.set_postfix_str(f"{mutants / elapsed:,.0f} mutants/s")
            self.bar.update(len(loci))

    def _raw(
        self, batch: VariantBatch, codes: UInt8[np.ndarray, "locus length"]
    ) -> Iterator[RawEffects]:
        """Measure member by member: of all tasks, only one member's effects are in memory."""
        for engine in self.engines:
            yield batch.measure(engine, codes)

    def on_predict_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Wait for the other ranks: what follows reads all shards."""
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
        callback: Knows the members, the loci and where shards go.
        trainer: Builds the Lightning Trainer.
        folder: Of the run.

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
