"""Resolve a target to one file of the portal, the same one in every later run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from deepmr.data.encode_portal.entry import Entry
from deepmr.data.encode_portal.portal import Portal
from deepmr.files import locked, read_json, write_json

__all__ = ["Resolver", "read_record", "reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Finds the entries of targets: in a list, in the cache's notes, or by the portal's search.

    Args:
        pinned: Entries of a catalogue, which come first.
        biosample: Where targets were measured, e.g. ``K562``.
        assembly: e.g. ``GRCh38``.
        portal: The portal that is asked.
        folder: The cache's folder of the assembly.
    """

    pinned: tuple[Entry, ...]
    biosample: str
    assembly: str
    portal: Portal
    folder: Path

    def entry(self, target: str) -> Entry:
        """Return the entry of a target: pinned, resolved before, or searched for.

        Args:
            target: A target such as ``GATA1``, or the accession of a file.

        Raises:
            LookupError: If a target has no file, or several, on the portal.
            ValueError: If an accession is none, or what was resolved before is damaged.
            FileNotFoundError: If the portal cannot be reached.
        """
        for entry in self.pinned:
            same = entry.biosample == self.biosample
            if target == entry.accession or (same and target == entry.target):
                return entry
        if target.startswith("ENCFF"):
            return self._by_accession(target)
        notes = self.folder / "resolved.json"
        key = f"{target} in {self.biosample}"
        with locked(notes, wait=True):
            known = read_json(notes) if notes.exists() else {}
            if key not in known:
                known[key] = asdict(self._search(target))
                write_json(notes, known)
        try:
            return Entry(**known[key])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{notes} is damaged ({error}); delete it") from error

    def _by_accession(self, accession: str) -> Entry:
        Entry(accession=accession)  # refuses what is no accession before it becomes a path
        record = read_record(self.folder / f"{accession}.json")
        if record is None:
            try:
                record = self.portal.record(accession).to_record()
            except requests.RequestException as error:
                raise FileNotFoundError(
                    f"{accession} is not in the cache and {self.portal.address} cannot be "
                    f"reached ({reason(error)}); fetch it where there is a network, with "
                    "data.download_only=true"
                ) from error
        kind = "signal" if str(record.get("url")).endswith(".bigWig") else "binary"
        return Entry(
            accession=accession,
            kind=kind,
            target=record.get("target") or str(record.get("assay", "")).removesuffix("-seq"),
            biosample=record.get("biosample", ""),
        )

    def _search(self, target: str) -> Entry:
        where = self.portal.search_url(target, self.biosample, self.assembly, "binary")
        try:
            found = self.portal.search(target, biosample=self.biosample, assembly=self.assembly)
        except requests.RequestException as error:
            raise FileNotFoundError(
                f"{target} in {self.biosample} has to be looked up, and {self.portal.address} "
                f"cannot be reached ({reason(error)}); open {where} elsewhere and name the "
                "file's accession in data.targets"
            ) from error
        if not found:
            raise LookupError(
                f"the portal has no released default peaks of {target} in {self.biosample} on "
                f"{self.assembly}; look at {where}, or name an accession in data.targets"
            )
        if len(found) > 1:
            listed = "; ".join(
                f"{file.accession} ({file.experiment.accession}, {file.output_type}, "
                f"{file.created[:10]})"
                for file in found
            )
            raise LookupError(
                f"{target} in {self.biosample} names {len(found)} files on the portal: {listed}; "
                "choose by naming an accession in data.targets"
            )
        return Entry(
            accession=found[0].accession,
            target=target,
            biosample=self.biosample,
            experiment=found[0].experiment.accession,
        )


def read_record(path: Path) -> dict[str, Any] | None:
    """Read what was recorded of a file in the cache; None where nothing was.

    Raises:
        ValueError: If the record is damaged.
    """
    if not path.exists():
        return None
    stored = read_json(path)
    if not isinstance(stored, dict):
        raise ValueError(  # noqa: TRY004 - a file's content, not an argument
            f"{path} is damaged: a record is a JSON object; delete it"
        )
    return stored


def reason(error: Exception) -> str:
    """Say in a few words why a request failed."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    return "no connection" if isinstance(error, requests.ConnectionError) else str(error)
