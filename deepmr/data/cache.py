"""The cache folder of prepared and downloaded files, and digests of file contents."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pooch

from deepmr.files import fingerprint, read_json, sha256, write_json

_SETTLED = 2 * 10**9  # ns; a file changed again within one tick of the clock would look the same

__all__ = ["cache_folder", "content_hash"]


def cache_folder(*parts: str) -> Path:
    """Return a folder of the cache, made if absent.

    It lies under ``$DEEPMR_CACHE`` or, where that is not set, in the platform's cache folder.

    Raises:
        PermissionError: If it cannot be made or written to.
    """
    chosen = os.environ.get("DEEPMR_CACHE")
    folder = Path(chosen).expanduser() if chosen else Path(pooch.os_cache("deepmr"))
    folder = folder.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(
            f"the cache folder {folder} cannot be made ({error.strerror}); set DEEPMR_CACHE to a "
            "folder that can be written to"
        ) from error
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"the cache folder {folder} cannot be written to; set DEEPMR_CACHE to one that can"
        )
    return folder


def content_hash(path: Path) -> str:
    """Return a file's SHA-256, remembered as long as the system says that it was not written to.

    Hashing three gigabytes at every start would take longer than all else that start does. A
    file's date can be set (rsync -a, tar, touch); the time of its last change of status cannot,
    so it is part of what the memory is keyed by.

    Args:
        path: The file.
    """
    state = path.stat()
    identity = [str(path.resolve()), state.st_size, state.st_mtime_ns, state.st_ctime_ns]
    identity.append(state.st_ino)
    memo = cache_folder("hashes") / f"{fingerprint(identity, digits=32)}.json"
    if memo.exists():
        try:
            return str(read_json(memo)["sha256"])
        except (KeyError, TypeError, ValueError):
            pass  # an unreadable note is worth nothing and is written again
    began = time.time_ns()
    digest = sha256(path)
    if began - max(state.st_mtime_ns, state.st_ctime_ns) > _SETTLED:
        write_json(memo, {"path": identity[0], "sha256": digest})
    return digest
