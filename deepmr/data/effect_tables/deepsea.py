"""Stand-alone DeepSEA and ExPecto: CSV of differences, HDF5 without alleles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head, open_h5
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.effect_tables.saturated import task_names
from deepmr.data.text import lines
from deepmr.tasks import Task

__all__ = ["DEEPSEA", "EXPECTO"]

_KNOWN = ("", "chr", "pos", "name", "ref", "alt")
_READ = (".diff", ".logfoldchange")
_NOT = {
    ".ref": "predictions of one allele",
    ".alt": "predictions of one allele",
    ".evalue": "e-values, without a sign",
    ".funsig": "scores of functional significance",
    ".snpclass": "classes of variants",
}


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    name = head.path.name.removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _READ:
        raise ValueError(
            f"{head.path} holds {_NOT.get(suffix, 'scores that its name does not tell')}; give "
            "DeepSEA's .diff (alternative minus reference) or .logfoldchange (log2 odds ratio)"
        )
    found = []
    for one in head.columns:
        if one not in _KNOWN:
            cell, _, rest = one.partition("|")
            found.append(signal(one, rest.partition("|")[0] or one, cell if rest else ""))
    return tuple(found)


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    chosen = [t.name for t in _tasks(head, settings) if wanted is None or t.name in wanted]
    for batch in batches(head, ["chr", "pos", "ref", "alt", *chosen]):
        yield EffectRows.of_matrix(
            np.stack([batch.numbers(task) for task in chosen], axis=1),
            chosen,
            chrom=batch.text("chr"),
            pos=batch.positions("pos", one_based=True),
            ref=batch.text("ref"),
            alt=batch.text("alt"),
        )


DEEPSEA = EffectFormat(
    name="deepsea",
    recognises=lambda head: head.kind == "text" and head.columns[:6] == _KNOWN,
    read=_read,
    tasks=_tasks,
)


def _expecto_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    return tuple(signal(name) for name in task_names(head, settings, head.shapes["pred"][1]))


def _read_expecto(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    if settings.variants is None:
        raise ValueError(
            f"{head.path} names no variants; give the VCF that it was made from, "
            "effects.variants=FILE"
        )
    listed = _variants(Path(settings.variants))
    n = head.shapes["pred"][0]
    if n != 2 * len(listed):
        raise ValueError(
            f"{head.path} has {n} rows, two for each of {n // 2} variants; {settings.variants} "
            f"lists {len(listed)}"
        )
    names = [task.name for task in _expecto_tasks(head, settings)]
    kept = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    with open_h5(head.path) as file:
        both = np.asarray(file["pred"][:, kept], dtype=np.float64)
    chrom, pos, ref, alt = (np.asarray(one, dtype=object) for one in zip(*listed, strict=True))
    yield EffectRows.of_matrix(
        (both[: n // 2] + both[n // 2 :]) / 2.0,  # forward strands first, then reverse ones
        [names[place] for place in kept],
        chrom=chrom,
        pos=pos.astype(np.int64) - 1,
        ref=ref,
        alt=alt,
    )


def _variants(path: Path) -> list[tuple[str, int, str, str]]:
    """Return contig, position, reference and first alternative of a VCF's records, in order."""
    found = []
    for line in lines(path, hint="give a VCF"):
        cells = line.split("\t")
        if line.startswith("#") or not line.strip():
            continue
        if len(cells) < 5 or not cells[1].isdigit():
            raise ValueError(f"{path} is no VCF: a line has no CHROM, POS, ID, REF, ALT")
        found.append((cells[0], int(cells[1]), cells[3], cells[4].partition(",")[0]))
    return found


EXPECTO = EffectFormat(
    name="expecto",
    recognises=lambda head: (
        head.kind == "h5" and head.columns == ("pred",) and len(head.shapes["pred"]) == 2
    ),
    read=_read_expecto,
    tasks=_expecto_tasks,
    note="Both strands were averaged.",
)
