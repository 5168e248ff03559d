"""Motif doses: which motifs a task reads, from effects regressed on changes of occupancy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int, Shaped

from deepmr.effects import MemberEffects
from deepmr.verdict.scale import scaled_effects

__all__ = ["DoseEvidence", "DoseStatistics", "dose_evidence", "dose_statistics"]

_RIDGE = 0.01  # of the mean squared dose at a locus: motifs that overlap share their effect
_INPUT = 0.15  # a motif is an input if it moves the task by .15 of the task's scale
_OVER_DECOYS = 1.5  # and by half more than any decoy seems to
_EXPLAINED = 0.85  # share of squared effects below which a motif is missing: .64 to .81 without one
_QUANTILE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseStatistics:
    """Sums of products of dose changes and scaled effects, at every locus.

    Args:
        gram: Of the dose changes of two motifs.
        cross: Of a motif's dose change and a task's scaled effect.
        square: Of a task's scaled effects.
        top: Largest absolute dose change of a motif.
        motifs: Names of the motifs.
        is_decoy: True for motifs that nothing can read, such as ones with shuffled columns.
    """

    gram: Float64[np.ndarray, "locus motif motif"]
    cross: Float64[np.ndarray, "locus motif task"]
    square: Float64[np.ndarray, "locus task"]
    top: Float64[np.ndarray, "locus motif"]
    motifs: tuple[str, ...]
    is_decoy: Bool[np.ndarray, " motif"]

    @classmethod
    def join(cls, parts: Sequence[DoseStatistics]) -> DoseStatistics:
        """Put the loci of shards behind one another.

        Raises:
            ValueError: If there is no part, or parts differ in motifs.
        """
        if not parts or any(part.motifs != parts[0].motifs for part in parts):
            raise ValueError("DoseStatistics.join needs parts, at least one, of the same motifs")
        return cls(
            gram=np.concatenate([part.gram for part in parts]),
            cross=np.concatenate([part.cross for part in parts]),
            square=np.concatenate([part.square for part in parts]),
            top=np.concatenate([part.top for part in parts]),
            motifs=parts[0].motifs,
            is_decoy=parts[0].is_decoy,
        )


def dose_statistics(
    effects: MemberEffects,
    dose_change: Float64[np.ndarray, "locus motif variant"],
    *,
    scale: Float64[np.ndarray, " task"],
    motifs: Sequence[str],
    is_decoy: Sequence[bool] | None = None,
) -> DoseStatistics:
    """Compute a shard's sums for the regression of effects on motif doses.

    Args:
        effects: Effects of the shard, batch axis ``locus``.
        dose_change: Change of each motif's occupancy by each variant, alternative minus
            reference; of the same variants in the same order.
        scale: Scale of each task over all loci of the run.
        motifs: Names of the motifs.
        is_decoy: True for decoys; without decoys nothing says what chance explains.

    Raises:
        ValueError: If shapes do not fit.
    """
    expected = (effects.value.shape[0], len(motifs), effects.value.shape[-1])
    if dose_change.shape != expected:
        raise ValueError(
            f"dose_statistics needs dose_change of shape {expected} (locus, motif, variant), "
            f"got {dose_change.shape}"
        )
    decoy = np.zeros(len(motifs), dtype=bool) if is_decoy is None else np.asarray(is_decoy, bool)
    if decoy.shape != (len(motifs),):
        raise ValueError(
            f"dose_statistics needs is_decoy for each of {len(motifs)} motifs, got {decoy.shape}"
        )
    y = scaled_effects(effects, scale)
    dose = np.where(effects.mask[:, None, :], dose_change, 0.0)
    return DoseStatistics(
        gram=np.einsum("lmv,lnv->lmn", dose, dose, optimize=True),
        cross=np.einsum("lmv,tlv->lmt", dose, y, optimize=True),
        square=np.einsum("tlv,tlv->lt", y, y),
        top=np.abs(dose).max(axis=-1, initial=0.0),
        motifs=tuple(motifs),
        is_decoy=decoy,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseEvidence:
    """Which motifs each task reads, and what follows for pairs.

    Args:
        response: Largest change of a task through a motif, in units of the task's scale: the
            90th percentile over loci.
        threshold: What a response must exceed to count: .15, or half more than any decoy's.
        explained: Share of each task's squared effects that the true motifs explain, locus by
            locus, of what decoys leave.
        motifs: Names of the motifs, decoys left out.
    """

    response: Float64[np.ndarray, "motif task"]
    threshold: Float64[np.ndarray, " task"]
    explained: Float64[np.ndarray, " task"]
    motifs: tuple[str, ...]

    @property
    def trusted(self) -> Bool[np.ndarray, " task"]:
        """True where the motifs explain .85 of a task's squared effects."""
        return np.asarray(self.explained >= _EXPLAINED)

    @property
    def reads(self) -> Bool[np.ndarray, "motif task"]:
        """Which motifs each task reads."""
        return np.asarray(self.response >= self.threshold)

    def inputs(self, task: int) -> tuple[str, ...]:
        """Return the names of the motifs that a task reads."""
        return tuple(
            name for name, yes in zip(self.motifs, self.reads[:, task], strict=True) if yes
        )

    def structure(self, pairs: Int[np.ndarray, "pair 2"]) -> Shaped[np.ndarray, " pair"]:
        """Return what containment of inputs says of each pair; undecided where not trusted.

        Containment is what nested tasks show, too: ``forward`` here always has that caveat.
        """
        reads = self.reads.T
        x, y = reads[pairs[:, 0]], reads[pairs[:, 1]]
        only_x, only_y = (x & ~y).any(axis=1), (y & ~x).any(axis=1)
        known = self.trusted[pairs].all(axis=1) & x.any(axis=1) & y.any(axis=1)
        return np.select(
            [~known, ~(x & y).any(axis=1), only_x & only_y, only_y, only_x],
            ["undecided", "none", "shared", "forward", "reverse"],
            "inseparable",
        )

    def to_record(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "motifs": list(self.motifs),
            "response": self.response.tolist(),
            "threshold": self.threshold.tolist(),
            "explained": self.explained.tolist(),
        }


