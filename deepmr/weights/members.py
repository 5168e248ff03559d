"""Members of an ensemble must have been trained apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from deepmr.weights.checkpoint import read_checkpoint
from deepmr.weights.fitting import load_into

__all__ = ["load_members", "refuse_equal"]


def load_members(
    build: Callable[[], nn.Module], paths: Sequence[Path]
) -> tuple[list[nn.Module], tuple[str, ...]]:
    """Build a network for each file of weights, all different, and load them.

    Args:
        build: Builds a network whose weights do not matter.
        paths: A file, or a folder of Hugging Face, for each member.

    Returns:
        The networks, and sentences that a reader of the results must know (`load_into`).

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file cannot be read or fits no such network, or two members are equal.
    """
    networks: dict[Path, nn.Module] = {}
    notes: list[str] = []
    for path in paths:
        network = build()
        notes += load_into(network, read_checkpoint(path))
        networks[path] = network
    refuse_equal(networks)
    return list(networks.values()), tuple(notes)


def refuse_equal(networks: Mapping[Path, nn.Module]) -> None:
    """Refuse members whose weights are equal, whatever their files' names and formats.

    Two equal members have no spread between them, so that their standard errors would be too
    small.

    Args:
        networks: Each member by the file of its weights.

    Raises:
        ValueError: If two have equal weights; the message names both files.

    Example:
        >>> refuse_equal({Path("a.pt"): nn.ReLU(), Path("b.pt"): nn.ReLU()})
        Traceback (most recent call last):
        ValueError: checkpoint= names the same weights twice: b.pt equals a.pt; leave one of them...
    """
    seen: dict[str, Path] = {}
    for path, network in networks.items():
        twin = seen.setdefault(_digest(network), path)
        if twin != path:
            raise ValueError(
                f"checkpoint= names the same weights twice: {path} equals {twin}; leave one of "
                "them out, since members must be trained apart"
            )


def _digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(nn.Module.state_dict(network).items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        if not name.endswith("num_batches_tracked"):
            digest.update(_bytes(value))
    return digest.hexdigest()


def _bytes(value: Tensor) -> bytes:
    flat = value.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()
