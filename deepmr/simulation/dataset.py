"""A whole simulated data set: one grammar, sequences in four disjoint parts, readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from deepmr.simulation.grammar import Grammar, draw_grammar
from deepmr.simulation.sequences import (
    PlantedSequences,
    draw_motif_variants,
    draw_sequences,
    draw_variants,
)

__all__ = ["SimulatedDataset", "Sizes", "simulate"]

_STREAMS = (
    "grammar", "train", "variant", "validation", "calibration", "test",
    "read_train", "read_calibration", "read_test", "motif_variant", "read_motif_variant",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many sequences a data set holds; the defaults are the paper's.

    Args:
        train: Sequences to learn from, those held out for validation included.
        variants: Single-substitution variants of them, added to them.
        motif_variants: Variants of them with one substitution inside a planted motif, added too;
            the paper had none.
        validation_fraction: Share of the families (a sequence and its variants) held out.
        calibration: Sequences to calibrate on; the paper had none of their own.
        test: Sequences to interrogate.
        length: Bases of a sequence.

    Raises:
        ValueError: If a size is not positive, or the fraction leaves a part empty.
    """

    train: int = 10_000
    variants: int = 2_500
    motif_variants: int = 0
    validation_fraction: float = 0.15
    calibration: int = 1_000
    test: int = 1_000
    length: int = 100

    def __post_init__(self) -> None:
        for name in ("train", "calibration", "test", "length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("variants", "motif_variants"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 < self.n_validation < self.train:
            raise ValueError(
                "validation_fraction must leave sequences to train on and to validate on, "
                f"got {self.validation_fraction} of {self.train}"
            )

    @property
    def n_validation(self) -> int:
        """Number of families held out for validation."""
        return round(self.train * self.validation_fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDataset:
    """Sequences with their readings, and which part each belongs to.

    Args:
        grammar: What produced the readings.
        sequences: All sequences, of all parts.
        counts: Observed counts of exposure and outcome.
        rows: The sequences of train, validation, calibration and test, ascending.
    """

    grammar: Grammar
    sequences: PlantedSequences
    counts: Int[np.ndarray, "sequence 2"]
    rows: Mapping[str, Int[np.ndarray, " part"]]


def simulate(
    seed: int, *, sizes: Sizes, confounding: str = "none", effect: float | None = None
) -> SimulatedDataset:
    """Simulate a data set, wholly determined by its arguments.

    Every part has a random stream of its own: changing one size, or fixing the effect, leaves
    the other parts' sequences as they were. Variants stay with their parents, so that no
    validation sequence is a near copy of a training sequence.

    Raises:
        ValueError: As `Grammar` does, or if the motifs do not fit into the length.
    """
    spawned = np.random.SeedSequence(seed).spawn(len(_STREAMS))
    rng = {
        name: np.random.default_rng(stream) for name, stream in zip(_STREAMS, spawned, strict=True)
    }
    grammar = draw_grammar(rng["grammar"], confounding=confounding, effect=effect)
    originals = draw_sequences(rng["train"], sizes.train, sizes.length, grammar)
    variants, parent = draw_variants(rng["variant"], originals, sizes.variants)
    inside, parent_inside = draw_motif_variants(
        rng["motif_variant"], originals, sizes.motif_variants, grammar
    )
    parts = (
        PlantedSequences.concatenate((originals, variants)),
        inside,
        draw_sequences(rng["calibration"], sizes.calibration, sizes.length, grammar),
        draw_sequences(rng["test"], sizes.test, sizes.length, grammar),
    )
    counts = [
        grammar.observe(rng[f"read_{name}"], part.codes)
        for name, part in zip(("train", "motif_variant", "calibration", "test"), parts, strict=True)
    ]
    family = np.concatenate([np.arange(sizes.train), parent, parent_inside])
    held_out = np.isin(family, rng["validation"].permutation(sizes.train)[: sizes.n_validation])
    first = family.size + np.cumsum([0, sizes.calibration, sizes.test])
    return SimulatedDataset(
        grammar=grammar,
        sequences=PlantedSequences.concatenate(parts),
        counts=np.concatenate(counts),
        rows={
            "train": np.flatnonzero(~held_out),
            "validation": np.flatnonzero(held_out),
            "calibration": np.arange(first[0], first[1]),
            "test": np.arange(first[1], first[2]),
        },
    )
