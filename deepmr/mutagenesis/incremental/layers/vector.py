"""Layers after the position axis is gone: each mutant has one vector of deltas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["VectorLayer", "linear_vector", "nonlinear_vector", "product_vector", "rectified_vector"]

Deltas = Mapping[str, Float[Tensor, "mutant ..."]]
References = Mapping[str, Float[Tensor, "_mutant ..."]]


class VectorLayer:
    """A layer without a position axis.

    Args:
        name: Name of the node in the traced graph.
        sources: Names of the nodes that it takes as input.
        rule: Maps the inputs' deltas and references to the output's delta.
    """

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        rule: Callable[[list[Tensor], list[Tensor]], Tensor],
    ) -> None:
        self.name = name
        self.sources = sources
        self._rule = rule

    def run(self, deltas: Deltas, references: References) -> Float[Tensor, "mutant ..."]:
        """Return the output's delta for every mutant.

        Args:
            deltas: Delta of each input for every mutant, by name.
            references: Reference of each input, for every mutant or one row for all, by name.
        """
        return self._rule(
            [deltas[source] for source in self.sources],
            [references[source] for source in self.sources],
        )


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
        >>> layer.run({"x": torch.ones(1, 2)}, {"x": torch.zeros(1, 2)}).tolist()
        [[2.0, 2.0]]
    """
    return VectorLayer(name, sources, lambda deltas, _: function(*deltas))


def nonlinear_vector(
    name: str, sources: tuple[str, ...], function: Callable[[Tensor], Tensor]
) -> VectorLayer:
    """Return a layer that applies a nonlinear function to one input.

    f(reference + delta) - f(reference) is computed in double precision, so that the difference of
    two nearly equal values keeps the precision of the delta: there are few of them.

    Args:
        name: Name of the node.
        sources: Name of its input.
        function: Maps a tensor to one of equal shape.
    """

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        delta, reference = deltas[0].double(), references[0].double()
        return (function(reference + delta) - function(reference)).to(deltas[0].dtype)

    return VectorLayer(name, sources, rule)


def rectified_vector(name: str, sources: tuple[str, ...]) -> VectorLayer:
    """Return a ReLU: max(d + min(r, 0), -max(r, 0)), without cancellation.

    Args:
        name: Name of the node.
        sources: Name of its input.
    """

    def rule(deltas: list[Tensor], references: list[Tensor]) -> Tensor:
        reference = references[0]
        return torch.maximum(deltas[0] + reference.clamp(max=0), -reference.clamp(min=0))

    return VectorLayer(name, sources, rule)


def product_vector(name: str, sources: tuple[str, ...]) -> VectorLayer:
    """Return the product of two inputs.

    Args:
        name: Name of the node.
        sources: Names of its two inputs.
    """
    return VectorLayer(name, sources, lambda d, r: torch.addcmul(r[0] * d[1], d[0], r[1] + d[1]))
