"""DeepSEA."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, no_type_check

from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["DeepSEA"]


class DeepSEA(nn.Module):
    """Three convolutions, one wide hidden layer, and a linear head for each part.

    With the defaults, 1000 bases and 919 tasks this is the published network of 52,843,119
    parameters. The hidden layer is shared: separate exposure and outcome heads split the last
    linear layer only and change no count. Narrower channels train on a CPU, and batch norm lets
    few labels teach them: both are departures from the published network.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs, or their number.
        outcomes: Positions of the outcome tasks; empty for a single head.
        channels: Filters of the three convolutions.
        width: Width of each filter.
        pool: Positions merged after the first and after the second convolution.
        hidden: Units of the hidden layer.
        dropout: Share of units dropped after each convolution (and by MC dropout).
        batch_norm: Normalise the output of each convolution, before its ReLU.

    Raises:
        ValueError: If the sequence is too short, the three layers are not described by three
            numbers, or as `Heads` does.

    References:
        Zhou and Troyanskaya 2015, doi:10.1038/nmeth.3547

    Example:
        >>> import torch
        >>> network = DeepSEA(300, 5, channels=[4, 6, 8], hidden=7)
        >>> network(torch.zeros(2, 4, 300)).shape
        torch.Size([2, 5])
    """

    published_names: ClassVar[dict[str, str]] = {
        **{f"{index}.": f"convolutions.{index}." for index in (0, 4, 8)},
        "12.1.": "hidden.1.",
        "14.1.": "heads.exposure.0.",
    }

    def __init__(
        self,
        length: int,
        exposures: Sequence[int] | int,
        outcomes: Sequence[int] = (),
        *,
        channels: Sequence[int] = (320, 480, 960),
        width: int = 8,
        pool: int = 4,
        hidden: int = 925,
        dropout: Sequence[float] = (0.2, 0.2, 0.5),
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if len(channels) != 3 or len(dropout) != 3:
            raise ValueError(
                "model.channels and model.dropout describe three convolutions, "
                f"got {list(channels)} and {list(dropout)}"
            )
        left = ((length - width + 1) // pool - width + 1) // pool - width + 1
        if left < 1:
            raise ValueError(
                f"model=deepsea needs longer sequences than {length} bases at filter width "
                f"{width} and pooling {pool}; lower them, or use model=cnn"
            )
        layers: list[nn.Module] = []
        pools = (pool, pool, None)
        for (before, after), merged, share in zip(
            pairwise((4, *channels)), pools, dropout, strict=True
        ):
            layers.append(nn.Conv1d(before, after, width))
            if batch_norm:
                layers.append(nn.BatchNorm1d(after))
            layers.append(nn.ReLU())
            if merged is not None:
                layers.append(nn.MaxPool1d(merged))
            layers.append(nn.Dropout(share))
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(channels[-1] * left, hidden), nn.ReLU())
        self.heads = Heads(hidden, exposures, outcomes)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return raw outputs."""
        return self.heads(self.hidden(self.convolutions(sequence)))
