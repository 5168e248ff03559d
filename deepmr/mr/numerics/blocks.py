"""Blocks of loci as plain arrays, absent variants set to effect 0 and error 1.

Ten thousand loci by three thousand variants are a gigabyte of input; a dozen temporaries of that
size would not fit. Every estimator is therefore a kernel on a block of loci small enough for the
processor's cache, and :func:`by_blocks` puts the blocks together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import EffectSizes

__all__ = ["Columns", "by_blocks"]

BLOCK_ELEMENTS = 1 << 16


class Columns(NamedTuple):
    """One block of loci; where ``mask`` is False effects are 0 and standard errors 1.

    Attributes:
        x: Effects on the exposure.
        sx: Their standard errors.
        y: Effects on the outcome.
        sy: Their standard errors.
        mask: True where a variant is an instrument.
        psi: Correlation of the errors of ``x`` and ``y``; None where it is 0 throughout.
        full: Whether every variant of the block is an instrument, which saves masking.
    """

    x: Float64[np.ndarray, "locus variant"]
    sx: Float64[np.ndarray, "locus variant"]
    y: Float64[np.ndarray, "locus variant"]
    sy: Float64[np.ndarray, "locus variant"]
    mask: Bool[np.ndarray, "locus variant"]
    psi: Float64[np.ndarray, "locus variant"] | None
    full: bool

    @property
    def n(self) -> Float64[np.ndarray, " locus"]:
        """Number of instruments of each locus."""
        if self.full:
            return np.full(self.mask.shape[0], float(self.mask.shape[1]))
        return np.asarray(self.mask.sum(axis=-1), dtype=np.float64)

    def rows(self, kept: Bool[np.ndarray, " locus"]) -> Columns:
        """Return some of the loci."""
        psi = None if self.psi is None else self.psi[kept]
        x, sx, y, sy, mask = (column[kept] for column in self[:5])
        return Columns(x, sx, y, sy, mask, psi, self.full)


def _block(
    flat: Columns, start: int, stop: int, psi: Float64[np.ndarray, "locus variant"] | None
) -> Columns:
    """Cut rows out of ``flat`` and neutralise what is masked."""
    rows = slice(start, stop)
    mask = flat.mask[rows]
    full = bool(mask.all())
    x, sx, y, sy = (column[rows] for column in flat[:4])
    if not full:
        x, y = (np.where(mask, column, 0.0) for column in (x, y))
        sx, sy = (np.where(mask, column, 1.0) for column in (sx, sy))
    return Columns(x, sx, y, sy, mask, None if psi is None else psi[rows], full)


def _with_an_absent_variant(batch: tuple[int, ...]) -> EffectSizes:
    """Return loci with one masked variant: the same as none, but with something to index."""
    zero = np.zeros((*batch, 1))
    return EffectSizes.from_arrays(zero, zero, zero, zero, mask=zero > 0)


def by_blocks(
    effects: EffectSizes,
    kernel: Callable[[Columns], dict[str, np.ndarray]],
    *,
    elements: int = BLOCK_ELEMENTS,
) -> dict[str, np.ndarray]:
    """Apply ``kernel`` to blocks of loci and join its results along the batch.

    Args:
        effects: The effects of all loci.
        kernel: Takes a block, returns arrays whose first axis is the block's loci.
        elements: Numbers in a block; lower it for kernels with large temporaries.

    Returns:
        The kernel's arrays for all loci in a row; :func:`deepmr.mr.numerics.batch.assemble` gives
        them the batch axes of ``effects``.
    """
    if effects.mask.shape[-1] == 0:
        effects = _with_an_absent_variant(effects.mask.shape[:-1])
    *batch, n_variants = effects.mask.shape
    n_loci = int(np.prod(batch))
    shape = (n_loci, n_variants)
    psi = None
    if bool(np.any(effects.error_correlation)):
        psi = np.broadcast_to(effects.error_correlation, effects.mask.shape).reshape(shape)
    flat = Columns(
        effects.beta_exposure.reshape(shape),
        effects.se_exposure.reshape(shape),
        effects.beta_outcome.reshape(shape),
        effects.se_outcome.reshape(shape),
        effects.mask.reshape(shape),
        psi,
        full=False,
    )
    step = max(1, elements // max(n_variants, 1))
    starts = range(0, max(n_loci, 1), step)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        pieces = [kernel(_block(flat, k, min(k + step, n_loci), psi)) for k in starts]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
