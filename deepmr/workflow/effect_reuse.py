"""Reuse of variant effects computed by another interrogation of the same networks."""

from __future__ import annotations

import os
import shutil
import warnings

from deepmr.io.manifest import is_finished
from deepmr.io.shard_store import ShardStore
from deepmr.lightning.mutagenesis import ENGINE

__all__ = ["reuse_effects"]


def reuse_effects(store: ShardStore) -> str | None:
    """Link the shards of a finished interrogation with the same effects into a store.

    Nothing is taken over if the store has shards of its own, nor from an interrogation that this
    one overwrites: overwriting means doing it again.

    Args:
        store: Shard store of an interrogation; the folders beside the interrogation are searched.

    Returns:
        A sentence with the folder of the other interrogation; None if there is none.
    """
    folder = store.folder.parent
    if store.folder.is_dir() and any(store.folder.glob("shard-*")):
        return None
    for other in sorted(folder.parent.iterdir()):
        if other == folder or not is_finished(other) or folder.name == f".{other.name}.new":
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
        return f"variant effects: reused from {other}"
    return None


def _serves(theirs: ShardStore) -> bool:
    if not all(theirs.path(index).is_file() for index in range(theirs.n_shards)):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a run with other tasks nothing is computed again
            return not theirs.missing(verify=False)
    except ValueError:
        return False
