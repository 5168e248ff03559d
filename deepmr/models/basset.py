"""Basset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, no_type_check

from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["Basset"]


class Basset(nn.Module):
    """Three convolutions with batch norm, two hidden layers, and a logit for each task.

    With the defaults, 600 bases and 164 tasks this is the published network of 4,135,064
    parameters. The released one ends in a sigmoid; here outputs are logits.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs, or their number.
        outcomes: Positions of the outcome tasks; empty (default) for a single head.
        channels: Filters of each convolution.
        widths: Width of each convolution's filters in positions.
        pools: Positions merged after each convolution.
        hidden: Units of each of the two hidden layers.
        dropout: Share of hidden units dropped (and by MC dropout).

    Raises:
        ValueError: If the sequence is too short, channels, widths or pools are not three numbers,
            or as `Heads` does.

    References:
        Kelley, Snoek and Rinn 2016, doi:10.1101/gr.200535.115

    Example:
        >>> import torch
        >>> network = Basset(300, 5, channels=[4, 6, 8], hidden=7).eval()
        >>> network(torch.zeros(2, 4, 300)).shape
        torch.Size([2, 5])
    """

    published_names: ClassVar[dict[str, str]] = {
        "13.1.": "hidden.1.",
        "14.": "hidden.2.",
        "17.1.": "hidden.5.",
        "18.": "hidden.6.",
        "21.1.": "heads.exposure.0.",
        **{f"{index}.": f"convolutions.{index}." for index in range(10)},
    }

    def __init__(
        self,
        length: int,
        exposures: Sequence[int] | int,
        outcomes: Sequence[int] = (),
        *,
        channels: Sequence[int] = (300, 200, 200),
        widths: Sequence[int] = (19, 11, 7),
        pools: Sequence[int] = (3, 4, 4),
        hidden: int = 1000,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if not len(channels) == len(widths) == len(pools) == 3:
            raise ValueError(
                "Basset's channels, widths and pools describe three convolutions, "
                f"got {list(channels)}, {list(widths)} and {list(pools)}"
            )
        layers: list[nn.Module] = []
        before, left = 4, length
        for after, width, pool in zip(channels, widths, pools, strict=True):
            layers += [nn.Conv1d(before, after, width), nn.BatchNorm1d(after), nn.ReLU()]
            layers += [nn.MaxPool1d(pool)]
            before, left = after, (left - width + 1) // pool
        if left < 1:
            raise ValueError(
                f"Basset needs longer sequences than {length} bases at filter widths "
                f"{list(widths)} and pooling {list(pools)}; lower them"
            )
        self.convolutions = nn.Sequential(*layers)
        dense: list[nn.Module] = [nn.Flatten()]
        units = before * left
        for _ in range(2):
            dense += [nn.Linear(units, hidden), nn.BatchNorm1d(hidden), nn.ReLU()]
            dense += [nn.Dropout(dropout)]
            units = hidden
        self.hidden = nn.Sequential(*dense)
        self.heads = Heads(hidden, exposures, outcomes)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return logits."""
        return self.heads(self.hidden(self.convolutions(sequence)))
