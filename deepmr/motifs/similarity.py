"""Similarity of motifs, and decoys: shuffled motifs that do not resemble the original."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from deepmr.motif import Motif

__all__ = ["decoys", "similarity"]

_ATTEMPTS = 2000


def similarity(a: Motif, b: Motif) -> float:
    """Return the correlation of two motifs' columns at their best alignment, over both strands.

    Positions beyond a motif's end count as bases of equal probability, which deviate from nothing:
    short overlaps by chance score low, and so do flanks without information. 1 means equal
    (up to such flanks), 0 unrelated.

    Args:
        a: A motif.
        b: Another; the order does not matter.

    References:
        Pietrokovski 1996, doi:10.1093/nar/24.19.3836 (Pearson correlation of columns); Gupta et
        al. 2007, doi:10.1186/gb-2007-8-2-r24 (Tomtom, which compares such measures).

    Example:
        >>> rows = np.array([[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]])
        >>> motif = Motif(name="AG", probabilities=rows)
        >>> round(similarity(motif, motif.reverse_complement()), 6)
        1.0
    """
    # Each column's mean is exactly 1/4, so these are the deviations that Pearson's formula takes.
    x, y = a.probabilities - 0.25, b.probabilities - 0.25
    size = float(np.sqrt(np.sum(x**2) * np.sum(y**2)))
    if size == 0:
        return 0.0
    best = max(float(_aligned(x, z).max()) for z in (y, y[::-1, ::-1]))
    return min(best / size, 1.0)


def _aligned(
    x: Float64[np.ndarray, "position_a 4"], y: Float64[np.ndarray, "position_b 4"]
) -> Float64[np.ndarray, " shift"]:
    """Return the sum of products of overlapping columns at every shift."""
    products = x @ y.T
    shift = np.arange(len(x))[:, None] - np.arange(len(y)) + len(y) - 1
    return np.bincount(shift.ravel(), weights=products.ravel())


def decoys(
    motif: Motif,
    n: int,
    seed: int,
    *,
    max_similarity: float = 0.6,
    unlike: Sequence[Motif] = (),
) -> tuple[Motif, ...]:
    """Return motifs with the original's columns in shuffled order, unlike it and one another.

    The order of positions is permuted: length, base composition and information content stay.
    They control for what a matrix of this composition finds anyway.

    Args:
        motif: The original.
        n: How many; named ``decoy 1 of NAME`` and so on.
        seed: Seed of the random order.
        max_similarity: Largest `similarity` to the original; 0.6 by default, which 95 % of the
            pairs of different vertebrate motifs of JASPAR 2026 stay below. Decoys of one motif
            differ from each other, but may be as similar to one another as chance makes them.
        unlike: Other motifs that no decoy may resemble either, for instance all that are tested.

    Raises:
        ValueError: If ``n`` is negative, or 2,000 random orders hold fewer such motifs (short
            or repetitive motifs have none).

    Example:
        >>> rows = np.eye(4)[[2, 0, 3, 0, 0, 2, 1]] * 0.96 + 0.01
        >>> shuffled = decoys(Motif(name="GATAAGC", probabilities=rows), 2, seed=0)
        >>> [decoy.name for decoy in shuffled]
        ['decoy 1 of GATAAGC', 'decoy 2 of GATAAGC']
    """
    if n < 0:
        raise ValueError(f"the number of decoys must be 0 or more, got {n}")
    rng = np.random.default_rng(seed)
    found: list[Motif] = []
    seen: set[bytes] = set()
    for _ in range(_ATTEMPTS):
        if len(found) == n:
            break
        rows = motif.probabilities[rng.permutation(motif.length)]
        decoy = Motif(
            name=f"decoy {len(found) + 1} of {motif.name}",
            probabilities=rows,
            background=motif.background,
            n_sites=motif.n_sites,
        )
        if rows.tobytes() in seen or any(
            similarity(other, decoy) > max_similarity for other in (motif, *unlike)
        ):
            continue
        seen.add(rows.tobytes())
        found.append(decoy)
    if len(found) < n:
        raise ValueError(
            f"motif {motif.title} has {len(found)} shuffled forms with a similarity of at most "
            f"{max_similarity:g} to it (and to unlike) in {_ATTEMPTS} random orders, {n} were "
            "asked for; raise max_similarity or ask for fewer"
        )
    return tuple(found)
