"""Occupancy of a motif in a sequence, and its change by single-base substitutions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, Int, UInt8

from deepmr.motif import Motif
from deepmr.motifs.matches import Strands, check_offsets
from deepmr.motifs.scores import check_codes, window_scores

__all__ = ["Binding", "Response", "motif_doses", "occupancy", "occupancy_changes"]

Response = Literal["independent", "exclusive", "log", "linear"]

_BASES_AT_ONCE = 16384  # bounds the arrays of a scan to what a processor's cache holds
_UNKNOWN = 4
_EXPONENT = 1000.0  # products of factors stay below 2^1000, the largest double is near 2^1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """How occupancy follows from the scores of all windows.

    A window of score s (log-odds, bits) binds with odds z = 2^(s - threshold). With Z the sum of
    z over positions and strands, occupancy is, by ``response``,

    - ``independent``: 1 - prod 1 / (1 + z), the probability that any window is bound, each
      independently of the others; saturates at 1;
    - ``exclusive``: Z / (1 + Z), the same where one protein binds at a time; saturates at 1;
    - ``log``: ln(1 + Z), free energy; weak sites count little, strong ones go on counting;
    - ``linear``: Z itself, without saturation.

    Args:
        response: One of these; ``independent`` by default.
        threshold: Score at which a window is bound half of the time, bits; 0 by default. Higher
            values stand for less protein: only strong sites then matter. As Z of random bases is
            near the number of windows whatever the motif, saturation at 0 bits sets in early in
            long sequences.
        strands: ``both`` (default) or ``forward`` alone.
        pseudocount: Counts added at each position before taking logs; 0.1 by default.

    Raises:
        ValueError: If a word is unknown, the threshold is beyond 100 bits, or the pseudocount is
            negative.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880 (``independent``, with a
        threshold of 0 on one strand).
    """

    response: Response = "independent"
    threshold: float = 0.0
    strands: Strands = "both"
    pseudocount: float = 0.1

    def __post_init__(self) -> None:
        for name, kinds in (("response", Response), ("strands", Strands)):
            if getattr(self, name) not in get_args(kinds):
                known = ", ".join(get_args(kinds))
                raise ValueError(f"binding.{name} is one of {known}; got {getattr(self, name)!r}")
        if not abs(self.threshold) <= 100:
            raise ValueError(
                f"binding.threshold must lie within -100 to 100 bits, got {self.threshold}"
            )
        if not 0 <= self.pseudocount < np.inf:
            raise ValueError(f"binding.pseudocount must be 0 or more, got {self.pseudocount}")

    def tables(self, motif: Motif) -> list[Float64[np.ndarray, "position 4"]]:
        """Return the motif's log-odds, bits, for each strand as read along the sequence."""
        table = motif.log_odds(self.pseudocount)
        reverse = np.ascontiguousarray(table[::-1, ::-1])
        return [table, reverse] if self.strands == "both" else [table]


_DEFAULT = Binding()


def occupancy(
    motif: Motif, codes: UInt8[np.ndarray, "locus length"], *, binding: Binding = _DEFAULT
) -> Float64[np.ndarray, " locus"]:
    """Return a motif's occupancy of each locus.

    Windows with an unknown base do not bind.

    Args:
        motif: The motif.
        codes: Bases, 0 to 3 for A, C, G, T and 4 for unknown.
        binding: How occupancy follows from scores.

    Raises:
        ValueError: If a base code is above 4.

    Example:
        >>> motif = Motif(name="A", probabilities=np.array([[0.7, 0.1, 0.1, 0.1]]))
        >>> codes = np.array([[0, 1]], dtype=np.uint8)
        >>> binding = Binding(response="linear", strands="forward", pseudocount=0.0)
        >>> occupancy(motif, codes, binding=binding).round(9).tolist()
        [3.2]
    """
    check_codes(codes)
    total = np.zeros(codes.shape[0])
    for table in binding.tables(motif):
        total += _binding_sum(_odds(table, codes, binding), binding).sum(axis=1)
    return _respond(total, binding)


