"""The causal structure of the simulation that networks were trained on, where they were."""

from __future__ import annotations

from deepmr.networks import Networks
from deepmr.workflow.pair_of_table import PairOfTable

__all__ = ["known_structure"]


def known_structure(networks: Networks | PairOfTable, exposure: str, outcome: str) -> str:
    """Return what the grammar of a simulation does, in the words of a verdict.

    This is the causal truth, whatever variants and loci are asked. It is not the slope of the
    simulation's noiseless effects: where no task acts on the other, variants that move both have
    such a slope, too.

    Args:
        networks: Networks with the data they were trained on; a table of effects has none.
        exposure: Name of the exposure's task.
        outcome: Name of the outcome's task.

    Returns:
        One of `deepmr.verdict.STRUCTURES`; empty where the data are no simulation.

    Example:
        >>> import torch
        >>> networks = Networks.of([torch.nn.Identity()] * 2, ["X", "Y"])
        >>> known_structure(networks, "X", "Y")
        ''
    """
    source = None if isinstance(networks, PairOfTable) else networks.source
    if source is None or not hasattr(type(source), "structure"):
        return ""
    return str(source.structure(exposure, outcome).word)
