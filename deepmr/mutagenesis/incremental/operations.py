"""Operations of a traced graph: which kind a node is, and its constants."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork
from deepmr.mutagenesis.incremental.receptive_field import Axis

__all__ = [
    "EXPONENTIALS",
    "NEGATIONS",
    "Arithmetic",
    "CompilerState",
    "NoRuleError",
    "arithmetic",
    "batch_norm_factor",
    "gated_rest",
    "is_arithmetic",
    "is_identity",
    "is_rectifier",
    "is_softplus",
    "is_zero_at_zero",
    "label",
    "pointwise",
]

_SIGNS: dict[Any, tuple[float, float]] = {
    operator.add: (1.0, 1.0), torch.add: (1.0, 1.0), "add": (1.0, 1.0),
    operator.sub: (1.0, -1.0), torch.sub: (1.0, -1.0), "sub": (1.0, -1.0),
}  # fmt: skip
NEGATIONS: frozenset[Any] = frozenset({operator.neg, torch.neg, "neg"})
"""Targets of nodes that change the sign."""
EXPONENTIALS: frozenset[Any] = frozenset({torch.exp, torch.expm1, "exp", "expm1"})
"""Targets of nodes that raise e to a power."""
_PRODUCTS: frozenset[Any] = frozenset({operator.mul, torch.mul, "mul"})
_QUOTIENTS: frozenset[Any] = frozenset({operator.truediv, torch.div, "div"})
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


_CLAMPS: frozenset[Any] = frozenset({torch.clamp, torch.clip, "clamp", "clip"})
_ZERO_AT_ZERO = frozenset({
    nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.CELU, nn.Tanh, nn.LeakyReLU, nn.ReLU6, nn.Mish,
    nn.Softsign, nn.Hardswish, nn.PReLU, F.gelu, F.silu, F.elu, F.selu, F.tanh, F.leaky_relu,
    F.relu6, F.mish, torch.tanh, torch.abs, torch.square, "tanh", "abs", "square",
})  # fmt: skip
"""Elementwise functions that map 0 to 0."""


_LEAST_THRESHOLD = 17
"""Value from which on softplus is its input in float32."""


class NoRuleError(Exception):
    """No rule propagates a delta through a node; it and all nodes after it run in full."""


@dataclass(slots=True)
class CompilerState:
    """The nodes compiled so far.

    Args:
        network: Receives the layers.
        values: Value of every node for one sequence, by name.
        product_dtype: Dtype of matrix products; that of the values if None.
        compile_vectors: Whether to compile nodes after the position axis; if not they run in full.
        axes: Position axis of each node that has one, by name.
        channels: Channels of each of those, by name.
        flattened: Names of those whose channels and positions are flattened.
        vectors: Names of nodes after the position axis.
        fallback: Names of nodes that run in full.
    """

    network: CompiledNetwork
    values: dict[str, Any]
    product_dtype: torch.dtype | None
    compile_vectors: bool
    axes: dict[str, Axis] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    flattened: set[str] = field(default_factory=set)
    vectors: set[str] = field(default_factory=set)
    fallback: set[str] = field(default_factory=set)

    def module(self, node: fx.Node) -> nn.Module | None:
        """Return the module that a node calls; None if it calls none."""
        if node.op != "call_module":
            return None
        return self.network.traced.get_submodule(str(node.target))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a node's value for one sequence; () if it is no tensor."""
        value = self.values.get(name)
        return tuple(value.shape) if isinstance(value, Tensor) else ()

    def constant(self, operand: Any) -> Any:
        """Return the value of an operand that does not depend on the sequence."""
        return self.values[operand.name] if isinstance(operand, fx.Node) else operand