def occupancy_changes(
    motif: Motif,
    codes: UInt8[np.ndarray, "locus length"],
    offset: Int[np.ndarray, "locus variant"],
    alt: Int[np.ndarray, "locus variant"],
    *,
    binding: Binding = _DEFAULT,
) -> Float64[np.ndarray, "locus variant"]:
    """Return the change in a motif's occupancy by each substitution, alternative minus reference.

    The result is exact: every window that covers the variant is rescored, on both strands, and
    all others are kept.

    Args:
        motif: The motif.
        codes: Bases of the loci's reference sequences, 0 to 3 and 4 for unknown.
        offset: Position of each variant from its locus's start, in bases, 0-based.
        alt: Alternative base, 0 to 3; -1 where there is no variant.
        binding: How occupancy follows from scores.

    Returns:
        Changes in the order of the variants; 0 where there is no variant (``alt`` is -1), and
        where the reference base is unknown or equals the alternative.

    Raises:
        ValueError: If an offset lies outside its locus, a base is out of range, or shapes differ.

    Example:
        >>> motif = Motif(name="A", probabilities=np.array([[0.7, 0.1, 0.1, 0.1]]))
        >>> codes = np.array([[0, 1]], dtype=np.uint8)
        >>> binding = Binding(response="linear", strands="forward", pseudocount=0.0)
        >>> offset, alt = np.array([[0, 0, 1]]), np.array([[1, 2, 0]])
        >>> occupancy_changes(motif, codes, offset, alt, binding=binding).round(9).tolist()
        [[-2.4, -2.4, 2.4]]
    """
    return np.asarray(motif_doses([motif], codes, offset, alt, binding=binding)[0])


def motif_doses(
    motifs: Iterable[Motif],
    codes: UInt8[np.ndarray, "locus length"],
    offset: Int[np.ndarray, "locus variant"],
    alt: Int[np.ndarray, "locus variant"],
    *,
    binding: Binding = _DEFAULT,
) -> Float64[np.ndarray, "motif locus variant"]:
    """Return `occupancy_changes` for several motifs, for instance of a library and its decoys.

    Args:
        motifs: Motifs, in the order of the result.
        codes: Bases of the loci's reference sequences.
        offset: Position of each variant from its locus's start, in bases, 0-based.
        alt: Alternative base, 0 to 3; -1 where there is no variant.
        binding: How occupancy follows from scores.

    Raises:
        ValueError: As `occupancy_changes`.
    """
    check_codes(codes)
    check_offsets(offset, codes)
    if alt.shape != offset.shape:
        raise ValueError(f"alt must have the shape of offset {offset.shape}, got {alt.shape}")
    if alt.size and not (int(alt.min()) >= -1 and int(alt.max()) <= 3):
        raise ValueError(
            "alternative bases must be 0 to 3 (A, C, G, T), or -1 for no variant, got "
            f"{int(alt.min())} to {int(alt.max())}"
        )
    listed = list(motifs)
    changes = np.zeros((len(listed), *offset.shape))
    for rows in _pieces(codes):
        ref = np.take_along_axis(codes[rows], offset[rows], axis=1)
        exists = (alt[rows] >= 0) & (ref < _UNKNOWN) & (ref != alt[rows])
        where = (np.maximum(alt[rows], 0), np.arange(len(ref))[:, None], offset[rows])
        for motif, change in zip(listed, changes, strict=True):
            table = _all_changes(motif, codes[rows], binding)
            change[rows] = np.where(exists, table[where], 0.0)
    return changes


