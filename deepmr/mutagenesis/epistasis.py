"""Pairs of substitutions: do effects add up, as Mendelian randomization takes for granted?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int, UInt8

from deepmr.mutagenesis.engine import Engine
from deepmr.mutagenesis.variants import saturation

__all__ = ["PairEffects", "pair_effects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEffects:
    """Joint effects of two substitutions, beside those of each alone.

    Args:
        offset: Positions of the two, from the locus's start.
        alt: Their alternative bases, 0 to 3.
        joint: Output with both, minus the reference.
        alone: Output with the first, and with the second, minus the reference.
    """

    offset: Int[np.ndarray, "pair 2"]
    alt: Int[np.ndarray, "pair 2"]
    joint: Float[np.ndarray, "task pair"]
    alone: Float[np.ndarray, "task pair 2"]

    @property
    def interaction(self) -> Float[np.ndarray, "task pair"]:
        """How far the joint effect is from the sum of the two; 0 where effects add up."""
        return np.asarray(self.joint - self.alone.sum(axis=-1))


def pair_effects(
    engine: Engine,
    codes: UInt8[np.ndarray, " length"],
    *,
    region: tuple[int, int],
    most: int | None = None,
    seed: int = 0,
) -> PairEffects:
    """Return the effects of pairs of substitutions at different positions of a stretch.

    A stretch of w bases has 9 w (w - 1) / 2 pairs, each a whole forward pass.

    Args:
        engine: Measures single substitutions, and predicts whole sequences for pairs.
        codes: Bases of one locus.
        region: The stretch, half-open, from the locus's start.
        most: Measure this many pairs, drawn at random, if there are more.
        seed: Of the draw.

    Raises:
        ValueError: If the region lies outside, or holds fewer than two known bases.
    """
    variants = saturation(codes[None], region=region)
    present = np.flatnonzero(variants.mask[0])
    offset, alt = variants.offset[0], variants.alt[0]
    pairs = np.array(
        [(a, b) for a, b in combinations(present, 2) if offset[a] != offset[b]], dtype=np.int64
    )
    if len(pairs) == 0:
        raise ValueError(
            f"pairs need two known bases, got fewer in {region[0]}-{region[1]}; widen the region"
        )
    if most is not None and len(pairs) > most:
        chosen = np.random.default_rng(seed).choice(len(pairs), size=most, replace=False)
        pairs = pairs[np.sort(chosen)]
    mutants = np.repeat(codes[None], len(pairs), axis=0)
    rows = np.arange(len(pairs))
    for column in pairs.T:
        mutants[rows, offset[column]] = alt[column]
    effects = engine(codes[None], variants)
    outputs = engine.predict(mutants)
    return PairEffects(
        offset=offset[pairs],
        alt=alt[pairs],
        joint=(outputs - effects.reference).T,
        alone=effects.difference[0][:, pairs],
    )
