"""Rules for nodes along the sequence."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental.layers import linear, nonlinear
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.layer import Layer, Sliding
from deepmr.mutagenesis.incremental.operations import (
    NEGATIONS,
    PRODUCTS,
    QUOTIENTS,
    SIGNS,
    Known,
    Whole,
    batch_norm_factor,
    is_rectifier,
    label,
    operands,
    pointwise,
)
from deepmr.mutagenesis.incremental.receptive_field import Axis

__all__ = ["layer_of"]

_MAX_POOLS = {F.max_pool1d, torch.max_pool1d}
_AVERAGE_POOLS = {F.avg_pool1d, torch.avg_pool1d}
_CONCATENATIONS = {torch.cat, torch.concat}


def layer_of(known: Known, node: fx.Node, source: str) -> Layer | None:
    """Return the layer that a node along the sequence is; None if it is none.

    Raises:
        Whole: If it is one that no rule treats.
    """
    module = known.module(node)
    shape = known.shape(node.name)
    channels = known.channels[source]
    local = _local(known, node, module, source)
    if local is not None:
        return local
    if source in known.flat or len(shape) != 3 or shape[0] != 1:
        return None
    if isinstance(module, nn.Conv1d):
        return _convolution(known, node, module, source)
    if isinstance(module, nn.MaxPool1d) or node.target in _MAX_POOLS:
        return _max_pool(known, node, module, source)
    if isinstance(module, nn.AvgPool1d) or node.target in _AVERAGE_POOLS:
        return _average_pool(known, node, module, source)
    if isinstance(module, nn.BatchNorm1d):
        axis = known.axes[source]
        return linear.Scale(node.name, (source,), axis, channels, batch_norm_factor(module)[None])
    if node.target in NEGATIONS:
        return linear.Add(node.name, (source,), known.axes[source], channels, (-1.0,))
    if node.target in _CONCATENATIONS:
        return _concatenation(known, node, shape)
    if node.target in SIGNS or node.target in PRODUCTS or node.target in QUOTIENTS:
        return _arithmetic(known, node, shape)
    if node.target is operator.getitem or node.target is F.pad:
        return _crop(known, node, source, shape)
    return None


def _local(known: Known, node: fx.Node, module: nn.Module | None, source: str) -> Layer | None:
    """Return a layer that treats each value by itself, flattened or not."""
    axis, channels = known.axes[source], known.channels[source]
    here = (node.name, (source,), axis, channels)
    if isinstance(module, FixedDropout):
        mask = module.mask(known.values[source]).reshape(channels, axis.length)
        return linear.Scale(*here, mask.T.contiguous())
    if is_rectifier(node, module):
        return nonlinear.Rectifier(*here)
    function = pointwise(node, module)
    return None if function is None else nonlinear.Pointwise(*here, function)


def _convolution(known: Known, node: fx.Node, module: nn.Conv1d, source: str) -> Convolution:
    if module.padding_mode != "zeros":
        raise Whole(f"{label(node)} pads with {module.padding_mode}")
    kernel, stride, dilation = module.kernel_size[0], module.stride[0], module.dilation[0]
    if isinstance(module.padding, str):
        padding = (kernel - 1) * dilation // 2 if module.padding == "same" else 0
    else:
        padding = module.padding[0]
    axis = Axis(known.shape(node.name)[2], known.axes[source].stride * stride)
    sliding = Sliding(kernel, stride, padding, dilation)
    return Convolution(node.name, (source,), axis, module, sliding)


def _options(node: fx.Node, module: nn.Module | None, names: dict[str, Any]) -> dict[str, Any]:
    """Return a pool's options, from its module or its call; sizes as plain numbers."""
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
    known: Known, node: fx.Node, module: nn.Module | None, source: str
) -> nonlinear.MaxPool:
    names = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1}
    extra = {"ceil_mode": False, "return_indices": False}
    options = _options(node, module, names | extra)
    if options["return_indices"]:
        raise Whole(f"{label(node)} returns indices")
    sliding = Sliding(
        options["kernel_size"], options["stride"], options["padding"], options["dilation"]
    )
    length, channels = known.shape(node.name)[2], known.channels[source]
    axis = Axis(length, known.axes[source].stride * sliding.stride)
    return nonlinear.MaxPool(node.name, (source,), axis, channels, sliding)


