"""Bases as numbers: codes 0 to 3 for A, C, G, T and 4 for anything else; one-hot for networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Integer, Shaped, UInt8
from torch import Tensor

__all__ = [
    "ALPHABET",
    "UNKNOWN",
    "base_codes",
    "complement_codes",
    "encode",
    "one_hot",
    "reverse_complement",
]

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


def base_codes(
    sequences: Sequence[str] | Shaped[np.ndarray, "..."],
) -> UInt8[np.ndarray, "locus length"]:
    """Return sequences as base codes: strings of one length, or integer codes of any type.

    Args:
        sequences: Strings of A, C, G, T and N (lower case allowed), or an integer array
            ``(locus, length)`` of 0 to 3 for A, C, G, T and 4 for an unknown base.

    Raises:
        ValueError: If sequences differ in length, hold letters of RNA or of another alphabet,
            codes are out of range, or an array has another shape; the message says what to do.

    Example:
        >>> base_codes(["ACGT", "NNAA"]).tolist()
        [[0, 1, 2, 3], [4, 4, 0, 0]]
    """
    if isinstance(sequences, str | bytes):
        raise ValueError(  # noqa: TRY004  (bad input, told in one line)
            f"sequences must be a list, got one string of {len(sequences)} letters; "
            "put it into a list: [sequence]"
        )
    if isinstance(sequences, np.ndarray) and sequences.dtype.kind not in "OSU":
        return _checked_codes(sequences)
    letters = [str(one) for one in sequences]
    lengths = sorted({len(one) for one in letters})
    if len(lengths) != 1 or lengths == [0]:
        raise ValueError(
            f"sequences must be equally long, got lengths {', '.join(map(str, lengths))}"
            if letters
            else "sequences must hold at least one, got none"
        )
    odd = sorted(set("".join(letters).upper()) - set("ACGTN"))
    if odd:
        what = "RNA, write T for U" if "U" in odd else "write N for an unknown base"
        raise ValueError(
            f"sequences must hold the letters A, C, G, T and N, got {', '.join(odd)}; {what}"
        )
    return np.stack([encode(one) for one in letters])


def _checked_codes(codes: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "locus length"]:
    if codes.ndim == 3 and 4 in codes.shape[1:]:
        axis = 1 if codes.shape[1] == 4 else 2
        raise ValueError(
            f"sequences must be base codes of shape (locus, length), got one-hot columns of shape "
            f"{codes.shape}; use sequences.argmax(axis={axis})"
        )
    if codes.ndim != 2 or 0 in codes.shape:
        raise ValueError(
            f"sequences must be base codes of shape (locus, length), got shape {codes.shape}"
        )
    if codes.dtype.kind not in "iu":
        raise ValueError(
            f"sequences must be integer base codes, got {codes.dtype}; "
            "use 0 to 3 for A, C, G, T and 4 for an unknown base"
        )
    if codes.min() < 0 or codes.max() > UNKNOWN:
        raise ValueError(
            "sequences must be base codes 0 to 3 (A, C, G, T) or 4 (unknown), got "
            f"{codes.min()} to {codes.max()}"
        )
    return codes.astype(np.uint8)


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
