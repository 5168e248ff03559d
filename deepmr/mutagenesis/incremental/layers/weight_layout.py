"""Weights laid out for multiplication, once for all engines that share a parameter.

Dropout draws of one network share its parameters; thirty engines need not hold thirty copies.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["arranged"]

_ARRANGED: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def arranged(
    weight: Tensor, layout: str, dtype: torch.dtype, arrange: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return a weight in another layout and type; kept while the weight lives and stays.

    Args:
        weight: A parameter.
        layout: Names what ``arrange`` does.
        dtype: Of the result.
        arrange: Reorders the axes.
    """
    version = weight._version  # noqa: SLF001 - the only sign of a change in place
    kept = _ARRANGED.setdefault(weight, {})
    found = kept.get((layout, dtype))
    if found is None or found[0] != version:
        result = arrange(weight.detach()).to(dtype).contiguous()
        kept[layout, dtype] = (version, result)
        return result
    return found[1]