def _average_pool(
    known: Known, node: fx.Node, module: nn.Module | None, source: str
) -> linear.AveragePool:
    names = {"kernel_size": None, "stride": None, "padding": 0}
    options = _options(node, module, names | {"ceil_mode": False, "count_include_pad": True})
    sliding = Sliding(options["kernel_size"], options["stride"], options["padding"])
    before = known.axes[source]
    axis = Axis(known.shape(node.name)[2], before.stride * sliding.stride)
    ones = torch.ones((1, 1, before.length), dtype=torch.float64)
    mean = F.avg_pool1d(
        ones,
        sliding.kernel,
        sliding.stride,
        sliding.padding,
        options["ceil_mode"],
        options["count_include_pad"],
    )[0, 0]
    first = torch.arange(axis.length) * sliding.stride - sliding.padding
    seen = (first + sliding.kernel).clamp(max=before.length) - first.clamp(min=0)
    channels = known.channels[source]
    return linear.AveragePool(
        node.name, (source,), axis, channels, sliding=sliding, share=mean / seen
    )


def _concatenation(known: Known, node: fx.Node, shape: tuple[int, ...]) -> Layer:
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    parts = node.args[0] if node.args else node.kwargs["tensors"]
    names = tuple(known.network.real(part.name) for part in parts)
    if dim not in {1, -2} or any(name not in known.axes for name in names):
        raise Whole(f"{label(node)} concatenates along another axis, or constants")
    axis = _common_axis(known, node, names)
    return linear.Concatenate(node.name, names, axis, shape[1])


def _common_axis(known: Known, node: fx.Node, names: tuple[str, ...]) -> Axis:
    axes = {known.axes[name] for name in names}
    if len(axes) != 1:
        raise Whole(f"{label(node)} joins axes of different strides")
    return axes.pop()


def _arithmetic(known: Known, node: fx.Node, shape: tuple[int, ...]) -> Layer:
    names = operands(known, node)
    changing = tuple(name for name in names if name in known.axes)
    if any(known.shape(name) != shape or name in known.flat for name in changing):
        raise Whole(f"{label(node)} broadcasts")
    axis = _common_axis(known, node, changing)
    here = (node.name, changing, axis, shape[1])
    if len(changing) == 2:
        if node.target in SIGNS:
            return linear.Add(*here, SIGNS[node.target])
        if node.target in PRODUCTS:
            return linear.Product(*here)
        raise Whole(f"{label(node)} divides by what changes")
    place = names.index(changing[0])
    if node.target in SIGNS:
        return linear.Add(*here, (SIGNS[node.target][place],))
    if node.target in QUOTIENTS and place == 1:
        raise Whole(f"{label(node)} divides by what changes")
    reference = known.values[changing[0]]
    factor = torch.ones_like(reference) * known.constant(node.args[1 - place])
    factor = 1 / factor if node.target in QUOTIENTS else factor
    return linear.Scale(*here, factor.reshape(shape[1:]).T.contiguous())


def _crop(known: Known, node: fx.Node, source: str, shape: tuple[int, ...]) -> linear.Crop:
    before = known.shape(source)
    axis = Axis(shape[2], known.axes[source].stride)
    choice = node.args[1] if len(node.args) > 1 else None
    if node.target is F.pad:
        plain = isinstance(choice, tuple | list) and len(choice) == 2 and len(node.args) == 2
        if not plain or node.kwargs.get("mode", "constant") != "constant":
            raise Whole(f"{label(node)} pads in a way that is not a constant at both ends")
        return linear.Crop(node.name, (source,), axis, shape[1], choice[0])
    whole = slice(None)
    stretch = isinstance(choice, tuple) and len(choice) == 3 and choice[:2] == (whole, whole)
    if not stretch or not isinstance(choice[2], slice) or choice[2].step not in {None, 1}:
        raise Whole(f"{label(node)} picks positions in a way that is not a stretch")
    edges = (choice[2].start, choice[2].stop)
    edges = tuple(known.constant(edge) for edge in edges)
    start = slice(*edges).indices(before[2])[0]
    return linear.Crop(node.name, (source,), axis, shape[1], -start)
