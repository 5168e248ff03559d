"""VCF with effects in INFO: one float for each alternative allele (Number=A)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from deepmr.data.effect_tables.columns import batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.tasks import Task

__all__ = ["FORMAT"]

_FIELD = re.compile(r"^##INFO=<ID=([^,]+),Number=A,Type=Float,")
_LETTERS = re.compile(r"^[ACGTNacgtn]+$")
_FREQUENCIES = frozenset({"AF", "MAF", "AF_popmax", "CADD_PHRED", "CADD_RAW"})


def _fields(head: Head) -> dict[str, str | None]:
    """Return the fields that may be effects, each with the field of its standard error.

    Raises:
        ValueError: If there is none.
    """
    given = [m[1] for line in head.comments if (m := _FIELD.match(line))]
    errors = {name: _error(name) for name in given}
    effects = {
        name: errors[name] if errors[name] in given else None
        for name in given
        if not name.startswith("SE_") and name not in _FREQUENCIES
    }
    if not effects:
        raise ValueError(
            f"{head.path} has no INFO field with one float for each alternative (Number=A, "
            "Type=Float); SpliceAI's, Pangolin's and CSQ's scores are text, and those of SpliceAI "
            "have no sign"
        )
    return effects


def _error(name: str) -> str:
    return "SE_" + name.removeprefix("EFF_")


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:  # noqa: ARG001
    return tuple(signal(name, name.removeprefix("EFF_")) for name in _fields(head))


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:  # noqa: ARG001
    fields = {k: v for k, v in _fields(head).items() if wanted is None or k in wanted}
    for batch in batches(head, ["CHROM", "POS", "REF", "ALT", "INFO"]):
        info = [
            dict(part.partition("=")[::2] for part in text.split(";"))
            for text in batch.text("INFO").tolist()
        ]
        alts = [text.split(",") for text in batch.text("ALT").tolist()]
        # Symbolic alleles, breakends and * have no letters.
        cells = [
            (row, place)
            for row, alleles in enumerate(alts)
            for place, allele in enumerate(alleles)
            if _LETTERS.match(allele)
        ]
        if not cells:
            continue
        row = np.asarray([one[0] for one in cells])
        effect = [[_number(info[r], name, p) for name in fields] for r, p in cells]
        error = [[_number(info[r], name, p) for name in fields.values()] for r, p in cells]
        yield EffectRows.of_matrix(
            np.asarray(effect, dtype=np.float64),
            list(fields),
            np.asarray(error, dtype=np.float64),
            chrom=batch.text("CHROM")[row],
            pos=batch.positions("POS", one_based=True)[row],
            ref=batch.text("REF")[row],
            alt=np.asarray([alts[r][p].upper() for r, p in cells], dtype=object),
        )


def _number(info: dict[str, str], name: str | None, place: int) -> float:
    cells = info.get(name or "", "").split(",")
    cell = cells[place] if place < len(cells) else ""
    return float(cell) if cell not in ("", ".") else float("nan")


FORMAT = EffectFormat(
    name="vcf",
    recognises=lambda head: head.has("CHROM", "POS", "REF", "ALT", "INFO") and bool(head.comments),
    read=_read,
    tasks=_tasks,
    note="Alternatives without letters (symbolic, breakends) were left out.",
)
