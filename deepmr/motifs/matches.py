"""Matches of a motif in sequences, by exact p-value and by relative score; variants inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int, Int8, UInt8

from deepmr.motif import Motif
from deepmr.motifs.scores import ScoreDistribution, check_codes, score_distribution, window_scores

__all__ = ["Matches", "Strands", "find_matches", "positions_in_matches", "variants_in_matches"]

Strands = Literal["both", "forward"]

_NEVER = -(2**40)  # steps; below any sum of log-odds, and its multiples fit 64 bits


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matches:
    """Matches as columns, ordered by locus, start and strand (forward first).

    Args:
        locus: Row of the base codes.
        start: First base of the match, from the locus's start, 0-based.
        end: One past its last base.
        strand: 1 where the motif reads along the sequence, -1 along its reverse complement.
        score: Log-odds, bits (rounded to 0.001 at each position, as the p-value needs).
        p: Probability that background bases score at least as high at one place and strand.
    """

    locus: Int[np.ndarray, " match"]
    start: Int[np.ndarray, " match"]
    end: Int[np.ndarray, " match"]
    strand: Int8[np.ndarray, " match"]
    score: Float64[np.ndarray, " match"]
    p: Float64[np.ndarray, " match"]

    def __len__(self) -> int:
        return len(self.locus)


def find_matches(
    motif: Motif,
    codes: UInt8[np.ndarray, "locus length"],
    *,
    p: float = 1e-4,
    relative: float = 0.0,
    strands: Strands = "both",
    pseudocount: float = 0.1,
) -> Matches:
    """Return where a motif matches, under two thresholds that must both be met.

    Windows with an unknown base are no matches.

    Args:
        motif: The motif.
        codes: Bases, 0 to 3 for A, C, G, T and 4 for unknown.
        p: Largest p-value of a match, under the motif's background; 1e-4 by default, as in FIMO.
        relative: Smallest relative score, (score - lowest) / (highest - lowest) over all
            possible scores; 0 (no threshold) by default, JASPAR's web site uses 0.8.
        strands: ``both``, or ``forward`` alone.
        pseudocount: Counts added at each position before taking logs; 0.1 by default.

    Raises:
        ValueError: If a threshold is outside its range, no site can reach ``p``, ``strands`` is
            another word, or a base code is above 4.

    References:
        Grant, Bailey, Noble 2011, doi:10.1093/bioinformatics/btr064 (FIMO: matches by p-value).

    Example:
        >>> row = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]]
        >>> motif = Motif(name="AG", probabilities=np.array(row))
        >>> found = find_matches(motif, np.array([[3, 0, 2, 1, 3]], dtype=np.uint8), p=0.1)
        >>> found.start.tolist(), found.strand.tolist(), found.p.tolist()
        ([1, 3], [1, -1], [0.0625, 0.0625])
    """
    check_codes(codes)
    distribution = score_distribution(motif, pseudocount=pseudocount)
    least = _threshold(motif, distribution, p=p, relative=relative)
    table = distribution.table
    tables = {"both": (table, table[::-1, ::-1]), "forward": (table,)}.get(strands)
    if tables is None:
        raise ValueError(f"strands is both or forward, got {strands!r}")
    steps = np.stack([window_scores(t, codes, unknown=_NEVER) for t in tables], axis=-1)
    locus, start, strand = np.nonzero(steps >= least)
    found = steps[locus, start, strand]
    return Matches(
        locus=locus,
        start=start,
        end=start + motif.length,
        strand=(1 - 2 * strand).astype(np.int8),
        score=distribution.to_bits(found),
        p=distribution.p_value(found),
    )


def _threshold(motif: Motif, distribution: ScoreDistribution, *, p: float, relative: float) -> int:
    if not 0 <= relative <= 1:
        raise ValueError(f"a relative score lies in 0 to 1, got {relative}")
    try:
        by_p = distribution.threshold(p)
    except ValueError as error:
        raise ValueError(f"motif {motif.title}: {error}") from error
    lowest, highest = distribution.lowest, distribution.highest
    # The ceiling of a product that may round just above a whole number of steps.
    by_share = int(np.ceil(lowest + relative * (highest - lowest) - 1e-6))
    return max(by_p, by_share)


def positions_in_matches(
    motif: Motif,
    codes: UInt8[np.ndarray, "locus length"],
    *,
    p: float = 1e-4,
    relative: float = 0.0,
    strands: Strands = "both",
    pseudocount: float = 0.1,
    margin: int = 0,
) -> Bool[np.ndarray, "locus length"]:
    """Return which positions lie inside a match of a motif.

    Args:
        motif: The motif.
        codes: Bases of the loci's reference sequences.
        p: As in `find_matches`.
        relative: As in `find_matches`.
        strands: As in `find_matches`.
        pseudocount: As in `find_matches`.
        margin: Bases on both sides that count as inside, 0 by default.

    Raises:
        ValueError: As `find_matches`; or if ``margin`` is negative.

    Example:
        >>> row = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]]
        >>> motif = Motif(name="AG", probabilities=np.array(row))
        >>> codes = np.array([[3, 0, 2, 3]], dtype=np.uint8)
        >>> positions_in_matches(motif, codes, p=0.1).tolist()
        [[False, True, True, False]]
    """
    if margin < 0:
        raise ValueError(f"margin must be 0 or more bases, got {margin}")
    found = find_matches(
        motif, codes, p=p, relative=relative, strands=strands, pseudocount=pseudocount
    )
    n_loci, length = codes.shape
    edges = np.zeros((n_loci, length + 1), dtype=np.int64)
    np.add.at(edges, (found.locus, np.maximum(found.start - margin, 0)), 1)
    np.add.at(edges, (found.locus, np.minimum(found.end + margin, length)), -1)
    return np.asarray(np.cumsum(edges, axis=1)[:, :length] > 0)


def variants_in_matches(
    motif: Motif,
    codes: UInt8[np.ndarray, "locus length"],
    offset: Int[np.ndarray, "locus variant"],
    *,
    p: float = 1e-4,
    relative: float = 0.0,
    strands: Strands = "both",
    pseudocount: float = 0.1,
    margin: int = 0,
) -> Bool[np.ndarray, "locus variant"]:
    """Return which variants lie inside a match of a motif in the reference sequence.

    Variants of one transcription factor's own motif are the analogue of cis-instruments.
    Variants that create a match where the reference has none are not among them.

    Args:
        motif: The motif.
        codes: Bases of the loci's reference sequences.
        offset: Position of each variant from its locus's start, in bases, 0-based.
        p: As in `find_matches`.
        relative: As in `find_matches`.
        strands: As in `find_matches`.
        pseudocount: As in `find_matches`.
        margin: Bases on both sides that count as inside, 0 by default.

    Raises:
        ValueError: As `positions_in_matches`; or if an offset lies outside its locus or the
            numbers of loci differ.

    Example:
        >>> row = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]]
        >>> motif = Motif(name="AG", probabilities=np.array(row))
        >>> codes = np.array([[3, 0, 2, 3]], dtype=np.uint8)
        >>> variants_in_matches(motif, codes, np.array([[3, 2, 2]]), p=0.1).tolist()
        [[False, True, True]]
    """
    check_offsets(offset, codes)
    inside = positions_in_matches(
        motif,
        codes,
        p=p,
        relative=relative,
        strands=strands,
        pseudocount=pseudocount,
        margin=margin,
    )
    return np.asarray(np.take_along_axis(inside, offset, axis=1))


def check_offsets(
    offset: Int[np.ndarray, "locus variant"], codes: UInt8[np.ndarray, "locus length"]
) -> None:
    """Refuse offsets outside their loci, and another number of loci.

    Raises:
        ValueError: If there is one.
    """
    n_loci, length = codes.shape
    if offset.shape[0] != n_loci:
        raise ValueError(
            f"offsets must have one row for each of {n_loci} loci, got {offset.shape[0]} rows"
        )
    if offset.size and not (int(offset.min()) >= 0 and int(offset.max()) < length):
        raise ValueError(
            f"a variant's offset must lie within the locus of {length} bases, got "
            f"{int(offset.min())} to {int(offset.max())}"
        )
