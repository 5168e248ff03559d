"""Motifs of the JASPAR database, through the optional package pyjaspar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from deepmr.motif import Motif
from deepmr.motifs.library import MotifLibrary

__all__ = ["jaspar"]


def jaspar(
    collection: str = "CORE",
    *,
    tax_group: str = "vertebrates",
    release: str | None = None,
    names: Sequence[str] | None = None,
) -> MotifLibrary:
    """Return a collection of JASPAR, the latest version of each matrix; nothing is downloaded.

    Args:
        collection: ``CORE`` by default.
        tax_group: ``vertebrates`` by default; also plants, fungi, insects, nematodes, urochordates.
        release: e.g. ``JASPAR2024``; the newest that the installed pyjaspar holds by default.
        names: Names of transcription factors, as JASPAR writes them; all by default.

    Raises:
        ModuleNotFoundError: If pyjaspar is not installed; the message says how to install it.
        LookupError: If the release is unknown, or no matrix fits.

    References:
        Rauluseviciute et al. 2024, doi:10.1093/nar/gkad1059 (JASPAR 2024).
    """
    try:
        from pyjaspar import jaspardb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "motifs of JASPAR need the package pyjaspar, which is not installed; run "
            "pip install 'deepmr[jaspar]'"
        ) from error
    database = jaspardb()
    if release is not None:
        known = list(database.get_releases())
        if release not in known:
            raise LookupError(
                f"no JASPAR release is called {release!r}; known are: {', '.join(known)}"
            )
        database = jaspardb(release=release)
    found = database.fetch_motifs(
        collection=collection,
        tax_group=[tax_group],
        tf_name=None if names is None else list(names),
    )
    source = f"{database.release} {collection}, {tax_group}"
    if not found:
        raise LookupError(f"{source}: no matrix fits; check collection, tax_group and names")
    return MotifLibrary(motifs=tuple(map(_motif, found)), source=source)


def _motif(record: Any) -> Motif:
    counts = np.array([record.counts[base] for base in "ACGT"], dtype=np.float64).T
    total = counts.sum(axis=1)
    return Motif(
        name=str(record.name),
        probabilities=counts / total[:, None],
        accession=str(record.matrix_id),
        n_sites=float(total.mean()),
    )
