"""A page of single loci, apart from the report: ``deepmr report RUN --locus NAME``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepmr.files import atomic_write
from deepmr.report.gallery import READING, LocusCard
from deepmr.report.template import fill

__all__ = ["write_loci"]


def write_loci(path: Path | str, cards: Sequence[LocusCard], *, title: str, verdict: str) -> None:
    """Write loci as one HTML file that needs nothing but itself, atomically.

    Args:
        path: The HTML file; one that is there is replaced.
        cards: The loci, in the order shown.
        title: The page's title.
        verdict: What the run that they belong to found, in a sentence.

    Raises:
        OSError: If the folder cannot be written to.
    """
    with atomic_write(path) as stream:
        stream.write(fill("loci.html", cards=cards, title=title, verdict=verdict, reading=READING))
