"""Scores of every window of a sequence, and their exact distribution under the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Shaped, UInt8

from deepmr.motif import Motif

__all__ = ["ScoreDistribution", "check_codes", "score_distribution", "window_scores"]

UNKNOWN = 4  # as in deepmr.sequence, which sees torch
_STEPS_PER_BIT = 1000.0  # an entry is off by 0.0005 bits at most


def check_codes(codes: UInt8[np.ndarray, "locus length"]) -> None:
    """Refuse base codes above 4 (unknown).

    Raises:
        ValueError: If there is one.
    """
    if codes.size and int(codes.max()) > UNKNOWN:
        raise ValueError(
            f"base codes must be 0 to 3 (A, C, G, T) or 4 (unknown), got {int(codes.max())}"
        )


def window_scores(
    table: Shaped[np.ndarray, "position 4"],
    codes: UInt8[np.ndarray, "locus length"],
    *,
    unknown: float,
) -> Shaped[np.ndarray, "locus window"]:
    """Return the sum of a table's entries along every window, of the table's type.

    Args:
        table: What each base adds at each position, for instance log-odds.
        codes: Bases, 0 to 3 for A, C, G, T and 4 for unknown.
        unknown: What an unknown base adds at any position: -inf, or a large negative integer.

    Returns:
        One score a window, by its first base; no windows where the motif is longer than the
        sequence.
    """
    extended = np.concatenate([table, np.full((len(table), 1), unknown, table.dtype)], axis=1)
    n_windows = max(codes.shape[1] - len(table) + 1, 0)
    scores = np.zeros((codes.shape[0], n_windows), dtype=table.dtype)
    for j, row in enumerate(extended):
        scores += row[codes[:, j : j + n_windows]]
    return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreDistribution:
    """Tail probabilities of a motif's score, log-odds rounded to 0.001 bits, under its background.

    Args:
        table: Rounded log-odds, in steps of 0.001 bits.
        lowest: The lowest possible sum of entries, in steps.
        tail: Probability of a sum of at least ``lowest + k`` steps, for each k.
    """

    table: Int[np.ndarray, "position 4"]
    lowest: int
    tail: Float64[np.ndarray, " step"]

    @property
    def best_p(self) -> float:
        """P-value of the best possible score: no site's can be lower."""
        return float(self.tail[-1])

    @property
    def highest(self) -> int:
        """The highest possible sum of entries, in steps."""
        return self.lowest + len(self.tail) - 1

    def p_value(self, steps: Int[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
        """Return the probability that background bases score at least as high."""
        return np.asarray(self.tail[np.clip(steps - self.lowest, 0, len(self.tail) - 1)])

    def threshold(self, p: float) -> int:
        """Return the lowest sum, in steps, whose p-value does not exceed ``p``.

        Raises:
            ValueError: If ``p`` is outside (0, 1], or below that of the best possible score.
        """
        if not 0 < p <= 1:
            raise ValueError(f"a p-value threshold lies in (0, 1], got {p}")
        if p < self.best_p:
            raise ValueError(
                f"no site of this motif reaches p <= {p:g}: its best score has p = "
                f"{self.best_p:.3g}; raise the threshold to this or more"
            )
        # The tail falls; the first step at or below p.
        return self.lowest + int(np.searchsorted(-self.tail, -p, side="left"))

    def to_bits(self, steps: Int[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
        """Return sums of entries in bits."""
        return np.asarray(steps / _STEPS_PER_BIT)


def score_distribution(motif: Motif, *, pseudocount: float = 0.1) -> ScoreDistribution:
    """Return the exact distribution of a motif's rounded score by dynamic programming.

    Position by position, the probability of every attainable sum is the background-weighted
    average over the next base. The reverse strand, read with the complemented background, has
    the same distribution.

    Args:
        motif: Its background gives the bases' probabilities.
        pseudocount: Counts added at each position before taking logs; 0.1 by default.

    References:
        Staden 1989, doi:10.1093/bioinformatics/5.2.89 (the recursion).

    Example:
        >>> motif = Motif(name="X", probabilities=np.array([[0.97, 0.01, 0.01, 0.01]] * 2))
        >>> score_distribution(motif).best_p
        0.0625
    """
    table = np.round(motif.log_odds(pseudocount) * _STEPS_PER_BIT).astype(np.int64)
    lowest = table.min(axis=1)
    mass = np.ones(1)
    for row in table - lowest[:, None]:
        grown = np.zeros(len(mass) + int(row.max()))
        for step, probability in zip(row.tolist(), motif.background.tolist(), strict=True):
            grown[step : step + len(mass)] += probability * mass
        mass = grown
    # Summed from the top, where the terms are smallest and all positive.
    tail = np.minimum(np.cumsum(mass[::-1])[::-1], 1.0)
    return ScoreDistribution(table=table, lowest=int(lowest.sum()), tail=np.ascontiguousarray(tail))