def label(node: fx.Node) -> str:
    """Return a node's name and operation, for a message."""
    target = node.target if isinstance(node.target, str) else node.target.__name__
    return f"{node.name} ({target})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """A sum, difference, product or quotient of two operands, one or both of which change.

    Args:
        sources: Names of the operands that change.
        signs: Sign of each in a sum or difference; None in a product or quotient.
        factor: Constant by which the one changing operand is multiplied; None in a sum or
            difference, and in a product of two changing operands.
    """

    sources: tuple[str, ...]
    signs: tuple[float, ...] | None = None
    factor: Tensor | None = None


def is_arithmetic(node: fx.Node) -> bool:
    """Return whether a node adds, subtracts, multiplies or divides."""
    return node.target in _SIGNS or node.target in _PRODUCTS or node.target in _QUOTIENTS


def arithmetic(state: CompilerState, node: fx.Node, changing: Collection[str]) -> Arithmetic:
    """Return what an arithmetic node does to the operands that change.

    Args:
        state: The nodes compiled so far.
        node: A node for which ``is_arithmetic`` is true.
        changing: Names of the nodes that can be operands.

    Raises:
        NoRuleError: If it has options, broadcasts an operand that changes, or divides by one.
    """
    if node.kwargs or len(node.args) != 2:
        raise NoRuleError(f"{label(node)} has options")
    names = tuple(
        state.network.resolve(operand.name) if isinstance(operand, fx.Node) else ""
        for operand in node.args
    )
    sources = tuple(name for name in names if name in changing)
    if any(state.shape(name) != state.shape(node.name) for name in sources):
        raise NoRuleError(f"{label(node)} broadcasts")
    place = names.index(sources[0])
    if node.target in _SIGNS:
        signs = _SIGNS[node.target]
        return Arithmetic(sources=sources, signs=signs if len(sources) == 2 else (signs[place],))
    if node.target in _QUOTIENTS and (len(sources) == 2 or place == 1):
        raise NoRuleError(f"{label(node)} divides by a value that changes")
    if len(sources) == 2:
        return Arithmetic(sources=sources)
    factor = torch.ones_like(state.values[sources[0]]) * state.constant(node.args[1 - place])
    return Arithmetic(sources=sources, factor=1 / factor if node.target in _QUOTIENTS else factor)


def is_identity(node: fx.Node, module: nn.Module | None) -> bool:
    """Return whether a node returns its input in evaluation mode."""
    if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d | nn.Identity):
        return True
    if node.op == "call_function" and node.target in {F.dropout, F.dropout1d}:
        training = node.args[2] if len(node.args) > 2 else node.kwargs.get("training", True)
        return training is False
    return node.op == "call_method" and node.target in {"contiguous", "clone"}


def is_rectifier(node: fx.Node, module: nn.Module | None) -> bool:
    """Return whether a node is a ReLU."""
    return isinstance(module, nn.ReLU) or node.target in {F.relu, torch.relu, "relu"}


def is_zero_at_zero(node: fx.Node, module: nn.Module | None) -> bool:
    """Return whether an elementwise node is known to map 0 to 0."""
    return (node.target if module is None else type(module)) in _ZERO_AT_ZERO


def is_softplus(function: Any) -> bool:
    """Return whether an elementwise function of `pointwise` is log(1 + exp(x)), unscaled."""
    if isinstance(function, nn.Softplus):
        return function.beta == 1 and function.threshold >= _LEAST_THRESHOLD
    plain = isinstance(function, functools.partial) and function.func is _call
    return plain and function.args == (F.softplus, (), {})


def gated_rest(node: fx.Node, module: nn.Module | None) -> Any:
    """Return f for values up to 0 of a GELU or SiLU, f(x) = max(x, 0) + f(-|x|); or None.

    A GELU is worked out by the complementary error function: PyTorch's own is off by up to 1e-6 in
    float32 on a CPU, thirty times as much.
    """
    given = node.kwargs.get("approximate", "none")
    if isinstance(module, nn.GELU) or node.target is F.gelu:
        approximate = module.approximate if isinstance(module, nn.GELU) else given
        return _gelu if approximate == "none" else functools.partial(F.gelu, approximate="tanh")
    return F.silu if isinstance(module, nn.SiLU) or node.target is F.silu else None


def _gelu(values: Tensor) -> Tensor:
    return torch.erfc(values * -math.sqrt(0.5)).mul_(values).mul_(0.5)


def batch_norm_factor(module: nn.BatchNorm1d | nn.BatchNorm2d) -> Tensor:
    """Return the factor of each channel in batch norm in evaluation mode.

    Raises:
        NoRuleError: If it has no running statistics.
    """
    if module.running_var is None:
        raise NoRuleError("batch norm without running statistics depends on the whole batch")
    factor = torch.rsqrt(module.running_var.detach() + module.eps)
    return factor * module.weight.detach() if module.weight is not None else factor


def pointwise(node: fx.Node, module: nn.Module | None) -> Any:
    """Return the elementwise function that a node applies; None if it is no such node."""
    if module is not None:
        if isinstance(module, nn.PReLU) and module.num_parameters == 1:
            return functools.partial(_prelu, module)
        return module if type(module) in _POINTWISE_MODULES else None
    if node.op == "call_function" and node.target in _POINTWISE_FUNCTIONS:
        return functools.partial(_call, node.target, node.args[1:], dict(node.kwargs))
    if node.target in _CLAMPS:
        bounds = (*node.args[1:], *node.kwargs.values())
        plain = all(isinstance(one, int | float | None) for one in bounds)
        return functools.partial(_call, torch.clamp, node.args[1:], node.kwargs) if plain else None
    if node.op == "call_method" and node.target in _POINTWISE_METHODS:
        return functools.partial(_call, getattr(torch, str(node.target)), (), {})
    return None


def _call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], values: Tensor) -> Tensor:
    return function(values, *args, **kwargs)


def _prelu(module: nn.PReLU, values: Tensor) -> Tensor:
    return F.prelu(values, module.weight.detach().to(values.dtype))
