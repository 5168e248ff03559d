"""Sites: runs of positions whose variants move a task, the stand-ins for single motifs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

__all__ = ["Instruments", "dense_coverage", "find_instruments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """The variants that move each task, gathered to the front and sorted by position.

    Few variants of a locus move a task, so statistics over pairs work on these alone.

    Args:
        index: Positions of the instruments on the original ``variant`` axis.
        kept: True for instruments; False for padding.
        effect: Scaled effects on the task; 0 for padding.
        n_positions: Distinct positions that hold an instrument.
        first: True for instruments of the locus's strongest site.
        second: True for those of the second strongest.
        share: Share of the second site in both sites' squared effects; 0 with fewer than two.
    """

    index: Int[np.ndarray, "task locus kept"]
    kept: Bool[np.ndarray, "task locus kept"]
    effect: Float64[np.ndarray, "task locus kept"]
    n_positions: Int[np.ndarray, "task locus"]
    first: Bool[np.ndarray, "task locus kept"]
    second: Bool[np.ndarray, "task locus kept"]
    share: Float64[np.ndarray, "task locus"]


def find_instruments(
    effect: Float64[np.ndarray, "task locus variant"],
    offset: Int[np.ndarray, "locus variant"],
    *,
    least: float,
    gap: int,
    positions: int,
) -> Instruments:
    """Find the variants that move each task, and the two strongest sites they form.

    A site is a run of instrument positions at most ``gap`` positions without one apart, with at
    least ``positions`` of them; its strength is the sum of its squared effects. Variants may come
    in any order and number a position; positions are ``offset`` (an indel's is its anchor).

    Args:
        effect: Scaled effects, 0 where a variant is missing.
        offset: Positions of the variants, in bases from the locus's start.
        least: Smallest absolute scaled effect of an instrument.
        gap: Positions in a row without an instrument that do not end a site.
        positions: Distinct positions that a site needs.

    Example:
        >>> effect = np.zeros((1, 1, 20)); effect[0, 0, [2, 3, 4, 12, 13, 14]] = 1.0
        >>> found = find_instruments(effect, np.arange(20)[None], least=0.1, gap=2, positions=3)
        >>> found.index[0, 0][found.second[0, 0]].tolist(), float(found.share[0, 0])
        ([12, 13, 14], 0.5)
    """
    n_task, n_locus, _ = effect.shape
    moves = np.abs(effect) >= least
    width = max(int(moves.sum(axis=-1).max(initial=0)), 1)
    far = int(offset.max(initial=0)) + 1
    index = np.argsort(np.where(moves, offset, far), axis=-1, kind="stable")[..., :width]
    kept = np.take_along_axis(moves, index, axis=-1)
    gathered = np.where(kept, np.take_along_axis(effect, index, axis=-1), 0.0)
    where = np.take_along_axis(np.broadcast_to(offset, effect.shape), index, axis=-1)
    step = np.diff(where, axis=-1, prepend=-far)
    is_new = kept & (step > 0)
    site = np.cumsum(kept & (step > gap + 1), axis=-1) - 1
    n_site = max(int(site.max(initial=0)) + 1, 2)
    row = np.arange(n_task * n_locus).reshape(n_task, n_locus, 1) * n_site
    flat = (row + np.maximum(site, 0)).ravel()
    size = n_task * n_locus * n_site
    strength = np.bincount(flat, weights=(gathered**2).ravel(), minlength=size)
    wide = np.bincount(flat, weights=is_new.ravel(), minlength=size) >= positions
    strength = np.where(wide, strength, 0.0).reshape(n_task, n_locus, n_site)
    best = np.argsort(-strength, axis=-1, kind="stable")[..., :2]
    top = np.take_along_axis(strength, best, axis=-1)
    both = top.sum(axis=-1)
    return Instruments(
        index=index,
        kept=kept,
        effect=gathered,
        n_positions=is_new.sum(axis=-1),
        first=kept & (site == best[..., :1]) & (top[..., :1] > 0),
        second=kept & (site == best[..., 1:]) & (top[..., 1:] > 0),
        share=np.divide(top[..., 1], both, out=np.zeros_like(both), where=both > 0),
    )


def dense_coverage(
    offset: Int[np.ndarray, "locus variant"], mask: Bool[np.ndarray, "locus variant"], *, gap: int
) -> Bool[np.ndarray, " locus"]:
    """Return whether a locus's variants lie densely enough for a site to be seen as one run.

    True where the tested positions are at least one in ``gap + 1`` of the range they span and at
    least ten; a short list from a VCF is not, and absence of a second site then means nothing.

    Args:
        offset: Positions of the variants, in bases.
        mask: False where a variant does not exist.
        gap: As for `find_instruments`.

    Example:
        >>> offset = np.array([np.arange(0, 60, 3), np.arange(0, 400, 20)])
        >>> dense_coverage(offset, np.ones((2, 20), bool), gap=2).tolist()
        [True, False]
    """
    far = int(offset.max(initial=0)) + 1
    where = np.sort(np.where(mask, offset, far), axis=-1)
    is_new = (np.diff(where, axis=-1, prepend=-1) > 0) & (where < far)
    count = is_new.sum(axis=-1)
    start = where.min(axis=-1, initial=far)
    end = np.where(mask, offset, -1).max(axis=-1, initial=-1)
    span = np.maximum(end - start + 1, 1)
    return np.asarray((count >= 10) & (count * (gap + 1) >= span - gap))
