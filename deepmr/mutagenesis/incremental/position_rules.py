"""Rules that compile nodes along the sequence to layers of deltas."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental import operations
from deepmr.mutagenesis.incremental.layers import linear, nonlinear
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.position_layer import Output, PositionLayer
from deepmr.mutagenesis.incremental.operations import CompilerState, NoRuleError, label
from deepmr.mutagenesis.incremental.receptive_field import Axis, SlidingWindow

__all__ = ["position_layer"]

_MAX_POOLS = {F.max_pool1d, torch.max_pool1d}
_AVERAGE_POOLS = {F.avg_pool1d, torch.avg_pool1d}
_CONCATENATIONS = {torch.cat, torch.concat}


def position_layer(state: CompilerState, node: fx.Node, source: str) -> PositionLayer | None:
    """Return the layer for a node whose output keeps the position axis; None if it does not.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its (first) input.

    Raises:
        NoRuleError: If the output keeps the axis and no rule propagates its delta.
    """
    module = state.module(node)
    elementwise = _elementwise(state, node, module, source)
    if elementwise is not None:
        return elementwise
    shape = state.shape(node.name)
    if source in state.flattened or len(shape) != 3 or shape[0] != 1:
        return None
    if isinstance(module, nn.Conv1d):
        return _convolution(state, node, module, source)
    if isinstance(module, nn.MaxPool1d) or node.target in _MAX_POOLS:
        return _max_pool(state, node, module, source)
    if isinstance(module, nn.AvgPool1d) or node.target in _AVERAGE_POOLS:
        return _average_pool(state, node, module, source)
    if isinstance(module, nn.BatchNorm1d):
        factor = operations.batch_norm_factor(module)
        return linear.Multiply(_like_input(state, node, source), factor[None])
    if node.target in operations.NEGATIONS:
        return linear.Add(_like_input(state, node, source), (-1.0,))
    if node.target in _CONCATENATIONS:
        return _concatenation(state, node)
    if operations.is_arithmetic(node):
        return _arithmetic(state, node)
    if node.target is operator.getitem:
        return _crop(state, node, source)
    if node.target is F.pad:
        return _pad(state, node, source)
    return None


def _like_input(state: CompilerState, node: fx.Node, source: str) -> Output:
    return Output(node.name, (source,), state.axes[source], state.channels[source])


def _elementwise(
    state: CompilerState, node: fx.Node, module: nn.Module | None, source: str
) -> PositionLayer | None:
    """Return the layer for an elementwise node, whether its input is flattened or not."""
    output = _like_input(state, node, source)
    if isinstance(module, FixedDropout):
        mask = module.mask(state.values[source]).reshape(output.channels, output.axis.length)
        return linear.Multiply(output, mask.T.contiguous())
    if operations.is_rectifier(node, module):
        return nonlinear.Rectifier(output)
    function = operations.pointwise(node, module)
    if function is None:
        return None
    zero_at_zero = operations.is_zero_at_zero(node, module)
    return nonlinear.Pointwise(output, function, zero_at_zero=zero_at_zero)


def _windowed(state: CompilerState, node: fx.Node, source: str, window: SlidingWindow) -> Output:
    """Return the output of a convolution or pooling node."""
    _, channels, length = state.shape(node.name)
    axis = Axis(length, state.axes[source].stride * window.stride)
    return Output(node.name, (source,), axis, channels)


def _convolution(
    state: CompilerState, node: fx.Node, module: nn.Conv1d, source: str
) -> Convolution:
    if module.padding_mode != "zeros":
        raise NoRuleError(f"{label(node)} pads with {module.padding_mode}")
    kernel, stride, dilation = module.kernel_size[0], module.stride[0], module.dilation[0]
    if isinstance(module.padding, str):
        padding = (kernel - 1) * dilation // 2 if module.padding == "same" else 0
    else:
        padding = module.padding[0]
    window = SlidingWindow(kernel, stride, padding, dilation)
    return Convolution(_windowed(state, node, source, window), module, window)


def _options(node: fx.Node, module: nn.Module | None, names: dict[str, Any]) -> dict[str, Any]:
    """Return a pooling node's options, from its module or its call, sizes as plain integers."""
    options = dict(names)
    if module is not None:
        options |= {name: getattr(module, name) for name in names}
    else:
        options |= dict(zip(names, node.args[1:], strict=False))
        options |= {name: value for name, value in node.kwargs.items() if name in names}
    options = {
        name: value[0] if isinstance(value, tuple | list) else value
        for name, value in options.items()
    }
    if options["stride"] is None:
        options["stride"] = options["kernel_size"]
    return options


