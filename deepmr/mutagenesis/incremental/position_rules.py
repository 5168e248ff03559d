"""Rules that compile nodes along the sequence to layers of deltas."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental import operations
from deepmr.mutagenesis.incremental.channel_reductions import across_channels
from deepmr.mutagenesis.incremental.channels_last_rules import channels_last_layer, swaps_axes
from deepmr.mutagenesis.incremental.layers import linear, nonlinear
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.position_layer import Output, PositionLayer
from deepmr.mutagenesis.incremental.operations import CompilerState, NoRuleError, label
from deepmr.mutagenesis.incremental.receptive_field import Axis, SlidingWindow

__all__ = ["position_layer"]

_MAX_POOLS = {F.max_pool1d, torch.max_pool1d}
_AVERAGE_POOLS = {F.avg_pool1d, torch.avg_pool1d}
_RESHAPINGS = {
    torch.squeeze, torch.unsqueeze, torch.reshape, "squeeze", "unsqueeze", "view", "reshape",
}  # fmt: skip
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
    if source not in state.flattened and swaps_axes(state, node, source):
        if source not in state.network.channels_last:
            state.network.channels_last.add(node.name)
        return linear.Reshape(_like_input(state, node, source))
    if source in state.network.channels_last:
        layer = channels_last_layer(state, node, source)
        if layer is not None:
            state.network.channels_last.add(node.name)
        return layer
    module = state.module(node)
    elementwise = _elementwise(state, node, module, source)
    if elementwise is not None:
        return elementwise
    across = across_channels(node, module, len(state.shape(source)))
    if across is not None and source not in state.flattened:
        return nonlinear.AcrossChannels(_resized(state, node, source), across)
    shape = _without_height(state.shape(node.name))
    if source in state.flattened and state.channels[source] == 1:
        return _of_single_channel(state, node, source)
    if source in state.flattened or len(shape) != 3 or shape[0] != 1:
        return None
    windowed = _window_layer(state, node, module, source)
    return _layer_of_shape(state, node, source) if windowed is None else windowed


def _window_layer(
    state: CompilerState, node: fx.Node, module: nn.Module | None, source: str
) -> PositionLayer | None:
    """Return the layer for a convolution, a pooling or a batch norm; None for another node."""
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        return _convolution(state, node, module, source)
    if isinstance(module, nn.MaxPool1d | nn.MaxPool2d) or node.target in _MAX_POOLS:
        return _max_pool(state, node, module, source)
    if isinstance(module, nn.AvgPool1d) or node.target in _AVERAGE_POOLS:
        return _average_pool(state, node, module, source)
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        factor = operations.batch_norm_factor(module)
        return linear.Multiply(_like_input(state, node, source), factor[None])
    return None


def _layer_of_shape(state: CompilerState, node: fx.Node, source: str) -> PositionLayer | None:
    """Return the layer for arithmetic, or a node that arranges, picks or pads values; or None."""
    shape = _without_height(state.shape(node.name))
    if node.target in _RESHAPINGS and shape == _without_height(state.shape(source)):
        return linear.Reshape(_like_input(state, node, source))
    if node.target in operations.NEGATIONS:
        return linear.Add(_like_input(state, node, source), (-1.0,))
    if node.target in _CONCATENATIONS:
        return _concatenation(state, node)
    if operations.is_arithmetic(node):
        return _arithmetic(state, node)
    if node.target is operator.getitem:
        return _picked(state, node, source)
    if node.target in {torch.index_select, "index_select"} and node.args[1:2] == (1,):
        return _pick_channels(state, node, source, node.args[2])
    return _pad(state, node, source) if node.target is F.pad else None


def _of_single_channel(state: CompilerState, node: fx.Node, source: str) -> PositionLayer | None:
    """Return the layer for a node that reads a channel without its axis, ``(batch, position)``."""
    shape, length = state.shape(node.name), state.axes[source].length
    if node.target in _RESHAPINGS and shape in {(1, 1, length), (1, length)}:
        return linear.Reshape(_like_input(state, node, source))
    if node.target in operations.NEGATIONS:
        return linear.Add(_like_input(state, node, source), (-1.0,))
    if not operations.is_arithmetic(node) or shape != (1, length):
        return None
    found = operations.arithmetic(state, node, state.axes)
    output = _joined(state, node, found.sources)
    output = replace(output, channels=1)
    if found.signs is not None:
        return linear.Add(output, found.signs)
    if found.factor is None:
        return linear.Product(output)
    return linear.Multiply(output, found.factor.reshape(-1, 1))


def _without_height(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the third of four axes if that is 1: an image of height 1."""
    return (*shape[:2], shape[3]) if len(shape) == 4 and shape[2] == 1 else shape


