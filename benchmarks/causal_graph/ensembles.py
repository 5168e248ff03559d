"""Trained data sets with every effect and every prediction for the unchanged sequence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.structures_networks import dataset, effects, trained
from deepmr.effect_shard import EffectShard, EffectsInMemory
from deepmr.effects import MemberEffects
from deepmr.files import atomic_write
from deepmr.genome import Interval

__all__ = ["gather", "read"]


def gather(name: str, cache: Path, *, members: int = 5) -> Path:
    """Return the file of a data set's effects, made now unless it is there.

    As `benchmarks.structures` trains it, and besides the prediction of every member for every
    unchanged sequence, from which effects on expected counts follow.

    Args:
        name: GRAPH-SEED, such as ``fifteen-1000``.
        cache: Folder of the files.
        members: Networks of the ensemble.
    """
    import torch

    path = cache / f"{name}.npz"
    if path.is_file():
        return path
    torch.set_num_threads(1)
    start = time.perf_counter()
    source = dataset(name)
    networks = trained(source, int(name.split("-")[1]), members=members)
    content: dict[str, Any] = effects(networks, source)
    one_hot = np.eye(4, dtype=np.float32)[content["codes"]].transpose(0, 2, 1).copy()
    with torch.inference_mode():
        reference = [network(torch.from_numpy(one_hot)).numpy() for network in networks]
    content["reference"] = np.stack(reference, axis=2).astype(np.float32)
    content["seconds"] = np.array(time.perf_counter() - start)
    with atomic_write(path, "wb") as stream:
        np.savez_compressed(stream, **content)
    return path


def read(path: Path) -> tuple[EffectsInMemory, list[dict[str, Any]]]:
    """Return a data set's effects on the Anscombe scale, and the true structure of its pairs.

    Args:
        path: As `gather` returns it.
    """
    with np.load(path) as content:
        mask, codes = content["mask"], content["codes"]
        value = content["x"].astype(np.float64)
        reference = content["reference"].astype(np.float64)
        tasks = tuple(str(task) for task in content["tasks"])
        structures = json.loads(str(content["structures"]))
    length = codes.shape[1]
    letters = np.broadcast_to(np.arange(4), (*codes.shape, 4))
    alt = letters[letters != codes[..., None]].reshape(len(codes), 3 * length)
    members = MemberEffects(
        value=value,
        tasks=tasks,
        offset=np.broadcast_to(np.repeat(np.arange(length), 3), mask.shape).copy(),
        ref=np.repeat(codes, 3, axis=1).astype(np.int64),
        alt=alt.astype(np.int64),
        mask=mask,
    )
    loci = tuple(Interval(f"sequence-{k}", 0, length) for k in range(len(codes)))
    shard = EffectShard(index=0, loci=loci, effects=members, reference=reference)
    return EffectsInMemory(shard=shard, effect_scale=dict.fromkeys(tasks, "anscombe")), structures
