"""The network of the paper's simulation, kept to reproduce it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["PaperCNN"]


class PaperCNN(nn.Module):
    """Three narrow convolutions with batch norm, then two small dense layers.

    It stops far above the noise floor of the simulation; `MotifScanner` is the better choice for
    anything but the reproduction.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs.
        outcomes: Positions of the outcome tasks; empty for a single head.
        filters: Filters of each convolution.
        width: Their width.
        hidden: Units of each dense layer.
        dropout: Share of dense units dropped in training; the paper used none.

    Raises:
        ValueError: If the sequence is too short, or as `Heads` does.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880
    """

    def __init__(
        self,
        length: int,
        exposures: Sequence[int],
        outcomes: Sequence[int] = (),
        *,
        filters: int = 15,
        width: int = 7,
        hidden: int = 30,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        left = length - 3 * (width - 1)
        if left < 1:
            raise ValueError(
                f"model=paper needs more than {3 * (width - 1)} bases at filter width {width}, "
                f"got {length}; lower model.width"
            )
        convolutions: list[nn.Module] = []
        channels = 4
        for _ in range(3):
            convolutions += [nn.Conv1d(channels, filters, width), nn.BatchNorm1d(filters)]
            convolutions += [nn.ReLU()]
            channels = filters
        self.convolutions = nn.Sequential(*convolutions)
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(filters * left, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.heads = Heads(hidden, exposures, outcomes)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return raw outputs."""
        return self.heads(self.dense(self.convolutions(sequence)))
