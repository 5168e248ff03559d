"""DanQ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import no_type_check

from jaxtyping import Float
from torch import Tensor, nn

from deepmr.models.heads import Heads

__all__ = ["DanQ"]


class DanQ(nn.Module):
    """A convolution, an LSTM in both directions along the sequence, and a hidden layer.

    With the defaults, 1000 bases and 919 tasks it has the published network's 46,926,479
    parameters and 2,560 more: PyTorch's LSTM has two biases where Keras has their sum. The
    released network ends in a sigmoid; here outputs are logits. Its LSTM reads positions one
    after the other within each sequence; a port that leaves out ``batch_first`` reads the
    sequences of a batch one after the other instead, and what it says of one depends on the rest.

    The released weights were trained with the "hard sigmoid" gates of Keras 1, which PyTorch's
    LSTM does not have: they do not carry over.

    Args:
        length: Sequence length in bases.
        exposures: Positions of the exposure tasks among the outputs, or their number.
        outcomes: Positions of the outcome tasks; empty (default) for a single head.
        filters: Filters of the convolution.
        width: Width of each filter in bases.
        pool: Positions merged after the convolution.
        recurrent: Units of the LSTM in each direction.
        hidden: Units of the hidden layer.
        dropout: Share of units dropped after the convolution and after the LSTM (and by MC
            dropout).

    Raises:
        ValueError: If the sequence is too short, or as `Heads` does.

    References:
        Quang and Xie 2016, doi:10.1093/nar/gkw226

    Example:
        >>> import torch
        >>> network = DanQ(100, 5, filters=4, recurrent=3, hidden=7)
        >>> network(torch.zeros(2, 4, 100)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        length: int,
        exposures: Sequence[int] | int,
        outcomes: Sequence[int] = (),
        *,
        filters: int = 320,
        width: int = 26,
        pool: int = 13,
        recurrent: int = 320,
        hidden: int = 925,
        dropout: Sequence[float] = (0.2, 0.5),
    ) -> None:
        super().__init__()
        left = (length - width + 1) // pool
        if left < 1:
            raise ValueError(
                f"DanQ needs longer sequences than {length} bases at filter width {width} and "
                f"pooling {pool}; lower them"
            )
        self.convolution = nn.Sequential(
            nn.Conv1d(4, filters, width), nn.ReLU(), nn.MaxPool1d(pool), nn.Dropout(dropout[0])
        )
        self.recurrent = nn.LSTM(filters, recurrent, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout[1])
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(2 * recurrent * left, hidden), nn.ReLU()
        )
        self.heads = Heads(hidden, exposures, outcomes)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, sequence: Float[Tensor, "batch 4 length"]) -> Float[Tensor, "batch task"]:
        """Return logits."""
        read, _ = self.recurrent(self.convolution(sequence).transpose(1, 2))
        return self.heads(self.hidden(self.dropout(read)))
