"""Monte Carlo dropout as an ensemble: each draw is a network with fixed dropout masks.

References:
    Gal and Ghahramani 2016, arXiv:1506.02142 (dropout at prediction as approximate inference).
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["FixedDropout", "dropout_draws", "has_dropout"]


class FixedDropout(nn.Module):
    """Dropout with one mask, drawn once and shared by every input.

    Args:
        rate: Probability of dropping a value, 0 or above and below 1.
        whole_channels: Whether to drop whole channels, as ``nn.Dropout1d`` does.
        seed: Seed of the mask.

    Raises:
        ValueError: If the rate lies outside [0, 1).

    Example:
        >>> dropout = FixedDropout(rate=0.5, whole_channels=False, seed=0)
        >>> values = torch.ones(1, 100)
        >>> bool((dropout(values) == dropout(values)).all())
        True
    """

    def __init__(self, *, rate: float, whole_channels: bool, seed: int) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate lies at 0 or above and below 1, got {rate}")
        self.rate = rate
        self.whole_channels = whole_channels
        self.seed = seed
        self._masks: dict[tuple[int, ...], Tensor] = {}

    def mask(self, like: Float[Tensor, "batch ..."]) -> Float[Tensor, "1 ..."]:
        """Return the mask of inputs of this shape, divided by 1 - rate so that means are kept.

        Args:
            like: Values of one or more inputs.
        """
        shape = tuple(like.shape[1:])
        if shape not in self._masks:
            drawn = (1, shape[0], *(1 for _ in shape[1:])) if self.whole_channels else (1, *shape)
            generator = torch.Generator().manual_seed(self.seed)
            kept = torch.rand(drawn, generator=generator) >= self.rate
            self._masks[shape] = (kept.float() / (1 - self.rate)).expand(1, *shape)
        return self._masks[shape].to(like)

    def forward(self, values: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
        """Return the values times the mask.

        Args:
            values: Values of one or more inputs.
        """
        return values * self.mask(values)


def dropout_draws(model: nn.Module, *, draws: int, seed: int) -> list[nn.Module]:
    """Return ``draws`` networks, each the model with fixed dropout masks of its own.

    A draw's masks are the same for the reference and all alternatives, and for all loci, so that a
    draw is used like a member of an ensemble. The networks share parameters and buffers with the
    model, which is not changed; they are in evaluation mode, so that batch norm keeps its
    statistics.

    Args:
        model: A network with ``nn.Dropout`` or ``nn.Dropout1d`` modules.
        draws: Number of networks, 2 or more.
        seed: Seed of all masks.

    Raises:
        ValueError: If there are fewer than 2 draws, or the model has no dropout module with a
            rate above 0: every draw would be the same network and report an error of 0.
        TypeError: If the model has dropout of a kind that has no fixed form.

    References:
        Gal and Ghahramani 2016, arXiv:1506.02142 (dropout at prediction as approximate inference).

    Example:
        >>> len(dropout_draws(nn.Sequential(nn.Dropout(0.1)), draws=3, seed=0))
        3
    """
    if draws < 2:
        raise ValueError(f"dropout needs at least 2 draws to have a spread, got {draws}")
    names = [name for name, module in model.named_modules() if _drops(module)]
    if not names:
        raise ValueError(
            f"dropout draws need a network with dropout, but {type(model).__name__} has no dropout "
            "module with a rate above 0; train an ensemble instead (uncertainty=ensemble)"
        )
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    networks: list[nn.Module] = []
    for draw in range(draws):
        network = copy.deepcopy(model, dict(shared))
        for place, name in enumerate(names):
            dropout = network.get_submodule(name)
            fixed = FixedDropout(
                rate=dropout.p,
                whole_channels=isinstance(dropout, nn.Dropout1d),
                seed=_mixed(seed, draw, place),
            )
            if not name:
                network = fixed
                continue
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, fixed)
        networks.append(network.eval())
    return networks


def has_dropout(model: nn.Module) -> bool:
    """Say whether draws of a network's dropout would differ.

    Args:
        model: A network.

    Raises:
        TypeError: If it has dropout of a kind that has no fixed form.

    Example:
        >>> has_dropout(nn.Sequential(nn.Dropout(0.1))), has_dropout(nn.Dropout(0.0))
        (True, False)
    """
    return any(_drops(module) for module in model.modules())


def _drops(module: nn.Module) -> bool:
    if isinstance(module, nn.AlphaDropout | nn.FeatureAlphaDropout | nn.Dropout2d | nn.Dropout3d):
        if module.p > 0:
            raise TypeError(
                f"dropout draws support nn.Dropout and nn.Dropout1d, got {type(module).__name__}; "
                "train an ensemble instead (uncertainty=ensemble)"
            )
        return False
    return isinstance(module, nn.Dropout | nn.Dropout1d) and module.p > 0


def _mixed(seed: int, draw: int, place: int) -> int:
    """Return a different seed for each draw and module, the same on every platform."""
    mixed = (seed * 1_000_003 + draw) * 1_000_003 + place
    return mixed % (2**63 - 1)
