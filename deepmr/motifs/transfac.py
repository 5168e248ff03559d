"""Reader of TRANSFAC files, in TRANSFAC's own and in JASPAR's spacing."""

from __future__ import annotations

import re

from deepmr.motif import Motif
from deepmr.motifs.source import Source, counted

__all__ = ["read_transfac"]

_HEAD = re.compile(r"P[O0]\b")


def read_transfac(source: Source) -> list[Motif]:
    """Return the motifs of a TRANSFAC file, in its order.

    A record's name is its ``NA`` line, or ``ID`` where there is none; ``AC`` is its accession.
    Records without a matrix (a file's heading) are passed over.

    Raises:
        ValueError: If a matrix's columns are not A C G T, or it is truncated (no ``//`` behind
            it) or holds no counts; the message names the line.
    """
    motifs: list[Motif] = []
    fields: dict[str, str] = {}
    rows: list[tuple[int, list[float]]] = []
    head = 0
    in_matrix = False
    for number, line in enumerate(source.lines, start=1):
        if line.startswith("//"):
            if head:
                motifs.append(_record(source, head, fields, rows))
            fields, rows, head, in_matrix = {}, [], 0, False
        elif _HEAD.match(line):
            _check_columns(source, number, line)
            head, in_matrix = number, True
        elif in_matrix and line[:1].isdigit():
            rows.append((number, _counts(source, number, line, len(rows) + 1)))
        elif line.strip():
            in_matrix = False
            key, _, value = line.partition(" ")
            fields.setdefault(key.strip(), value.strip())
    if head:
        raise source.error(head, "the matrix is not closed by a line //; was the file cut short?")
    if not motifs:
        raise source.error(
            len(source.lines), "a TRANSFAC file needs a matrix (a line PO A C G T), found none"
        )
    return motifs


def _check_columns(source: Source, number: int, line: str) -> None:
    columns = line.split()[1:]
    if columns != list("ACGT"):
        raise source.error(
            number, f"the matrix's columns must be A C G T, got {' '.join(columns)[:40] or 'none'}"
        )


def _counts(source: Source, number: int, line: str, position: int) -> list[float]:
    words = line.split()
    if not words[0].isdigit() or int(words[0]) != position:
        raise source.error(
            number, f"expected position {position} of the matrix, got {words[0][:40]}"
        )
    # A fifth word is the consensus letter.
    if len(words) == 6 and words[5].isalpha():
        words = words[:5]
    return source.numbers(number, " ".join(words[1:]))


def _record(
    source: Source, head: int, fields: dict[str, str], rows: list[tuple[int, list[float]]]
) -> Motif:
    accession = fields.get("AC", "")
    name = fields.get("NA") or fields.get("ID") or accession
    if not name:
        raise source.error(head, "a record needs a name (a line NA, ID or AC), found none")
    if not rows:
        raise source.error(head, f"motif {name}: the matrix has no rows; was the file cut short?")
    return counted(source, rows, name=name, accession=accession if accession != name else "")
