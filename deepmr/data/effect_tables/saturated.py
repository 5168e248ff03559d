"""Arrays of saturation mutagenesis, (position, base, task), as rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Shaped

from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings

__all__ = ["saturated_rows", "task_names", "window_places"]

_BASES = np.asarray(list("ACGT"), dtype=object)


def saturated_rows(
    effect: Float64[np.ndarray, "position 4 task"],
    bases: Shaped[np.ndarray, "position 4"],
    tasks: list[str],
    *,
    place: tuple[str, int],
) -> EffectRows:
    """Return the substitutions of one sequence as rows; unknown bases have none.

    Args:
        effect: Effects of writing A, C, G or T, forward strand.
        bases: One-hot reference.
        tasks: Names of the tasks.
        place: Contig and first base, 0-based.
    """
    known = bases.astype(bool)
    position, base = np.nonzero(~known & (known.sum(axis=1) == 1)[:, None])
    chrom, start = place
    end = start + effect.shape[0]
    return EffectRows.of_matrix(
        effect[position, base],
        tasks,
        chrom=chrom,
        pos=start + position,
        ref=_BASES[known.argmax(axis=1)[position]],
        alt=_BASES[base],
        locus=f"{chrom}:{start}-{end}",
    )


def task_names(head: Head, settings: ReadSettings, width: int) -> list[str]:
    """Return the names of a file's outputs: those given, else their numbers.

    Raises:
        ValueError: If another number of names was given.
    """
    if settings.names and len(settings.names) != width:
        raise ValueError(
            f"{head.path} has {width} outputs, effects.names gives {len(settings.names)} names"
        )
    return list(settings.names) or [str(place) for place in range(width)]


def window_places(head: Head, settings: ReadSettings, n: int, length: int) -> list[tuple[str, int]]:
    """Return contig and first base of each of a file's sequences, or names that are no places.

    Raises:
        ValueError: If ``effects.windows`` names another number of sequences, or other lengths.
    """
    if not settings.windows:
        stem = head.path.name.partition(".")[0]
        return [(stem if n == 1 else f"{stem}-{row}", 0) for row in range(n)]
    if len(settings.windows) != n:
        raise ValueError(
            f"{head.path} has {n} sequences, effects.windows names {len(settings.windows)}"
        )
    for chrom, start, end in settings.windows:
        if end - start != length:
            raise ValueError(
                f"{head.path}: its sequences have {length} bases, effects.windows has "
                f"{chrom}:{start}-{end} of {end - start}; places are 0-based and half-open"
            )
    return [(chrom, start) for chrom, start, _ in settings.windows]
