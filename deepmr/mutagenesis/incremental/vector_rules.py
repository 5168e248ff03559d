"""Rules that compile global pooling, and the layers after it, to layers of deltas."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental import operations
from deepmr.mutagenesis.incremental.channel_reductions import across_channels
from deepmr.mutagenesis.incremental.layers import global_pooling, vector
from deepmr.mutagenesis.incremental.layers.flattened_linear import FlattenedLinear
from deepmr.mutagenesis.incremental.operations import CompilerState, NoRuleError, label

__all__ = ["global_layer", "is_flattening", "vector_layer"]

_FLATTENINGS = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
_RESHAPINGS = _FLATTENINGS | {torch.squeeze, torch.unsqueeze, "squeeze", "unsqueeze"}
_POOLS: dict[Any, str] = {
    torch.mean: "mean", "mean": "mean", torch.sum: "sum", "sum": "sum",
    torch.amax: "max", "amax": "max", torch.max: "max", "max": "max",
}  # fmt: skip


def is_flattening(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node flattens channels and positions for linear layers alone to read.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its input.
    """
    module = state.module(node)
    if not isinstance(module, nn.Flatten) and node.target not in _FLATTENINGS:
        return False
    if source in state.network.channels_last:
        return False
    flat = (1, state.channels[source] * state.axes[source].length)
    return (
        state.compile_vectors
        and state.shape(node.name) == flat
        and _only_linear_readers(state, node)
    )


