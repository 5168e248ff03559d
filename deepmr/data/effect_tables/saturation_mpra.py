"""Saturation mutagenesis MPRA (Kircher et al.): measured log2 effects with p-values.

References:
    Kircher et al. 2019, doi:10.1038/s41467-019-11526-w (columns of ``GRCh38_ALL.tsv``).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64
from scipy import special

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT", "error_from_p"]

_COLUMNS = ("Chromosome", "Position", "Ref", "Alt", "Value", "P-Value")


def error_from_p(
    effect: Float64[np.ndarray, " row"], p: Float64[np.ndarray, " row"]
) -> Float64[np.ndarray, " row"]:
    """Return the standard error that a two-sided normal p-value implies.

    Args:
        effect: Effects.
        p: Their p-values.

    Returns:
        ``|effect| / z``; NaN where the effect is 0, or p is 0 or 1.

    Example:
        >>> error_from_p(np.array([1.96, 0.0]), np.array([0.05, 1.0])).round(3).tolist()
        [1.0, nan]
    """
    known = (p > 0) & (p < 1) & (effect != 0)
    z = -special.ndtri(np.where(known, p, 0.5) / 2.0)
    return np.asarray(np.where(known, np.abs(effect) / z, np.nan))


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    if not head.has("Element"):
        return (signal(settings.task or head.path.name.partition(".")[0]),)
    seen: dict[str, None] = {}
    for batch in batches(head, ["Element"]):
        seen.update(dict.fromkeys(batch.text("Element").tolist()))
    return tuple(signal(name) for name in seen if name)


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    only = _tasks(head, settings)[0].name if not head.has("Element") else ""
    names = [*_COLUMNS, *(["Element"] if head.has("Element") else [])]
    for batch in batches(head, names):
        effect = batch.numbers("Value")
        rows = EffectRows.of(
            chrom=batch.text("Chromosome"),
            pos=batch.positions("Position", one_based=True),
            ref=batch.text("Ref"),
            alt=batch.text("Alt"),
            task=only or batch.text("Element"),
            effect=effect,
            se=error_from_p(effect, batch.numbers("P-Value")),
        )
        yield rows if wanted is None else rows.where(np.isin(rows.task, list(wanted)))


FORMAT = EffectFormat(
    name="saturation_mpra",
    recognises=lambda head: head.has(*_COLUMNS),
    read=_read,
    tasks=_tasks,
    unit="log2 fold change",
    note="Measured effects; their standard errors follow from the p-values, and are unknown where "
    "an effect is exactly 0.",
)
