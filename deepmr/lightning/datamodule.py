"""LightningDataModule whose epochs do not depend on the number of workers or processes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from deepmr.data.source import DataSource, Split
from deepmr.lightning.module import epoch_seed

__all__ = ["EpochSampler", "SequenceDataModule", "SplitDataset"]

Request = tuple[np.ndarray, int | None]

BOOTSTRAP = 2**31
"""Epoch number, beyond any real one, whose seed draws a member's bootstrap resample."""


class SplitDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Whole batches of a split by (positions, augmentation seed).

    Args:
        split: The split.
    """

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.split)

    def __getitem__(self, request: Request) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes, targets and mask of one batch.

        Args:
            request: Positions in the split, and the seed of the augmentation or None.
        """
        index, seed = request
        codes, target, mask = self.split.gather(index, seed=seed)
        return torch.from_numpy(codes), torch.from_numpy(target), torch.from_numpy(mask)


class EpochSampler(Sampler[Request]):
    """Sampler of the batches of one epoch, determined by (seed, member, epoch).

    Every process takes its share, so that each window occurs once in an epoch, whatever the
    number of processes.

    Args:
        n: Number of windows in the split.
        batch_size: Number of windows in a *global* batch, over all processes.
        seed: Seed of the ensemble.
        member: Position in the ensemble, from 0.
        train: Shuffle, augment, and drop a last batch that is not full.
        bootstrap: Draw the member's own resample (with replacement) of the split; False by
            default.
        rank: Rank of this process, 0 by default.
        world: Number of processes, 1 by default.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        seed: int,
        member: int,
        train: bool,
        bootstrap: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.n, self.batch_size, self.seed, self.member = n, batch_size, seed, member
        self.train, self.bootstrap, self.rank, self.world = train, bootstrap, rank, world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; called by Lightning.

        Args:
            epoch: Number of the epoch, from 0.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches of an epoch in this process."""
        if self.train and self.n >= self.batch_size:
            return self.n // self.batch_size
        share = len(range(self.rank, self.n, self.world))
        return math.ceil(share / max(self.batch_size // self.world, 1))

    def __iter__(self) -> Iterator[Request]:
        """Yield this process's share of each batch."""
        if not self.train:
            order = np.arange(self.rank, self.n, self.world)
            step = max(self.batch_size // self.world, 1)
            for batch in range(len(self)):
                yield order[batch * step : (batch + 1) * step], None
            return
        order = np.arange(self.n)
        if self.bootstrap:
            resample = np.random.default_rng(epoch_seed(self.seed, self.member, BOOTSTRAP))
            order = resample.integers(0, self.n, self.n)
        augment = epoch_seed(self.seed, self.member, self.epoch)
        order = np.random.default_rng(augment).permutation(order)
        for batch in range(len(self)):
            index = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield index[self.rank :: self.world], augment


class SequenceDataModule(pl.LightningDataModule):
    """Training and validation batches of a data source for one member.

    Args:
        source: The data source.
        batch_size: Number of windows in a global batch.
        seed: Seed of the ensemble.
        member: Position in the ensemble, from 0.
        bootstrap: Train on a resample of the training split; False by default.
        workers: Number of loader processes, 0 by default; results do not depend on it.
    """

    def __init__(
        self,
        source: DataSource,
        *,
        batch_size: int,
        seed: int,
        member: int,
        bootstrap: bool = False,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.source, self.batch_size, self.workers = source, batch_size, workers
        self.seed, self.member, self.bootstrap = seed, member, bootstrap

    def _loader(self, name: str, *, train: bool) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        split = self.source.split(name)
        sampler = EpochSampler(
            len(split),
            self.batch_size,
            seed=self.seed,
            member=self.member,
            train=train,
            bootstrap=self.bootstrap,
            rank=self.trainer.global_rank if self.trainer else 0,
            world=self.trainer.world_size if self.trainer else 1,
        )
        return DataLoader(
            SplitDataset(split),
            sampler=sampler,
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        """Return the training batches."""
        return self._loader("train", train=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
        """Return the validation batches."""
        return self._loader("validation", train=False)
