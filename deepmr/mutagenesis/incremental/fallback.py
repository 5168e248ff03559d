"""Nodes without a rule for deltas: run in full on every mutant's reference plus delta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, fx

from deepmr.mutagenesis.incremental.compiled_network import CompiledNetwork, call_node
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Delta

__all__ = ["Fallback"]


class Fallback:
    """Runs the fallback nodes of a network for the mutants of some loci.

    Args:
        network: The compiled network.
        values: Value of every node for the reference sequences, by name.
    """

    def __init__(self, network: CompiledNetwork, values: dict[str, Any]) -> None:
        self._network = network
        self._values = values
        self.inputs = network.fallback_inputs()
        shapes = network.shapes()
        layers = (*network.global_layers, *network.vector_layers, *network.fallback.nodes)
        self._changing = {*shapes, *(layer.name for layer in layers)}
        self.needs_positions = any(name in shapes for name in self.inputs)

    def run_block(
        self, block: Block, deltas: Mapping[str, Delta], chunk: int
    ) -> Float[Tensor, "mutant task"]:
        """Return the raw output's delta for the mutants of a block, from position layers.

        Args:
            block: The block.
            deltas: Delta of each position layer that fallback nodes read; of those that no mutant
                of the block changes, none.
            chunk: Mutants of one forward pass.
        """
        loci = torch.from_numpy(np.tile(block.loci, len(block.mutants)))
        loci = loci.to(self._values[self._network.output].device)
        mutated = {
            name: self._mutated(block, deltas[name], name)
            if name in deltas
            else self._values[name][loci]
            for name in self.inputs
        }
        return self._run(mutated, self._values[self._network.output][loci], chunk)

    def run_vectors(
        self,
        deltas: Mapping[str, Float[Tensor, "mutant ..."]],
        references: Mapping[str, Float[Tensor, "_mutant ..."]],
        chunk: int,
    ) -> Float[Tensor, "mutant task"]:
        """Return the raw output's delta for all mutants, from layers without a position axis.

        Args:
            deltas: Delta of each layer for every mutant.
            references: Reference of each layer for every mutant, or one row for all.
            chunk: Mutants of one forward pass.
        """
        mutated = {name: references[name] + deltas[name] for name in self.inputs}
        return self._run(mutated, references[self._network.output], chunk)

    def _mutated(self, block: Block, delta: Delta, name: str) -> Float[Tensor, "mutant ..."]:
        """Return a layer's output at all positions for every mutant of a block."""
        channels, length = self._network.shapes()[name]
        last = name in self._network.channels_last
        reference = self._values[name]
        reference = reference if last else reference.reshape(-1, channels, length).transpose(1, 2)
        n_alternatives, n_sites = block.mutants.shape
        loci = torch.from_numpy(np.tile(block.loci, n_alternatives)).to(reference.device)
        rows = reference[loci].reshape(-1, channels)
        stride = self._network.axis_of(name).stride
        position = block.positions(delta.span, Axis(length, stride))[:, None, :]
        mutant = np.arange(block.mutants.size).reshape(1, n_alternatives, n_sites)
        inside = np.broadcast_to(
            (position >= 0) & (position < length), (delta.span.width, n_alternatives, n_sites)
        ).reshape(-1)
        at = np.broadcast_to(mutant * length + position, delta.values.shape[:-1]).reshape(-1)
        kept = torch.from_numpy(np.flatnonzero(inside)).to(rows.device)
        index = torch.from_numpy(at[inside]).to(rows.device)
        rows = rows.index_add(0, index, delta.values.reshape(-1, channels)[kept])
        mutated = rows.view(-1, length, channels)
        mutated = mutated if last else mutated.transpose(1, 2).contiguous()
        return mutated.view(-1, *self._values[name].shape[1:])

    def _run(
        self, mutated: dict[str, Tensor], reference: Float[Tensor, "_mutant task"], chunk: int
    ) -> Float[Tensor, "mutant task"]:
        n_mutants = len(next(iter(mutated.values())))
        parts = [
            self._output({name: value[start : start + chunk] for name, value in mutated.items()})
            for start in range(0, n_mutants, chunk)
        ]
        return torch.cat(parts) - reference

    def _output(self, values: dict[str, Any]) -> Tensor:
        size = len(next(iter(values.values())))
        values = dict(values)
        for node in self._network.fallback.nodes:
            args, kwargs = fx.map_arg(
                (node.args, node.kwargs), lambda source: self._operand(source, values, size)
            )
            values[node.name] = call_node(self._network.traced, node, args, kwargs)
        return values[self._network.output]

    def _operand(self, node: fx.Node, values: dict[str, Any], size: int) -> Any:
        """Return the value of an operand for ``size`` mutants: a tensor, a shape or a constant."""
        name = self._network.resolve(node.name)
        if name in values:
            return values[name]
        value = self._values[node.name]
        if not isinstance(value, int | torch.Size):
            return value
        args, kwargs = fx.map_arg(
            (node.args, node.kwargs), lambda source: self._shape_operand(source, values, size)
        )
        return call_node(self._network.traced, node, args, kwargs)

    def _shape_operand(self, node: fx.Node, values: dict[str, Any], size: int) -> Any:
        """Return a tensor of the operand's shape for ``size`` mutants, to take its shape from."""
        value = self._values[node.name]
        if isinstance(value, Tensor) and self._network.resolve(node.name) in self._changing:
            return value[:1].expand(size, *value.shape[1:])
        return self._operand(node, values, size)
