"""Bases as numbers: codes 0 to 3 for A, C, G, T and 4 for anything else; one-hot for networks."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8
from torch import Tensor

__all__ = ["ALPHABET", "UNKNOWN", "complement_codes", "encode", "one_hot", "reverse_complement"]

ALPHABET = "ACGT"
UNKNOWN = 4

_CODES = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _base in enumerate(ALPHABET):
    _CODES[ord(_base)] = _CODES[ord(_base.lower())] = _code


def encode(sequence: str | bytes) -> UInt8[np.ndarray, " length"]:
    """Encode letters as codes; soft-masked (lower-case) bases as upper case, all else unknown.

    Example:
        >>> encode("acGTN").tolist()
        [0, 1, 2, 3, 4]
    """
    text = sequence.encode("ascii", "replace") if isinstance(sequence, str) else sequence
    return _CODES[np.frombuffer(text, dtype=np.uint8)]


def one_hot(
    codes: Integer[Tensor, "*batch length"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*batch 4 length"]:
    """Expand codes to one-hot columns in the order A, C, G, T; an unknown base is all zero.

    Example:
        >>> one_hot(torch.tensor([0, 4]))[:, 1].tolist()
        [0.0, 0.0, 0.0, 0.0]
    """
    channels = torch.arange(4, device=codes.device, dtype=codes.dtype)
    return (codes.unsqueeze(-2) == channels[:, None]).to(dtype)


def reverse_complement(
    sequence: Float[Tensor, "*batch 4 length"],
) -> Float[Tensor, "*batch 4 length"]:
    """Return the other strand: with A, C, G, T in this order, a flip of both axes."""
    return sequence.flip((-2, -1))


def complement_codes(
    codes: UInt8[np.ndarray, "*batch length"],
) -> UInt8[np.ndarray, "*batch length"]:
    """Return the other strand of encoded sequences; unknown bases stay unknown.

    Example:
        >>> complement_codes(encode("AACN")).tolist()
        [4, 2, 3, 3]
    """
    other = np.where(codes < UNKNOWN, 3 - np.minimum(codes, 3), UNKNOWN)
    return np.ascontiguousarray(other[..., ::-1].astype(np.uint8))
