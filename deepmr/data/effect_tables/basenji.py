"""Basenji, baskerville and Enformer: scores of variants in HDF5, a column a target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head, open_h5
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT", "SIGNED", "decoded", "statistic"]

SIGNED = ("logSUM", "SAD", "SUM", "logSED", "sqrtSUM", "logSAD", "sqrtSAD", "SAX", "SAR")
"""Statistics with a sign, alternative minus reference, the usual ones first."""

_UNSIGNED = ("D1", "logD1", "sqrtD1", "D2", "logD2", "sqrtD2", "JS", "logJS")
_ROWS = 4096


def statistic(head: Head, settings: ReadSettings) -> str:
    """Return the statistic to read.

    Raises:
        ValueError: If it has no sign, is not in the file, or the file has no signed one.
    """
    present = [name for name in SIGNED if name in head.columns]
    wanted = settings.statistic
    if wanted is None:
        if not present:
            raise ValueError(
                f"{head.path} has no score with a sign ({', '.join(head.columns[:12])}); compute "
                "SAD or logSUM (--stats)"
            )
        return present[0]
    if wanted in _UNSIGNED:
        raise ValueError(
            f"effects.statistic={wanted} has no sign: it says how far apart two predictions are, "
            f"not which is larger; {head.path} has {', '.join(present) or 'none with a sign'}"
        )
    if wanted not in present:
        raise ValueError(
            f"{head.path} has no {wanted}; effects.statistic is one of {', '.join(present)}"
        )
    return wanted


def decoded(values: np.ndarray) -> np.ndarray:
    """Return text as Python strings, from bytes where a file has those."""
    return np.asarray(
        [one.decode() if isinstance(one, bytes) else str(one) for one in values.tolist()],
        dtype=object,
    )


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    with open_h5(head.path) as file:
        labels = decoded(file["target_labels"][:]) if "target_labels" in file else []
        ids = decoded(file["target_ids"][:]) if "target_ids" in file else []
        width = file[statistic(head, settings)].shape[1]
    names = list(settings.names or labels)
    if len(names) != width:  # stranded targets are summed: the table of targets is longer
        names = list(ids) if len(ids) == width else [str(place) for place in range(width)]
    if len(set(names)) < width and len(ids) == width:
        names = [f"{label}|{key}" for label, key in zip(names, ids, strict=True)]
    if len(set(names)) < width:
        names = [f"{name}|{place}" for place, name in enumerate(names)]
    return tuple(signal(name, target=name.partition("|")[0]) for name in names)


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [task.name for task in _tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    chosen = [names[place] for place in kept]
    ref, alt = ("ref_allele", "alt_allele") if head.has("ref_allele") else ("ref", "alt")
    chrom = "chr" if head.has("chr") else "chrom"
    with open_h5(head.path) as file:
        scores = file[statistic(head, settings)]
        for start in range(0, scores.shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            yield EffectRows.of_matrix(
                np.asarray(scores[rows, kept], dtype=np.float64),
                chosen,
                chrom=decoded(file[chrom][rows]),
                pos=file["pos"][rows].astype(np.int64) - int(settings.one_based is not False),
                ref=decoded(file[ref][rows]),
                alt=decoded(file[alt][rows]),
            )


def _recognises(head: Head) -> bool:
    alleles = head.has("ref_allele", "alt_allele") or head.has("ref", "alt")
    scored = any(name in head.columns for name in (*SIGNED, *_UNSIGNED))
    return head.kind == "h5" and head.has("pos") and alleles and scored


FORMAT = EffectFormat(
    name="basenji",
    recognises=_recognises,
    read=_read,
    tasks=_tasks,
    note="Scores are of half precision, about three digits.",
)
