"""The sequence motif of a DNA-binding protein: base probabilities at each position of a site."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

__all__ = ["UNIFORM", "Motif"]

UNIFORM = np.full(4, 0.25)
"""Equal background probabilities of A, C, G, T."""
UNIFORM.setflags(write=False)

_DEFAULT_SITES = 20.0  # what the MEME format assumes where a file does not say
_SUM_TOLERANCE = 1e-9  # rows are divided by their sum before they come here
_AMBIGUITY = {
    frozenset("AG"): "R",
    frozenset("CT"): "Y",
    frozenset("CG"): "S",
    frozenset("AT"): "W",
    frozenset("GT"): "K",
    frozenset("AC"): "M",
}


def _uniform() -> Float64[np.ndarray, " base"]:
    return UNIFORM


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motif:
    """A position probability matrix with the background it is compared with.

    Args:
        name: Name in the library, usually the protein's, e.g. ``GATA1``.
        probabilities: Probability of A, C, G, T (columns) at each position of a site (rows);
            rows sum to one, zeros are allowed.
        background: Probability of A, C, G, T outside sites; 1/4 each by default.
        accession: Identifier in the library, e.g. ``MA0035.4``; empty where there is none.
        n_sites: Number of sites that the probabilities were counted from; None where unknown.

    Raises:
        ValueError: If the name is empty, the matrix is not (length, 4) with at least one row, a
            row or the background is no probability distribution, a background probability is
            zero, or ``n_sites`` is not positive.

    Example:
        >>> motif = Motif(name="X", probabilities=np.array([[0.97, 0.01, 0.01, 0.01]]))
        >>> motif.consensus, motif.reverse_complement().consensus
        ('A', 'T')
    """

    name: str
    probabilities: Float64[np.ndarray, "position base"]
    background: Float64[np.ndarray, " base"] = field(default_factory=_uniform)
    accession: str = ""
    n_sites: float | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a motif needs a name, got an empty one")
        shape = self.probabilities.shape
        if len(shape) != 2 or shape[1] != 4 or shape[0] < 1:
            raise ValueError(
                f"motif {self.name} needs a matrix of shape (length, 4) with columns A, C, G, T, "
                f"got shape {shape}"
            )
        rows = self.probabilities
        bad = ~np.isclose(rows.sum(axis=1), 1.0, rtol=0, atol=_SUM_TOLERANCE)
        bad |= ~np.all(rows >= 0, axis=1)
        if bool(np.any(bad)):
            first = int(np.argmax(bad))
            raise ValueError(
                f"motif {self.name}: the probabilities at a position must be 0 or more and sum to "
                f"1, got {rows[first].tolist()} at position {first}"
            )
        background = self.background
        if background.shape != (4,) or not (
            np.all(background > 0) and np.isclose(background.sum(), 1.0, rtol=0, atol=1e-9)
        ):
            raise ValueError(
                f"motif {self.name}: the background must be 4 positive probabilities that sum to "
                f"1, got {background.tolist()}"
            )
        if self.n_sites is not None and not 0 < self.n_sites < np.inf:
            raise ValueError(f"motif {self.name}: n_sites must be positive, got {self.n_sites}")
        for column in ("probabilities", "background"):
            kept = np.array(getattr(self, column))
            kept.setflags(write=False)
            object.__setattr__(self, column, kept)

    @property
    def length(self) -> int:
        """Number of positions."""
        return int(self.probabilities.shape[0])

    @property
    def title(self) -> str:
        """Accession and name, as MEME files write them; unique in a library."""
        return f"{self.accession} {self.name}" if self.accession else self.name

    @property
    def target(self) -> str:
        """The protein's name: the motif's name before its first ``.``, ``_``, ``(`` or ``/``.

        Example:
            >>> row = np.full((1, 4), 0.25)
            >>> [Motif(name=n, probabilities=row).target for n in ("GATA1.H12CORE.0", "TAL1_disc1")]
            ['GATA1', 'TAL1']
        """
        return re.split(r"[._(/]", self.name, maxsplit=1)[0] or self.name

    def smoothed(self, pseudocount: float = 0.1) -> Float64[np.ndarray, "position base"]:
        """Return the probabilities after adding background counts to the sites' counts.

        Args:
            pseudocount: Number of counts added at each position, divided among the bases by the
                background; 0.1 by default, as in FIMO. Motifs with unknown ``n_sites`` count as
                20 sites, as in the MEME format.

        Raises:
            ValueError: If it is negative or not finite.
        """
        if not 0 <= pseudocount < np.inf:
            raise ValueError(f"pseudocount must be 0 or more, got {pseudocount}")
        n = _DEFAULT_SITES if self.n_sites is None else self.n_sites
        added = n * self.probabilities + pseudocount * self.background
        return np.asarray(added / (n + pseudocount))

    def log_odds(self, pseudocount: float = 0.1) -> Float64[np.ndarray, "position base"]:
        """Return log2 of each base's probability over its background probability; bits.

        Args:
            pseudocount: As in `smoothed`.

        Raises:
            ValueError: If ``pseudocount`` is negative, or 0 where a probability is zero, whose
                log would be infinite.

        References:
            Grant, Bailey, Noble 2011, doi:10.1093/bioinformatics/btr064 (FIMO: log-odds with
            pseudocounts).

        Example:
            >>> motif = Motif(name="X", probabilities=np.array([[0.5, 0.25, 0.125, 0.125]]))
            >>> motif.log_odds(pseudocount=0.0).tolist()
            [[1.0, 0.0, -1.0, -1.0]]
        """
        smooth = self.smoothed(pseudocount)
        if bool(np.any(smooth <= 0)):
            raise ValueError(
                f"motif {self.name} holds probabilities of zero, whose log-odds are infinite; "
                "use a pseudocount above 0"
            )
        return np.asarray(np.log2(smooth / self.background))

    def reverse_complement(self) -> Motif:
        """Return the motif as read on the other strand, background included."""
        return Motif(
            name=self.name,
            probabilities=self.probabilities[::-1, ::-1],
            background=self.background[::-1],
            accession=self.accession,
            n_sites=self.n_sites,
        )

    def information(self) -> Float64[np.ndarray, " position"]:
        """Return each position's relative entropy to the background, in bits.

        References:
            Schneider et al. 1986, doi:10.1016/0022-2836(86)90165-8 (information content; no
            small-sample correction is made here).

        Example:
            >>> motif = Motif(name="X", probabilities=np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]]))
            >>> motif.information().tolist()
            [2.0, 1.0]
        """
        p = self.probabilities
        log = np.log2(np.where(p > 0, p, 1.0) / self.background)
        return np.asarray(np.sum(p * log, axis=1, where=p > 0))

    @property
    def consensus(self) -> str:
        """One IUPAC letter a position: one base, two, or N.

        A base stands alone if its probability exceeds 1/2 and twice the second's; two stand
        together if theirs exceed 3/4.

        References:
            Cavener 1987, doi:10.1093/nar/15.4.1353 (the rule).
        """
        letters = []
        for row in self.probabilities:
            first, second = np.argsort(-row, kind="stable")[:2]
            if row[first] > 0.5 and row[first] > 2 * row[second]:
                letters.append("ACGT"[first])
            elif row[first] + row[second] > 0.75:
                letters.append(_AMBIGUITY[frozenset(("ACGT"[first], "ACGT"[second]))])
            else:
                letters.append("N")
        return "".join(letters)
