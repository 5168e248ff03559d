"""Beluga, the deeper DeepSEA of ExPecto."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, no_type_check

from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["Beluga"]


class Beluga(nn.Module):
    """Six convolutions in three pairs, one hidden layer, and a logit for each task.

    With the defaults, 2000 bases and 2002 tasks this is the published network of 149,536,251
    parameters. The released one ends in a sigmoid; here outputs are logits.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs, or their number.
        outcomes: Positions of the outcome tasks; empty (default) for a single head.
        channels: Filters of each pair of convolutions.
        width: Width of each filter in positions.
        pool: Positions merged after the first and after the second pair.
        hidden: Units of the hidden layer.
        dropout: Share of units dropped after each pair (and by MC dropout).

    Raises:
        ValueError: If the sequence is too short, channels or dropout are not three numbers, or as
            `Heads` does.

    References:
        Zhou et al. 2018, doi:10.1038/s41588-018-0160-6

    Example:
        >>> import torch
        >>> network = Beluga(400, 5, channels=[4, 6, 8], hidden=7)
        >>> network(torch.zeros(2, 4, 400)).shape
        torch.Size([2, 5])
    """

    published_names: ClassVar[dict[str, str]] = {
        "0.": "convolutions.",
        "1.2.1.": "hidden.1.",
        "1.4.1.": "heads.exposure.0.",
    }

    def __init__(
        self,
        length: int,
        exposures: Sequence[int] | int,
        outcomes: Sequence[int] = (),
        *,
        channels: Sequence[int] = (320, 480, 640),
        width: int = 8,
        pool: int = 4,
        hidden: int = 2003,
        dropout: Sequence[float] = (0.2, 0.2, 0.5),
    ) -> None:
        super().__init__()
        if len(channels) != 3 or len(dropout) != 3:
            raise ValueError(
                "Beluga's channels and dropout describe three pairs of convolutions, "
                f"got {list(channels)} and {list(dropout)}"
            )
        lost = 2 * (width - 1)
        left = ((length - lost) // pool - lost) // pool - lost
        if left < 1:
            raise ValueError(
                f"Beluga needs longer sequences than {length} bases at filter width {width} and "
                f"pooling {pool}; lower them"
            )
        layers: list[nn.Module] = []
        before = 4
        for pair, after in enumerate(channels):
            layers += [nn.Conv1d(before, after, width), nn.ReLU()]
            layers += [nn.Conv1d(after, after, width), nn.ReLU()]
            if pair < 2:
                layers += [nn.Dropout(dropout[pair]), nn.MaxPool1d(pool)]
            before = after
        self.convolutions = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout[2])
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(before * left, hidden), nn.ReLU())
        self.heads = Heads(hidden, exposures, outcomes)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return logits."""
        return self.heads(self.hidden(self.dropout(self.convolutions(sequence))))
