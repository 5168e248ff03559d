"""Weight normalisation: a layer's weight, or its direction and length in one of two spellings."""

from __future__ import annotations

from collections.abc import Set

import torch

from deepmr.weights.candidates import State

__all__ = ["respell_weight_norm"]

_OLD = ("weight_g", "weight_v")
_NEW = ("parametrizations.weight.original0", "parametrizations.weight.original1")


def respell_weight_norm(state: State, wanted: Set[str]) -> State:
    """Return a state dict whose weight-normed layers are spelled as the network spells them.

    Args:
        state: Tensors by name; unchanged.
        wanted: The network's names: plain ``weight``, ``weight_g`` and ``weight_v``, or those of
            ``torch.nn.utils.parametrizations.weight_norm``.

    References:
        Salimans and Kingma 2016, doi:10.48550/arXiv.1602.07868 (weight = g v / ||v||)

    Example:
        >>> state = {"c.weight_g": torch.tensor([[2.0]]), "c.weight_v": torch.tensor([[3.0]])}
        >>> respell_weight_norm(state, {"c.weight"})
        {'c.weight': tensor([[2.]])}
    """
    spelled = dict(state)
    for names in (_OLD, _NEW):
        for key in [key for key in state if key.endswith(names[0])]:
            layer = key.removesuffix(names[0])
            if layer + names[1] not in state or key in wanted:
                continue
            length, direction = spelled.pop(key), spelled.pop(layer + names[1])
            other = _NEW if names is _OLD else _OLD
            if layer + other[0] in wanted:
                spelled[layer + other[0]], spelled[layer + other[1]] = length, direction
                continue
            axes = [axis for axis, n in enumerate(length.shape) if n == 1]
            norm = torch.linalg.vector_norm(direction.double(), dim=axes or None, keepdim=True)
            spelled[f"{layer}weight"] = (direction * (length / norm)).to(direction.dtype)
    return spelled