def _along_width(node: fx.Node, size: Any, still: int) -> int:
    """Return a size along the sequence; of a pair, the second, where the first is ``still``."""
    if not isinstance(size, tuple | list):
        return int(size)
    if len(size) == 2 and size[0] != still:
        raise NoRuleError(f"{label(node)} reaches across the height of an image")
    return int(size[-1])


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
    _, channels, length = _without_height(state.shape(node.name))
    axis = Axis(length, state.axes[source].stride * window.stride)
    return Output(node.name, (source,), axis, channels)


def _convolution(
    state: CompilerState, node: fx.Node, module: nn.Conv1d | nn.Conv2d, source: str
) -> Convolution:
    if module.padding_mode != "zeros":
        raise NoRuleError(f"{label(node)} pads with {module.padding_mode}")
    kernel = _along_width(node, module.kernel_size, 1)
    stride = _along_width(node, module.stride, 1)
    dilation = module.dilation[-1]
    if isinstance(module.padding, str):
        padding = (kernel - 1) * dilation // 2 if module.padding == "same" else 0
    else:
        padding = _along_width(node, module.padding, 0)
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
    if isinstance(module, nn.MaxPool2d):
        stills = {"kernel_size": 1, "stride": 1, "padding": 0}
        options |= {
            one: _along_width(node, getattr(module, one), still) for one, still in stills.items()
        }
        if not isinstance(module.kernel_size, tuple):
            raise NoRuleError(f"{label(node)} reaches across the height of an image")
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
    usual = all(name in state.axes and name not in state.network.channels_last for name in names)
    if dim not in {1, -2} or not usual:
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
    if any(name in state.network.channels_last for name in found.sources):
        raise NoRuleError(f"{label(node)} joins values of different layouts")
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


def _picked(state: CompilerState, node: fx.Node, source: str) -> PositionLayer:
    """Return the layer for an index: consecutive positions, or some channels."""
    shape = state.shape(source)
    index = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    if Ellipsis in index:
        place = index.index(Ellipsis)
        filled = (slice(None),) * (len(shape) + 1 - len(index))
        index = (*index[:place], *filled, *index[place + 1 :])
    index = (*index, *(slice(None),) * (len(shape) - len(index)))
    whole = [one == slice(None) for one in index]
    if len(index) == len(shape) == 3 and whole[0] and whole[1]:
        return _crop(state, node, source, index[2])
    if len(index) == len(shape) and all(whole[:1] + whole[2:]):
        return _pick_channels(state, node, source, index[1])
    raise NoRuleError(f"{label(node)} picks other than consecutive positions or some channels")


def _crop(state: CompilerState, node: fx.Node, source: str, of: Any) -> linear.CropOrPad:
    if not isinstance(of, slice) or of.step not in {None, 1}:
        raise NoRuleError(f"{label(node)} picks other than consecutive positions")
    edges = (state.constant(of.start), state.constant(of.stop))
    start = slice(*edges).indices(state.shape(source)[2])[0]
    return linear.CropOrPad(_resized(state, node, source), -start)


def _pick_channels(state: CompilerState, node: fx.Node, source: str, of: Any) -> PositionLayer:
    """Return the layer for a slice, a list or a constant array of channels."""
    if isinstance(of, slice):
        of = slice(*(state.constant(edge) for edge in (of.start, of.stop, of.step)))
    else:
        of = state.constant(of)
    if not isinstance(of, slice | list | tuple | Tensor) or node.name not in state.values:
        raise NoRuleError(f"{label(node)} picks a single channel")
    device = state.values[node.name].device
    every = torch.arange(state.channels[source])
    picked = every[list(of) if isinstance(of, tuple) else of].to(device)
    return linear.PickChannels(_resized(state, node, source), picked)


def _resized(state: CompilerState, node: fx.Node, source: str) -> Output:
    _, channels, length = _without_height(state.shape(node.name))
    return Output(node.name, (source,), Axis(length, state.axes[source].stride), channels)
