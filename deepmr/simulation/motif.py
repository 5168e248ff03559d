"""Motifs as probability matrices, and how strongly a protein binds a sequence through one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from jaxtyping import Float64, UInt8

__all__ = ["BACKGROUND", "Motif", "load_motifs"]

BACKGROUND = np.array([0.27, 0.23, 0.23, 0.27])
"""Probabilities of A, C, G, T outside motifs."""

_PSEUDO_PROBABILITY = 1e-5
_LOCI_AT_ONCE = 256  # bounds the memory of a scan over all substitutions to about 10 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """A position probability matrix.

    Args:
        name: As in the motif set.
        probability: Probability of A, C, G, T at each position; rows sum to one.
        threshold: Score at which a window is bound half of the time, in natural-log units;
            0 by default, higher where the protein is scarce.

    Raises:
        ValueError: If a row does not sum to one or holds a zero, for which no log ratio exists.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880 (binding as one minus the
        product, over positions, of not binding).
    """

    name: str
    probability: Float64[np.ndarray, "width 4"]
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if bool(np.any(self.probability <= 0)):
            raise ValueError(f"motif {self.name} must have positive probabilities throughout")
        if not np.allclose(self.probability.sum(axis=1), 1.0, rtol=0, atol=1e-9):
            raise ValueError(f"the rows of motif {self.name} must sum to one")

    @classmethod
    def from_rows(cls, name: str, rows: Float64[np.ndarray, "width 4"]) -> Motif:
        """Build a motif from published probabilities, which may hold zeros.

        A pseudo-probability of 1e-5 is added to every entry, and the rows are scaled to one.

        Args:
            name: Name of the motif.
            rows: Probability of A, C, G, T at each position.
        """
        raised = rows + _PSEUDO_PROBABILITY
        return cls(name=name, probability=raised / raised.sum(axis=1, keepdims=True))

    @property
    def width(self) -> int:
        """Number of positions."""
        return int(self.probability.shape[0])

    @property
    def log_ratio(self) -> Float64[np.ndarray, "width 4"]:
        """Natural log of each base's probability over the background's."""
        return np.asarray(np.log(self.probability / BACKGROUND))

    def sample(self, rng: np.random.Generator, n: int) -> UInt8[np.ndarray, "sequence width"]:
        """Draw instances of the motif, base by base, as codes 0 to 3."""
        cumulative = np.cumsum(self.probability, axis=1)[:, :3]
        draws = rng.random((n, self.width, 1))
        return np.asarray((draws > cumulative).sum(axis=-1), dtype=np.uint8)

    def scores(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence window"]:
        """Return every window's log likelihood ratio to the background, less the threshold."""
        windows = np.lib.stride_tricks.sliding_window_view(codes, self.width, axis=1)
        ratio = self.log_ratio[np.arange(self.width), windows].sum(axis=-1)
        return np.asarray(ratio - self.threshold)

    def with_strength(self, strength: float) -> Motif:
        """Return the motif with the threshold at which its average site has these log odds.

        A site drawn from the matrix is then bound with log odds of ``strength`` on average, so
        that substitutions weaken it step by step instead of leaving it saturated.

        Args:
            strength: Natural-log odds that an average site is bound; 4 is a probability of .982.
        """
        mean = float((self.probability * self.log_ratio).sum())
        return replace(self, threshold=mean - strength)

    def occupancy(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, " sequence"]:
        """Return the probability that the motif is bound anywhere: 1 - prod(1 - p).

        Every window is bound with probability p = 1 / (1 + exp(-score)), independently.
        """
        return np.asarray(-np.expm1(-np.logaddexp(0.0, self.scores(codes)).sum(axis=1)))

    def substituted_occupancy(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence length 4"]:
        """Return the occupancy after setting each position, alone, to each base.

        A substitution changes only the windows that cover it, so the work grows with the
        motif's width, not with the length squared. Setting a position to the base it has
        gives the reference's own occupancy.
        """
        pieces = [self._substitute(codes[rows]) for rows in _chunks(codes.shape[0], _LOCI_AT_ONCE)]
        return np.concatenate(pieces) if pieces else np.empty((*codes.shape, 4))

    def _substitute(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence length 4"]:
        n, length = codes.shape
        # Padding stands for windows that would leave the sequence: a score of minus infinity
        # contributes log(1 + exp(-inf)) = 0 before and after any change.
        scores = np.full((n, length + self.width - 1), -np.inf)
        scores[:, self.width - 1 : length] = self.scores(codes)
        hazard = np.logaddexp(0.0, scores)
        total = np.empty((n, length, 4))
        total[:] = hazard.sum(axis=1)[:, None, None]
        for j in range(self.width):
            # The window in which this position is the motif's position j starts j before it.
            start = self.width - 1 - j
            covering = scores[:, start : start + length, None]
            change = self.log_ratio[j] - self.log_ratio[j][codes][..., None]
            total += np.logaddexp(0.0, covering + change)
            total -= hazard[:, start : start + length, None]
        return np.asarray(-np.expm1(-total))


def _chunks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def load_motifs(library: str = "motifs") -> dict[str, Motif]:
    """Return shipped motifs by name.

    Args:
        library: ``motifs``: the three of the paper's simulation, by default; ``jaspar``: others
            from JASPAR; ``all``: both.

    References:
        Kheradpour and Kellis 2014, doi:10.1093/nar/gkt1249 (matrices of ``motifs``).
        Rauluseviciute et al. 2024, doi:10.1093/nar/gkad1059 (matrices of ``jaspar``).
    """
    names = ("motifs", "jaspar") if library == "all" else (library,)
    motifs = {}
    for file in names:
        text = files("deepmr.simulation").joinpath(f"{file}.json").read_text(encoding="utf-8")
        for name, record in json.loads(text)["motifs"].items():
            motifs[name] = Motif.from_rows(name, np.asarray(record["rows"], dtype=np.float64))
    return motifs