def _flattens_output(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node is all channels at all positions, as the network's raw output."""
    module = state.module(node)
    if not isinstance(module, nn.Flatten) and node.target not in _FLATTENINGS:
        return False
    flat = (1, state.channels[source] * state.axes[source].length)
    return source not in state.flattened and state.shape(node.name) == flat and _only_returned(node)


def _only_returned(node: fx.Node) -> bool:
    """Return whether a node is returned, by itself or joined to others, and read nowhere else."""
    return all(
        user.op == "output" or (user.target in {torch.cat, torch.concat} and _only_returned(user))
        for user in node.users
    )


def _only_linear_readers(state: CompilerState, node: fx.Node) -> bool:
    """Return whether only linear layers read a node, directly or through elementwise layers."""
    for user in node.users:
        module = state.module(user)
        if isinstance(module, nn.Linear):
            continue
        elementwise = isinstance(module, FixedDropout | nn.Dropout | nn.Identity)
        elementwise = elementwise or operations.is_rectifier(user, module)
        elementwise = elementwise or operations.pointwise(user, module) is not None
        if not elementwise or not _only_linear_readers(state, user):
            return False
    return bool(node.users)


def global_layer(state: CompilerState, node: fx.Node, source: str) -> global_pooling.GlobalLayer:
    """Return the layer for a node that removes the position axis.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its input.

    Raises:
        NoRuleError: If no rule propagates its delta.
    """
    module = state.module(node)
    axis = state.axes[source]
    if source in state.flattened and isinstance(module, nn.Linear):
        return FlattenedLinear(node.name, source, axis, module, state.product_dtype)
    last = source in state.network.channels_last
    if not last and state.compile_vectors and _flattens_output(state, node, source):
        return global_pooling.Flattened(node.name, source, axis)
    kind = _global_pool(node, module, {1, -2} if last else {2, -1})
    if last and node.target not in _POOLS:
        kind = None  # adaptive pooling is over channels here
    if not state.compile_vectors or kind is None or source in state.flattened:
        raise NoRuleError(f"{label(node)} has no rule")
    channels = state.channels[source]
    if state.shape(node.name) not in {(1, channels), (1, channels, 1)}:
        raise NoRuleError(f"{label(node)} does not pool all positions")
    if kind == "max":
        return global_pooling.GlobalMaxPool(node.name, source, axis)
    factor = 1.0 if kind == "sum" else 1.0 / axis.length
    return global_pooling.GlobalSumPool(node.name, source, axis, factor)


def _global_pool(node: fx.Node, module: nn.Module | None, axes: set[int]) -> str | None:
    """Return which pooling over all positions a node is, positions on one of ``axes``; or None."""
    if isinstance(module, nn.AdaptiveMaxPool1d) or node.target is F.adaptive_max_pool1d:
        return None if module is not None and module.return_indices else "max"
    if isinstance(module, nn.AdaptiveAvgPool1d) or node.target is F.adaptive_avg_pool1d:
        return "mean"
    kind = _POOLS.get(node.target) if node.op != "call_module" else None
    if kind is None:
        return None
    dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    dims = dims[0] if isinstance(dims, tuple | list) and len(dims) == 1 else dims
    if dims not in axes:
        return None
    return kind if node.target not in {torch.max, "max"} or _only_values_read(node) else None


def _only_values_read(node: fx.Node) -> bool:
    """Return whether of a maximum and its indices only the maximum is read."""
    return all(
        (user.target is operator.getitem and user.args[1] == 0)
        or (user.target is getattr and user.args[1] == "values")
        for user in node.users
    )


def vector_layer(state: CompilerState, node: fx.Node, sources: list[str]) -> vector.VectorLayer:
    """Return the layer for a node after the position axis.

    Args:
        state: The nodes compiled so far.
        node: The node.
        sources: Names of its inputs.

    Raises:
        NoRuleError: If no rule propagates its delta.
    """
    module = state.module(node)
    here = (node.name, (sources[0],))
    shape = state.shape(node.name)
    if not shape or shape[0] != 1:
        raise NoRuleError(f"{label(node)} loses the batch axis")
    if isinstance(module, nn.Linear):
        weight = module.weight.detach()
        return vector.linear_vector(*here, lambda delta: F.linear(delta, weight))
    if isinstance(module, nn.BatchNorm1d) and len(shape) == 2:
        factor = operations.batch_norm_factor(module)
        return vector.linear_vector(*here, lambda delta: delta * factor)
    if isinstance(module, FixedDropout):
        mask = module.mask(state.values[sources[0]])
        return vector.linear_vector(*here, lambda delta: delta * mask)
    nonlinear = _nonlinear(state, node, sources[0])
    if nonlinear is not None:
        return nonlinear
    if node.target in operations.NEGATIONS:
        return vector.linear_vector(*here, torch.neg)
    if isinstance(module, nn.Flatten) or node.target in _RESHAPINGS:
        return vector.linear_vector(*here, lambda delta: delta.reshape(-1, *shape[1:]))
    if operations.is_arithmetic(node):
        return _arithmetic(state, node)
    return _selection(state, node, sources)


def _nonlinear(state: CompilerState, node: fx.Node, source: str) -> vector.VectorLayer | None:
    """Return the layer for a nonlinear function of one vector; None for another node."""
    module = state.module(node)
    here = (node.name, (source,))
    if operations.is_rectifier(node, module):
        return vector.rectified_vector(*here)
    rest = operations.gated_rest(node, module)
    if rest is not None:
        return vector.gated_vector(*here, rest)
    if node.target in operations.EXPONENTIALS:
        return vector.exponential_vector(*here)
    function = operations.pointwise(node, module)
    if function is not None:
        return vector.nonlinear_vector(*here, function)
    across = across_channels(node, module, len(state.shape(source)))
    if across is not None:
        return vector.across_channels_vector(*here, lambda values: across(values, 1))
    return None


def _arithmetic(state: CompilerState, node: fx.Node) -> vector.VectorLayer:
    found = operations.arithmetic(state, node, state.vectors)
    here = (node.name, found.sources)
    signs, factor = found.signs, found.factor
    if signs is not None and len(signs) == 2:
        return vector.linear_vector(*here, lambda a, b: a * signs[0] + b * signs[1])
    if signs is not None:
        return vector.linear_vector(*here, lambda delta: delta * signs[0])
    if factor is None:
        return vector.product_vector(*here)
    return vector.linear_vector(*here, lambda delta: delta * factor)


def _selection(state: CompilerState, node: fx.Node, sources: list[str]) -> vector.VectorLayer:
    """Return the layer for a node that picks, concatenates or stacks parts of vectors."""
    index: Any = node.args[1] if len(node.args) > 1 else None
    picks = node.target is operator.getitem and isinstance(index, tuple)
    if picks and index[0] == slice(None):
        if not all(isinstance(part, slice | int | None) for part in index):
            raise NoRuleError(f"{label(node)} picks by an array")
        return vector.linear_vector(node.name, (sources[0],), lambda delta: delta[index])
    joins = {torch.cat: torch.cat, torch.concat: torch.cat, torch.stack: torch.stack}
    if node.target in joins:
        join = joins[node.target]
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        names = tuple(state.network.resolve(part.name) for part in node.args[0])
        if dim != 0 and all(name in state.vectors for name in names):
            return vector.linear_vector(node.name, names, lambda *parts: join(parts, dim=dim))
    if node.target in {torch.index_select, "index_select"} and len(node.args) == 3:
        dim, order = node.args[1], state.constant(node.args[2])
        if dim != 0:
            here = (node.name, (sources[0],))
            return vector.linear_vector(*here, lambda delta: delta.index_select(dim, order))
    raise NoRuleError(f"{label(node)} has no rule")
