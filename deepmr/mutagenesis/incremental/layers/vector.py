"""Layers behind the position axis: each mutant has one whole vector of changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Vector", "linear_vector", "nonlinear_vector", "product_vector", "rectified_vector"]

Changes = Mapping[str, Float[Tensor, "mutant ..."]]
References = Mapping[str, Float[Tensor, "_mutant ..."]]


class Vector:
    """A node whose change is a function of its sources' changes and references.

    Args:
        name: The node.
        sources: The nodes it reads.
        rule: Maps the sources' changes and references to the node's change.
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

    def run(self, changes: Changes, references: References) -> Float[Tensor, "mutant ..."]:
        """Return the node's change for every mutant."""
        return self._rule(
            [changes[source] for source in self.sources],
            [references[source] for source in self.sources],
        )


def linear_vector(name: str, sources: tuple[str, ...], function: Callable[..., Tensor]) -> Vector:
    """Return a node that is linear in its sources together; ``function`` has no offset."""
    return Vector(name, sources, lambda changes, _: function(*changes))


def nonlinear_vector(
    name: str, sources: tuple[str, ...], function: Callable[[Tensor], Tensor]
) -> Vector:
    """Return a node that is any function of one source.

    Its two nearly equal values are taken in double precision, so that their difference keeps the
    precision of the change: there are few of them, and nothing behind would restore the loss.
    """

    def rule(changes: list[Tensor], references: list[Tensor]) -> Tensor:
        change, reference = changes[0].double(), references[0].double()
        return (function(reference + change) - function(reference)).to(changes[0].dtype)

    return Vector(name, sources, rule)


def rectified_vector(name: str, sources: tuple[str, ...]) -> Vector:
    """Return the ReLU of a source: max(d + min(r, 0), -max(r, 0)), without cancellation."""

    def rule(changes: list[Tensor], references: list[Tensor]) -> Tensor:
        reference = references[0]
        return torch.maximum(changes[0] + reference.clamp(max=0), -reference.clamp(min=0))

    return Vector(name, sources, rule)


def product_vector(name: str, sources: tuple[str, ...]) -> Vector:
    """Return the product of two nodes."""
    return Vector(name, sources, lambda d, r: torch.addcmul(r[0] * d[1], d[0], r[1] + d[1]))
