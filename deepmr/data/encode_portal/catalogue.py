"""From names of tracks to files on this machine, by way of the ENCODE portal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from deepmr.data.cache import cache_folder
from deepmr.data.encode_portal.download import Download, fetch_all
from deepmr.data.encode_portal.portal import OUTPUT_TYPES, Portal, PortalFile, assay_of
from deepmr.data.inputs import DataFiles
from deepmr.data.tracks import Track
from deepmr.files import locked, read_json, write_json
from deepmr.tasks import Task

__all__ = ["Catalogue", "Entry"]

_SUFFIX = {"binary": ".bed.gz", "signal": ".bigWig", "count": ".bigWig", "genome": ".fasta.gz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file that is wanted.

    Args:
        accession: Of the file.
        kind: ``binary`` (peaks), ``signal`` or ``count`` (bigWig), ``genome`` or ``exclude``.
        target: What a track measures; empty for the genome and the exclusion list.
        biosample: Where a track was measured.
        md5: Of its content, where it was pinned.
        experiment: Accession of the experiment, for people.
    """

    accession: str
    kind: str = "binary"
    target: str = ""
    biosample: str = ""
    md5: str | None = None
    experiment: str = ""

    @property
    def file_name(self) -> str:
        """Name in the cache, and on the portal."""
        return self.accession + _SUFFIX.get(self.kind, ".bed.gz")

    @property
    def output_types(self) -> tuple[str, ...]:
        """The portal's output types that fit a track of this kind."""
        return OUTPUT_TYPES[assay_of(self.target), "binary" if self.kind == "binary" else "signal"]


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

        Raises:
            LookupError: If a target has no file, or several, on the portal.
            ValueError: If a file is not what was asked for (assembly, output type, target,
                checksum).
            FileNotFoundError: If files are missing and cannot be fetched; the message says where
                each one is and where it belongs.
        """
        tracks = self._entries()
        others = [self._genome, *([self._exclude] if self._exclude else [])]
        records = self._complete([*others, *tracks])
        return DataFiles(
            genome=self.folder / self._genome.file_name,
            exclude=self.folder / self._exclude.file_name if self._exclude else None,
            tracks=tuple(self._track(entry, records[entry.accession]) for entry in tracks),
            records=tuple(records.values()),
        )

    def _entries(self) -> list[Entry]:
        if self._targets is None:
            return [entry for entry in self._pinned if entry.biosample == self._biosample]
        return [self._resolve(str(target)) for target in self._targets]

    def _resolve(self, target: str) -> Entry:
        """Return the entry of a target: pinned, resolved before, or searched for."""
        for entry in self._pinned:
            same = entry.biosample == self._biosample
            if target == entry.accession or (same and target == entry.target):
                return entry
        if target.startswith("ENCFF"):
            return self._by_accession(target)
        notes = self.folder / "resolved.json"
        key = f"{target} in {self._biosample}"
        with locked(notes, wait=True):
            known = read_json(notes) if notes.exists() else {}
            if key not in known:
                known[key] = asdict(self._search(target))
                write_json(notes, known)
        return Entry(**known[key])

    def _by_accession(self, accession: str) -> Entry:
        record = self._stored(accession)
        if record is None:
            try:
                record = asdict(self._portal.record(accession))
            except requests.RequestException as error:
                raise FileNotFoundError(
                    f"{accession} is not in the cache and {self._portal.address} cannot be "
                    f"reached ({_reason(error)}); fetch it where there is a network, with "
                    "data.download_only=true"
                ) from error
        kind = "signal" if record["url"].endswith(".bigWig") else "binary"
        return Entry(
            accession=accession,
            kind=kind,
            target=record["target"] or record["assay"].removesuffix("-seq"),
            biosample=record["biosample"],
        )

    def _search(self, target: str) -> Entry:
        where = self._portal.search_url(target, self._biosample, self._assembly, "binary")
        try:
            found = self._portal.search(target, biosample=self._biosample, assembly=self._assembly)
        except requests.RequestException as error:
            raise FileNotFoundError(
                f"{target} in {self._biosample} has to be looked up, and {self._portal.address} "
                f"cannot be reached ({_reason(error)}); open {where} elsewhere and name the "
                "file's accession in data.targets"
            ) from error
        if not found:
            raise LookupError(
                f"the portal has no released default peaks of {target} in {self._biosample} on "
                f"{self._assembly}; look at {where}, or name an accession in data.targets"
            )
        if len(found) > 1:
            listed = "; ".join(
                f"{file.accession} ({file.experiment}, {file.output_type}, {file.created[:10]})"
                for file in found
            )
            raise LookupError(
                f"{target} in {self._biosample} names {len(found)} files on the portal: {listed}; "
                "choose by naming an accession in data.targets"
            )
        return Entry(
            accession=found[0].accession,
            target=target,
            biosample=self._biosample,
            experiment=found[0].experiment,
        )

    def _complete(self, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
        """Fetch what is missing and return the record of every entry."""
        missing = [entry for entry in entries if not (self.folder / entry.file_name).exists()]
        failures: dict[str, Exception] = {}
        with ThreadPoolExecutor(max_workers=max(1, self._parallel)) as pool:
            asked = {entry: pool.submit(self._ask, entry) for entry in missing}
        downloads = []
        for entry, answer in asked.items():
            error = answer.exception()
            if isinstance(error, requests.RequestException):
                failures[entry.accession] = error
            else:
                record = answer.result()
                path = self.folder / entry.file_name
                downloads.append(
                    Download(url=record.url, path=path, md5=record.md5, size=record.size)
                )
        portal = self._portal
        refused = fetch_all(
            downloads, parallel=self._parallel, retries=portal.retries, pause=portal.pause
        )
        for path, error in refused.items():
            if isinstance(error, ValueError):
                raise error
            failures[path.name.split(".", 1)[0]] = error
        if failures:
            raise FileNotFoundError(self._shopping_list(entries, failures))
        return {entry.accession: self._describe(entry) for entry in entries}

    def _ask(self, entry: Entry) -> PortalFile:
        """Fetch an entry's record, verify that it is what was asked for, and keep it."""
        record = self._portal.record(entry.accession)
        _verify(entry, record, self._assembly)
        write_json(self.folder / f"{entry.accession}.json", asdict(record))
        return record

    def _stored(self, accession: str) -> dict[str, Any] | None:
        path = self.folder / f"{accession}.json"
        return dict(read_json(path)) if path.exists() else None

    def _describe(self, entry: Entry) -> dict[str, Any]:
        """Return what is known of a file in the cache; one placed by hand has no record yet."""
        stored = self._stored(entry.accession)
        path = self.folder / entry.file_name
        if stored is None:
            with path.open("rb") as stream:
                md5 = hashlib.file_digest(stream, "md5").hexdigest()
            if entry.md5 not in {None, md5}:
                raise ValueError(
                    f"{path} has not the content of {entry.accession} (md5 {md5}, expected "
                    f"{entry.md5}); delete it and fetch it again"
                )
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
            write_json(self.folder / f"{entry.accession}.json", stored)
        return {**stored, "path": str(path)}

    def _shopping_list(self, entries: Sequence[Entry], failures: Mapping[str, Exception]) -> str:
        lines = []
        for entry in entries:
            error = next((e for a, e in failures.items() if a == entry.accession), None)
            if error is not None:
                source = self._portal.file_url(entry.accession, entry.file_name)
                lines.append(f"  {source} -> {self.folder / entry.file_name} ({_reason(error)})")
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


