"""Client of the ENCODE portal: records of files by accession, and searches by name."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests

from deepmr.data.encode_portal.assay import OUTPUT_TYPES, assay_of

__all__ = ["ADDRESS", "Portal", "PortalFile", "is_passing", "with_retries"]

ADDRESS = "https://www.encodeproject.org"

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and to wait for the next bytes

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment of the portal: what was measured in which cells.

    Args:
        accession: Accession, such as ``ENCSR000EFT``.
        assay: Assay title, such as ``TF ChIP-seq``.
        target: Target of the assay, such as ``GATA1``; empty for open chromatin.
        biosample: Name of the biosample, such as ``K562``.
    """

    accession: str
    assay: str
    target: str
    biosample: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFile:
    """The portal's record of one file.

    Args:
        accession: Accession, such as ``ENCFF148JKK``.
        url: Address of the content.
        md5: MD5 digest of the content, 32 hexadecimal digits.
        size: Size in bytes; 0 if the portal does not say.
        assembly: Genome assembly, such as ``GRCh38``.
        output_type: Kind of content, such as ``IDR thresholded peaks``.
        status: ``released``, ``archived`` or ``revoked``.
        experiment: The experiment that it belongs to.
        created: Date of submission, ISO 8601.

    Raises:
        ValueError: If the digest is not one, or the size is negative: these come from outside, and
            the digest becomes part of a file's name.
    """

    accession: str
    url: str
    md5: str
    size: int
    assembly: str
    output_type: str
    status: str
    experiment: Experiment
    created: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{32}", self.md5):
            raise ValueError(f"an md5 is 32 hexadecimal digits, got {self.md5[:60]!r}")
        if self.size < 0:
            raise ValueError(f"a size is 0 or more bytes, got {self.size}")

    def to_record(self) -> dict[str, Any]:
        """Return the record as a flat mapping, as it is kept in the cache and in a manifest."""
        whole = asdict(self)
        experiment = whole.pop("experiment")
        return (
            whole
            | experiment
            | {"accession": self.accession, "experiment": self.experiment.accession}
        )


def is_passing(error: Exception) -> bool:
    """Tell whether trying again can help: a busy server or a broken connection, not a refusal."""
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code in _PASSING
    return isinstance(
        error,
        requests.ConnectionError
        | requests.Timeout
        | requests.exceptions.ChunkedEncodingError
        | requests.exceptions.ContentDecodingError,
    )


