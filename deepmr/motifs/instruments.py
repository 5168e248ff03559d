"""Instruments inside matches of a motif: the analogue of cis-instruments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt8

from deepmr.effects import EffectSizes
from deepmr.motifs.library import MotifLibrary, read_motifs
from deepmr.motifs.matches import Strands, positions_in_matches

__all__ = ["AtPositions", "ByMotif"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtPositions:
    """Take variants at given positions of each locus: a rule for these loci alone.

    Args:
        inside: True at the positions whose variants are instruments.
        also: A rule that instruments must pass besides; None by default.
    """

    inside: Bool[np.ndarray, "locus length"]
    also: Callable[..., Any] | None = None

    def __call__(
        self,
        effects: EffectSizes,
        *,
        offset: Int[np.ndarray, "*batch variant"] | None = None,
    ) -> Bool[np.ndarray, "*batch variant"]:
        """Return where the offset is one of the positions.

        Args:
            effects: Effects of the loci, first axis as in ``inside``; axes between locus and
                variant (members) are allowed.
            offset: Position of each variant from the locus's start, in bases, 0-based.

        Raises:
            ValueError: If no offsets are given, the number of loci is another, or an existing
                variant's offset lies outside its locus.
        """
        if offset is None:
            raise ValueError("instruments by motif need the variants' offsets, got none")
        n_loci, length = self.inside.shape
        if offset.ndim < 2 or offset.shape[0] != n_loci:
            raise ValueError(
                f"this rule was made for {n_loci} loci, got effects of shape {offset.shape}; "
                "make it anew for other loci"
            )
        mask = effects.mask
        if bool(np.any(mask & ((offset < 0) | (offset >= length)))):
            raise ValueError(f"offsets must lie within the locus of {length} bases")
        locus = np.arange(n_loci).reshape(-1, *(1,) * (offset.ndim - 1))
        chosen = mask & self.inside[locus, np.clip(offset, 0, max(length - 1, 0))]
        if self.also is not None:
            chosen = chosen & self.also(effects, offset=offset)
        return np.asarray(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMotif:
    """Take variants inside matches of the exposure's own motif, or of a named one.

    A match is found in the reference sequence, so the rule must see it: `at` makes the rule of
    given loci. It chooses by sequence alone; ``also`` adds a threshold of precision.

    Args:
        motifs: A motif library, or the path of its file.
        motif: Title, accession, name or target of the motif; ``exposure`` (default) for the
            motif of the exposure's target, which is another in the reverse question.
        p: Largest p-value of a match; 1e-4 by default.
        relative: Smallest relative score of a match, 0 (no threshold) by default.
        strands: ``both`` (default) or ``forward`` alone.
        margin: Bases on both sides of a match that count as inside, 0 by default.
        also: A rule that instruments must pass besides, such as `ByModeratedZ`; None by default.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no motif library.
        LookupError: If it holds no motif of this name, or several.

    Example:
        >>> from deepmr.motif import Motif
        >>> row = [[0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]]
        >>> library = MotifLibrary(motifs=(Motif(name="AG", probabilities=np.array(row)),))
        >>> rule = ByMotif(motifs=library, motif="AG", p=0.1)
        >>> here = rule.at(np.array([[3, 0, 2, 3]], dtype=np.uint8), target="any")
        >>> e = EffectSizes.from_arrays([[0.1] * 4], [[0.1] * 4], [[0.1] * 4], [[0.1] * 4])
        >>> here(e, offset=np.arange(4)[None]).tolist()
        [[False, True, True, False]]
    """

    motifs: MotifLibrary | Path | str
    motif: str = "exposure"
    p: float = 1e-4
    relative: float = 0.0
    strands: Strands = "both"
    margin: int = 0
    also: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if self.motif != "exposure":
            self.library.select(self.motif)

    @property
    def library(self) -> MotifLibrary:
        """The library, read from its file where a path was given."""
        if isinstance(self.motifs, MotifLibrary):
            return self.motifs
        return read_motifs(self.motifs)

    def at(self, codes: UInt8[np.ndarray, "locus length"], *, target: str) -> AtPositions:
        """Return the rule for given loci.

        Args:
            codes: Bases of the loci's reference sequences, 0 to 3 and 4 for unknown.
            target: What the exposure measures, for instance ``GATA1``; used where ``motif`` is
                ``exposure``.

        Raises:
            LookupError: If the library holds no motif of the target, or several.
            ValueError: As `positions_in_matches`.
        """
        motif = self.library.select(target if self.motif == "exposure" else self.motif)
        return AtPositions(
            also=self.also,
            inside=positions_in_matches(
                motif,
                codes,
                p=self.p,
                relative=self.relative,
                strands=self.strands,
                margin=self.margin,
            ),
        )
