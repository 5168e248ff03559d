"""A file of the portal that is wanted, and the comparison of what the portal offers with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deepmr.data.encode_portal.assay import OUTPUT_TYPES, assay_of
from deepmr.data.encode_portal.portal import PortalFile

__all__ = ["Entry", "verify"]

_SUFFIX = {"binary": ".bed.gz", "signal": ".bigWig", "count": ".bigWig", "genome": ".fasta.gz"}
_ACCESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file that is wanted.

    Args:
        accession: The file's accession, e.g. ``ENCFF148JKK``; it names the file in the cache.
        kind: ``binary`` (peaks), ``signal`` or ``count`` (bigWig), ``genome`` or ``exclude``.
        target: What a track measures; empty for the genome and the exclusion list.
        biosample: Where a track was measured.
        md5: MD5 digest of the content where it is pinned; None: the portal's is taken.
        experiment: Accession of the experiment, for people.

    Raises:
        ValueError: If the accession could be anything but a plain file name, or the digest is none.
    """

    accession: str
    kind: str = "binary"
    target: str = ""
    biosample: str = ""
    md5: str | None = None
    experiment: str = ""

    def __post_init__(self) -> None:
        if not _ACCESSION.fullmatch(self.accession):
            raise ValueError(
                "an accession is letters, digits, '.', '_' and '-', at most 100 of them, got "
                f"{self.accession[:120]!r}"
            )
        if self.md5 is not None and not _MD5.fullmatch(self.md5):
            raise ValueError(
                f"the md5 of {self.accession} is 32 hexadecimal digits, got {self.md5[:60]!r}"
            )

    @property
    def file_name(self) -> str:
        """Name in the cache, and on the portal."""
        return self.accession + _SUFFIX.get(self.kind, ".bed.gz")

    @property
    def output_types(self) -> tuple[str, ...]:
        """The portal's output types that fit a track of this kind."""
        return OUTPUT_TYPES[assay_of(self.target), "binary" if self.kind == "binary" else "signal"]


def verify(entry: Entry, record: PortalFile, assembly: str) -> None:
    """Compare the portal's record of a file with its catalogue entry.

    Args:
        entry: Catalogue entry of the file.
        record: The portal's record of it.
        assembly: Required genome assembly, such as ``GRCh38``.

    Raises:
        ValueError: If they differ.
    """
    expected: dict[str, tuple[str, tuple[str, ...]]] = {
        "accession": (record.accession, (entry.accession,)),
        # A reference sequence is an assembly, and its record may leave the field out.
        "assembly": (record.assembly, (assembly, "") if entry.kind == "genome" else (assembly,)),
        "status": (record.status, ("released", "archived")),
        "md5": (record.md5, (entry.md5 or record.md5,)),
    }
    if entry.kind not in {"genome", "exclude"}:
        # Open chromatin has no target, so its assay is compared in the target's place.
        assay = assay_of(entry.target)
        chip = assay.endswith("ChIP-seq")
        found_in = record.experiment
        expected["target"] = (
            (found_in.target, (entry.target,)) if chip else (found_in.assay, (assay,))
        )
        expected["biosample"] = (found_in.biosample, (entry.biosample,))
        expected["output type"] = (record.output_type, entry.output_types)
    for what, (found, allowed) in expected.items():
        if found not in allowed:
            raise ValueError(
                f"{entry.accession} must have the {what} {' or '.join(allowed)}, the portal says "
                f"{found!r}; choose another file in data.targets or data.catalogue"
            )