def with_retries(action: Callable[[], T], *, retries: int, pause: float) -> T:
    """Do something, again after a pause that doubles as long as the failure may pass.

    Args:
        action: What to do.
        retries: How often to try again.
        pause: Seconds before the first new try.
    """
    for attempt in range(retries + 1):
        try:
            return action()
        except (requests.RequestException, OSError) as error:
            if attempt == retries or not is_passing(error):
                raise
            time.sleep(pause * 2**attempt)
    raise ValueError(f"data.retries must be 0 or more, got {retries}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """The ENCODE portal's JSON interface.

    Args:
        address: Address of the portal, or of a mirror.
        retries: How often a passing failure is tried again.
        pause: Seconds before the first new try; doubled each time.

    References:
        ENCODE Project Consortium 2020, doi:10.1038/s41586-020-2493-4 (the data and the portal).
    """

    address: str = ADDRESS
    retries: int = 4
    pause: float = 1.0

    def file_url(self, accession: str, name: str) -> str:
        """Return the address of a file's content."""
        return f"{self.address}/files/{accession}/@@download/{name}"

    def record(self, accession: str) -> PortalFile:
        """Fetch what the portal says about a file.

        Raises:
            LookupError: If the portal has no such file, or its record is incomplete.
            requests.RequestException: If the portal cannot be reached, or fails for good.
        """
        answer = self._json(f"/files/{accession}/", {})
        if answer is None:
            raise LookupError(
                f"the portal {self.address} has no file {accession}; look it up there, it may "
                "have been replaced"
            )
        return self._parse(answer)

    def search(
        self, target: str, *, biosample: str, assembly: str, kind: str = "binary"
    ) -> list[PortalFile]:
        """Find released default files of a target in a biosample.

        A search of the portal answers with a few columns of each file, without its digest; so only
        the accessions are taken from it, and then each file's own record is fetched.

        Args:
            target: e.g. ``GATA1``, ``H3K27ac``, ``DNase``.
            biosample: e.g. ``K562``.
            assembly: e.g. ``GRCh38``.
            kind: ``binary`` for peaks, ``signal`` for bigWig files.

        Returns:
            All that fit, newest first; none if there is none.

        Raises:
            LookupError: If the answer names a file by what is no accession, or a record is
                incomplete.
            requests.RequestException: If the portal cannot be reached, or fails for good.
        """
        answer = self._json("/search/", self.query(target, biosample, assembly, kind))
        listed = (answer or {}).get("@graph", [])
        found = [self.record(_accession(item)) for item in listed]
        return sorted(found, key=lambda file: (file.created, file.accession), reverse=True)

    def query(
        self, target: str, biosample: str, assembly: str, kind: str
    ) -> dict[str, str | Sequence[str]]:
        """Return the search's parameters; several values of one mean any of them."""
        assay = assay_of(target)
        wanted: dict[str, str | Sequence[str]] = {
            "type": "File",
            "status": "released",
            "preferred_default": "true",
            "file_format": "bed" if kind == "binary" else "bigWig",
            "assembly": assembly,
            "assay_title": assay,
            "output_type": OUTPUT_TYPES[assay, kind],
            "biosample_ontology.term_name": biosample,
            "limit": "all",
        }
        if assay.endswith("ChIP-seq"):
            wanted["target.label"] = target
        return wanted

    def search_url(self, target: str, biosample: str, assembly: str, kind: str) -> str:
        """Return the search's address, for people."""
        query = urlencode(self.query(target, biosample, assembly, kind), doseq=True)
        return f"{self.address}/search/?{query}"

    def _json(self, path: str, query: Mapping[str, str | Sequence[str]]) -> dict[str, Any] | None:
        """Return the portal's answer; None where it says 404, as it does for an empty search."""

        def ask() -> dict[str, Any] | None:
            answer = requests.get(
                f"{self.address}{path}",
                params={**query, "format": "json"},
                headers={"Accept": "application/json"},
                timeout=_TIMEOUT,
            )
            if answer.status_code == requests.codes.not_found:
                return None
            answer.raise_for_status()
            try:
                content = answer.json()
            except ValueError:
                content = None
            if not isinstance(content, dict):
                raise requests.ConnectionError(
                    f"{answer.url} did not answer with a JSON object; is it the portal?"
                )
            return content

        return with_retries(ask, retries=self.retries, pause=self.pause)

    def _parse(self, item: Mapping[str, Any]) -> PortalFile:
        accession = str(item.get("accession") or item.get("title") or "")
        try:
            return PortalFile(
                accession=accession,
                url=self.address + _path(item["href"]),
                md5=str(item["md5sum"]),
                size=int(item.get("file_size", 0)),
                assembly=str(item.get("assembly", "")),
                output_type=str(item["output_type"]),
                status=str(item["status"]),
                experiment=Experiment(
                    accession=_last_part(item.get("dataset", "")),
                    assay=str(item.get("assay_title", "")),
                    target=_label(item.get("target"), "label").removesuffix("-human"),
                    biosample=self._term(item.get("biosample_ontology")),
                ),
                created=str(item.get("date_created", "")),
            )
        except KeyError as error:
            raise LookupError(
                f"the portal's record of {accession or 'a file'} lacks {error}; fetch the file "
                "by hand, or choose another"
            ) from error
        except (TypeError, ValueError) as error:
            raise LookupError(
                f"the portal's record of {accession or 'a file'} is not usable ({error}); fetch "
                "the file by hand, or choose another"
            ) from error

    def _term(self, value: Any) -> str:
        """Return the name of a biosample, which a record embeds or names by its path."""
        if isinstance(value, str) and value.startswith("/"):
            value = self._json(value, {})
        return _label(value, "term_name")


def _accession(item: Any) -> str:
    """Return the accession of one of a search's answers.

    Raises:
        LookupError: If it is none: it comes from outside, and names a file in the cache.
    """
    listed = item if isinstance(item, Mapping) else {}
    found = str(listed.get("accession") or _last_part(str(listed.get("@id", ""))))
    if not re.fullmatch(r"ENC[A-Z]{2}[0-9]{3}[A-Z]{3}|TST[A-Z]{2}[0-9]{6}", found):
        raise LookupError(
            f"the portal's search names a file by {found[:60]!r}, which is no accession; name "
            "the file's accession in data.targets"
        )
    return found


def _path(href: Any) -> str:
    """Verify that a link leads to the portal itself: a path, not another host."""
    if not isinstance(href, str) or not href.startswith("/"):
        raise ValueError(f"a file's link is a path on the portal, got {str(href)[:60]!r}")
    return href


def _last_part(path: Any) -> str:
    """Return the identifier in one of the portal's paths, ``/experiments/ENCSR000EFT/``."""
    return str(path).rstrip("/").rsplit("/", 1)[-1]


def _label(value: Any, key: str) -> str:
    """Read a linked object, which the portal embeds or names by its path."""
    return str(value.get(key, "")) if isinstance(value, Mapping) else _last_part(value or "")
