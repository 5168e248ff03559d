"""Compilation of a model: each traced node to a layer of deltas, or to run in full."""

from __future__ import annotations

import operator

import torch
from torch import fx, nn

from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork, run_reference
from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.flattened_linear import FlattenedLinear
from deepmr.mutagenesis.incremental.layers.global_pooling import Flattened
from deepmr.mutagenesis.incremental.layers.linear import Reshape
from deepmr.mutagenesis.incremental.layers.position_layer import Output, PositionLayer
from deepmr.mutagenesis.incremental.operations import (
    CompilerState,
    NoRuleError,
    is_identity,
    is_softplus,
    label,
)
from deepmr.mutagenesis.incremental.position_rules import position_layer
from deepmr.mutagenesis.incremental.receptive_field import Axis
from deepmr.mutagenesis.incremental.trace import trace
from deepmr.mutagenesis.incremental.vector_rules import (
    global_layer,
    is_flattening,
    is_single_channel,
    vector_layer,
)
from deepmr.mutagenesis.model_state import device_of

__all__ = ["compile_network"]


def compile_network(
    model: nn.Module,
    *,
    length: int,
    dtype: torch.dtype,
    product_dtype: torch.dtype | None = None,
) -> CompiledNetwork:
    """Trace a model and compile its nodes.

    Args:
        model: Maps ``(batch, 4, length)`` to ``(batch, task)``; in evaluation mode.
        length: Bases of a locus.
        dtype: Dtype of parameters and references.
        product_dtype: Dtype of matrix products of deltas; ``dtype`` if None.

    Raises:
        NotTraceableError: If torch.fx cannot trace the model.
    """
    probe = torch.zeros((1, 4, length), dtype=dtype, device=device_of(model))
    traced = trace(model, probe)
    values = run_reference(traced, probe)
    network, state = _compiled(traced, values, length, product_dtype, compile_vectors=True)
    if any(name in state.axes for name in network.fallback_inputs()):
        # fallback nodes read position layers block by block: nothing may wait for all blocks
        reasons = network.fallback.reasons
        network, state = _compiled(traced, values, length, product_dtype, compile_vectors=False)
        network.fallback.reasons = reasons
    if dtype != torch.float64:  # PyTorch's softplus is its input from 20 on, off by 2e-9
        network.join_softplus(is_softplus)
    network.fuse()
    network.widen_rows()
    channels = {name: wide for name, (wide, _) in network.shapes().items()}
    for layer in network.position_layers:
        if isinstance(layer, Convolution):
            layer.lay_out_weights(product_dtype, channels[layer.sources[0]])
    for reducer in network.global_layers:
        if isinstance(reducer, FlattenedLinear):
            reducer.lay_out_weights(channels[reducer.source])
    network.set_margins()
    return network


def _compiled(
    traced: fx.GraphModule,
    values: dict[str, object],
    length: int,
    product_dtype: torch.dtype | None,
    *,
    compile_vectors: bool,
) -> tuple[CompiledNetwork, CompilerState]:
    final = next(node for node in traced.graph.nodes if node.op == "output")
    network = CompiledNetwork(traced=traced, output="", length=length)
    state = CompilerState(
        network=network,
        values=values,
        product_dtype=product_dtype,
        compile_vectors=compile_vectors,
    )
    state.axes[network.source] = Axis(length, 1)
    state.channels[network.source] = 4
    for node in traced.graph.nodes:
        if node.op not in {"placeholder", "output"}:
            _compile_node(state, node)
    network.output = network.resolve(final.args[0].name)
    network.n_tasks = state.shape(final.args[0].name)[1]
    if network.output in state.axes:  # positions of a single channel are the tasks
        axis = state.axes[network.output]
        network.global_layers.append(Flattened(network.output, network.output, axis))
    return network, state


def _compile_node(state: CompilerState, node: fx.Node) -> None:
    network = state.network
    sources = [
        name
        for name in network.sources_of(node)
        if name in state.axes or name in state.vectors or name in state.fallback
    ]
    if not sources or isinstance(state.values[node.name], int | torch.Size):
        return
    if any(name in state.fallback for name in sources):
        _fall_back(state, node, "")
        return
    try:
        if is_identity(node, state.module(node)) or _selects_maximum(state, node):
            network.aliases[node.name] = sources[0]
        elif all(name in state.axes for name in sources):
            _compile_position_node(state, node, sources[0])
        elif all(name in state.vectors for name in sources):
            network.vector_layers.append(vector_layer(state, node, sources))
            state.vectors.add(node.name)
        else:
            _fall_back(state, node, f"{label(node)} combines positions with a vector")
    except NoRuleError as reason:
        _fall_back(state, node, str(reason))


def _fall_back(state: CompilerState, node: fx.Node, reason: str) -> None:
    state.fallback.add(node.name)
    state.network.fallback.nodes.append(node)
    if reason:
        state.network.fallback.reasons.append(reason)


def _selects_maximum(state: CompilerState, node: fx.Node) -> bool:
    """Return whether a node selects the maximum from a pair of maximum and indices."""
    if node.target not in {operator.getitem, getattr}:
        return False
    source = node.args[0]
    return isinstance(source, fx.Node) and any(
        layer.name == source.name and source.target in {torch.max, "max"}
        for layer in state.network.global_layers
    )


def _compile_position_node(state: CompilerState, node: fx.Node, source: str) -> None:
    network = state.network
    flattens = is_flattening(state, node, source) or is_single_channel(state, node, source)
    if source not in state.flattened and flattens:
        output = Output(node.name, (source,), state.axes[source], state.channels[source])
        layer: PositionLayer | None = Reshape(output)
        state.flattened.add(node.name)
    else:
        layer = position_layer(state, node, source)
    if layer is not None:
        network.position_layers.append(layer)
        state.axes[node.name], state.channels[node.name] = layer.axis, layer.channels
        if source in state.flattened and len(state.shape(node.name)) == 2:
            state.flattened.add(node.name)
        return
    network.global_layers.append(global_layer(state, node, source))
    state.vectors.add(node.name)
