"""Nodes that combine channels at each position: softmax and its logarithm, log-sum-exp, sums."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

__all__ = ["across_channels"]

Reduction = Callable[..., Tensor]

_KEEPING: dict[Any, Reduction] = {
    F.softmax: torch.softmax, torch.softmax: torch.softmax, "softmax": torch.softmax,
    F.log_softmax: torch.log_softmax, torch.log_softmax: torch.log_softmax,
    "log_softmax": torch.log_softmax, nn.Softmax: torch.softmax, nn.LogSoftmax: torch.log_softmax,
}  # fmt: skip
_REDUCING: dict[Any, Reduction] = {
    torch.logsumexp: torch.logsumexp, "logsumexp": torch.logsumexp,
    torch.sum: torch.sum, "sum": torch.sum, torch.mean: torch.mean, "mean": torch.mean,
    torch.amax: torch.amax, "amax": torch.amax,
}  # fmt: skip


def across_channels(
    node: fx.Node, module: nn.Module | None, rank: int, axis: int = 1
) -> Callable[[Tensor, int], Tensor] | None:
    """Return what a node does to the channels of each position, as a function of values and axis.

    Args:
        node: The node.
        module: The module that it calls; None if it calls none.
        rank: Axes of its input.
        axis: Axis of the channels; 1 by default.

    Returns:
        The function, which keeps the axis; None if the node is no such node, drops the axis, or
        works along another.
    """
    target = node.target if module is None else type(module)
    if target in _KEEPING:
        dim = _option(node, "dim", 1) if module is None else module.dim
        return _KEEPING[target] if _is_axis(dim, axis, rank) else None
    if target not in _REDUCING or module is not None:
        return None
    keeps = _option(node, "keepdim", 2)
    if keeps is not True or not _is_axis(_option(node, "dim", 1), axis, rank):
        return None
    return functools.partial(_reduced, _REDUCING[target])


def _reduced(function: Reduction, values: Tensor, axis: int) -> Tensor:
    return function(values, dim=axis, keepdim=True)


def _option(node: fx.Node, name: str, place: int) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name)


def _is_axis(dim: Any, axis: int, rank: int) -> bool:
    if isinstance(dim, tuple | list) and len(dim) == 1:
        (dim,) = dim
    return isinstance(dim, int) and not isinstance(dim, bool) and dim % rank == axis
