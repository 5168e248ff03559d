"""Sequences with planted motifs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from deepmr.simulation.grammar import Grammar
from deepmr.simulation.motif import BACKGROUND, Motif

__all__ = ["PlantedSequences", "draw_motif_variants", "draw_sequences", "draw_variants"]

ABSENT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedSequences:
    """Sequences, and where each motif was planted.

    Args:
        codes: Bases as 0 to 3.
        exposure_start: First base of the exposure's motif; -1 where it was not planted.
        outcome_start: Likewise for the outcome's motif.
        confounder_start: Likewise for the confounder's motif.
    """

    codes: UInt8[np.ndarray, "sequence length"]
    exposure_start: Int[np.ndarray, " sequence"]
    outcome_start: Int[np.ndarray, " sequence"]
    confounder_start: Int[np.ndarray, " sequence"]

    def __len__(self) -> int:
        return int(self.codes.shape[0])

    @property
    def has_both(self) -> Bool[np.ndarray, " sequence"]:
        """True where exposure and outcome motifs were both planted."""
        return np.asarray((self.exposure_start >= 0) & (self.outcome_start >= 0))

    def take(self, rows: Int[np.ndarray, " kept"]) -> PlantedSequences:
        """Return some of the sequences."""
        return PlantedSequences(
            codes=self.codes[rows],
            exposure_start=self.exposure_start[rows],
            outcome_start=self.outcome_start[rows],
            confounder_start=self.confounder_start[rows],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[PlantedSequences]) -> PlantedSequences:
        """Put sets of sequences of one length behind one another."""
        return cls(
            codes=np.concatenate([part.codes for part in parts]),
            exposure_start=np.concatenate([part.exposure_start for part in parts]),
            outcome_start=np.concatenate([part.outcome_start for part in parts]),
            confounder_start=np.concatenate([part.confounder_start for part in parts]),
        )


def draw_sequences(
    rng: np.random.Generator, n: int, length: int, grammar: Grammar
) -> PlantedSequences:
    """Draw sequences: a quarter each without motif, with the exposure's, the outcome's, or both.

    Where the sequence confounds, half of them also hold the confounder's motif. Motifs do not
    overlap; all arrangements that fit are equally likely.

    Raises:
        ValueError: If the motifs do not fit into ``length`` bases.
    """
    codes = rng.choice(4, size=(n, length), p=BACKGROUND).astype(np.uint8)
    kind = rng.permutation(n) % 4
    present = np.stack(
        [kind % 2 == 1, kind >= 2, (rng.random(n) < 0.5) & (grammar.confounder is not None)], axis=1
    )
    motifs = (grammar.exposure, grammar.outcome, grammar.motifs["SOX2_1"])
    starts = np.full((n, 3), ABSENT)
    for combination in np.unique(present, axis=0):
        rows = np.flatnonzero(np.all(present == combination, axis=1))
        which = np.flatnonzero(combination)
        placed = _place(rng, rows.size, length, [motifs[k].width for k in which])
        for column, k in enumerate(which):
            starts[rows, k] = placed[:, column]
            _write(rng, codes, rows, placed[:, column], motifs[k])
    return PlantedSequences(
        codes=codes,
        exposure_start=starts[:, 0],
        outcome_start=starts[:, 1],
        confounder_start=starts[:, 2],
    )


def _place(
    rng: np.random.Generator, n: int, length: int, widths: Sequence[int]
) -> Int[np.ndarray, "sequence motif"]:
    """Draw starts of motifs that do not overlap, uniformly over order and spacing."""
    free = length - sum(widths)
    if free < 0:
        raise ValueError(
            f"motifs of {' + '.join(map(str, widths))} bases do not fit into {length}; "
            "raise data.length"
        )
    k = len(widths)
    order = rng.permuted(np.tile(np.arange(k), (n, 1)), axis=1)
    # With every motif shrunk to one cell, an arrangement is a choice of k of free + k cells.
    cells = np.sort(rng.random((n, free + k)).argsort(axis=1)[:, :k], axis=1)
    ordered_width = np.asarray(widths, dtype=np.int64)[order]
    before = np.cumsum(ordered_width - 1, axis=1) - (ordered_width - 1)
    starts = np.empty((n, k), dtype=np.int64)
    np.put_along_axis(starts, order, cells + before, axis=1)
    return starts


def _write(
    rng: np.random.Generator,
    codes: UInt8[np.ndarray, "sequence length"],
    rows: Int[np.ndarray, " planted"],
    starts: Int[np.ndarray, " planted"],
    motif: Motif,
) -> None:
    columns = starts[:, None] + np.arange(motif.width)
    codes[rows[:, None], columns] = motif.sample(rng, rows.size)


def draw_variants(
    rng: np.random.Generator, parents: PlantedSequences, n: int
) -> tuple[PlantedSequences, Int[np.ndarray, " variant"]]:
    """Draw single-substitution variants of given sequences.

    Returns:
        The variants, and the row of each one's parent.

    Raises:
        ValueError: If there are no parents to vary.
    """
    if n and not len(parents):
        raise ValueError(f"variants need parents, got none for {n}")
    parent = rng.integers(0, max(len(parents), 1), n)
    column = rng.integers(0, parents.codes.shape[1], n)
    return _substituted(rng, parents, parent, column), parent


def draw_motif_variants(
    rng: np.random.Generator, parents: PlantedSequences, n: int, grammar: Grammar
) -> tuple[PlantedSequences, Int[np.ndarray, " variant"]]:
    """Draw variants with one substitution inside a planted motif, whose sites are equally likely.

    Labels of weakened sites are what a network lacks that overestimates intermediate effects.

    Args:
        rng: Source of randomness.
        parents: Sequences with planted motifs.
        n: Number of variants.
        grammar: The motifs' widths.

    Returns:
        The variants, and the row of each one's parent.

    Raises:
        ValueError: If no parent holds a motif.

    Example:
        >>> from deepmr.simulation import draw_grammar
        >>> grammar = draw_grammar(np.random.default_rng(0))
        >>> parents = draw_sequences(np.random.default_rng(1), 20, 50, grammar)
        >>> variants, row = draw_motif_variants(np.random.default_rng(2), parents, 5, grammar)
        >>> (variants.codes != parents.codes[row]).sum(axis=1).tolist()
        [1, 1, 1, 1, 1]
    """
    starts = np.stack(
        [parents.exposure_start, parents.outcome_start, parents.confounder_start], axis=1
    )
    motifs = (grammar.exposure, grammar.outcome, grammar.motifs["SOX2_1"])
    row, which = np.nonzero(starts != ABSENT)
    if n and not row.size:
        raise ValueError(f"no sequence holds a motif, so that there is no site for {n} variants")
    site = rng.integers(0, max(row.size, 1), n)
    widths = np.array([motif.width for motif in motifs])[which[site]]
    column = starts[row[site], which[site]] + rng.integers(0, widths)
    return _substituted(rng, parents, row[site], column), row[site]


def _substituted(
    rng: np.random.Generator,
    parents: PlantedSequences,
    parent: Int[np.ndarray, " variant"],
    column: Int[np.ndarray, " variant"],
) -> PlantedSequences:
    children = parents.take(parent)
    codes = children.codes.copy()
    row = np.arange(len(parent))
    codes[row, column] = (codes[row, column] + rng.integers(1, 4, len(parent))) % 4
    return PlantedSequences(
        codes=codes,
        exposure_start=children.exposure_start,
        outcome_start=children.outcome_start,
        confounder_start=children.confounder_start,
    )
