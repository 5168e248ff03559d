"""Fit what a checkpoint holds to a network."""

from __future__ import annotations

from collections.abc import Mapping, Set

import torch
from torch import Tensor, nn

from deepmr.weights.checkpoint import Checkpoint, State, candidates

__all__ = ["load_into", "respell_weight_norm"]

_COUNTER = "num_batches_tracked"


def load_into(network: nn.Module, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Load the weights of a checkpoint into a network, and say what was done to them.

    The state dict is searched on the usual levels and under the usual prefixes (`candidates`).
    Its names must then be those of the network, save that counters of batch norm may be missing,
    weight norm may be spelled otherwise, tensors shared by two names may be there once, and axes
    of length 1 may be left out (a two-dimensional convolution of height 1). A network may say by
    its attribute ``published_names`` how the names of its released weights begin, and by
    ``inner_network`` that all weights belong to a part of it.

    Args:
        network: Changed in place.
        checkpoint: Of `read_checkpoint`.

    Returns:
        Sentences that a reader of the results must know: half precision, a part of a model.

    Raises:
        ValueError: If no state dict fits, naming what is missing and what is left over, or if a
            weight is not finite.

    Example:
        >>> from pathlib import Path
        >>> network = nn.Linear(1, 1)
        >>> state = {"module.weight": torch.ones(1, 1).half(), "module.bias": torch.ones(1)}
        >>> load_into(network, Checkpoint(path=Path("a.pt"), content={"state_dict": state}))
        ('a.pt holds weights in half precision (float16): rounded to 3 digits.',)
        >>> network.weight.item()
        1.0
    """
    network = getattr(network, "inner_network", network)
    wanted = nn.Module.state_dict(network)
    nearest: State | None = None
    for state, path in candidates(checkpoint.content):
        fitted = _fitted(network, state, wanted)
        if fitted is not None:
            _refuse_not_finite(fitted, checkpoint)
            nn.Module.load_state_dict(network, fitted)
            return _notes(state, path, checkpoint)
        if nearest is None or len(wanted.keys() & state) > len(wanted.keys() & nearest):
            nearest = state
    raise ValueError(
        f"checkpoint {checkpoint.path} belongs to another network or other tasks: "
        f"{_difference(nearest or {}, wanted)}"
    )


def _fitted(network: nn.Module, state: State, wanted: Mapping[str, Tensor]) -> State | None:
    """Return the network's state dict filled from another; None if it does not fit."""
    names = getattr(network, "published_names", None)
    renamed = {_renamed(key, names): value for key, value in state.items()} if names else {}
    for one in (state, renamed):
        if not one:
            continue
        spelled = respell_weight_norm(one, wanted.keys())
        filled = _with_shared(network, spelled)
        if names:
            filled = _buffers(network) | filled
        missing = {key for key in wanted.keys() - filled if not key.endswith(_COUNTER)}
        left = {key for key in spelled.keys() - wanted if not key.endswith(_COUNTER)}
        if (
            missing
            or left
            or not all(_shape_fits(filled[k], wanted[k]) for k in filled if k in wanted)
        ):
            continue
        return {
            key: filled[key].reshape(value.shape) if key in filled else value
            for key, value in wanted.items()
        }
    return None


def _renamed(key: str, names: Mapping[str, str]) -> str:
    for published, own in names.items():
        if key.startswith(published):
            return own + key.removeprefix(published)
    return key


def _with_shared(network: nn.Module, state: State) -> State:
    """Fill names that share a tensor with a name that is there."""
    owners: dict[int, list[str]] = {}
    for name, tensor in (
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    ):
        owners.setdefault(id(tensor), []).append(name)
    filled = dict(state)
    for names in owners.values():
        present = next((name for name in names if name in state), None)
        if present is not None:
            filled |= {name: state[present] for name in names if name not in state}
    return filled


def _buffers(network: nn.Module) -> State:
    """Return buffers that released weights cannot know: a head's location and spread."""
    parts = ("shift", "scale")
    return {n: b for n, b in network.named_buffers() if n.rpartition(".")[2] in parts}


def _shape_fits(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape or _squeezed(found) == _squeezed(wanted)


def _squeezed(tensor: Tensor) -> list[int]:
    return [n for n in tensor.shape if n != 1]


def _refuse_not_finite(state: State, checkpoint: Checkpoint) -> None:
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ValueError(
                f"checkpoint {checkpoint.path} holds weights that are not finite ({name}); "
                "did the training diverge?"
            )


def _notes(state: State, path: tuple[str, ...], checkpoint: Checkpoint) -> tuple[str, ...]:
    notes = []
    file = checkpoint.path.name
    halves = sorted({str(v.dtype)[6:] for v in state.values() if v.element_size() == 2})
    if halves and any(v.is_floating_point() for v in state.values()):
        digits = 2 if "bfloat16" in halves else 3
        notes.append(
            f"{file} holds weights in half precision ({', '.join(halves)}): rounded to {digits} "
            "digits."
        )
    if "accessibility." in path:
        notes.append(f"Of {file}, the part without the enzyme's bias (accessibility) was read.")
    return tuple(notes)


def _difference(state: State, wanted: Mapping[str, Tensor]) -> str:
    """Say in one line how the nearest state dict differs from the network's."""
    missing = [key for key in wanted if key not in state and not key.endswith(_COUNTER)]
    left = [key for key in state if key not in wanted]
    shapes = [
        f"{key} is {tuple(state[key].shape)} where the network has {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and not _shape_fits(state[key], wanted[key])
    ]
    parts = [f"it lacks {_some(missing)}"] if missing else []
    parts += [f"it has besides {_some(left)}"] if left else []
    return "; ".join([*parts, *shapes[:2]]) or "it holds no tensors"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


_OLD = ("weight_g", "weight_v")
_NEW = ("parametrizations.weight.original0", "parametrizations.weight.original1")


def respell_weight_norm(state: State, wanted: Set[str]) -> State:
    """Return a state dict whose weight-normed layers are spelled as the network spells them.

    Args:
        state: Tensors by name; unchanged.
        wanted: The network's names: plain ``weight``, ``weight_g`` and ``weight_v``, or those of
            ``torch.nn.utils.parametrizations.weight_norm``.

    References:
        Salimans and Kingma 2016, doi:10.48550/arXiv.1602.07868 (weight = g v / ||v||)

    Example:
        >>> state = {"c.weight_g": torch.tensor([[2.0]]), "c.weight_v": torch.tensor([[3.0]])}
        >>> respell_weight_norm(state, {"c.weight"})
        {'c.weight': tensor([[2.]])}
    """
    spelled = dict(state)
    for names in (_OLD, _NEW):
        for key in [key for key in state if key.endswith(names[0])]:
            layer = key.removesuffix(names[0])
            if layer + names[1] not in state or key in wanted:
                continue
            length, direction = spelled.pop(key), spelled.pop(layer + names[1])
            other = _NEW if names is _OLD else _OLD
            if layer + other[0] in wanted:
                spelled[layer + other[0]], spelled[layer + other[1]] = length, direction
                continue
            axes = [axis for axis, n in enumerate(length.shape) if n == 1]
            norm = torch.linalg.vector_norm(direction.double(), dim=axes or None, keepdim=True)
            spelled[f"{layer}weight"] = (direction * (length / norm)).to(direction.dtype)
    return spelled
