"""A checkpoint: what a file of weights holds, read as data."""

from __future__ import annotations

import argparse
import io
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import _reconstruct, scalar
from torch import Tensor

from deepmr.weights.formats import kind_of, refuse, refuse_class
from deepmr.weights.safetensors import read_safetensors

__all__ = ["Checkpoint", "State", "candidates", "read_checkpoint", "weights_file"]

# Constructors of plain data that selene, gReLU, boda and chrombpnet-pytorch write beside weights.
# None of them runs code of the file. NumPy 1 wrote them as numpy.core, NumPy 2 as numpy._core.
_DATA: list[Any] = [
    argparse.Namespace,
    np.ndarray,
    np.dtype,
    *{type(np.dtype(letter)) for letter in "?bBhHiIlLqQefdSU"},
    *(
        (function, f"{module}.multiarray.{function.__name__}")
        for function in (_reconstruct, scalar)
        for module in ("numpy.core", "numpy._core")
    ),
]
_IN_FOLDER = ("model.safetensors", "pytorch_model.bin")
_ARCHIVED = ".pt", ".pth", ".ckpt"
_LARGEST_MEMBER = 64 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The content of a file of weights.

    Args:
        path: The file.
        content: What it holds: tensors by name, or a dictionary with a state dict in it and
            settings beside it.
    """

    path: Path
    content: Mapping[str, Any]


def weights_file(path: Path) -> Path:
    """Return the file of weights that a path names: itself, or the one in a Hugging Face folder.

    Args:
        path: A file, or a folder with ``model.safetensors`` or ``pytorch_model.bin``.

    Raises:
        FileNotFoundError: If there is none.
    """
    if path.is_dir():
        for name in _IN_FOLDER:
            if (path / name).is_file():
                return path / name
        raise FileNotFoundError(
            f"checkpoint {path} is a folder without {' or '.join(_IN_FOLDER)}; name a file"
        )
    if not path.is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file of weights as data: tensors, numbers, texts, and containers of them.

    PyTorch's own formats (.pt, .pth, .pth.tar, .ckpt, .bin), .safetensors, boda's .tar.gz, and
    folders of Hugging Face. Beyond what ``weights_only`` allows, `argparse.Namespace` and
    NumPy's arrays and scalars are read; none of them can run code.

    Args:
        path: The file, or a folder that holds it.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it holds code (a pickled module, TorchScript, .pt2) or is of another tool
            (Keras, HDF5); the message has the two lines that convert it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"weight": torch.zeros(2)}, Path(folder, "net.pt"))
        ...     read_checkpoint(Path(folder, "net.pt")).content
        {'weight': tensor([0., 0.])}
    """
    path = weights_file(path)
    kind = kind_of(path)
    if kind == "safetensors":
        content: Any = read_safetensors(path)
    elif kind == "tar":
        content = _load(path, _member(path))
    elif kind == "torch":
        content = _load(path, path)
    else:
        raise refuse(path, kind)
    if isinstance(content, argparse.Namespace):
        content = vars(content)
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        raise ValueError(
            f"checkpoint {path} must hold a dictionary of weights, got {type(content).__name__}; "
            "save it as torch.save(network.state_dict(), path)"
        )
    return Checkpoint(path=path, content=content)


def _load(path: Path, source: Path | io.BytesIO) -> Any:
    try:
        with torch.serialization.safe_globals(_DATA):
            return torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise refuse_class(path, str(error)) from error
    except Exception as error:
        raise ValueError(
            f"checkpoint {path} is not plain weights ({type(error).__name__}), or was cut short; "
            "save it as torch.save(network.state_dict(), path)"
        ) from error


def _member(path: Path) -> io.BytesIO:
    """Return the one checkpoint within a .tar.gz, such as boda's artifacts."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = [
                member
                for member in archive.getmembers()
                if member.isfile() and member.name.endswith(_ARCHIVED)
            ]
            if len(found) == 1 and found[0].size <= _LARGEST_MEMBER:
                stream = archive.extractfile(found[0])
                if stream is not None:
                    return io.BytesIO(stream.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ValueError(f"checkpoint {path} is no .tar.gz archive, or was cut short") from error
    raise ValueError(
        f"checkpoint {path} must hold one file that ends in {', '.join(_ARCHIVED)}, found "
        f"{len(found)}; unpack it and name the file"
    )


State = dict[str, Tensor]

_LEVELS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights")
_PREFIXES = ("network.", "module.", "model.", "net.", "_orig_mod.")
_PARTS = ("accessibility.",)  # bpnet-lite's ChromBPNet without the enzyme's bias
_DEEPEST = 3
_MOST = 200


def candidates(content: Mapping[str, Any]) -> Iterator[tuple[State, tuple[str, ...]]]:
    """Yield each state dict that a checkpoint may mean, with what was taken off to find it.

    A state dict may lie under ``state_dict``, ``model_state_dict``, ``model``, ``net``,
    ``network``, ``module`` or ``weights``, one within another, and all its keys, or those of one
    part, may begin with ``network.``, ``module.``, ``model.``, ``net.`` or ``_orig_mod.``, any
    number of times. What is nearest to the file as it stands comes first.

    Args:
        content: Of `Checkpoint`.

    Example:
        >>> import torch
        >>> file = {"epoch": 3, "state_dict": {"model.head.bias": torch.zeros(1)}}
        >>> [(list(state), path) for state, path in candidates(file)]
        [(['model.head.bias'], ('state_dict',)), (['head.bias'], ('state_dict', 'model.'))]
    """
    found = [(_tensors(level), path) for level, path in _levels(content, ())]
    states = [(state, path) for state, path in found if state]
    for state, path in states:  # grows: each prefix taken off is another candidate
        yield state, path
        for prefix in (*_PREFIXES, *_PARTS):
            inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if inner and len(states) < _MOST:
                states.append((inner, (*path, prefix)))


def _levels(
    content: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    yield content, path
    if len(path) < _DEEPEST:
        for name in _LEVELS:
            if isinstance(content.get(name), Mapping):
                yield from _levels(content[name], (*path, name))


def _tensors(level: Mapping[str, Any]) -> State:
    return {
        key: value
        for key, value in level.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
