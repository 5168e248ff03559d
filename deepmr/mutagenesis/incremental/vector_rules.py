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
from deepmr.mutagenesis.incremental.layers.log_sum_exp import GlobalLogSumExp
from deepmr.mutagenesis.incremental.operations import CompilerState, NoRuleError, label

__all__ = ["global_layer", "is_flattening", "is_single_channel", "vector_layer"]

_FLATTENINGS = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
_RESHAPINGS = _FLATTENINGS | {torch.squeeze, torch.unsqueeze, "squeeze", "unsqueeze"}
_POOLS: dict[Any, str] = {
    torch.mean: "mean", "mean": "mean", torch.sum: "sum", "sum": "sum",
    torch.amax: "max", "amax": "max", torch.max: "max", "max": "max",
    torch.logsumexp: "logsumexp", "logsumexp": "logsumexp",
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


def is_single_channel(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node leaves out the axis of the only channel, for other nodes to read.

    Args:
        state: The nodes compiled so far.
        node: The node.
        source: Name of its input.
    """
    shape = (1, state.axes[source].length)
    single = state.channels[source] == 1 and len(state.shape(source)) == 3
    returned = any(user.op == "output" for user in node.users) or _only_returned(node)
    reshaped = node.target in _RESHAPINGS or isinstance(state.module(node), nn.Flatten)
    return single and reshaped and not returned and state.shape(node.name) == shape


def _flattens_output(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node is all channels at all positions, as the network's raw output."""
    module = state.module(node)
    if not isinstance(module, nn.Flatten) and node.target not in _FLATTENINGS:
        return False
    flat = (1, state.channels[source] * state.axes[source].length)
    return source not in state.flattened and state.shape(node.name) == flat and _only_returned(node)


def _flattens_one_position(state: CompilerState, node: fx.Node, source: str) -> bool:
    """Return whether a node leaves out the axis of the only position."""
    reshaped = node.target in _RESHAPINGS or isinstance(state.module(node), nn.Flatten)
    one = state.axes[source].length == 1 and source not in state.flattened
    return reshaped and one and state.shape(node.name) == (1, state.channels[source])


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
    if not last and state.compile_vectors and _flattens_one_position(state, node, source):
        return global_pooling.GlobalSumPool(node.name, source, axis, 1.0)
    positions, batch = ({1, -2} if last else {2, -1}), len(state.shape(source))
    if source in state.flattened:
        positions = {1, -1} if state.channels[source] == 1 else set()
    pool = _global_pool(node, module, positions, batch)
    if (last or source in state.flattened) and node.target not in _POOLS:
        pool = None  # adaptive pooling is over channels here
    if not state.compile_vectors or pool is None:
        raise NoRuleError(f"{label(node)} has no rule")
    kind, together = pool
    channels = state.channels[source]
    shape = state.shape(node.name)
    whole = {(1,), (1, 1), (1, 1, 1)} if together or batch == 2 else set()
    if shape not in {(1, channels), (1, channels, 1), (1, 1, channels)} | whole:
        raise NoRuleError(f"{label(node)} does not pool all positions")
    if kind == "max":
        if together:
            raise NoRuleError(f"{label(node)} has no rule")
        return global_pooling.GlobalMaxPool(node.name, source, axis)
    if kind == "logsumexp":
        return GlobalLogSumExp(node.name, source, axis, channels, together=together)
    values = axis.length * (channels if together else 1)
    factor = 1.0 if kind == "sum" else 1.0 / values
    return global_pooling.GlobalSumPool(node.name, source, axis, factor, together=together)


def _global_pool(
    node: fx.Node, module: nn.Module | None, axes: set[int], rank: int
) -> tuple[str, bool] | None:
    """Return which pooling over all positions a node is, and whether over channels too; or None.

    Args:
        node: The node.
        module: The module that it calls, if any.
        axes: Names of the axis of positions.
        rank: Axes of its input.
    """
    if isinstance(module, nn.AdaptiveMaxPool1d) or node.target is F.adaptive_max_pool1d:
        returns = module is not None and module.return_indices
        return None if returns else ("max", False)
    if isinstance(module, nn.AdaptiveAvgPool1d) or node.target is F.adaptive_avg_pool1d:
        return "mean", False
    kind = _POOLS.get(node.target) if node.op != "call_module" else None
    if kind is None:
        return None
    dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    dims = dims if isinstance(dims, tuple | list) else (dims,)
    together = rank == 3 and sorted(dim % 3 for dim in dims if isinstance(dim, int)) == [1, 2]
    if not together and (len(dims) != 1 or dims[0] not in axes):
        return None
    read = node.target not in {torch.max, "max"} or _only_values_read(node)
    return (kind, together) if read else None


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
