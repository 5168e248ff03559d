"""Channels and positions of an output, picked and reduced so that torch.fx can trace it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, no_type_check

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["others", "over", "over_positions", "picked", "shapes", "window"]


def shapes(output: Any) -> str:
    """Return the shapes of a network's output, by item and key.

    Args:
        output: A tensor, or tuples and dictionaries of them.

    Example:
        >>> shapes((torch.zeros(1, 2), {"counts": torch.zeros(1, 1)}))
        '(0: (1, 2), 1: {counts: (1, 1)})'
    """
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    if isinstance(output, Mapping):
        return "{" + ", ".join(f"{key}: {shapes(one)}" for key, one in output.items()) + "}"
    if isinstance(output, list | tuple):
        return "(" + ", ".join(f"{k}: {shapes(one)}" for k, one in enumerate(output)) + ")"
    return type(output).__name__


@no_type_check
def picked(values, chosen):
    """Return some channels of ``(batch, channel, ...)``; all where ``chosen`` is None."""
    if chosen is None:
        return values
    first, n = chosen[0], len(chosen)
    if first >= 0 and list(chosen) == list(range(first, first + n)):
        return values[:, first : first + n]
    return torch.cat([values[:, one : one + 1 or None] for one in chosen], dim=1)


@no_type_check
def others(values, chosen):
    """Return all channels but the chosen ones; their number need not be known."""
    edges = [-1, *sorted(chosen)]
    parts = [values[:, low + 1 : high] for low, high in pairwise(edges) if high > low + 1]
    return torch.cat([*parts, values[:, edges[-1] + 1 :]], dim=1)


@no_type_check
def over_positions(values, how):
    """Reduce ``(batch, channel, position)`` to ``(batch, channel)``."""
    if how is None:
        return values.flatten(1)
    return getattr(values, {"max": "amax"}.get(how, how))(dim=2)


@no_type_check
def over(values, how, *, apart: bool):
    """Reduce channels, the second axis, to one; or leave them apart."""
    if apart or how is None:
        return values
    return getattr(values, {"max": "amax"}.get(how, how))(dim=1, keepdim=True)


@no_type_check
def window(values, width: int, how):
    """Reduce each window of positions of ``(batch, channel, position)``."""
    if width == 1 or how is None:
        return values
    if how == "max":
        return F.max_pool1d(values, width, stride=1)
    if how == "logsumexp":
        return values.unfold(2, width, 1).logsumexp(dim=3)
    mean = F.avg_pool1d(values, width, stride=1)
    return mean * width if how == "sum" else mean
