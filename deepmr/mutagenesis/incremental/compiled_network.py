"""A traced network as layers that propagate deltas, and nodes that must run in full."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.flattened_linear import FlattenedLinear
from deepmr.mutagenesis.incremental.layers.global_pooling import (
    GlobalLayer,
    GlobalSumPool,
    SoftplusSumPool,
)
from deepmr.mutagenesis.incremental.layers.linear import Add, Multiply
from deepmr.mutagenesis.incremental.layers.nonlinear import Nonlinear, Pointwise
from deepmr.mutagenesis.incremental.layers.position_layer import PositionLayer, row_width
from deepmr.mutagenesis.incremental.layers.vector import VectorLayer
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Span

__all__ = ["CompiledNetwork", "FallbackNodes", "call_node", "run_reference"]


@dataclass(slots=True)
class FallbackNodes:
    """Nodes without a rule for deltas, which run in full on every mutant.

    Args:
        nodes: The nodes, in the order in which they run.
        reasons: Why the rules do not apply, for a message to the user; a node that only follows
            another fallback node has none.
    """

    nodes: list[fx.Node] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(slots=True)
class CompiledNetwork:
    """The layers of a network in the order in which they run; nodes are named as in the graph.

    Args:
        traced: The graph; its forward pass computes references.
        output: Name of the node whose value is the network's raw output.
        length: Bases of a locus.
        n_tasks: Values of the raw output.
        aliases: Nodes with the same value as another node (dropout in evaluation mode), by name.
        channels_last: Nodes whose value is ``(batch, position, channel)``, by name.
        position_layers: Layers whose output has a position axis.
        global_layers: Layers that remove the position axis.
        vector_layers: Layers after those.
        fallback: Nodes without a rule for deltas, with the reasons.
    """

    traced: fx.GraphModule
    output: str
    length: int
    n_tasks: int = 0
    aliases: dict[str, str] = field(default_factory=dict)
    channels_last: set[str] = field(default_factory=set)
    position_layers: list[PositionLayer] = field(default_factory=list)
    global_layers: list[GlobalLayer] = field(default_factory=list)
    vector_layers: list[VectorLayer] = field(default_factory=list)
    fallback: FallbackNodes = field(default_factory=FallbackNodes)

    @property
    def source(self) -> str:
        """Name of the input node."""
        return next(node.name for node in self.traced.graph.nodes if node.op == "placeholder")

    @property
    def total_stride(self) -> int:
        """Least common multiple of all strides, in bases."""
        return math.lcm(*(layer.axis.stride for layer in self.position_layers), 1)

    def resolve(self, name: str) -> str:
        """Return the name of the node of which a node is an alias; its own if it is none."""
        while name in self.aliases:
            name = self.aliases[name]
        return name

    def sources_of(self, node: fx.Node) -> list[str]:
        """Return the names of a node's inputs, aliases resolved."""
        return [self.resolve(source.name) for source in node.all_input_nodes]

    def fallback_inputs(self) -> list[str]:
        """Return the names of the layers whose outputs the fallback nodes take as input."""
        own = {node.name for node in self.fallback.nodes}
        layers = (*self.vector_layers, *self.global_layers)
        known = {*self.shapes(), *(layer.name for layer in layers)}
        wanted: list[str] = []
        for node in self.fallback.nodes:
            wanted += [name for name in self.sources_of(node) if name in known - own]
        return list(dict.fromkeys(wanted))

    def fuse(self) -> None:
        """Fuse batch norm and nonlinear layers to the convolution whose only reader they are."""
        readers = self._readers()
        by_name = {layer.name: layer for layer in self.position_layers}
        for layer in list(self.position_layers):
            feeder = by_name.get(layer.sources[0])
            if not isinstance(feeder, Convolution) or readers[layer.sources[0]] != 1:
                continue
            if feeder.fused is not None:
                continue
            if isinstance(layer, Multiply) and layer.factor.shape[0] == 1:
                feeder.fold(layer.factor[0])
                del by_name[feeder.name]
                feeder.name = layer.name
                by_name[layer.name] = feeder
                self.position_layers.remove(layer)
            elif isinstance(layer, Nonlinear):
                feeder.fused = layer
        fused = {
            id(layer.fused) for layer in self.position_layers if isinstance(layer, Convolution)
        }
        self.position_layers = [layer for layer in self.position_layers if id(layer) not in fused]
        self._work_in_place(readers)

    def join_softplus(self, is_softplus: Callable[[object], bool]) -> None:
        """Join a softplus along the sequence to the global sum that alone reads it.

        Args:
            is_softplus: Tells whether the function of an elementwise layer is a softplus.
        """
        readers = self._readers()
        by_name = {layer.name: layer for layer in self.position_layers}
        for place, reducer in enumerate(self.global_layers):
            layer = by_name.get(reducer.source)
            if (
                type(reducer) is GlobalSumPool
                and not reducer.together
                and isinstance(layer, Pointwise)
                and is_softplus(layer.function)
                and readers[layer.name] == 1
            ):
                source = layer.sources[0]
                joined = SoftplusSumPool(reducer.name, source, reducer.axis, reducer.factor)
                self.global_layers[place] = joined
                self.position_layers.remove(layer)

    def widen_rows(self) -> None:
        """Fill rows of channels up to a width that matrix products are fast at, if all can be."""
        fused = [one.fused for one in self.position_layers if isinstance(one, Convolution)]
        layers = [*self.position_layers, *(layer for layer in fused if layer is not None)]
        read = set(self.fallback_inputs()) & set(self.shapes())
        if read or not all(layer.keeps_zero_channels() for layer in layers):
            return
        for layer in layers:
            layer.channels = row_width(layer.channels)

    def _work_in_place(self, readers: dict[str, int]) -> None:
        """Let layers overwrite the output of a convolution that nothing else reads."""
        owned = {
            name
            for layer, name, _ in self.outputs()
            if isinstance(layer, Convolution) and readers.get(name) == 1
        }
        for layer in self.position_layers:
            if isinstance(layer, Nonlinear):
                layer.overwrites = layer.sources[0] in owned
            if isinstance(layer, Add):
                signed = enumerate(zip(layer.sources, layer.signs, strict=True))
                mine = [place for place, (name, sign) in signed if sign == 1.0 and name in owned]
                layer.overwritten = mine[0] if mine else None

    def _readers(self) -> dict[str, int]:
        """Return how many layers take each node as input."""
        readers: dict[str, int] = {}
        names = [
            name for layer in (*self.position_layers, *self.vector_layers) for name in layer.sources
        ]
        names += [layer.source for layer in self.global_layers]
        for name in (*names, *self.fallback_inputs(), self.output):
            readers[name] = readers.get(name, 0) + 1
        return readers

    def outputs(self) -> list[tuple[PositionLayer, str, Axis]]:
        """Return each position layer with the name and axis of its output, after fusion."""
        return [
            (layer, layer.fused.name, layer.fused.axis)
            if isinstance(layer, Convolution) and layer.fused is not None
            else (layer, layer.name, layer.axis)
            for layer in self.position_layers
        ]

    def shapes(self) -> dict[str, tuple[int, int]]:
        """Return channels and positions of the input and of every position layer, by name."""
        shapes = {self.source: (4, self.length)}
        for layer in self.position_layers:
            shapes[layer.name] = (layer.channels, layer.axis.length)
            if isinstance(layer, Convolution) and layer.fused is not None:
                shapes[layer.fused.name] = (layer.fused.channels, layer.fused.axis.length)
        return shapes

    def gathered_values(self) -> list[int]:
        """Return how many values of a mutant each flattened layer gathers from all blocks."""
        spans, shapes = self.spans(0), self.shapes()
        flattened = [one for one in self.global_layers if isinstance(one, FlattenedLinear)]
        return [shapes[one.source][0] * spans[one.source].width for one in flattened]

    def axis_of(self, name: str) -> Axis:
        """Return the position axis of a layer's output; the input's for any other name."""
        axes = {name: axis for _, name, axis in self.outputs()}
        return axes.get(name, Axis(self.length, 1))

    def spans(self, phase: int, block: Block | None = None) -> dict[str, Span]:
        """Return the positions of each output that a substitution can change, by name.

        Args:
            phase: Position of the substitution modulo the total stride, in bases.
            block: Clip the spans to the ends of each axis for these sites; not clipped by default.
        """

        def clip(span: Span, axis: Axis) -> Span:
            return span if block is None else block.clipped(span, axis)

        spans = {self.source: Span(phase, phase + 1)}
        for layer, name, axis in self.outputs():
            sources = [spans[source] for source in layer.sources]
            span = Span(0, 0)
            if any(source.width for source in sources):
                span = clip(layer.affected_span(*sources), layer.axis)
            if isinstance(layer, Convolution) and layer.fused is not None and span.width:
                spans[layer.name] = span
                span = clip(layer.fused.affected_span(span), axis)
            spans[name] = span
        return spans

    def set_margins(self) -> None:
        """Set each layer's margin: how far spans reach beyond the ends of its axis."""
        margins: dict[str, int] = {}
        axes = {name: axis for _, name, axis in self.outputs()}
        axes |= {layer.name: layer.axis for layer in self.position_layers}
        axes[self.source] = Axis(self.length, 1)
        total = self.total_stride
        for phase in range(min(total, self.length)):
            last = (self.length - 1 - phase) // total
            for name, span in self.spans(phase).items():
                axis = axes[name]
                beyond = last * (total // axis.stride) + span.stop - axis.length
                margins[name] = max(margins.get(name, 0), -span.start, beyond)
        for layer in self.position_layers:
            layer.margin = margins[layer.name]
            if isinstance(layer, Convolution) and layer.fused is not None:
                layer.fused.margin = margins[layer.fused.name]
        for reducer in self.global_layers:
            reducer.margin = margins[reducer.source]


def call_node(traced: nn.Module, node: fx.Node, args: Any, kwargs: Any) -> Any:
    """Return the value of a node that calls a module, a method or a function.

    Args:
        traced: The graph, or the model that it was traced from.
        node: The node.
        args: Its arguments, nodes replaced by their values.
        kwargs: Its keyword arguments, likewise.
    """
    if node.op == "call_module":
        return traced.get_submodule(str(node.target))(*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    return node.target(*args, **kwargs)  # type: ignore[operator]


def run_reference(traced: fx.GraphModule, sequences: Tensor) -> dict[str, Any]:
    """Return the value of every node in a forward pass; of a maximum with indices, its values.

    Args:
        traced: The graph.
        sequences: One-hot sequences, ``(batch, 4, length)``.
    """
    values: dict[fx.Node, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            values[node] = sequences
        elif node.op == "get_attr":
            values[node] = operator.attrgetter(str(node.target))(traced)
        else:
            args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = args[0] if node.op == "output" else call_node(traced, node, args, kwargs)
    return {
        node.name: value[0] if isinstance(value, torch.return_types.max) else value
        for node, value in values.items()
    }
