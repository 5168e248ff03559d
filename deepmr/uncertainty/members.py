"""Choose what stands for the model's uncertainty: its ensemble, or dropout."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from deepmr.mutagenesis import dropout_draws

__all__ = ["METHODS", "choose_members"]

METHODS = ("auto", "ensemble", "dropout")


def choose_members(
    networks: Sequence[nn.Module], *, method: str = "auto", draws: int | None = 30, seed: int = 0
) -> tuple[list[nn.Module], str]:
    """Return the members whose spread gives standard errors, and what they are.

    Args:
        networks: Trained networks.
        method: ``ensemble`` takes the networks as they are; ``dropout`` draws masks of the first
            one, each mask shared by a reference and all its alternatives; ``auto`` takes the
            ensemble where there are two networks or more.
        draws: Number of dropout masks.
        seed: Of the masks.

    Returns:
        The members, and ``ensemble`` or ``dropout``.

    Raises:
        ValueError: If the method is unknown, an ensemble has fewer than two networks, or a network
            without dropout is asked for dropout draws.

    References:
        Lakshminarayanan, Pritzel and Blundell 2017, doi:10.48550/arXiv.1612.01474 (ensembles).
        Gal and Ghahramani 2016, doi:10.48550/arXiv.1506.02142 (Monte Carlo dropout).
    """
    if method not in METHODS:
        raise ValueError(f"uncertainty.method is one of {', '.join(METHODS)}, got {method!r}")
    if method == "auto":
        method = "ensemble" if len(networks) > 1 else "dropout"
    if method == "ensemble":
        if len(networks) < 2:
            raise ValueError(
                "uncertainty=ensemble needs at least 2 networks, got 1; train with ensemble=5, or "
                "use uncertainty=dropout"
            )
        return list(networks), "ensemble"
    if draws is None or draws < 2:
        raise ValueError(f"uncertainty.draws must be at least 2, got {draws}")
    return list(dropout_draws(networks[0], draws=draws, seed=seed)), "dropout"
