"""Resolve names of tracks to files in the cache, fetched from the ENCODE portal."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from deepmr.data.cache import cache_folder, content_hash
from deepmr.data.encode_portal.assay import assay_of
from deepmr.data.encode_portal.download import Download, fetch_all
from deepmr.data.encode_portal.entry import Entry, verify
from deepmr.data.encode_portal.portal import Portal, PortalFile
from deepmr.data.encode_portal.resolve import Resolver, read_record, reason
from deepmr.data.inputs import DataFiles
from deepmr.data.tracks import Track
from deepmr.files import write_json
from deepmr.tasks import Task

__all__ = ["Catalogue"]

_ASSEMBLY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


class Catalogue:
    """Tracks by name, with pinned accessions or by the portal's search.

    Args:
        settings: ``assembly``, ``genome`` (an entry), ``exclude`` (an entry, or None) and
            ``tracks`` (entries with target and biosample).
        targets: Targets, or accessions of files, to use; None means all of ``tracks``. One that
            ``tracks`` pins in this biosample is taken from there, others are searched for.
        biosample: Where targets were measured.
        portal: Where to ask.
        parallel: Largest number of downloads at a time.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        targets: Sequence[str] | None,
        biosample: str,
        portal: Portal,
        parallel: int = 4,
    ) -> None:
        self._assembly = str(settings["assembly"])
        if not _ASSEMBLY.fullmatch(self._assembly):
            raise ValueError(
                "data.catalogue.assembly is letters, digits, '.', '_' and '-', got "
                f"{self._assembly!r}"
            )
        self._genome = Entry(**settings["genome"], kind="genome")
        exclude = settings.get("exclude")
        self._exclude = Entry(**exclude, kind="exclude") if exclude else None
        self._pinned = [Entry(**entry) for entry in settings["tracks"]]
        self._targets = targets
        self._biosample = biosample
        self._portal = portal
        self._parallel = parallel

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return cache_folder("encode", self._assembly)

    def fetch(self) -> DataFiles:
        """Find every file in the cache, or fetch it.

        A track of the catalogue's own list that the portal refuses (no such file, another content
        or description than expected) is left out with a warning; one that was named in
        ``targets`` is an error, raised when all others have been fetched.

        Raises:
            LookupError: If a target has no file, or several, on the portal.
            ValueError: If a file is not what was asked for (assembly, output type, target, digest),
                in the cache or on the portal, or every track was refused.
            FileNotFoundError: If files are missing and cannot be fetched; the message says where
                each one is and where it belongs.
        """
        tracks = self._entries()
        others = [self._genome, *([self._exclude] if self._exclude else [])]
        refused = self._complete([*others, *tracks])
        kept = self._without(refused, tracks)
        records = [self._describe(entry) for entry in [*others, *kept]]
        return DataFiles(
            genome=self.folder / self._genome.file_name,
            exclude=self.folder / self._exclude.file_name if self._exclude else None,
            tracks=tuple(
                self._track(entry, record)
                for entry, record in zip(kept, records[len(others) :], strict=True)
            ),
            records=tuple(records),
        )

    def _without(self, refused: Mapping[str, Exception], tracks: Sequence[Entry]) -> list[Entry]:
        """Leave refused tracks out, and say so; raise what must not be left out."""
        kept = [entry for entry in tracks if entry.accession not in refused]
        if not refused:
            return kept
        dropped = {entry.accession for entry in tracks} & set(refused)
        vital = [error for accession, error in refused.items() if accession not in dropped]
        if vital or self._targets is not None or not kept:
            raise (vital or list(refused.values()))[0]
        listed = "; ".join(str(refused[e.accession]) for e in tracks if e.accession in dropped)
        warnings.warn(
            f"{len(dropped)} of {len(tracks)} tracks of the catalogue were refused and left out: "
            f"{listed}",
            stacklevel=3,
        )
        return kept

    def _entries(self) -> list[Entry]:
        if self._targets is None:
            return [entry for entry in self._pinned if entry.biosample == self._biosample]
        resolver = Resolver(
            pinned=tuple(self._pinned),
            biosample=self._biosample,
            assembly=self._assembly,
            portal=self._portal,
            folder=self.folder,
        )
        return [resolver.entry(str(target)) for target in self._targets]

    def _complete(self, entries: Sequence[Entry]) -> dict[str, Exception]:
        """Fetch what is missing; return why files were refused, by accession.

        Raises:
            FileNotFoundError: If the portal, or a file on it, cannot be reached.
        """
        missing = [entry for entry in entries if not (self.folder / entry.file_name).exists()]
        with ThreadPoolExecutor(max_workers=max(1, self._parallel)) as pool:
            asked = {entry: pool.submit(self._ask, entry) for entry in missing}
        refused: dict[str, Exception] = {}
        failures: dict[str, Exception] = {}
        downloads: dict[str, Download] = {}
        for entry, answer in asked.items():
            error = answer.exception()
            if isinstance(error, requests.RequestException):
                failures[entry.accession] = error
            elif isinstance(error, LookupError | ValueError):
                refused[entry.accession] = error
            else:
                record = answer.result()
                downloads[entry.accession] = Download(
                    url=record.url,
                    path=self.folder / entry.file_name,
                    md5=record.md5,
                    size=record.size,
                )
        portal = self._portal
        wrong = fetch_all(
            list(downloads.values()),
            parallel=self._parallel,
            retries=portal.retries,
            pause=portal.pause,
        )
        for accession, download in downloads.items():
            error = wrong.get(download.path)
            if error is not None:
                (refused if isinstance(error, ValueError) else failures)[accession] = error
        if failures:
            raise FileNotFoundError(self._shopping_list(entries, failures))
        self._show_digests([entry for entry in missing if entry.accession not in refused])
        return refused

    def _show_digests(self, fetched: Sequence[Entry]) -> None:
        """Say which digests nobody had pinned: the portal alone vouches for these contents."""
        loose = [e.accession for e in fetched if e.md5 is None]
        if loose:
            listed = ", ".join(f"{one} (md5 {(self._stored(one) or {})['md5']})" for one in loose)
            warnings.warn(
                f"no digest is pinned for {listed}; the portal's was checked and recorded, compare "
                "it with another source",
                stacklevel=4,
            )

    def _ask(self, entry: Entry) -> PortalFile:
        """Fetch an entry's record, verify that it is what was asked for, and keep it."""
        record = self._portal.record(entry.accession)
        verify(entry, record, self._assembly)
        before = self._stored(entry.accession)
        if before is not None and before.get("md5") not in {None, record.md5}:
            raise ValueError(
                f"{entry.accession} had the md5 {before['md5']} when it was fetched before, the "
                f"portal now says {record.md5}; delete {self._note(entry.accession)} to accept that"
            )
        write_json(self._note(entry.accession), record.to_record())
        return record

    def _note(self, accession: str) -> Path:
        return self.folder / f"{accession}.json"

    def _stored(self, accession: str) -> dict[str, Any] | None:
        return read_record(self._note(accession))

    def _describe(self, entry: Entry) -> dict[str, Any]:
        """Return what is known of a file in the cache, compared with its content.

        One that was placed by hand has no record yet; its digest is recorded now. Later the content
        must be what was recorded.
        """
        path = self.folder / entry.file_name
        stored = self._stored(entry.accession)
        content = content_hash(path)
        if stored is not None and stored.get("sha256") == content:
            return {**stored, "path": str(path), "pinned": entry.md5 is not None}
        with path.open("rb") as stream:
            md5 = hashlib.file_digest(stream, "md5").hexdigest()
        if stored is None:
            stored = {
                "accession": entry.accession,
                "url": self._portal.file_url(entry.accession, entry.file_name),
                "md5": md5,
                "assembly": self._assembly,
                "experiment": entry.experiment,
                "target": entry.target,
                "biosample": entry.biosample,
                "note": "placed by hand; not checked against the portal",
            }
        expected = entry.md5 or stored.get("md5")
        if md5 != expected or "sha256" in stored:
            raise ValueError(
                f"{path} has not the content of {entry.accession} (md5 {md5}, expected "
                f"{expected}); delete it and fetch it again"
            )
        stored["sha256"] = content
        write_json(self._note(entry.accession), stored)
        return {**stored, "path": str(path), "pinned": entry.md5 is not None}

    def _shopping_list(self, entries: Sequence[Entry], failures: Mapping[str, Exception]) -> str:
        lines = []
        for entry in entries:
            error = next((e for a, e in failures.items() if a == entry.accession), None)
            if error is not None:
                source = self._portal.file_url(entry.accession, entry.file_name)
                lines.append(f"  {source} -> {self.folder / entry.file_name} ({reason(error)})")
        return (
            f"{len(lines)} file(s) are missing and could not be fetched; run with "
            "data.download_only=true where there is a network, or place each one by hand:\n"
            + ";\n".join(lines)
        )

    def _track(self, entry: Entry, record: Mapping[str, Any]) -> Track:
        kind = entry.kind
        assay = record.get("assay") or assay_of(entry.target)
        suffix = "" if kind == "binary" else f"_{kind}"
        task = Task(
            name=f"{entry.biosample}_{entry.target}{suffix}",
            target=entry.target,
            assay=assay,
            biosample=entry.biosample,
            kind=kind,
        )
        return Track(task=task, file=self.folder / entry.file_name)
