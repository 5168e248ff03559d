"""Effects that an earlier interrogation measured already."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deepmr.io.manifest import is_finished
from deepmr.io.shards import ShardStore
from deepmr.lightning.mutagenesis import ENGINE

__all__ = ["reuse"]


def reuse(folder: Path, store: ShardStore) -> str | None:
    """Take over the shards of a finished interrogation of the same effects, by hard link.

    Nothing is taken where shards of its own were begun.

    Args:
        folder: Of the interrogation; those beside it are looked at.
        store: Where its shards go.

    Returns:
        Whose they are, in words; None if nobody has them.
    """
    if store.folder.is_dir() and any(store.folder.glob("shard-*")):
        return None
    for other in sorted(folder.parent.iterdir()):
        if other == folder or not is_finished(other):
            continue
        theirs = ShardStore(
            other / "effects",
            fingerprint=store.fingerprint,
            loci=store.loci,
            loci_per_shard=store.loci_per_shard,
            tasks=store.tasks,
            n_members=store.n_members,
            effect_scale=store.effect_scale,
            dtype=store.dtype,
        )
        if not _serves(theirs):
            continue
        store.folder.mkdir(parents=True, exist_ok=True)
        for path in [*(theirs.path(i) for i in range(theirs.n_shards)), theirs.folder / ENGINE]:
            target = store.folder / path.name
            try:
                os.link(path, target)
            except OSError:  # another file system, or one without links
                shutil.copyfile(path, target)
        return f"mutation effects: those of {other}, nothing is computed again"
    return None


def _serves(theirs: ShardStore) -> bool:
    if not all(theirs.path(index).is_file() for index in range(theirs.n_shards)):
        return False
    try:
        return not theirs.missing(verify=False)
    except ValueError:
        return False
