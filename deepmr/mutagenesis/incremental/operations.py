"""What sorting a traced network has found so far, and how nodes are recognised."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.compiled_network import Network
from deepmr.mutagenesis.incremental.receptive_field import Axis

__all__ = [
    "NEGATIONS",
    "PRODUCTS",
    "QUOTIENTS",
    "SIGNS",
    "Known",
    "Whole",
    "batch_norm_factor",
    "is_identity",
    "is_rectifier",
    "label",
    "operands",
    "pointwise",
]

SIGNS: dict[Any, tuple[float, float]] = {
    operator.add: (1.0, 1.0), torch.add: (1.0, 1.0), "add": (1.0, 1.0),
    operator.sub: (1.0, -1.0), torch.sub: (1.0, -1.0), "sub": (1.0, -1.0),
}  # fmt: skip
NEGATIONS: frozenset[Any] = frozenset({operator.neg, torch.neg, "neg"})
PRODUCTS: frozenset[Any] = frozenset({operator.mul, torch.mul, "mul"})
QUOTIENTS: frozenset[Any] = frozenset({operator.truediv, torch.div, "div"})
_POINTWISE_MODULES = (
    nn.ReLU6, nn.Sigmoid, nn.Tanh, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.LeakyReLU,
    nn.LogSigmoid, nn.Tanhshrink,
)  # fmt: skip
_POINTWISE_FUNCTIONS = {
    F.relu6, F.sigmoid, F.tanh, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus,
    F.softsign, F.hardtanh, F.hardsigmoid, F.hardswish, F.leaky_relu, F.logsigmoid,
    torch.sigmoid, torch.tanh, torch.exp, torch.log, torch.log1p, torch.expm1, torch.sqrt,
    torch.square, torch.abs, torch.selu,
}  # fmt: skip
_POINTWISE_METHODS = {
    "sigmoid", "tanh", "exp", "log", "log1p", "expm1", "sqrt", "square", "abs",
}  # fmt: skip


class Whole(Exception):  # noqa: N818 - a signal between the rules, never seen outside
    """No rule treats the node; it and what follows are run as a whole."""


@dataclass(slots=True)
class Known:
    """What is known of the nodes sorted so far.

    Args:
        network: What they were sorted into.
        values: Every node's value for one sequence.
        product: Precision of matrix products, if another than that of the values.
        split: Whether nodes behind the position axis are sorted too, or left to the tail.
        axes: The position axis of nodes that have one.
        channels: Their channels.
        flat: Those whose values are flattened to channel times position.
        vectors: Nodes behind the position axis.
        tail: Nodes run as a whole.
    """

    network: Network
    values: dict[str, Any]
    product: torch.dtype | None
    split: bool
    axes: dict[str, Axis] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    flat: set[str] = field(default_factory=set)
    vectors: set[str] = field(default_factory=set)
    tail: set[str] = field(default_factory=set)

    def module(self, node: fx.Node) -> nn.Module | None:
        """Return the module a node calls, if it calls one."""
        if node.op != "call_module":
            return None
        return self.network.traced.get_submodule(str(node.target))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a node's shape for one sequence; () if it is no tensor."""
        value = self.values.get(name)
        return tuple(value.shape) if isinstance(value, Tensor) else ()

    def constant(self, operand: Any) -> Any:
        """Return the value of an operand that no mutation changes."""
        return self.values[operand.name] if isinstance(operand, fx.Node) else operand


def label(node: fx.Node) -> str:
    """Name a node for a message."""
    target = node.target if isinstance(node.target, str) else node.target.__name__
    return f"{node.name} ({target})"


def operands(known: Known, node: fx.Node) -> tuple[str, ...]:
    """Return the two operands' nodes of an arithmetic operation; "" for a plain number.

    Raises:
        Whole: If it has options.
    """
    if node.kwargs or len(node.args) != 2:
        raise Whole(f"{label(node)} has options")
    return tuple(
        known.network.real(operand.name) if isinstance(operand, fx.Node) else ""
        for operand in node.args
    )


def is_identity(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a node passes its input on in evaluation mode."""
    if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Identity):
        return True
    if node.op == "call_function" and node.target in {F.dropout, F.dropout1d}:
        training = node.args[2] if len(node.args) > 2 else node.kwargs.get("training", True)
        return training is False
    return node.op == "call_method" and node.target in {"contiguous", "clone"}


def is_rectifier(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a node is a ReLU."""
    return isinstance(module, nn.ReLU) or node.target in {F.relu, torch.relu, "relu"}


def batch_norm_factor(module: nn.BatchNorm1d) -> Tensor:
    """Return what batch norm in evaluation mode multiplies each channel by.

    Raises:
        Whole: If it has no running statistics.
    """
    if module.running_var is None:
        raise Whole("batch norm without running statistics looks at the whole batch")
    factor = torch.rsqrt(module.running_var.detach() + module.eps)
    return factor * module.weight.detach() if module.weight is not None else factor


def pointwise(node: fx.Node, module: nn.Module | None) -> Any:
    """Return a node's function of one value, if that is what it is."""
    if module is not None:
        if isinstance(module, nn.PReLU) and module.num_parameters == 1:
            return functools.partial(_leaky, module)
        return module if type(module) in _POINTWISE_MODULES else None
    if node.op == "call_function" and node.target in _POINTWISE_FUNCTIONS:
        return functools.partial(_call, node.target, node.args[1:], dict(node.kwargs))
    if node.op == "call_method" and node.target in _POINTWISE_METHODS:
        return functools.partial(_call, getattr(torch, str(node.target)), (), {})
    return None


def _call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], values: Tensor) -> Tensor:
    return function(values, *args, **kwargs)


def _leaky(module: nn.PReLU, values: Tensor) -> Tensor:
    return F.prelu(values, module.weight.detach().to(values.dtype))