def _pieces(codes: UInt8[np.ndarray, "locus length"]) -> Iterator[slice]:
    n_loci, length = codes.shape
    size = max(_BASES_AT_ONCE // max(length, 1), 1)
    return (slice(start, start + size) for start in range(0, n_loci, size))


def _odds(
    table: Float64[np.ndarray, "position 4"],
    codes: UInt8[np.ndarray, "locus length"],
    binding: Binding,
) -> Float64[np.ndarray, "locus window"]:
    return np.asarray(np.exp2(window_scores(table, codes, unknown=-np.inf) - binding.threshold))


def _binding_sum(odds: Float64[np.ndarray, "..."], binding: Binding) -> Float64[np.ndarray, "..."]:
    """Return what adds up over windows: odds, or -ln of the probability of not being bound."""
    return np.asarray(np.log1p(odds)) if binding.response == "independent" else odds


def _respond(
    total: Float64[np.ndarray, "*batch"], binding: Binding
) -> Float64[np.ndarray, "*batch"]:
    if binding.response == "independent":
        return np.asarray(-np.expm1(-total))
    if binding.response == "exclusive":
        return np.asarray(total / (1.0 + total))
    return np.asarray(np.log1p(total)) if binding.response == "log" else total


def _respond_change(
    before: Float64[np.ndarray, "locus 1"],
    after: Float64[np.ndarray, "4 locus length"],
    binding: Binding,
) -> Float64[np.ndarray, "4 locus length"]:
    """Return the change in occupancy, without taking the difference of two numbers near 1."""
    if binding.response == "independent":
        return np.asarray(np.exp(-before) - np.exp(-after))
    if binding.response == "exclusive":
        return np.asarray((after - before) / ((1.0 + after) * (1.0 + before)))
    if binding.response == "log":
        return np.asarray(np.log1p(after) - np.log1p(before))
    return np.asarray(after - before)


def _all_changes(
    motif: Motif, codes: UInt8[np.ndarray, "locus length"], binding: Binding
) -> Float64[np.ndarray, "4 locus length"]:
    """Return the change in occupancy after setting each position, alone, to each base."""
    n_loci, length = codes.shape
    before = np.zeros((n_loci, 1))
    after = np.zeros((4, n_loci, length))
    for table in binding.tables(motif):
        odds = np.zeros((n_loci, length + 2 * motif.length - 2))
        # Zero odds stand for windows that would leave the sequence.
        inner = slice(motif.length - 1, max(length, motif.length - 1))
        odds[:, inner] = _odds(table, codes, binding)
        parts = _binding_sum(odds, binding)
        before += parts.sum(axis=1, keepdims=True)
        after += _outside(parts, motif.length, length)
        _add_inside(after, table, codes, odds, binding)
    return _respond_change(before, after, binding)


def _outside(
    parts: Float64[np.ndarray, "locus padded"], width: int, length: int
) -> Float64[np.ndarray, "locus length"]:
    """Return, for each position, the sum over windows that do not cover it.

    Sums from both ends: no large term is added and subtracted again.
    """
    from_left = np.cumsum(parts, axis=1)
    from_right = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
    outside = np.zeros((len(parts), length))
    # In padded coordinates the windows that cover position i are i to i + width - 1.
    outside[:, 1:] = from_left[:, : length - 1]
    outside[:, : length - 1] += from_right[:, width : width + length - 1]
    return outside


def _add_inside(
    after: Float64[np.ndarray, "4 locus length"],
    table: Float64[np.ndarray, "position 4"],
    codes: UInt8[np.ndarray, "locus length"],
    odds: Float64[np.ndarray, "locus padded"],
    binding: Binding,
) -> None:
    """Add the windows that cover each position, rescored with each alternative base there."""
    width, length = len(table), codes.shape[1]
    # Odds of a window change by this factor, from the reference base (last axis) to each base.
    factor = np.ones((width, 4, _UNKNOWN + 1))
    factor[:, :, :_UNKNOWN] = np.exp2(table[:, :, None] - table[:, None, :])
    independent = binding.response == "independent"
    largest = max(float(table.max(axis=1).sum()) - binding.threshold, 0.0) + 1.0
    n_factors = max(int(_EXPONENT // largest), 1)
    product = np.ones_like(after)
    for j in range(width):
        # The window in which a position is the motif's position j starts j before it.
        covering = odds[:, width - 1 - j : width - 1 - j + length]
        for base in range(4):
            changed = factor[j, base].take(codes)
            changed *= covering
            if independent:
                changed += 1.0
                product[base] *= changed
            else:
                after[base] += changed
        if independent and (j % n_factors == n_factors - 1 or j == width - 1):
            after += np.log(product)
            product[:] = 1.0
