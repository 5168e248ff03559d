"""Rules for nodes whose values are ``(batch, position, channel)``: behind a swap of the axes."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

from deepmr.mutagenesis.incremental import operations
from deepmr.mutagenesis.incremental.layers import linear, nonlinear
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.position_layer import Output, PositionLayer
from deepmr.mutagenesis.incremental.operations import CompilerState, NoRuleError, label
from deepmr.mutagenesis.incremental.receptive_field import SlidingWindow

__all__ = ["channels_last_layer", "swaps_axes"]

_TRANSPOSITIONS: frozenset[Any] = frozenset(
    {torch.transpose, torch.swapaxes, torch.permute, "transpose", "swapaxes", "permute"}
)


def swaps_axes(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node swaps channels and positions of a value that has three axes.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its input.
    """
    if node.target not in _TRANSPOSITIONS or len(state.shape(source)) != 3:
        return False
    given = node.args[1:] or tuple(node.kwargs.values())
    flat = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
    axes = [axis % 3 for axis in flat if isinstance(axis, int)]
    permuted = node.target in {torch.permute, "permute"}
    return axes == [0, 2, 1] if permuted else sorted(axes) == [1, 2]


def channels_last_layer(state: CompilerState, node: fx.Node, source: str) -> PositionLayer | None:
    """Return the layer for a node that keeps positions and has channels last; None if it does not.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its (first) input.

    Raises:
        NoRuleError: If the output keeps the axis and no rule propagates its delta.
    """
    module = state.module(node)
    output = Output(node.name, (source,), state.axes[source], state.channels[source])
    if operations.is_rectifier(node, module):
        return nonlinear.Rectifier(output)
    function = operations.pointwise(node, module)
    if function is not None:
        return nonlinear.Pointwise(output, function)
    if len(state.shape(node.name)) != 3:
        return None
    if isinstance(module, nn.Linear):
        wide = Output(node.name, (source,), output.axis, module.out_features)
        return Convolution(wide, module, SlidingWindow(1))
    normalised = _layer_norm(module, output.channels)
    if normalised is not None:
        return nonlinear.Pointwise(output, normalised)
    if operations.is_arithmetic(node):
        found = operations.arithmetic(state, node, state.axes)
        both = all(name in state.network.channels_last for name in found.sources)
        if found.signs is not None and both:
            joined = Output(node.name, found.sources, output.axis, output.channels)
            return linear.Add(joined, found.signs)
    raise NoRuleError(f"{label(node)} has no rule where channels come last")


def _layer_norm(module: nn.Module | None, channels: int) -> Any:
    """Return the function of a norm over the channels of each position; None for another node."""
    if isinstance(module, nn.LayerNorm):
        return module if tuple(module.normalized_shape) == (channels,) else None
    return None
