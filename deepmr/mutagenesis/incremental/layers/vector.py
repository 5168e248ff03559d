"""Layers after the position axis is gone: each mutant has one vector of deltas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = [
    "MutantReferences",
    "VectorLayer",
    "across_channels_vector",
    "exponential_vector",
    "gated_vector",
    "linear_vector",
    "nonlinear_vector",
    "product_vector",
    "rectified_vector",
]

Deltas = Mapping[str, Float[Tensor, "mutant ..."]]


class MutantReferences(dict[str, Tensor]):
    """Reference of each node for every mutant, gathered at first use.

    One locus serves all mutants, by broadcasting over a batch of 1.

    Args:
        values: Value of every node for the reference sequences, by name.
        locus: Row of each mutant's locus.
    """

    def __init__(self, values: Mapping[str, Any], locus: Int[Tensor, " mutant"]) -> None:
        super().__init__()
        self._values = values
        self._locus = locus

    def __missing__(self, name: str) -> Tensor:
        self[name] = self._gathered(self._values[name])
        return self[name]

    def mapped(self, name: str, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Return a function of a node's reference for every mutant, evaluated once a locus.

        Args:
            name: Name of the node.
            function: Maps a tensor to one of equal shape.
        """
        return self._gathered(function(self._values[name]))

    def _gathered(self, value: Tensor) -> Tensor:
        return value if len(value) == 1 else value.index_select(0, self._locus)


class VectorLayer:
    """A layer without a position axis.

    Args:
        name: Name of the node in the traced graph.
        sources: Names of the nodes that it takes as input.
        rule: Maps the inputs' deltas and references to the output's delta.
        function: Function of the input whose value at the reference the rule reads after the
            inputs' references; None (the default) if it reads none.
        linear: Whether the rule reads no references at all; False by default.
    """

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        rule: Callable[[list[Tensor], list[Tensor]], Tensor],
        function: Callable[[Tensor], Tensor] | None = None,
        *,
        linear: bool = False,
    ) -> None:
        self.name = name
        self.sources = sources
        self._rule = rule
        self._function = function
        self._linear = linear

    def run(self, deltas: Deltas, references: MutantReferences) -> Float[Tensor, "mutant ..."]:
        """Return the output's delta for every mutant.

        Args:
            deltas: Delta of each input for every mutant, by name.
            references: References of the inputs.
        """
        read = [] if self._linear else [references[source] for source in self.sources]
        if self._function is not None:
            read.append(references.mapped(self.sources[0], self._function))
        return self._rule([deltas[source] for source in self.sources], read)


def linear_vector(
    name: str, sources: tuple[str, ...], function: Callable[..., Tensor]
) -> VectorLayer:
    """Return a layer that is linear in its inputs.

    Args:
        name: Name of the node.
        sources: Names of its inputs.
        function: The layer without its bias, of as many tensors as there are inputs.

    Example:
        >>> layer = linear_vector("double", ("x",), lambda delta: 2 * delta)
        >>> locus = torch.zeros(1, dtype=torch.long)
        >>> references = MutantReferences({"x": torch.zeros(1, 2)}, locus)
        >>> layer.run({"x": torch.ones(1, 2)}, references).tolist()
        [[2.0, 2.0]]
    """
    return VectorLayer(name, sources, lambda deltas, _: function(*deltas), linear=True)


def nonlinear_vector(
    name: str, sources: tuple[str, ...], function: Callable[[Tensor], Tensor]
) -> VectorLayer:
    """Return a layer that applies a nonlinear function to one input.

    f(reference + delta) - f(reference) in the dtype of the reference, f(reference) once a locus. A
    delta of zero gives exactly zero, though a function may round the last values of an array
    otherwise than those before.

    Args:
        name: Name of the node.
        sources: Name of its input.
        function: Maps a tensor to one of equal shape, each value by itself.
    """

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        changed = function(references[0] + deltas[0]).sub_(references[1])
        return changed.masked_fill_(deltas[0] == 0, 0.0)

    return VectorLayer(name, sources, rule, function)


def across_channels_vector(
    name: str, sources: tuple[str, ...], function: Callable[[Tensor], Tensor]
) -> VectorLayer:
    """Return a layer that applies a function of all values of a mutant, such as a softmax.

    f(reference + delta) - f(reference), exactly zero for a mutant without any delta.

    Args:
        name: Name of the node.
        sources: Name of its input.
        function: Maps a tensor to one of as many mutants.
    """

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        changed = function(references[0] + deltas[0]).sub_(references[1])
        unchanged = (deltas[0] == 0).flatten(1).all(dim=1)
        return changed.masked_fill_(unchanged.view(-1, *(1 for _ in changed.shape[1:])), 0.0)

    return VectorLayer(name, sources, rule, function)


def gated_vector(
    name: str, sources: tuple[str, ...], function: Callable[[Tensor], Tensor]
) -> VectorLayer:
    """Return a GELU or SiLU, as a ReLU plus a bounded rest.

    Both are f(x) = max(x, 0) + f(-|x|). The delta of the ReLU needs no cancellation, and that of
    the rest rounds numbers below 0.3, whatever the reference.

    Args:
        name: Name of the node.
        sources: Name of its input.
        function: The activation, for values up to 0.
    """

    def rest(values: Tensor) -> Tensor:
        return function(-values.abs())

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        delta, reference, start = deltas[0], references[0], references[1]
        changed = function((reference + delta).abs_().neg_()).sub_(start)
        changed.add_(_rectified(delta, reference))
        # both are finite; filling by a mask takes five times as long
        return changed.mul_(delta.sign().abs_())

    return VectorLayer(name, sources, rule, rest)


def _rectified(delta: Tensor, reference: Tensor) -> Tensor:
    """Return the delta of a ReLU: max(d, -r) + min(r, 0), without cancellation."""
    return torch.maximum(delta, -reference).add_(reference.clamp(max=0))


def exponential_vector(name: str, sources: tuple[str, ...]) -> VectorLayer:
    """Return exp or expm1: exp(r) expm1(d), without cancellation.

    Args:
        name: Name of the node.
        sources: Name of its input.
    """

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        return torch.expm1(deltas[0]).mul_(references[1])

    return VectorLayer(name, sources, rule, torch.exp)


def rectified_vector(name: str, sources: tuple[str, ...]) -> VectorLayer:
    """Return a ReLU, without cancellation.

    Args:
        name: Name of the node.
        sources: Name of its input.
    """
    return VectorLayer(name, sources, lambda d, r: _rectified(d[0], r[0]))


def product_vector(name: str, sources: tuple[str, ...]) -> VectorLayer:
    """Return the product of two inputs.

    Args:
        name: Name of the node.
        sources: Names of its two inputs.
    """
    return VectorLayer(name, sources, lambda d, r: torch.addcmul(r[0] * d[1], d[0], r[1] + d[1]))
