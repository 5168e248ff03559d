"""Libraries of motifs: files in the common formats, and selection by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deepmr.motif import Motif
from deepmr.motifs.counts import read_counts
from deepmr.motifs.meme import read_meme
from deepmr.motifs.source import Source, is_numeric, read_source
from deepmr.motifs.transfac import read_transfac

__all__ = ["MotifLibrary", "read_motifs"]

_TRANSFAC_KEYS = re.compile(r"(AC|ID|NA|VV|XX|DE|BF|P[O0])(\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MotifLibrary:
    """Motifs with different titles (accession and name), in order.

    Args:
        motifs: The motifs.
        source: Path or database they come from, for messages.

    Raises:
        ValueError: If there is none, or two have the same title.
    """

    motifs: tuple[Motif, ...]
    source: str = "the motif library"

    def __post_init__(self) -> None:
        if not self.motifs:
            raise ValueError(f"{self.source}: a motif library needs at least one motif, got none")
        seen: set[str] = set()
        for motif in self.motifs:
            if motif.title in seen:
                raise ValueError(
                    f"{self.source}: motif {motif.title} occurs more than once; names must differ"
                )
            seen.add(motif.title)

    def __iter__(self) -> Iterator[Motif]:
        return iter(self.motifs)

    def __len__(self) -> int:
        return len(self.motifs)

    def __getitem__(self, position: int) -> Motif:
        return self.motifs[position]

    @property
    def titles(self) -> tuple[str, ...]:
        """Accession and name of each motif, in order."""
        return tuple(motif.title for motif in self.motifs)

    def select(self, query: str) -> Motif:
        """Find one motif by its title, accession, name or target, in this order.

        Upper and lower case count as equal, and an accession may lack its version.

        Raises:
            LookupError: If nothing matches (the nearest names are listed) or several do (all
                are listed).

        Example:
            >>> import numpy as np
            >>> motif = Motif(name="GATA1_disc1", probabilities=np.full((1, 4), 0.25))
            >>> MotifLibrary(motifs=(motif,)).select("gata1").name
            'GATA1_disc1'
        """
        wanted = query.casefold()
        for keys in (_titles, _identities, _names, _targets):
            found = [motif for motif in self.motifs if wanted in keys(motif)]
            if len(found) == 1:
                return found[0]
            if found:
                listed = ", ".join(motif.title for motif in found[:12])
                more = f" and {len(found) - 12} more" if len(found) > 12 else ""
                raise LookupError(
                    f"{query!r} names {len(found)} motifs of {self.source}; "
                    f"use one of: {listed}{more}"
                )
        known = {
            key.casefold(): key
            for motif in self.motifs
            for key in (motif.accession, motif.name, motif.target)
            if key
        }
        # Complexes first: TAL1 may be there as TAL1::TCF3.
        near = [key for key in known if wanted and wanted in key][:3]
        near = near or difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
        hint = ", ".join(known[key] for key in near) if near else ", ".join(self.titles[:8])
        word = "did you mean" if near else "known are"
        raise LookupError(f"no motif of {self.source} is called {query!r}; {word}: {hint}")

    def subset(self, queries: list[str] | tuple[str, ...]) -> MotifLibrary:
        """Return the library of the motifs that `select` finds, in the order of the queries.

        Raises:
            LookupError: As `select`.
            ValueError: If two queries find the same motif, or there is none.
        """
        return MotifLibrary(motifs=tuple(map(self.select, queries)), source=self.source)


def _titles(motif: Motif) -> set[str]:
    return {motif.title.casefold()}


def _identities(motif: Motif) -> set[str]:
    accession = motif.accession.casefold()
    return {accession, accession.rpartition(".")[0]} - {""}


def _names(motif: Motif) -> set[str]:
    return {motif.name.casefold()}


def _targets(motif: Motif) -> set[str]:
    return {motif.target.casefold()}


def read_motifs(path: Path | str) -> MotifLibrary:
    """Read a motif library; its format is told from its content.

    Formats: MEME (minimal, and MEME's full text output), JASPAR (with letters, and raw PFM),
    TRANSFAC, HOCOMOCO counts and HOMER; each plain or compressed with gzip. Log-odds matrices are
    refused, as probabilities cannot be recovered from them, and so are other alphabets than DNA.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no motif file, or breaks its format's rules; the message names the
            file and the line.
    """
    source = read_source(path)
    motifs = _read(source)
    return MotifLibrary(motifs=tuple(motifs), source=source.path)


def _read(source: Source) -> list[Motif]:
    if any(re.match(r"MEME version\s", line) for line in source.lines[:50]):
        return read_meme(source)
    content = [
        (number, line)
        for number, line in enumerate(source.lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    number, first = content[0] if content else (1, "")
    if _TRANSFAC_KEYS.match(first):
        return read_transfac(source)
    if first.startswith(">") or is_numeric(first) or re.match(r"A\s*[\[|]", first):
        return read_counts(source)
    raise source.error(
        number,
        "expected a motif file in MEME (first line 'MEME version 4'), JASPAR, HOCOMOCO or HOMER "
        f"(>name) or TRANSFAC (AC, ID, PO) format, got {first[:40]!r}",
    )
