"""Epistasis: joint effects of pairs of substitutions against the sum of their single effects."""

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
    """Effects of pairs of substitutions on raw outputs, and of each substitution alone.

    Args:
        offset: Offsets of the two substitutions, in bases from the locus's start, 0-based.
        alt: Their alternative bases, 0 to 3 for A, C, G, T.
        joint: Raw output with both, minus that for the reference.
        alone: Raw output with the first, and with the second, minus that for the reference.

    Example:
        >>> pair = {"offset": np.array([[1, 4]]), "alt": np.array([[0, 2]])}
        >>> effects = {"joint": np.array([[0.5]]), "alone": np.array([[[0.1, 0.2]]])}
        >>> PairEffects(**pair, **effects).interaction.round(3).tolist()
        [[0.2]]
    """

    offset: Int[np.ndarray, "pair 2"]
    alt: Int[np.ndarray, "pair 2"]
    joint: Float[np.ndarray, "task pair"]
    alone: Float[np.ndarray, "task pair 2"]

    @property
    def interaction(self) -> Float[np.ndarray, "task pair"]:
        """Joint effect minus the sum of the two single effects; 0 where effects are additive."""
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

    Mendelian randomization takes effects as additive; pairs show how far a network departs from
    that. A stretch of w bases has 9 w (w - 1) / 2 pairs, each a whole forward pass.

    Args:
        engine: Measures single substitutions, and predicts whole sequences for pairs.
        codes: Base codes of one locus.
        region: Half-open ``(start, end)`` stretch, in bases from the locus's start.
        most: Measure this many pairs, drawn at random, if there are more; all by default.
        seed: Seed of the draw; 0 by default.

    Raises:
        ValueError: If the region reaches beyond the locus, or holds fewer than two known bases.

    Example:
        >>> from torch import nn
        >>> from deepmr.mutagenesis import Dense
        >>> network = nn.Sequential(nn.Conv1d(4, 3, 5), nn.AdaptiveMaxPool1d(1), nn.Flatten())
        >>> codes = np.zeros(9, dtype=np.uint8)
        >>> pair_effects(Dense(network, length=9), codes, region=(3, 5)).joint.shape
        (3, 9)
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
