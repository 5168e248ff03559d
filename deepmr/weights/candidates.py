"""The state dicts that a checkpoint may hold: on which level, under which prefix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

__all__ = ["State", "candidates"]

State = dict[str, Tensor]

_LEVELS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights")
_PREFIXES = ("network.", "module.", "model.", "net.", "_orig_mod.")
_PARTS = ("accessibility.",)  # bpnet-lite's ChromBPNet without the enzyme's bias
_DEEPEST = 3
_MOST = 200


def candidates(content: Mapping[str, Any]) -> Iterator[tuple[State, tuple[str, ...]]]:
    """Yield each state dict that a checkpoint may mean, with what was taken off to find it.

    A state dict may lie under ``state_dict``, ``model_state_dict``, ``model``, ``net``,
    ``network``, ``module`` or ``weights``, one within another, and all its keys, or those of one
    part, may begin with ``network.``, ``module.``, ``model.``, ``net.`` or ``_orig_mod.``, any
    number of times. What is nearest to the file as it stands comes first.

    Args:
        content: Of `Checkpoint`.

    Example:
        >>> import torch
        >>> file = {"epoch": 3, "state_dict": {"model.head.bias": torch.zeros(1)}}
        >>> [(list(state), path) for state, path in candidates(file)]
        [(['model.head.bias'], ('state_dict',)), (['head.bias'], ('state_dict', 'model.'))]
    """
    found = [(_tensors(level), path) for level, path in _levels(content, ())]
    states = [(state, path) for state, path in found if state]
    for state, path in states:  # grows: each prefix taken off is another candidate
        yield state, path
        for prefix in (*_PREFIXES, *_PARTS):
            inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if inner and len(states) < _MOST:
                states.append((inner, (*path, prefix)))


def _levels(
    content: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    yield content, path
    if len(path) < _DEEPEST:
        for name in _LEVELS:
            if isinstance(content.get(name), Mapping):
                yield from _levels(content[name], (*path, name))


def _tensors(level: Mapping[str, Any]) -> State:
    return {
        key: value
        for key, value in level.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
