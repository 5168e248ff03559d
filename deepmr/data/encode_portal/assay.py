"""Assays of the ENCODE portal: what measures a target, and which of its files are the result."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["OUTPUT_TYPES", "assay_of"]

OUTPUT_TYPES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("TF ChIP-seq", "binary"): (
        "IDR thresholded peaks",
        "optimal IDR thresholded peaks",
        "conservative IDR thresholded peaks",
    ),
    ("Histone ChIP-seq", "binary"): (
        "replicated peaks",
        "pseudoreplicated peaks",
        "pseudo-replicated peaks",
    ),
    ("DNase-seq", "binary"): ("peaks",),
    ("ATAC-seq", "binary"): (
        "IDR thresholded peaks",
        "pseudoreplicated peaks",
        "pseudo-replicated peaks",
        "replicated peaks",
    ),
    ("TF ChIP-seq", "signal"): ("fold change over control",),
    ("Histone ChIP-seq", "signal"): ("fold change over control",),
    ("DNase-seq", "signal"): ("read-depth normalized signal",),
    ("ATAC-seq", "signal"): ("fold change over control",),
}
"""Which of the portal's output types count as the data of an assay, by kind of task."""

_OPEN_CHROMATIN = {"dnase": "DNase-seq", "dnase-seq": "DNase-seq", "atac": "ATAC-seq"}
_OPEN_CHROMATIN["atac-seq"] = "ATAC-seq"
_HISTONES = ("H1", "H2A", "H2B", "H3", "H4")


def assay_of(target: str) -> str:
    """Return the assay that measures a target: a histone mark, open chromatin, or else a factor.

    Example:
        >>> [assay_of(target) for target in ("GATA1", "H3K27ac", "DNase", "HDAC1")]
        ['TF ChIP-seq', 'Histone ChIP-seq', 'DNase-seq', 'TF ChIP-seq']
    """
    if target.casefold() in _OPEN_CHROMATIN:
        return _OPEN_CHROMATIN[target.casefold()]
    mark = any(target.startswith(name) for name in _HISTONES) and target[1:2].isdigit()
    return "Histone ChIP-seq" if mark else "TF ChIP-seq"
