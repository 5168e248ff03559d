"""Sequences with any number of planted motifs, each present with its own probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int, UInt8

from deepmr.simulation.motif import BACKGROUND, Motif

__all__ = ["plant"]

_DRAWS = 200


def plant(
    rng: np.random.Generator,
    n: int,
    length: int,
    motifs: Sequence[Motif],
    *,
    present: Float64[np.ndarray, " motif"],
    copies: int = 1,
) -> tuple[UInt8[np.ndarray, "sequence length"], Int[np.ndarray, "sequence motif copy"]]:
    """Draw background sequences and plant motifs in them, none over another.

    A motif is present with its probability, then in 1 to ``copies`` copies, all numbers equally
    likely. What would not fit into a sequence is drawn again. Order and gaps are random.

    Args:
        rng: Source of randomness.
        n: Number of sequences.
        length: Bases of a sequence.
        motifs: The motifs.
        present: Probability that a motif is present.
        copies: Largest number of copies of one motif.

    Returns:
        codes: Bases as 0 to 3.
        starts: First base of each copy; -1 where it was not planted.

    Raises:
        ValueError: If a motif is longer than a sequence, or the motifs hardly ever fit.
    """
    width = np.array([motif.width for motif in motifs])
    if width.max() > length:
        raise ValueError(
            f"motif {motifs[int(width.argmax())].name} has {width.max()} bases and does not fit "
            f"into {length}; raise data.length"
        )
    number = _numbers(rng, n, width, present, copies, length)
    slot_motif = np.repeat(np.arange(len(motifs)), copies)
    slot_width = width[slot_motif] * (np.arange(copies)[None] < number[..., None]).reshape(n, -1)
    order = rng.permuted(np.tile(np.arange(slot_motif.size), (n, 1)), axis=1)
    ordered = np.take_along_axis(slot_width, order, axis=1)
    free = length - ordered.sum(axis=1, keepdims=True)
    gap = np.sort(rng.integers(0, free + 1, size=order.shape), axis=1)
    starts = np.empty_like(order)
    np.put_along_axis(starts, order, gap + np.cumsum(ordered, axis=1) - ordered, axis=1)
    starts[slot_width == 0] = -1
    codes = rng.choice(4, size=(n, length), p=BACKGROUND).astype(np.uint8)
    for slot, k in enumerate(slot_motif.tolist()):
        rows = np.flatnonzero(starts[:, slot] >= 0)
        columns = starts[rows, slot][:, None] + np.arange(width[k])
        codes[rows[:, None], columns] = motifs[k].sample(rng, rows.size)
    return codes, starts.reshape(n, len(motifs), copies)


def _numbers(
    rng: np.random.Generator,
    n: int,
    width: Int[np.ndarray, " motif"],
    present: Float64[np.ndarray, " motif"],
    copies: int,
    length: int,
) -> Int[np.ndarray, "sequence motif"]:
    number = np.zeros((n, width.size), dtype=np.int64)
    left = np.arange(n)
    for _ in range(_DRAWS):
        drawn = rng.random((left.size, width.size)) < present
        number[left] = drawn * rng.integers(1, copies + 1, size=drawn.shape)
        left = np.flatnonzero(number @ width > length)
        if not left.size:
            return number
    raise ValueError(
        f"{width.size} motifs in up to {copies} copies hardly ever fit into {length} bases; "
        "raise data.length, or lower data.copies or data.present"
    )
