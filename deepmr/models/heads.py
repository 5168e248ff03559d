"""The last layer: one head for exposures, one for outcomes, columns in the tasks' own order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Heads", "set_output_statistics"]


class Heads(nn.Module):
    """Map shared features to raw outputs through separate exposure and outcome heads.

    Raw outputs are ``shift + scale * linear(features)``. Shift and scale are buffers, 0 and 1
    until `set_output_statistics` fills them from the training data, so that what the linear
    layers learn has mean zero and unit spread whatever the tasks' units. They travel in the
    checkpoint and count as no parameters.

    Args:
        features: Size of the shared representation.
        exposures: Positions of the exposure tasks among the model's outputs, or their number if
            they are the first.
        outcomes: Positions of the outcome tasks; empty for a single head.
        hidden: Units of the dense layers that each head has to itself (GELU); none by default.
            What only the outcome depends on then has no way into the exposure's prediction.
        dropout: Share of those units dropped in training (and by MC dropout).

    Raises:
        ValueError: If the positions of both heads together are not 0 to n - 1, each once.
    """

    shift: Tensor
    scale: Tensor
    order: Tensor

    def __init__(
        self,
        features: int,
        exposures: Sequence[int] | int,
        outcomes: Sequence[int],
        *,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        exposures = range(exposures) if isinstance(exposures, int) else exposures
        positions = [*exposures, *outcomes]
        n = len(positions)
        if n == 0 or sorted(positions) != list(range(n)):
            raise ValueError(
                "exposure and outcome heads must cover the outputs 0 to n - 1, each once; "
                f"got exposures {list(exposures)} and outcomes {list(outcomes)}"
            )
        sizes = (features, *hidden)
        self.exposure = _head(sizes, len(exposures), dropout) if exposures else None
        self.outcome = _head(sizes, len(outcomes), dropout) if outcomes else None
        order = torch.tensor(positions).argsort()
        self.in_order = positions == sorted(positions)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("shift", torch.zeros(n))
        self.register_buffer("scale", torch.ones(n))

    def set_output_statistics(
        self, shift: Float[Tensor, " task"], scale: Float[Tensor, " task"]
    ) -> None:
        """Fix the outputs' location and spread, once, from the training data.

        See `deepmr.losses.MultiTaskLoss.output_statistics`.

        Raises:
            ValueError: If a value is not finite, or a scale not positive.
        """
        if not bool(torch.isfinite(shift).all()) or not bool(torch.isfinite(scale).all()):
            raise ValueError(f"output statistics must be finite, got {shift} and {scale}")
        if not bool((scale > 0).all()):
            raise ValueError(f"output scales must be positive, got {scale}")
        self.shift.copy_(shift)
        self.scale.copy_(scale)

    @no_type_check  # torch.fx traces this with proxies, which are no tensors
    def forward(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch task"]:
        """Return raw outputs, columns in the order of the model's tasks."""
        if self.exposure is None:
            linear = self.outcome(features)
        elif self.outcome is None:
            linear = self.exposure(features)
        else:
            linear = torch.cat([self.exposure(features), self.outcome(features)], dim=1)
        if not self.in_order:
            linear = torch.index_select(linear, 1, self.order)
        return linear * self.scale + self.shift


def _head(sizes: Sequence[int], tasks: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], tasks))


def set_output_statistics(
    model: nn.Module, shift: Float[Tensor, " task"], scale: Float[Tensor, " task"]
) -> bool:
    """Fix location and spread of a model's outputs, if it has `Heads`.

    Returns:
        Whether it has; a network without them learns location and spread on its own.

    Raises:
        ValueError: As `Heads.set_output_statistics` does, or if a model has several `Heads`.
    """
    found = [module for module in model.modules() if isinstance(module, Heads)]
    if len(found) > 1:
        raise ValueError(f"a model has one set of heads, got {len(found)}")
    for heads in found:
        heads.set_output_statistics(shift, scale)
    return bool(found)
