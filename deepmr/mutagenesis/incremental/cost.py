"""Arithmetic of the incremental engine relative to whole forward passes, by counting."""

from __future__ import annotations

import numpy as np
from torch import nn

from deepmr.mutagenesis.incremental.compiled_network import Network
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.global_pooling import End, LinearOverPositions

__all__ = ["expected_speedup"]

_PASS = 20
"""Multiply-adds in whose time one value is laid out, added to, and put through a function."""
_START = 100_000
"""Multiply-adds in whose time one operation is started from Python."""


def expected_speedup(network: Network, chunk: int) -> float:
    """Return the work of whole forward passes over that of the incremental engine.

    Both are counted in multiply-adds, with a price for passes over memory and, on the
    incremental side, for starting each operation of each block of ``chunk`` mutants.
    """
    total = network.total_stride
    phases = range(0, min(total, network.length), max(1, total // 8))
    rest = _tail(network)
    changed = float(np.mean([_changed(network, phase) for phase in phases]))
    per_phase = 3 * max(1, network.length // total)
    started = _started(network) / min(chunk, per_phase)
    return float((_whole(network) + rest) / (changed + started + rest))


def _started(network: Network) -> float:
    taps = [layer.sliding.kernel for layer in network.layers if isinstance(layer, Convolution)]
    operations = sum(taps) + 8 * len(network.layers) + 8 * len(network.ends)
    return float(_START * (operations + 8 * len(network.vectors)))


def _whole(network: Network) -> float:
    cost = float(sum(end.axis.length * _weights(network, end) for end in network.ends))
    for layer, name, _ in network.parts():
        channels, length = network.shapes()[name]
        cost += _PASS * channels * length
        if isinstance(layer, Convolution):
            weights = layer.module.weight.numel()
            cost += layer.axis.length * weights + _PASS * layer.axis.length * layer.channels
    return float(cost)


def _changed(network: Network, phase: int) -> float:
    spans = network.spans(phase)
    cost = float(
        sum(
            min(spans[end.source].width, end.axis.length) * _weights(network, end)
            for end in network.ends
        )
    )
    for layer, name, axis in network.parts():
        here = min(spans[name].width, axis.length)
        cost += _PASS * here * network.shapes()[name][0]
        if isinstance(layer, Convolution):
            sources = [spans[source] for source in layer.sources]
            span = spans[layer.name]
            share = min(1.0, layer.axis.length / max(span.width, 1))
            cost += share * layer.products(sources, span) + _PASS * span.width * layer.channels
    return float(cost)


def _weights(network: Network, end: End) -> int:
    """Return the multiply-adds an end spends on one position."""
    channels = network.shapes()[end.source][0]
    return channels * (end.weight.shape[2] if isinstance(end, LinearOverPositions) else 1)


def _tail(network: Network) -> float:
    """Return a guess for the tail: each weight once for every position it may meet."""
    modules = [
        network.traced.get_submodule(str(node.target))
        for node in network.tail
        if node.op == "call_module"
    ]
    cost = 0.0
    for module in modules:
        weights = sum(parameter.numel() for parameter in module.parameters())
        meets = 1 if isinstance(module, nn.Linear) else network.length
        cost += weights * meets
    return float(cost + _PASS * 4 * network.length * len(network.tail))
