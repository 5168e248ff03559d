"""The rule that turns a sequence into readings: cooperating factors, and what confounds them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int, UInt8

from deepmr.anscombe import anscombe
from deepmr.simulation.motif import Motif, load_motifs

__all__ = ["CONFOUNDING", "Grammar", "draw_grammar", "variant_order"]

CONFOUNDING = ("none", "independent", "sequence", "both")

_FLOOR = 1.0  # counts without any binding
_CONFOUNDER_ON_EXPOSURE = 20.0
_CONFOUNDER_ON_OUTCOME = 30.0
_BATCH_SHIFT = 25.0  # what the confounder outside the sequence adds to both counts


def variant_order(
    codes: UInt8[np.ndarray, "sequence length"],
) -> tuple[Int[np.ndarray, " variant"], Int[np.ndarray, "sequence variant"]]:
    """Return offset and alternative base of all 3 x length substitutions, in the shared order.

    Offsets ascend; at each, the alternatives are A, C, G, T without the reference.
    """
    n, length = codes.shape
    bases = np.broadcast_to(np.arange(4), (n, length, 4))
    alternatives = bases[bases != codes[..., None]].reshape(n, 3 * length)
    return np.repeat(np.arange(length), 3), alternatives


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """Expected counts of exposure and outcome as a function of the sequence.

    With q the occupancy of a motif and b a fair coin thrown for every sequence:

        exposure = 1 + a q_exposure              + 20 q_confounder + 25 b
        outcome  = 1 + a r q_exposure q_outcome  + 30 q_confounder + 25 b

    The confounder's motif counts under ``sequence`` and ``both``, the coin under ``independent``
    and ``both``. The coin cannot be read from the sequence; what is called noiseless here is the
    mean over its two sides. The best possible network predicts the mean of transformed *counts*,
    which the square root's curvature holds less than 0.2 below, and only at counts of a few.

    Args:
        amplitude: a, the counts that full occupancy of the exposure's motif adds.
        effect: r, the strength of the cooperation.
        confounding: One of none, independent, sequence, both.

    Raises:
        ValueError: If ``confounding`` is another word, or a strength is negative.

    References:
        Malina, Cizin, Knowles 2022, doi:10.1371/journal.pcbi.1009880
    """

    amplitude: float = 100.0
    effect: float = 1.0
    confounding: str = "none"
    motifs: dict[str, Motif] = field(default_factory=load_motifs, repr=False)

    def __post_init__(self) -> None:
        if self.confounding not in CONFOUNDING:
            raise ValueError(
                f"confounding is one of {', '.join(CONFOUNDING)}; got {self.confounding!r}"
            )
        if self.effect < 0 or self.amplitude < 0:
            raise ValueError(
                "effect and amplitude must not be negative (counts would be), "
                f"got {self.effect} and {self.amplitude}"
            )

    @property
    def exposure(self) -> Motif:
        """The exposure's motif."""
        return self.motifs["GATA_disc1"]

    @property
    def outcome(self) -> Motif:
        """The outcome's motif."""
        return self.motifs["TAL1_known1"]

    @property
    def confounder(self) -> Motif | None:
        """The confounder's motif, where the sequence confounds."""
        return self.motifs["SOX2_1"] if self.confounding in ("sequence", "both") else None

    @property
    def has_batch_effect(self) -> bool:
        """Whether something outside the sequence moves both counts."""
        return self.confounding in ("independent", "both")

    def expected_counts(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence 2"]:
        """Return the expected counts of exposure and outcome on the coin's lower side."""
        confounder = None if self.confounder is None else self.confounder.occupancy(codes)
        return self._counts(
            self.exposure.occupancy(codes), self.outcome.occupancy(codes), confounder
        )

    def _counts(
        self,
        exposure: Float64[np.ndarray, "*batch"],
        outcome: Float64[np.ndarray, "*batch"],
        confounder: Float64[np.ndarray, "*batch"] | None,
    ) -> Float64[np.ndarray, "*batch 2"]:
        shared = np.zeros_like(exposure) if confounder is None else confounder
        first = _FLOOR + self.amplitude * exposure + _CONFOUNDER_ON_EXPOSURE * shared
        second = (
            _FLOOR
            + self.amplitude * self.effect * exposure * outcome
            + _CONFOUNDER_ON_OUTCOME * shared
        )
        return np.stack([first, second], axis=-1)

    def _noiseless(
        self, counts: Float64[np.ndarray, "*batch 2"]
    ) -> Float64[np.ndarray, "*batch 2"]:
        if not self.has_batch_effect:
            return anscombe(counts)
        return np.asarray(0.5 * (anscombe(counts) + anscombe(counts + _BATCH_SHIFT)))

    def noiseless(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence 2"]:
        """Return exposure and outcome on the Anscombe scale, without counting noise."""
        return self._noiseless(self.expected_counts(codes))

    def substitution_effects(
        self, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Float64[np.ndarray, "sequence 2 variant"]:
        """Return the noiseless change of exposure and outcome under every single substitution.

        Alternative minus reference, Anscombe scale, variants in the order of `variant_order`.
        """
        confounder = (
            None if self.confounder is None else self.confounder.substituted_occupancy(codes)
        )
        level = self._noiseless(
            self._counts(
                self.exposure.substituted_occupancy(codes),
                self.outcome.substituted_occupancy(codes),
                confounder,
            )
        )
        change = level - self.noiseless(codes)[:, None, None, :]
        alternative = np.arange(4) != codes[..., None]
        kept = change[alternative].reshape(codes.shape[0], 3 * codes.shape[1], 2)
        return np.ascontiguousarray(np.moveaxis(kept, -1, 1))

    def observe(
        self, rng: np.random.Generator, codes: UInt8[np.ndarray, "sequence length"]
    ) -> Int[np.ndarray, "sequence 2"]:
        """Draw Poisson counts of exposure and outcome."""
        counts = self.expected_counts(codes)
        coin = rng.random((codes.shape[0], 1)) < 0.5
        if self.has_batch_effect:
            counts = counts + _BATCH_SHIFT * coin
        return np.asarray(rng.poisson(counts))


def draw_grammar(
    rng: np.random.Generator, *, confounding: str = "none", effect: float | None = None
) -> Grammar:
    """Draw a grammar as the paper draws one for every data set.

    The amplitude comes from N(100, 3). Unless ``effect`` is given, r comes from N(1, .5) or
    N(10, .5) with equal chance, floored at 0. The same numbers are drawn either way, so fixing
    the effect leaves the amplitude as it was.

    Raises:
        ValueError: As `Grammar` does.
    """
    amplitude = rng.normal(100.0, 3.0)
    drawn = max(0.0, rng.normal(rng.choice([1.0, 10.0]), 0.5))
    return Grammar(
        amplitude=float(amplitude),
        effect=float(drawn if effect is None else effect),
        confounding=confounding,
    )
