"""Tracing of a model with torch.fx to a graph without operations in place."""

from __future__ import annotations

import copy
import inspect
import itertools
import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.sizes import SizedTracer

__all__ = ["NotTraceableError", "trace"]

_MONOTONE: frozenset[Any] = frozenset(
    {
        nn.Dropout, nn.Dropout1d, nn.Identity, nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Tanh,
        nn.ELU, nn.SELU, nn.CELU, nn.Softplus, nn.Softsign, nn.Hardtanh,
        nn.Hardsigmoid, nn.LogSigmoid,
        F.relu, F.relu6, F.elu, F.selu, F.celu, F.softplus, F.softsign, F.hardtanh,
        F.hardsigmoid, F.logsigmoid, F.sigmoid, F.tanh,
        torch.relu, torch.sigmoid, torch.tanh, torch.exp, torch.selu,
        "relu", "sigmoid", "tanh", "exp",
    }
)  # fmt: skip
"""Non-decreasing functions: the maximum of their values is their value at the maximum."""

_SPLITS: frozenset[Any] = frozenset({torch.chunk, torch.split, "chunk", "split"})

_OUT_OF_PLACE = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}


class NotTraceableError(ValueError):
    """The model's graph cannot be traced: its mutants need whole forward passes.

    Example:
        >>> from deepmr.mutagenesis import Incremental
        >>> network = nn.Sequential(nn.Conv1d(4, 2, 3))
        >>> handle = network[0].register_forward_hook(lambda *_: None)
        >>> Incremental(network, length=3)
        Traceback (most recent call last):
        deepmr.mutagenesis.incremental.trace.NotTraceableError: it carries forward hooks at 0
    """


def trace(model: nn.Module, probe: Tensor | None = None) -> fx.GraphModule:
    """Return the graph of a model in evaluation mode; its parameters stay the model's own.

    Operations in place are replaced by their ordinary equivalents, so that every node keeps its
    value. A monotone function followed by max pooling is swapped with it: the same numbers from
    fewer evaluations.

    Args:
        model: In evaluation mode.
        probe: One sequence, ``(1, 4, length)``, from which sizes are learnt; None (the default)
            leaves them to be values of the graph.

    Raises:
        NotTraceableError: If the model's control flow depends on values, it carries forward hooks,
            or it works in place in a way that has no other form.

    Example:
        >>> [node.op for node in trace(nn.Sequential(nn.ReLU(inplace=True))).graph.nodes]
        ['placeholder', 'call_module', 'output']
    """
    hooked = [
        name or type(module).__name__
        for name, module in model.named_modules()
        if module._forward_hooks or module._forward_pre_hooks  # noqa: SLF001 - no public reader
    ]
    if hooked:
        raise NotTraceableError(f"it carries forward hooks at {', '.join(hooked[:3])}")
    try:
        tracer = SizedTracer(model, probe)
        graph = tracer.trace(model, concrete_args=_defaults(model))
        _drop_defaults(graph)
        _slice_instead_of_split(graph, tracer.values)
        _slice_instead_of_pick(graph, tracer.values)
    except Exception as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotTraceableError(f"torch.fx cannot trace it ({message})") from error
    traced = fx.GraphModule(model, graph)
    traced.training = False
    _replace_in_place(traced)
    _pool_before_monotone(traced)
    graph.eliminate_dead_code()
    traced.recompile()
    return traced


def _defaults(model: nn.Module) -> dict[str, Any]:
    """Return the optional arguments of a model, which mutagenesis never gives.

    Left to themselves, torch.fx takes them for values, and ``if factor is None`` for false.
    """
    parameters = list(inspect.signature(model.forward).parameters.values())
    return {
        one.name: one.default
        for one in parameters[1:]
        if one.default is not inspect.Parameter.empty
    }


def _drop_defaults(graph: fx.Graph) -> None:
    """Remove the placeholders of optional arguments, with the checks that torch.fx adds."""
    for node in [node for node in graph.nodes if node.op == "placeholder"][1:]:
        for user in list(node.users):
            checks = [user, *(last for last in user.users if not last.users)]
            for check in reversed(checks):
                if not check.users and "assert" in str(getattr(check.target, "__name__", "")):
                    graph.erase_node(check)
            if user in node.users and not user.users:
                graph.erase_node(user)
        if node.users:
            raise ValueError(f"the value of its optional argument {node.target} is used")
        graph.erase_node(node)


