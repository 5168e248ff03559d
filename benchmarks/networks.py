"""Networks of published shapes, untrained, to measure the speed of mutagenesis on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from deepmr.models import DeepSEA, MotifScanner, PaperCNN

__all__ = ["NETWORKS", "BPNetLike", "Subject", "basset_like"]


class BPNetLike(nn.Module):
    """Dilated residual convolutions of one width throughout, then the mean over positions.

    References:
        Avsec et al. 2021, doi:10.1038/s41588-021-00782-6 (the shape).
    """

    def __init__(self, *, filters: int = 64, layers: int = 8, tasks: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, filters, 21, padding=10)
        self.dilated = nn.ModuleList(
            nn.Conv1d(filters, filters, 3, padding=2**i, dilation=2**i)
            for i in range(1, layers + 1)
        )
        self.read = nn.Linear(filters, tasks)

    def forward(self, sequence: Tensor) -> Tensor:
        """Return raw outputs."""
        values = torch.relu(self.first(sequence))
        for convolution in self.dilated:
            values = values + torch.relu(convolution(values))
        return self.read(values.mean(-1))


def basset_like(length: int = 600, tasks: int = 164) -> nn.Module:
    """Return three convolutions with batch norm and pooling, then two wide layers.

    References:
        Kelley, Snoek and Rinn 2016, doi:10.1101/gr.200535.115 (the shape).
    """
    left = length
    parts: list[nn.Module] = []
    channels = 4
    for filters, width, pool in ((300, 19, 3), (200, 11, 4), (200, 7, 4)):
        parts += [nn.Conv1d(channels, filters, width, padding=width // 2)]
        parts += [nn.BatchNorm1d(filters), nn.ReLU(), nn.MaxPool1d(pool)]
        channels, left = filters, left // pool
    parts += [nn.Flatten(), nn.Linear(channels * left, 1000), nn.ReLU(), nn.Dropout(0.3)]
    parts += [nn.Linear(1000, 1000), nn.ReLU(), nn.Dropout(0.3), nn.Linear(1000, tasks)]
    return nn.Sequential(*parts)


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to measure, the length it reads, and how many mutants of it to time plainly.

    Args:
        build: Builds it.
        length: Bases that it reads.
        plain_mutants: Mutants that whole forward passes are timed on, at most.
        loci: Loci that engines measure together; 16 are a shard of an interrogation by default.
    """

    build: Callable[[], nn.Module]
    length: int
    plain_mutants: int
    loci: int = 1


NETWORKS: dict[str, Subject] = {
    "deepsea": Subject(lambda: DeepSEA(1000, range(919)), 1000, 128),
    "basset_like": Subject(basset_like, 600, 256),
    "bpnet_like": Subject(BPNetLike, 1000, 256),
    "cnn": Subject(lambda: MotifScanner(100, [0], [1]), 100, 4800, 16),
    "cnn_1000": Subject(lambda: MotifScanner(1000, [0], [1]), 1000, 1024, 4),
    "paper": Subject(lambda: PaperCNN(100, [0], [1]), 100, 4800, 16),
    "deepsea_small": Subject(
        lambda: DeepSEA(1000, [0], [1], channels=(32, 48, 96), hidden=128), 1000, 1024, 4
    ),
}