def _verify(entry: Entry, record: PortalFile, assembly: str) -> None:
    """Compare a record with what was asked for.

    Raises:
        ValueError: If they differ.
    """
    asked: dict[str, tuple[str, tuple[str, ...]]] = {
        # A reference sequence is an assembly, and its record may leave the field out.
        "assembly": (record.assembly, (assembly, "") if entry.kind == "genome" else (assembly,)),
        "status": (record.status, ("released", "archived")),
        "md5": (record.md5, (entry.md5 or record.md5,)),
    }
    if entry.kind not in {"genome", "exclude"}:
        # Open chromatin has no target, so its assay is compared in the target's place.
        assay = assay_of(entry.target)
        chip = assay.endswith("ChIP-seq")
        asked["target"] = (record.target, (entry.target,)) if chip else (record.assay, (assay,))
        asked["biosample"] = (record.biosample, (entry.biosample,))
        asked["output type"] = (record.output_type, entry.output_types)
    for what, (found, allowed) in asked.items():
        if found not in allowed:
            raise ValueError(
                f"{entry.accession} must have the {what} {' or '.join(allowed)}, the portal says "
                f"{found!r}; choose another file in data.targets or data.catalogue"
            )


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    return "no connection" if isinstance(error, requests.ConnectionError) else str(error)