def _slice_instead_of_split(graph: fx.Graph, values: dict[str, Any]) -> None:
    """Replace parts of ``chunk`` and ``split`` along channels by slices of their input."""
    for node in list(graph.nodes):
        parts = values.get(node.name) if node.target in _SPLITS else None
        picked = [user.target is operator.getitem for user in node.users]
        if not isinstance(parts, tuple | list) or not all(picked) or parts[0].ndim < 2:
            continue
        whole = values[node.args[0].name].shape
        edges = [0, *itertools.accumulate(part.shape[1] for part in parts)]
        if edges[-1] != whole[1] or any(part.shape[2:] != whole[2:] for part in parts):
            continue  # along another axis
        for user in list(node.users):
            part = range(len(parts))[user.args[1]]
            user.args = (node.args[0], (slice(None), slice(edges[part], edges[part + 1])))


def _slice_instead_of_pick(graph: fx.Graph, values: dict[str, Any]) -> None:
    """Replace ``x[:, c, a:b]`` by slices along one axis each, and a flattening where c is one."""
    for node in list(graph.nodes):
        index = node.args[1] if node.target is operator.getitem else None
        whole = values.get(getattr(node.args[0], "name", "")) if node.args else None
        if not isinstance(whole, Tensor) or whole.ndim != 3 or not isinstance(index, tuple):
            continue
        index = (*index, *(slice(None),) * (3 - len(index)))
        of, positions = index[1:3]
        single = type(of) is int
        if len(index) != 3 or index[0] != slice(None) or not isinstance(positions, slice):
            continue
        if not single and (not isinstance(of, slice) or slice(None) in (of, positions)):
            continue
        of = slice(of % whole.shape[1], of % whole.shape[1] + 1) if single else of
        made: list[fx.Node] = []
        with graph.inserting_after(node):
            if single:
                made.append(graph.call_function(torch.flatten, (node, 1)))
            if positions != slice(None):
                along = (slice(None), slice(None), positions)
                made.append(graph.call_function(operator.getitem, (node, along)))
        node.replace_all_uses_with(made[0], delete_user_cb=lambda user, made=made: user not in made)
        made[0].args = (made[-1] if len(made) > 1 else node, *made[0].args[1:])
        node.args = (node.args[0], (slice(None), of))


def _replace_in_place(traced: fx.GraphModule) -> None:
    for node in traced.graph.nodes:
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}
        if node.op == "call_function":
            node.target = _OUT_OF_PLACE.get(node.target, node.target)
            name = getattr(node.target, "__name__", "")
        else:
            name = node.target if node.op == "call_method" else ""
        if node.op == "call_module":
            module = traced.get_submodule(node.target)
            if getattr(module, "inplace", False):
                twin = copy.copy(module)
                twin.inplace = False
                node.target = f"{node.target.replace('.', '_')}_out_of_place"
                traced.add_submodule(node.target, twin)
        if name.endswith("_") and not name.endswith("__"):
            raise NotTraceableError(f"it works in place ({name})")
        if "out" in node.kwargs:
            raise NotTraceableError(f"it writes into an existing tensor ({node})")


def _pool_before_monotone(traced: fx.GraphModule) -> None:
    for pool in list(traced.graph.nodes):
        if not _is_max_pool(traced, pool):
            continue
        before = pool.args[0]
        while isinstance(before, fx.Node) and _is_monotone(traced, before):
            source = before.args[0]
            pool.replace_input_with(before, source)
            pool.replace_all_uses_with(before)
            before.replace_input_with(source, pool)
            pool_next = pool.next
            pool_next.prepend(before)
            before = pool.args[0]


def _is_max_pool(traced: fx.GraphModule, node: fx.Node) -> bool:
    if node.op == "call_module":
        module = traced.get_submodule(str(node.target))
        return isinstance(module, nn.MaxPool1d) and not module.return_indices
    plain = node.op == "call_function" and node.target in {F.max_pool1d, torch.max_pool1d}
    return plain and not node.kwargs.get("return_indices")


def _is_monotone(traced: fx.GraphModule, node: fx.Node) -> bool:
    if len(node.users) != 1 or not node.args or not isinstance(node.args[0], fx.Node):
        return False
    if node.op == "call_module":
        return type(traced.get_submodule(str(node.target))) in _MONOTONE
    return node.op in {"call_function", "call_method"} and node.target in _MONOTONE
