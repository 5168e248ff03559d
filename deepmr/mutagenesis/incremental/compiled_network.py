"""A traced network sorted into what passes changes on and what must be run as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from deepmr.mutagenesis.incremental.layers.convolution import Convolution
from deepmr.mutagenesis.incremental.layers.global_pooling import End
from deepmr.mutagenesis.incremental.layers.layer import Layer
from deepmr.mutagenesis.incremental.layers.linear import Scale
from deepmr.mutagenesis.incremental.layers.nonlinear import Nonlinear
from deepmr.mutagenesis.incremental.layers.vector import Vector
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Span

__all__ = ["Network", "run_reference"]


@dataclass(slots=True)
class Network:
    """The parts of a network, in the order they run.

    Args:
        traced: The graph, which also computes references.
        source: The input node.
        output: The node whose value is the prediction.
        length: Bases of a locus.
        n_tasks: Values of a prediction.
        alias: Nodes that are another node under a second name (dropout in evaluation mode).
        layers: Nodes along the sequence that pass changes on.
        ends: Nodes that leave the position axis.
        vectors: Nodes behind those.
        tail: Nodes run as a whole on every mutant's values.
        reasons: Why there is a tail.
    """

    traced: fx.GraphModule
    source: str
    output: str
    length: int
    n_tasks: int = 0
    alias: dict[str, str] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    vectors: list[Vector] = field(default_factory=list)
    tail: list[fx.Node] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def total_stride(self) -> int:
        """The least number of bases after which the geometry repeats."""
        return math.lcm(*(layer.axis.stride for layer in self.layers), 1)

    def real(self, name: str) -> str:
        """Return the node behind an alias."""
        while name in self.alias:
            name = self.alias[name]
        return name

    def sources_of(self, node: fx.Node) -> list[str]:
        """Return the nodes that a node reads, without aliases."""
        return [self.real(source.name) for source in node.all_input_nodes]

    def frontier(self) -> list[str]:
        """Return the nodes whose values the tail needs, and the output if it has no other form."""
        own = {node.name for node in self.tail}
        known = {*self.shapes(), *(part.name for part in (*self.vectors, *self.ends))}
        wanted: list[str] = []
        for node in self.tail:
            wanted += [name for name in self.sources_of(node) if name in known - own]
        return list(dict.fromkeys(wanted))

    def fuse(self) -> None:
        """Let convolutions take up the batch norm and the nonlinear layer that they alone feed."""
        readers: dict[str, int] = {}
        for part in (*self.layers, *self.vectors):
            for name in part.sources:
                readers[name] = readers.get(name, 0) + 1
        for name in (*(end.source for end in self.ends), *self.frontier(), self.output):
            readers[name] = readers.get(name, 0) + 1
        by_name = {layer.name: layer for layer in self.layers}
        for layer in list(self.layers):
            feeder = by_name.get(layer.sources[0])
            if not isinstance(feeder, Convolution) or readers[layer.sources[0]] != 1:
                continue
            if feeder.into is not None:
                continue
            if isinstance(layer, Scale) and layer.factor.shape[0] == 1:
                feeder.scale(layer.factor[0])
                del by_name[feeder.name]
                feeder.name = layer.name
                by_name[layer.name] = feeder
                self.layers.remove(layer)
            elif isinstance(layer, Nonlinear):
                feeder.into = layer
        absorbed = {id(layer.into) for layer in self.layers if isinstance(layer, Convolution)}
        self.layers = [layer for layer in self.layers if id(layer) not in absorbed]

    def parts(self) -> list[tuple[Layer, str, Axis]]:
        """Return each layer with the node it yields and that node's axis."""
        return [
            (layer, layer.into.name, layer.into.axis)
            if isinstance(layer, Convolution) and layer.into is not None
            else (layer, layer.name, layer.axis)
            for layer in self.layers
        ]

    def shapes(self) -> dict[str, tuple[int, int]]:
        """Return channels and positions of every node along the sequence."""
        shapes = {self.source: (4, self.length)}
        for layer in self.layers:
            shapes[layer.name] = (layer.channels, layer.axis.length)
            if isinstance(layer, Convolution) and layer.into is not None:
                shapes[layer.into.name] = (layer.into.channels, layer.into.axis.length)
        return shapes

    def axis_of(self, name: str) -> Axis:
        """Return the axis of a node along the sequence."""
        axes = {name: axis for _, name, axis in self.parts()}
        return axes.get(name, Axis(self.length, 1))

    def spans(self, phase: int, block: Block | None = None) -> dict[str, Span]:
        """Return where each node can change for sites of a phase, cut to a block's axes."""

        def cut(span: Span, axis: Axis) -> Span:
            return span if block is None else block.trimmed(span, axis)

        spans = {self.source: Span(phase, phase + 1)}
        for layer, name, axis in self.parts():
            sources = [spans[source] for source in layer.sources]
            span = Span(0, 0)
            if any(source.width for source in sources):
                span = cut(layer.reach(*sources), layer.axis)
            if isinstance(layer, Convolution) and layer.into is not None and span.width:
                spans[layer.name] = span
                span = cut(layer.into.reach(span), axis)
            spans[name] = span
        return spans

    def set_margins(self) -> None:
        """Tell every part how far around the ends of its axis the spans reach."""
        margins: dict[str, int] = {}
        axes = {name: axis for _, name, axis in self.parts()}
        axes |= {layer.name: layer.axis for layer in self.layers}
        axes[self.source] = Axis(self.length, 1)
        total = self.total_stride
        for phase in range(min(total, self.length)):
            last = (self.length - 1 - phase) // total
            for name, span in self.spans(phase).items():
                axis = axes[name]
                beyond = last * (total // axis.stride) + span.stop - axis.length
                margins[name] = max(margins.get(name, 0), -span.start, beyond)
        for layer in self.layers:
            layer.margin = margins[layer.name]
            if isinstance(layer, Convolution) and layer.into is not None:
                layer.into.margin = margins[layer.into.name]
        for end in self.ends:
            end.margin = margins[end.source]


class _Keeping(fx.Interpreter):
    """Run a graph and keep every node's value."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced, garbage_collect_values=False)

    def values(self, sequence: Tensor) -> dict[str, Any]:
        self.run(sequence)
        return {node.name: value for node, value in self.env.items()}


def run_reference(traced: fx.GraphModule, sequence: Tensor) -> dict[str, Any]:
    """Return every node's value for a sequence; a maximum with indices gives its values."""
    values = _Keeping(traced).values(sequence)
    return {
        name: value[0] if isinstance(value, torch.return_types.max) else value
        for name, value in values.items()
    }
