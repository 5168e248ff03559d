"""What mutagenesis costs: arithmetic by counting, time by a short measurement, bytes by rule."""

from __future__ import annotations

import time

import numpy as np
from jaxtyping import UInt8
from torch import nn

from deepmr.mutagenesis.convolution import Convolution
from deepmr.mutagenesis.effects import Engine
from deepmr.mutagenesis.ends import End, LinearOverPositions
from deepmr.mutagenesis.network import Network
from deepmr.mutagenesis.variants import Variants

__all__ = [
    "bytes_in_memory",
    "mutants_per_second",
    "saving",
    "sequences_per_second",
]

_PASS = 20
"""Multiply-adds in whose time one value is laid out, added to, and put through a function."""
_START = 100_000
"""Multiply-adds in whose time one operation is started from Python."""
_WARM_UP = 48
"""Mutants of the first, uncounted measurement, and of the first counted one."""
_PASSING_BYTES = 36
"""Bytes that a member's effect on one output takes on its way: float32, then four float64."""
_PASSES = 8
"""Forward passes whose time is taken."""


def saving(network: Network, chunk: int) -> float:
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


def mutants_per_second(
    engine: Engine,
    codes: UInt8[np.ndarray, "locus length"],
    variants: Variants,
    *,
    seconds: float = 1.0,
) -> float:
    """Measure an engine on the first mutants of some loci, for about as long as asked.

    A few go first and are not counted: they lay out weights and fill caches. Then the number
    doubles until the time is up or all are in. Fewer mutants are a little slower than many, so
    the speed is rather understated.

    Args:
        engine: What is measured.
        codes: One or more loci.
        variants: Their variants.
        seconds: Stop doubling once a measurement has taken this long; 3 times that pass at most.

    Raises:
        ValueError: If none of the loci has a variant.
    """
    locus, column = np.nonzero(variants.mask)
    if not len(locus):
        raise ValueError("loci without variants cannot be measured; pick others")

    def spent(size: int) -> float:
        rows = slice(0, int(locus[size - 1]) + 1)
        mask = np.zeros_like(variants.mask)
        mask[locus[:size], column[:size]] = True
        some = Variants(
            offset=variants.offset[rows],
            ref=variants.ref[rows],
            alt=variants.alt[rows],
            mask=mask[rows],
        )
        start = time.perf_counter()
        engine(codes[rows], some)
        return time.perf_counter() - start

    size = min(len(locus), _WARM_UP)
    spent(size)
    elapsed = spent(size)
    while size < len(locus) and 2 * elapsed <= seconds:
        size = min(len(locus), 2 * size)
        elapsed = spent(size)
    return float(size / elapsed)


def sequences_per_second(engine: Engine, codes: UInt8[np.ndarray, "locus length"]) -> float:
    """Measure an engine's whole forward passes on a few sequences, the second time."""
    some = np.resize(codes[:1], (_PASSES, codes.shape[1]))
    elapsed = 0.0
    for _ in range(2):
        start = time.perf_counter()
        engine.predict(some)
        elapsed = time.perf_counter() - start
    return float(_PASSES / elapsed)


def bytes_in_memory(
    *, n_loci: int, n_variants: int, n_outputs: int, n_tasks: int, n_members: int
) -> int:
    """Return about how many bytes the effects of one shard take while they are made.

    The kept tasks of all members in double precision, twice while they are put together and
    encoded; and all outputs of one member, which link and calibrators hold several times over.
    What the network itself needs is not in it.

    Args:
        n_loci: Loci of the shard.
        n_variants: Variants tried at a locus.
        n_outputs: All tasks of the network.
        n_tasks: Tasks kept.
        n_members: Networks or dropout draws.

    Example:
        >>> shard = {"n_loci": 16, "n_variants": 3000, "n_tasks": 2, "n_members": 5}
        >>> bytes_in_memory(**shard, n_outputs=2) / 1e6
        11.136
    """
    kept = 2 * 8 * n_tasks * n_members
    passing = _PASSING_BYTES * n_outputs
    return n_loci * n_variants * (kept + passing)
