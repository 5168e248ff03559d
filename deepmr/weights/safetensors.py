"""The format .safetensors: a JSON header and the tensors' bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["read_safetensors"]

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_LONGEST_HEADER = 100_000_000


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file by name.

    Args:
        path: The file.

    Raises:
        ValueError: If the file is damaged, or holds a type of number that PyTorch lacks.

    References:
        Hugging Face, https://github.com/huggingface/safetensors (the format)

    Example:
        >>> import tempfile
        >>> header = b'{"bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "net.safetensors")
        ...     _ = path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        ...     read_safetensors(path)
        {'bias': tensor([0.])}
    """
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    try:
        if size > min(_LONGEST_HEADER, len(content) - 8):
            raise ValueError("its header is longer than the file")  # noqa: TRY301
        header = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        return {name: _tensor(entry, content, 8 + size) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise ValueError(f"checkpoint {path} is a damaged .safetensors file ({what})") from error


def _tensor(entry: dict[str, Any], content: bytes, base: int) -> Tensor:
    dtype, shape = _TYPES[entry["dtype"]], entry["shape"]
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(content) - base:
        raise ValueError("a tensor lies beyond the end")
    if end == begin:
        return torch.empty(shape, dtype=dtype)
    piece = bytearray(content[base + begin : base + end])
    return torch.frombuffer(piece, dtype=dtype).reshape(shape)
