"""boda (Malinois): skews of a VCF's variants, and saturation mutagenesis in HDF5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, parse_place, signal
from deepmr.data.effect_tables.head import Head, open_h5
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.effect_tables.saturated import saturated_rows
from deepmr.tasks import Task

__all__ = ["MUTAGENESIS", "VARIANTS"]

_SKEW = "__skew"
_CELLS = ("K562", "HepG2", "SKNSH")


def _info(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    keys = _info(head.first[head.columns.index("INFO")])
    return tuple(signal(key.removesuffix(_SKEW)) for key in keys if key.endswith(_SKEW))


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    names = [t.name for t in _tasks(head, settings) if wanted is None or t.name in wanted]
    for batch in batches(head, ["chrom", "pos", "ref", "alt", "INFO"]):
        info = [_info(text) for text in batch.text("INFO").tolist()]
        skew = [[float(one.get(name + _SKEW, "nan")) for name in names] for one in info]
        yield EffectRows.of_matrix(
            np.asarray(skew, dtype=np.float64),
            names,
            chrom=batch.text("chrom"),
            pos=batch.positions("pos", one_based=True),
            ref=batch.text("ref"),
            alt=batch.text("alt"),
        )


VARIANTS = EffectFormat(
    name="boda",
    recognises=lambda head: (
        head.columns[:6] == ("chrom", "pos", "id", "ref", "alt", "INFO")
        and any(_SKEW in cell for cell in head.first)
    ),
    read=_read,
    tasks=_tasks,
    unit="log2 fold change",
)


def _mutagenesis_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    return tuple(signal(name) for name in settings.names or _CELLS)


def _read_mutagenesis(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    if settings.sequence is None:
        raise ValueError(
            f"{head.path} holds activities without the reference base; give the genome that its "
            "places are of, effects.genome=FASTA"
        )
    names = [task.name for task in _mutagenesis_tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    with open_h5(head.path) as file:
        for name, shape in head.shapes.items():
            chrom, start = _place(head, name, shape[0])
            sequence = settings.sequence(chrom, start, start + shape[0])
            bases = np.asarray([[base == one for one in "ACGT"] for base in sequence])
            activity = np.asarray(file[name][..., kept], dtype=np.float64)
            reference = (activity * bases[..., None]).sum(axis=1, keepdims=True)
            chosen = [names[place] for place in kept]
            yield saturated_rows(activity - reference, bases, chosen, place=(chrom, start))


def _place(head: Head, name: str, length: int) -> tuple[str, int]:
    """Return contig and first base (from 0) of a sequence by its name and length."""
    place = parse_place(name)
    if place is None or place[2] - place[1] + 1 not in (length, length + 1):
        raise ValueError(
            f"{head.path}: a sequence's name must be its place, chrom:start-end of {length} bases, "
            f"got {name}"
        )
    return place[0], place[1] - int(place[2] - place[1] + 1 == length)


MUTAGENESIS = EffectFormat(
    name="boda_ism",
    recognises=lambda head: (
        head.kind == "h5"
        and all(len(s) == 3 and s[1:] == (4, 3) for s in head.shapes.values())
        and bool(head.shapes)
    ),
    read=_read_mutagenesis,
    tasks=_mutagenesis_tasks,
    unit="log2 activity",
    note="Activities of the reference bases were subtracted.",
)
