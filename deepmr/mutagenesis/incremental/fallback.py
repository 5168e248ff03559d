"""The part of a network that no rule treats, run as a whole on every mutant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, fx

from deepmr.mutagenesis.incremental.compiled_network import Network
from deepmr.mutagenesis.incremental.receptive_field import Axis, Block, Change

__all__ = ["Tail"]


class Tail:
    """Runs the remaining nodes on reference plus change.

    Args:
        network: The sorted network.
        values: The reference of a locus at every node.
    """

    def __init__(self, network: Network, values: dict[str, Any]) -> None:
        self._network = network
        self._values = values
        self.frontier = network.frontier()
        shapes = network.shapes()
        parts = (*network.ends, *network.vectors, *network.tail)
        self._changing = {*shapes, *(part.name for part in parts)}
        self.reads_along = any(name in shapes for name in self.frontier)

    def run_block(
        self, block: Block, changes: Mapping[str, Change], chunk: int
    ) -> Float[Tensor, "mutant task"]:
        """Return the output's change for the mutants of a block."""
        loci = torch.from_numpy(np.tile(block.loci, block.n_alternatives))
        loci = loci.to(self._values[self._network.output].device)
        whole = {
            name: self._whole(block, changes[name], name)
            if name in changes
            else self._values[name][loci]
            for name in self.frontier
        }
        return self._run(whole, self._values[self._network.output][loci], chunk)

    def run_vectors(
        self,
        vectors: Mapping[str, Float[Tensor, "mutant ..."]],
        references: Mapping[str, Float[Tensor, "_mutant ..."]],
        chunk: int,
    ) -> Float[Tensor, "mutant task"]:
        """Return the output's change for all mutants."""
        whole = {name: references[name] + vectors[name] for name in self.frontier}
        return self._run(whole, references[self._network.output], chunk)

    def _whole(self, block: Block, change: Change, name: str) -> Float[Tensor, "mutant ..."]:
        """Return a node's values along the whole sequence for every mutant of a block."""
        channels, length = self._network.shapes()[name]
        reference = self._values[name].reshape(-1, channels, length).transpose(1, 2)
        n_alternatives, n_sites = block.mutants.shape
        loci = torch.from_numpy(np.tile(block.loci, n_alternatives)).to(reference.device)
        rows = reference[loci].reshape(-1, channels)
        stride = self._network.axis_of(name).stride
        position = block.positions(change.span, Axis(length, stride))[:, None, :]
        mutant = np.arange(block.mutants.size).reshape(1, n_alternatives, n_sites)
        inside = np.broadcast_to(
            (position >= 0) & (position < length), (change.span.width, n_alternatives, n_sites)
        ).reshape(-1)
        at = np.broadcast_to(mutant * length + position, change.values.shape[:-1]).reshape(-1)
        kept = torch.from_numpy(np.flatnonzero(inside)).to(rows.device)
        index = torch.from_numpy(at[inside]).to(rows.device)
        rows = rows.index_add(0, index, change.values.reshape(-1, channels)[kept])
        whole = rows.view(-1, length, channels).transpose(1, 2).contiguous()
        return whole.view(-1, *self._values[name].shape[1:])

    def _run(
        self, whole: dict[str, Tensor], reference: Float[Tensor, "_mutant task"], chunk: int
    ) -> Float[Tensor, "mutant task"]:
        n_mutants = len(next(iter(whole.values())))
        parts = [
            self._output({name: value[start : start + chunk] for name, value in whole.items()})
            for start in range(0, n_mutants, chunk)
        ]
        return torch.cat(parts) - reference

    def _output(self, values: dict[str, Any]) -> Tensor:
        size = len(next(iter(values.values())))
        values = dict(values)
        for node in self._network.tail:
            args, kwargs = fx.map_arg(
                (node.args, node.kwargs), lambda source: self._value(source, values, size)
            )
            values[node.name] = self._call(node, args, kwargs)
        return values[self._network.output]

    def _value(self, node: fx.Node, values: dict[str, Any], size: int) -> Any:
        """Return an operand: of the tail, of its frontier, a size, or a constant."""
        name = self._network.real(node.name)
        if name in values:
            return values[name]
        value = self._values[node.name]
        if not isinstance(value, int | torch.Size):
            return value
        args, kwargs = fx.map_arg(
            (node.args, node.kwargs), lambda source: self._shaped(source, values, size)
        )
        return self._call(node, args, kwargs)

    def _shaped(self, node: fx.Node, values: dict[str, Any], size: int) -> Any:
        """Return something of the operand's shape for this many mutants."""
        value = self._values[node.name]
        if isinstance(value, Tensor) and self._network.real(node.name) in self._changing:
            return value[:1].expand(size, *value.shape[1:])
        return self._value(node, values, size)

    def _call(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        if node.op == "call_module":
            return self._network.traced.get_submodule(str(node.target))(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        return node.target(*args, **kwargs)  # type: ignore[operator]
