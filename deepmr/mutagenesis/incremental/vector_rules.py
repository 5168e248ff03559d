"""Rules for nodes that leave the position axis, and for those behind it."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental.layers import global_pooling as ends
from deepmr.mutagenesis.incremental.layers import vector as vectors
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

__all__ = ["end_of", "is_flattening", "vector_of"]

_FLATTENINGS = {torch.flatten, torch.reshape, "flatten", "view", "reshape"}
_RESHAPINGS = _FLATTENINGS | {torch.squeeze, torch.unsqueeze, "squeeze", "unsqueeze"}
_POOLS: dict[Any, str] = {
    torch.mean: "mean", "mean": "mean", torch.sum: "sum", "sum": "sum",
    torch.amax: "max", "amax": "max", torch.max: "max", "max": "max",
}  # fmt: skip


def is_flattening(known: Known, node: fx.Node, source: str) -> bool:
    """Whether a node flattens channels and positions, for linear layers alone to read."""
    module = known.module(node)
    if not isinstance(module, nn.Flatten) and node.target not in _FLATTENINGS:
        return False
    flat = (1, known.channels[source] * known.axes[source].length)
    return known.split and known.shape(node.name) == flat and _leads_to_linear(known, node)


def _leads_to_linear(known: Known, node: fx.Node) -> bool:
    """Whether only linear layers read a node, be it through functions of single values."""
    for user in node.users:
        module = known.module(user)
        if isinstance(module, nn.Linear):
            continue
        local = isinstance(module, FixedDropout | nn.Dropout | nn.Identity)
        local = local or is_rectifier(user, module) or pointwise(user, module) is not None
        if not local or not _leads_to_linear(known, user):
            return False
    return bool(node.users)


def end_of(known: Known, node: fx.Node, source: str) -> ends.End:
    """Return the end of the position axis that a node is.

    Raises:
        Whole: If no rule treats it.
    """
    module = known.module(node)
    axis = known.axes[source]
    if source in known.flat and isinstance(module, nn.Linear):
        return ends.LinearOverPositions(node.name, source, axis, module, known.product)
    kind = _global_pool(node, module)
    if not known.split or kind is None or source in known.flat:
        raise Whole(f"{label(node)} has no rule")
    if known.shape(node.name) not in {(1, known.channels[source]), (1, known.channels[source], 1)}:
        raise Whole(f"{label(node)} does not pool all positions")
    if kind == "max":
        return ends.GlobalMax(node.name, source, axis)
    return ends.GlobalSum(node.name, source, axis, 1.0 if kind == "sum" else 1.0 / axis.length)


def _global_pool(node: fx.Node, module: nn.Module | None) -> str | None:
    if isinstance(module, nn.AdaptiveMaxPool1d) or node.target is F.adaptive_max_pool1d:
        return None if module is not None and module.return_indices else "max"
    if isinstance(module, nn.AdaptiveAvgPool1d) or node.target is F.adaptive_avg_pool1d:
        return "mean"
    kind = _POOLS.get(node.target) if node.op != "call_module" else None
    if kind is None:
        return None
    dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    dims = dims[0] if isinstance(dims, tuple | list) and len(dims) == 1 else dims
    if dims not in {-1, 2}:
        return None
    return kind if node.target not in {torch.max, "max"} or _only_values(node) else None


def _only_values(node: fx.Node) -> bool:
    """Whether of a maximum and its indices only the maximum is read."""
    return all(
        (user.target is operator.getitem and user.args[1] == 0)
        or (user.target is getattr and user.args[1] == "values")
        for user in node.users
    )


def vector_of(known: Known, node: fx.Node, sources: list[str]) -> vectors.Vector:
    """Return the rule for a node behind the position axis.

    Raises:
        Whole: If there is none.
    """
    module = known.module(node)
    here = (node.name, (sources[0],))
    shape = known.shape(node.name)
    if not shape or shape[0] != 1:
        raise Whole(f"{label(node)} loses the batch axis")
    if isinstance(module, nn.Linear):
        weight = module.weight.detach()
        return vectors.linear_vector(*here, lambda change: F.linear(change, weight))
    if isinstance(module, nn.BatchNorm1d) and len(shape) == 2:
        factor = batch_norm_factor(module)
        return vectors.linear_vector(*here, lambda change: change * factor)
    if isinstance(module, FixedDropout):
        mask = module.mask(known.values[sources[0]])
        return vectors.linear_vector(*here, lambda change: change * mask)
    if is_rectifier(node, module):
        return vectors.rectified_vector(*here)
    function = pointwise(node, module)
    if function is not None:
        return vectors.nonlinear_vector(*here, function)
    if node.target in NEGATIONS:
        return vectors.linear_vector(*here, torch.neg)
    if isinstance(module, nn.Flatten) or node.target in _RESHAPINGS:
        return vectors.linear_vector(*here, lambda change: change.reshape(-1, *shape[1:]))
    if node.target in SIGNS or node.target in PRODUCTS or node.target in QUOTIENTS:
        return _arithmetic(known, node, shape)
    return _selection(known, node, sources)


def _arithmetic(known: Known, node: fx.Node, shape: tuple[int, ...]) -> vectors.Vector:
    names = operands(known, node)
    changing = tuple(name for name in names if name in known.vectors)
    if any(known.shape(name) != shape for name in changing):
        raise Whole(f"{label(node)} broadcasts")
    if len(changing) == 2:
        if node.target in PRODUCTS:
            return vectors.product_vector(node.name, changing)
        if node.target in QUOTIENTS:
            raise Whole(f"{label(node)} divides by what changes")
        signs = SIGNS[node.target]
        return vectors.linear_vector(node.name, changing, lambda a, b: a * signs[0] + b * signs[1])
    place = names.index(changing[0])
    if node.target in SIGNS:
        sign = SIGNS[node.target][place]
        return vectors.linear_vector(node.name, changing, lambda change: change * sign)
    if node.target in QUOTIENTS and place == 1:
        raise Whole(f"{label(node)} divides by what changes")
    factor: Tensor = torch.ones_like(known.values[changing[0]])
    factor = factor * known.constant(node.args[1 - place])
    factor = 1 / factor if node.target in QUOTIENTS else factor
    return vectors.linear_vector(node.name, changing, lambda change: change * factor)


def _selection(known: Known, node: fx.Node, sources: list[str]) -> vectors.Vector:
    """Return the rule for picking and joining parts of vectors."""
    index: Any = node.args[1] if len(node.args) > 1 else None
    picks = node.target is operator.getitem and isinstance(index, tuple)
    if picks and index[0] == slice(None):
        if not all(isinstance(part, slice | int | None) for part in index):
            raise Whole(f"{label(node)} picks by an array")
        return vectors.linear_vector(node.name, (sources[0],), lambda change: change[index])
    joins = {torch.cat: torch.cat, torch.concat: torch.cat, torch.stack: torch.stack}
    if node.target in joins:
        join = joins[node.target]
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        names = tuple(known.network.real(part.name) for part in node.args[0])
        if dim != 0 and all(name in known.vectors for name in names):
            return vectors.linear_vector(node.name, names, lambda *parts: join(parts, dim=dim))
    if node.target in {torch.index_select, "index_select"} and len(node.args) == 3:
        dim, order = node.args[1], known.constant(node.args[2])
        if dim != 0:
            here = (node.name, (sources[0],))
            return vectors.linear_vector(*here, lambda change: change.index_select(dim, order))
    raise Whole(f"{label(node)} has no rule")
