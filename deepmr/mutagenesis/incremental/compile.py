"""Sorting a traced network: each node goes to the first rule that treats it exactly."""

from __future__ import annotations

import operator

import torch
from torch import fx, nn

from deepmr.mutagenesis.incremental.compiled_network import Network, run_reference
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.layer import Layer
from deepmr.mutagenesis.incremental.layers.linear import Renamed
from deepmr.mutagenesis.incremental.operations import Known, Whole, is_identity, label
from deepmr.mutagenesis.incremental.position_rules import layer_of
from deepmr.mutagenesis.incremental.receptive_field import Axis
from deepmr.mutagenesis.incremental.trace import trace
from deepmr.mutagenesis.incremental.vector_rules import end_of, is_flattening, vector_of
from deepmr.mutagenesis.model_state import device_of

__all__ = ["sort_network"]


def sort_network(
    model: nn.Module, *, length: int, dtype: torch.dtype, product: torch.dtype | None = None
) -> Network:
    """Trace a model and sort its nodes.

    Args:
        model: In evaluation mode.
        length: Bases of a locus.
        dtype: Of parameters and references.
        product: Precision of matrix products, if another.

    Raises:
        NotTraceableError: If the model's structure cannot be found.
    """
    traced = trace(model)
    probe = torch.zeros((1, 4, length), dtype=dtype, device=device_of(model))
    values = run_reference(traced, probe)
    network, known = _sorted(traced, values, length, product, split=True)
    if any(name in known.axes for name in network.frontier()):
        # the tail reads along the sequence, block by block: nothing may wait for all blocks
        network, known = _sorted(traced, values, length, product, split=False)
    network.fuse()
    for layer in network.layers:
        if isinstance(layer, Convolution):
            layer.settle(product)
    network.set_margins()
    return network


def _sorted(
    traced: fx.GraphModule,
    values: dict[str, object],
    length: int,
    product: torch.dtype | None,
    *,
    split: bool,
) -> tuple[Network, Known]:
    source = next(node for node in traced.graph.nodes if node.op == "placeholder")
    final = next(node for node in traced.graph.nodes if node.op == "output")
    network = Network(traced=traced, source=source.name, output="", length=length)
    known = Known(network=network, values=values, product=product, split=split)
    known.axes[source.name] = Axis(length, 1)
    known.channels[source.name] = 4
    for node in traced.graph.nodes:
        if node.op not in {"placeholder", "output"}:
            _sort(known, node)
    network.output = network.real(final.args[0].name)
    network.n_tasks = known.shape(final.args[0].name)[1]
    return network, known


def _sort(known: Known, node: fx.Node) -> None:
    network = known.network
    sources = [
        name
        for name in network.sources_of(node)
        if name in known.axes or name in known.vectors or name in known.tail
    ]
    if not sources or isinstance(known.values[node.name], int | torch.Size):
        return
    if any(name in known.tail for name in sources):
        _leave_whole(known, node, "")
        return
    try:
        if is_identity(node, known.module(node)) or _picks_maximum(known, node):
            network.alias[node.name] = sources[0]
        elif all(name in known.axes for name in sources):
            _sort_along(known, node, sources[0])
        elif all(name in known.vectors for name in sources):
            network.vectors.append(vector_of(known, node, sources))
            known.vectors.add(node.name)
        else:
            _leave_whole(known, node, f"{label(node)} joins positions with a vector")
    except Whole as reason:
        _leave_whole(known, node, str(reason))


def _leave_whole(known: Known, node: fx.Node, reason: str) -> None:
    known.tail.add(node.name)
    known.network.tail.append(node)
    if reason:
        known.network.reasons.append(reason)


def _picks_maximum(known: Known, node: fx.Node) -> bool:
    """Whether a node takes the maximum of a pair of maximum and indices."""
    if node.target not in {operator.getitem, getattr}:
        return False
    source = node.args[0]
    return isinstance(source, fx.Node) and any(
        end.name == source.name and source.target in {torch.max, "max"}
        for end in known.network.ends
    )


def _sort_along(known: Known, node: fx.Node, source: str) -> None:
    network = known.network
    if source not in known.flat and is_flattening(known, node, source):
        layer: Layer | None = Renamed(
            node.name, (source,), known.axes[source], known.channels[source]
        )
        known.flat.add(node.name)
    else:
        layer = layer_of(known, node, source)
    if layer is not None:
        network.layers.append(layer)
        known.axes[node.name], known.channels[node.name] = layer.axis, layer.channels
        if source in known.flat:
            known.flat.add(node.name)
        return
    network.ends.append(end_of(known, node, source))
    known.vectors.add(node.name)
