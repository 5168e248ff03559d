"""Download files into the cache, with resumption and a check of their MD5 digest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests

from deepmr.data.encode_portal.portal import with_retries
from deepmr.files import locked
from deepmr.progress import Progress

__all__ = ["Download", "fetch_all"]

_PIECE = 1 << 16
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and to wait for the next bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file to fetch.

    Args:
        url: Address of the content.
        path: The file to write.
        md5: MD5 digest of the content, 32 hexadecimal digits.
        size: Bytes of the content, for the progress bar; 0 if unknown.
    """

    url: str
    path: Path
    md5: str
    size: int = 0


def fetch_all(
    downloads: Sequence[Download], *, parallel: int = 4, retries: int = 4, pause: float = 1.0
) -> dict[Path, Exception]:
    """Fetch files side by side; what is there already is left alone.

    A file appears under its name only when it is whole and its md5 is right. What was received
    before an interruption lies beside it as ``.part`` and is continued. Two processes that want
    the same file wait for each other.

    Args:
        downloads: The files to fetch.
        parallel: Largest number of files at a time.
        retries: How often a passing failure (connection, busy server, body cut short) is tried
            again.
        pause: Seconds before the first new try; doubled each time.

    Returns:
        Why each file that is still missing could not be fetched.
    """
    failures: dict[Path, Exception] = {}
    total = sum(item.size for item in downloads)
    with (
        closing(Progress("download", total, "byte")) as bar,
        ThreadPoolExecutor(max_workers=max(1, parallel)) as pool,
    ):
        jobs = {
            pool.submit(_fetch, item, retries=retries, pause=pause, bar=bar): item
            for item in downloads
        }
        for job, item in jobs.items():
            error = job.exception()
            if error is None:
                continue
            if not isinstance(error, OSError | ValueError):
                raise error
            failures[item.path] = error
    return failures


def _fetch(item: Download, *, retries: int, pause: float, bar: Progress) -> None:
    with locked(item.path, wait=True):
        if item.path.exists():
            bar.advance(item.size)
            return
        resume = _Resume(item.path.with_name(f".{item.path.name}.{item.md5[:8]}.part"), bar)
        for second in (False, True):
            try:
                with_retries(
                    lambda: pooch.retrieve(
                        item.url,
                        known_hash=f"md5:{item.md5}",
                        fname=item.path.name,
                        path=item.path.parent,
                        downloader=resume,
                    ),
                    retries=retries,
                    pause=pause,
                )
            except ValueError as error:  # pooch's word for a wrong hash
                resume.part.unlink(missing_ok=True)
                if second:
                    raise ValueError(
                        f"{item.url} has not the content the portal promises (md5 {item.md5}); "
                        "try later, or fetch it by hand and compare"
                    ) from error
            else:
                return


class _Resume:
    """A downloader for pooch that continues where an earlier attempt, or process, stopped."""

    def __init__(self, part: Path, bar: Progress) -> None:
        self.part = part
        self._bar = bar

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        # A compressed transfer would be unpacked on the way and its size would not fit.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                # Nothing is left to send: the part is whole, and its hash will tell if it is right.
                Path(output_file).write_bytes(self.part.read_bytes())
                self.part.unlink()
                return
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            expected = int(answer.headers.get("Content-Length", -1))
            with self.part.open("ab" if goes_on else "wb") as stream:
                before = stream.tell()
                for piece in answer.iter_content(_PIECE):
                    stream.write(piece)
                    self._bar.advance(len(piece))
                received = stream.tell() - before
        if expected >= 0 and received != expected:
            raise requests.ConnectionError(
                f"{url} was cut short: {received} of {expected} bytes came"
            )
        self.part.replace(output_file)


pooch.get_logger().setLevel("WARNING")  # the progress bar says it already
