"""Which motifs of a library two tasks read, and the verdict revised by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, UInt8

from deepmr.effect_shard import Effects
from deepmr.effects import MemberEffects
from deepmr.loci import Loci
from deepmr.motif import Motif
from deepmr.motifs import Binding, MotifLibrary, motif_doses
from deepmr.verdict import (
    DoseEvidence,
    DoseStatistics,
    Verdict,
    dose_evidence,
    dose_statistics,
    explained_alone,
    judge_doses,
    likely_inputs,
    scaled_effects,
)

__all__ = ["motif_evidence", "revise_by_motifs"]

_SCREENED = 60
"""Loci on which motifs of a library are screened."""

_THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Scores at which a window is half bound that are tried, over the motif's largest: proteins may
be scarce, and then only strong sites count."""

_PAIR = np.array([[0, 1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """A motif with the binding by which its doses follow."""

    motif: Motif
    binding: Binding

    def decoy(self, rng: np.random.Generator) -> _Reader:
        """Return the motif with its positions in another order, bound alike."""
        columns = rng.permutation(self.motif.probabilities)
        name = f"decoy of {self.motif.name}"
        return replace(self, motif=replace(self.motif, name=name, probabilities=columns))


def revise_by_motifs(
    verdict: Verdict,
    effects: Effects,
    loci: Loci,
    library: MotifLibrary,
    *,
    scale: Float64[np.ndarray, " 2"],
    targets: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Verdict:
    """Return the verdict, revised by the motifs that both tasks read.

    Args:
        verdict: The verdict from the effects.
        effects: Effects of all loci on both tasks.
        loci: The loci in the order of ``effects``.
        library: Motifs that a task may read.
        scale: Scale of both tasks (`deepmr.verdict.effect_scale`).
        targets: What each task measures, by its name, to find its own motif; by default its name.
        seed: Seed of the decoys, 0 by default.
    """
    pair = (verdict.exposure, verdict.outcome)
    own = [_own_motif(library, (targets or {}).get(task, task)) for task in pair]
    found = motif_evidence(effects, pair, loci, library, scale=scale, own=own, seed=seed)
    return judge_doses([verdict], found, _PAIR, own=own)[0]


def motif_evidence(
    effects: Effects,
    tasks: Sequence[str],
    loci: Loci,
    library: MotifLibrary,
    *,
    scale: Float64[np.ndarray, " task"],
    own: Sequence[str | None] = (),
    seed: int = 0,
) -> DoseEvidence:
    """Return which motifs of a library each task reads.

    The motifs that explain most on the first loci are kept, and the tasks' own; the same motifs
    with their positions in another order are decoys.

    Args:
        effects: Effects of all loci.
        tasks: Names of the tasks.
        loci: The loci in the order of ``effects``.
        library: Motifs that a task may read.
        scale: Scale of each task.
        own: Titles of motifs that are kept whatever they explain; None stands for none.
        seed: Seed of the decoys, 0 by default.
    """
    readers = _screened(effects, tasks, loci, library, scale, own)
    rng = np.random.default_rng(seed)
    decoys = [one.decoy(rng) for one in readers]
    names = [one.motif.title for one in readers] + [f"decoy {k}" for k in range(len(decoys))]
    parts = [
        dose_statistics(
            shard,
            _doses([*readers, *decoys], codes, shard).swapaxes(0, 1),
            scale=scale,
            motifs=names,
            is_decoy=[False] * len(readers) + [True] * len(decoys),
        )
        for shard, codes in _read(effects, tasks, loci)
    ]
    return dose_evidence(DoseStatistics.join(parts))


def _own_motif(library: MotifLibrary, target: str) -> str | None:
    try:
        return library.select(target).title
    except LookupError:
        return None


def _screened(
    effects: Effects,
    tasks: Sequence[str],
    loci: Loci,
    library: MotifLibrary,
    scale: Float64[np.ndarray, " task"],
    own: Sequence[str | None],
) -> list[_Reader]:
    held: list[MemberEffects] = []
    codes = []
    for shard, bases in _read(effects, tasks, loci):
        held.append(replace(shard, value=shard.value.mean(axis=-2, keepdims=True)))
        codes.append(bases)
        if sum(map(len, codes)) >= _SCREENED:
            break
    few, bases = MemberEffects.join(held).at(slice(_SCREENED)), np.concatenate(codes)[:_SCREENED]
    y = scaled_effects(few, scale)
    readers = [_best_bound(motif, bases, few, y) for motif in library]
    always = [k for k, one in enumerate(readers) if one.motif.title in own]
    kept = likely_inputs(y, _doses(readers, bases, few), always=always)
    return [readers[k] for k in kept] or readers[:1]


def _best_bound(
    motif: Motif,
    codes: UInt8[np.ndarray, "locus length"],
    effects: MemberEffects,
    scaled: Float64[np.ndarray, "task locus variant"],
) -> _Reader:
    """Return the motif with the threshold at which it explains most."""
    largest = float(motif.log_odds(Binding().pseudocount).max(axis=1).sum())
    readers = [
        _Reader(motif=motif, binding=Binding(threshold=share * largest)) for share in _THRESHOLDS
    ]
    return readers[int(explained_alone(scaled, _doses(readers, codes, effects)).argmax())]


def _read(
    effects: Effects, tasks: Sequence[str], loci: Loci
) -> Iterator[tuple[MemberEffects, UInt8[np.ndarray, "locus length"]]]:
    row = 0
    for shard in effects.read(tasks):
        yield shard.effects, loci.codes[row : row + len(shard.loci)]
        row += len(shard.loci)


def _doses(
    readers: list[_Reader], codes: UInt8[np.ndarray, "locus length"], effects: MemberEffects
) -> Float64[np.ndarray, "motif locus variant"]:
    alt = np.where(effects.mask & (effects.alt < 4), effects.alt, -1)
    offset = np.where(effects.mask, effects.offset, 0)
    return np.concatenate(
        [motif_doses([one.motif], codes, offset, alt, binding=one.binding) for one in readers]
    )