def dose_evidence(statistics: DoseStatistics) -> DoseEvidence:
    """Regress effects on doses at every locus, and summarise over loci.

    A regression a locus, so that gating and saturation may give a motif another weight at every
    one. With decoys at hand, their responses say how large chance makes them.

    Args:
        statistics: Of all loci (`DoseStatistics.join`).

    Raises:
        ValueError: If there is no true motif or no locus.
    """
    true = ~statistics.is_decoy
    if not true.any() or statistics.gram.shape[0] == 0:
        raise ValueError("dose_evidence needs at least one motif that is no decoy, and one locus")
    response = _responses(statistics)
    decoys = response[statistics.is_decoy].max(axis=0, initial=0.0)
    own, chance = _explained(statistics, true), _explained(statistics, statistics.is_decoy)
    return DoseEvidence(
        response=response[true],
        threshold=np.maximum(_INPUT, _OVER_DECOYS * decoys),
        explained=np.divide(own - chance, 1.0 - chance, out=np.zeros_like(own), where=chance < 1.0),
        motifs=tuple(n for n, yes in zip(statistics.motifs, true, strict=True) if yes),
    )


def _slopes(
    gram: Float64[np.ndarray, "locus motif motif"], cross: Float64[np.ndarray, "locus motif task"]
) -> Float64[np.ndarray, "locus motif task"]:
    diagonal = np.einsum("lmm->lm", gram)
    size = np.where(diagonal > 0, diagonal, 1.0)
    ridge = _RIDGE * diagonal.max(axis=1, initial=0.0)[:, None] + 1e-9 * size
    return np.asarray(np.linalg.solve(gram + ridge[..., None] * np.eye(gram.shape[1]), cross))


def _responses(statistics: DoseStatistics) -> Float64[np.ndarray, "motif task"]:
    slope = _slopes(statistics.gram, statistics.cross)
    size = np.abs(slope) * statistics.top[..., None]
    return np.asarray(np.quantile(size, _QUANTILE, axis=0))


def _explained(
    statistics: DoseStatistics, kept: Bool[np.ndarray, " motif"]
) -> Float64[np.ndarray, " task"]:
    total = statistics.square.sum(axis=0)
    if not kept.any():
        return np.zeros(len(total))
    gram, cross = statistics.gram[:, kept][:, :, kept], statistics.cross[:, kept]
    slope = _slopes(gram, cross)
    fitted = 2 * np.einsum("lmt,lmt->t", slope, cross) - np.einsum(
        "lmt,lmn,lnt->t", slope, gram, slope, optimize=True
    )
    return np.asarray(np.divide(fitted, total, out=np.zeros_like(total), where=total > 0))
