"""Weights in the order that products of deltas need, one copy for all engines of a parameter.

Dropout draws of one network share its parameters: thirty engines need not hold thirty copies.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["laid_out"]

_COPIES: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def laid_out(
    weight: Tensor, layout: str, dtype: torch.dtype, arrange: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return a contiguous copy of a weight with its axes reordered, cached.

    The cache lasts as long as the parameter lives and is renewed when its values change.

    Args:
        weight: A parameter.
        layout: Name of the order that ``arrange`` gives: the key of the cache.
        dtype: Dtype of the copy.
        arrange: Reorders the axes.

    Example:
        >>> weight = torch.arange(6.0).view(2, 3)
        >>> laid_out(weight, "transposed", torch.float32, lambda w: w.T).shape
        torch.Size([3, 2])
    """
    version = weight._version  # noqa: SLF001 - the only sign of a change in place
    copies = _COPIES.setdefault(weight, {})
    found = copies.get((layout, dtype))
    if found is None or found[0] != version:
        result = arrange(weight.detach()).to(dtype).contiguous()
        copies[layout, dtype] = (version, result)
        return result
    return found[1]