def _max_pool(
    state: CompilerState, node: fx.Node, module: nn.Module | None, source: str
) -> nonlinear.MaxPool:
    names = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1}
    extra = {"ceil_mode": False, "return_indices": False}
    options = _options(node, module, names | extra)
    if options["return_indices"]:
        raise NoRuleError(f"{label(node)} returns indices")
    window = SlidingWindow(
        options["kernel_size"], options["stride"], options["padding"], options["dilation"]
    )
    return nonlinear.MaxPool(_windowed(state, node, source, window), window)


def _average_pool(
    state: CompilerState, node: fx.Node, module: nn.Module | None, source: str
) -> linear.AveragePool:
    names = {"kernel_size": None, "stride": None, "padding": 0}
    options = _options(node, module, names | {"ceil_mode": False, "count_include_pad": True})
    window = SlidingWindow(options["kernel_size"], options["stride"], options["padding"])
    output, length = _windowed(state, node, source, window), state.axes[source].length
    mean = F.avg_pool1d(
        torch.ones((1, 1, length), dtype=torch.float64),
        window.kernel,
        window.stride,
        window.padding,
        options["ceil_mode"],
        options["count_include_pad"],
    )[0, 0]
    first = torch.arange(output.axis.length) * window.stride - window.padding
    inside = (first + window.kernel).clamp(max=length) - first.clamp(min=0)
    return linear.AveragePool(output, window, mean / inside)


def _concatenation(state: CompilerState, node: fx.Node) -> PositionLayer:
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    parts = node.args[0] if node.args else node.kwargs["tensors"]
    names = tuple(state.network.resolve(part.name) for part in parts)
    if dim not in {1, -2} or any(name not in state.axes for name in names):
        raise NoRuleError(f"{label(node)} concatenates along another axis, or constants")
    return linear.Concatenate(_joined(state, node, names))


def _joined(state: CompilerState, node: fx.Node, names: tuple[str, ...]) -> Output:
    """Return the output of a node whose inputs share one position axis."""
    axes = {state.axes[name] for name in names}
    if len(axes) != 1:
        raise NoRuleError(f"{label(node)} joins axes of different strides")
    return Output(node.name, names, axes.pop(), state.shape(node.name)[1])


def _arithmetic(state: CompilerState, node: fx.Node) -> PositionLayer:
    found = operations.arithmetic(state, node, state.axes)
    if any(name in state.flattened for name in found.sources):
        raise NoRuleError(f"{label(node)} broadcasts")
    output = _joined(state, node, found.sources)
    if found.signs is not None:
        return linear.Add(output, found.signs)
    if found.factor is None:
        return linear.Product(output)
    factor = found.factor.reshape(state.shape(node.name)[1:])
    return linear.Multiply(output, factor.T.contiguous())


def _pad(state: CompilerState, node: fx.Node, source: str) -> linear.CropOrPad:
    widths = node.args[1] if len(node.args) > 1 else None
    plain = isinstance(widths, tuple | list) and len(widths) == 2 and len(node.args) == 2
    if not plain or node.kwargs.get("mode", "constant") != "constant":
        raise NoRuleError(f"{label(node)} pads other than by a constant at both ends")
    return linear.CropOrPad(_resized(state, node, source), widths[0])


def _crop(state: CompilerState, node: fx.Node, source: str) -> linear.CropOrPad:
    index = node.args[1]
    whole = slice(None)
    of_positions = isinstance(index, tuple) and len(index) == 3 and index[:2] == (whole, whole)
    if not of_positions or not isinstance(index[2], slice) or index[2].step not in {None, 1}:
        raise NoRuleError(f"{label(node)} picks other than consecutive positions")
    edges = (state.constant(index[2].start), state.constant(index[2].stop))
    start = slice(*edges).indices(state.shape(source)[2])[0]
    return linear.CropOrPad(_resized(state, node, source), -start)


def _resized(state: CompilerState, node: fx.Node, source: str) -> Output:
    _, channels, length = state.shape(node.name)
    return Output(node.name, (source,), Axis(length, state.axes[source].stride), channels)
