"""A tracer that knows the sizes of tensors, all but that of the batch."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from deepmr.mutagenesis.dropout import FixedDropout
from deepmr.mutagenesis.incremental.compiled_network import call_node

__all__ = ["SizedTracer"]

_CALL, _GETATTR = nn.Module.__call__, nn.Module.__getattr__


class SizedTracer(fx.Tracer):
    """Tracer for which sizes are numbers: ``if x.shape[-1] > 10`` is decided while tracing.

    Every node is also evaluated for one sequence, to learn its shape. The size of the batch stays
    a value of the graph, so that the graph serves any batch.

    Args:
        model: The model to trace.
        probe: One sequence, ``(1, 4, length)``; None if sizes are not known.
    """

    def __init__(self, model: nn.Module, probe: Tensor | None) -> None:
        super().__init__()
        self._model = model
        self._probe = probe
        self.values: dict[str, Any] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one node of the graph."""
        return isinstance(m, FixedDropout) or super().is_leaf_module(m, module_qualified_name)

    def create_arg(self, a: Any) -> Any:
        """Return an argument as the graph holds it; NumPy's integers as Python's."""
        return super().create_arg(int(a) if isinstance(a, np.integer) else a)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        """Return a new node, evaluated for the probe where that is possible."""
        node = super().create_node(*args, **kwargs)
        if self._probe is not None:
            self._evaluate(node)
        return node

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """Return what stands for a node's value while the model runs."""
        if isinstance(self.values.get(node.name), Tensor):
            return _SizedProxy(node, self)
        return super().proxy(node)

    def _evaluate(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            self.values.setdefault(node.name, self._probe)
            return
        try:
            if node.op == "get_attr":
                with _untraced():
                    self.values[node.name] = operator.attrgetter(str(node.target))(self._model)
                return
            args, kwargs = fx.map_arg(
                (node.args, node.kwargs), lambda source: self.values[source.name]
            )
            with torch.no_grad(), _untraced():
                self.values[node.name] = call_node(self._model, node, args, kwargs)
        except Exception:  # noqa: BLE001 - its size is unknown then, as for any tracer
            self.values.pop(node.name, None)


class _SizedProxy(fx.Proxy):
    """Stands for a tensor whose sizes are known, all but that of the batch."""

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes; the first one is a value of the graph."""
        return (fx.Proxy.__getattr__(self, "shape")[0], *self._sizes()[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._sizes())

    def dim(self) -> int:
        """Return the number of axes."""
        return len(self._sizes())

    def size(self, dim: int | None = None) -> Any:
        """Return all sizes, or that of one axis."""
        return self.shape if dim is None else self.shape[dim]

    def _sizes(self) -> torch.Size:
        return self.tracer.values[self.node.name].shape  # type: ignore[attr-defined]


@contextmanager
def _untraced() -> Iterator[None]:
    """Context manager: modules compute as outside of tracing, which replaces two methods."""
    traced = nn.Module.__call__, nn.Module.__getattr__
    nn.Module.__call__, nn.Module.__getattr__ = _CALL, _GETATTR
    try:
        yield
    finally:
        nn.Module.__call__, nn.Module.__getattr__ = traced
