"""Arithmetic of whole forward passes relative to that of the incremental engine, by counting."""

from __future__ import annotations

import numpy as np
from torch import nn

from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork
from deepmr.mutagenesis.incremental.layers.convolution import Convolution

__all__ = ["expected_speedup"]

_ELEMENTWISE = 20
"""Cost of an elementwise layer for each value, in multiply-adds that take as long."""
_LAUNCH = 100_000
"""Cost of starting one tensor operation from Python, in multiply-adds that take as long."""


def expected_speedup(network: CompiledNetwork, chunk: int) -> float:
    """Return the cost of whole forward passes over that of the incremental engine.

    Both are counted in multiply-adds, plus a price for elementwise layers and, on the incremental
    side, for starting each operation of each block.

    Args:
        network: The compiled network.
        chunk: Mutants of one block.
    """
    total = network.total_stride
    phases = range(0, min(total, network.length), max(1, total // 8))
    fallback = _fallback_cost(network)
    propagation = float(np.mean([_propagation_cost(network, phase) for phase in phases]))
    per_phase = 3 * max(1, network.length // total)
    launches = _launch_cost(network) / min(chunk, per_phase)
    return float((_forward_cost(network) + fallback) / (propagation + launches + fallback))


def _launch_cost(network: CompiledNetwork) -> float:
    layers = network.position_layers
    taps = [layer.window.kernel for layer in layers if isinstance(layer, Convolution)]
    operations = sum(taps) + 8 * len(layers) + 8 * len(network.global_layers)
    return float(_LAUNCH * (operations + 8 * len(network.vector_layers)))


def _forward_cost(network: CompiledNetwork) -> float:
    """Return the cost of a forward pass of one mutant, without fallback nodes."""
    shapes = network.shapes()
    cost = float(
        sum(
            layer.axis.length * layer.multiply_adds(shapes[layer.source][0])
            for layer in network.global_layers
        )
    )
    for layer, name, _ in network.outputs():
        channels, length = shapes[name]
        cost += _ELEMENTWISE * channels * length
        if isinstance(layer, Convolution):
            weights = layer.weight.numel()
            cost += layer.axis.length * weights
            cost += _ELEMENTWISE * layer.axis.length * layer.channels
    return float(cost)


def _propagation_cost(network: CompiledNetwork, phase: int) -> float:
    """Return the cost of propagating the delta of one mutant, without fallback nodes."""
    spans, shapes = network.spans(phase), network.shapes()
    cost = float(
        sum(
            min(spans[layer.source].width, layer.axis.length)
            * layer.multiply_adds(shapes[layer.source][0])
            for layer in network.global_layers
        )
    )
    for layer, name, axis in network.outputs():
        changed = min(spans[name].width, axis.length)
        cost += _ELEMENTWISE * changed * shapes[name][0]
        if isinstance(layer, Convolution):
            span = spans[layer.name]
            share = min(1.0, layer.axis.length / max(span.width, 1))
            cost += share * layer.multiply_adds(spans[layer.sources[0]], span)
            cost += _ELEMENTWISE * span.width * layer.channels
    return float(cost)


def _fallback_cost(network: CompiledNetwork) -> float:
    """Return a rough cost of fallback nodes: each weight once for every position it may meet."""
    modules = [
        network.traced.get_submodule(str(node.target))
        for node in network.fallback.nodes
        if node.op == "call_module"
    ]
    cost = 0.0
    for module in modules:
        weights = sum(parameter.numel() for parameter in module.parameters())
        cost += weights * (1 if isinstance(module, nn.Linear) else network.length)
    return float(cost + _ELEMENTWISE * 4 * network.length * len(network.fallback.nodes))
