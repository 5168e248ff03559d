"""One data set of the study: simulate, train an ensemble, measure effects; kept as a file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from benchmarks.structures.plan import NETWORKS, PAPER_SCENARIOS
from benchmarks.structures_networks import dataset, effects, trained
from deepmr.effects import MemberEffects
from deepmr.files import atomic_write
from deepmr.verdict import (
    DesignedEvidence,
    effect_scale,
    locus_maximum,
    measure_designed,
    plan_designed,
)

if TYPE_CHECKING:
    from torch import nn

__all__ = ["gather", "read", "read_designed"]

_TASKS = ("GATA1", "TAL1")
_PAPER_LOCI = 300


def gather(name: str, cache: Path, *, members: int = 5) -> Path:
    """Return the file of a data set's effects, made now unless it is there.

    Args:
        name: GRAPH-SEED, with words for other data, networks or labels behind it; or
            SCENARIO-SEED-effectR for the published two-task simulation.
        cache: Folder of the files.
        members: Networks of the ensemble.
    """
    path = cache / f"{name}.npz"
    if path.is_file():
        return path
    start = time.perf_counter()
    made = (
        _paper(name, cache, members) if name.split("-", maxsplit=1)[0] in PAPER_SCENARIOS else None
    )
    content = _structures(name, members) if made is None else made
    content["seconds"] = np.array(time.perf_counter() - start)
    with atomic_write(path, "wb") as stream:
        np.savez_compressed(stream, **content)
    return path


def _structures(name: str, members: int) -> dict[str, Any]:
    graph, seed, *words = name.split("-")
    network = next((NETWORKS[word] for word in words if word in NETWORKS), ())
    data = [word for word in words if word not in NETWORKS and word not in _LABELS]
    source = dataset("-".join([graph, seed, *data]))
    if "untrained" in words:
        networks = _untrained(source, int(seed), members)
    else:
        if "shuffled" in words:
            _shuffle_labels(source, int(seed))
        networks = trained(source, int(seed), members=members, options=list(network))
    content = effects(networks, source)
    if "untrained" not in words and "shuffled" not in words:
        content |= _designed(content, networks)
    return content


def _designed(
    content: dict[str, Any], networks: list[nn.Module], order: Sequence[int] | None = None
) -> dict[str, Any]:
    """Measure designed sequences with the networks that are at hand now.

    Args:
        content: Effects at loci.
        networks: The ensemble.
        order: Columns of their outputs in the order of the tasks; all by default.
    """
    import torch

    effects_, _ = _members(content)
    scale = effect_scale(locus_maximum(effects_))
    plan = plan_designed(effects_, content["codes"], scale=scale)

    def predict(codes: np.ndarray) -> np.ndarray:
        one_hot = np.eye(4, dtype=np.float32)[codes].transpose(0, 2, 1).copy()
        with torch.inference_mode():
            parts = torch.from_numpy(one_hot).split(_AT_ONCE)
            predicted = [torch.cat([one(part) for part in parts]).numpy() for one in networks]
        ordered = slice(None) if order is None else list(order)
        return np.stack(predicted, axis=-1)[:, ordered].astype(np.float64)

    found = measure_designed(plan, predict)
    return {
        "designed_level": found.level,
        "designed_present": found.present,
        "designed_explained": found.explained,
    }


_AT_ONCE = 512
_LABELS = ("untrained", "shuffled")


def _shuffle_labels(source: Any, seed: int) -> None:
    """Give every sequence outside the test split another sequence's readings."""
    data = source.dataset
    test = data.rows["test"]
    rest = np.setdiff1d(np.arange(len(data.codes)), test)
    observed = data.observed.copy()
    observed[rest] = observed[np.random.default_rng(seed).permutation(rest)]
    source.__dict__["dataset"] = replace(data, observed=observed)


def _untrained(source: Any, seed: int, members: int) -> list[nn.Module]:
    """Return networks of the default architecture with random weights."""
    import torch

    from deepmr.models import MotifScanner

    networks = []
    for k in range(members):
        torch.manual_seed(1000 * seed + k)
        exposures = [source.tasks.names.index(name) for name in source.exposures]
        networks.append(MotifScanner(source.length, exposures).eval())
    return networks


def _paper(name: str, cache: Path, members: int) -> dict[str, Any]:
    """Train on the published simulation; effects at test loci, with and without both motifs."""
    import shutil

    from benchmarks.paper_simulation.evidence import Round, ensemble_training
    from deepmr.lightning.training import load_weights
    from deepmr.mutagenesis import build_engine, saturation
    from deepmr.workflow.training import train

    scenario, seed, effect = name.split("-")
    one = Round(
        scenario=scenario,
        seed=int(seed),
        network="default",
        effect=float(effect.removeprefix("effect")),
        members=members,
    )
    training = ensemble_training(one, cache, one.name)
    if not (training.folder.path / "manifest.json").is_file():
        train(training)
    source: Any = training.source
    part = source.split("test")
    both = source.dataset.sequences.has_both[part.row]
    first = np.zeros(len(part), dtype=bool)
    first[:_PAPER_LOCI] = True
    kept = first | (both & (np.cumsum(both) <= _PAPER_LOCI))
    codes = part.codes[kept]
    variants = saturation(codes)
    networks = [
        load_weights(training.recipe.network(), training.member(k) / "best.ckpt").eval()
        for k in range(members)
    ]
    engines = [build_engine(network, length=source.length) for network in networks]
    value = np.stack([engine(codes, variants).difference for engine in engines], axis=2)
    shutil.rmtree(training.folder.path)
    order = [source.tasks.names.index(task) for task in _TASKS]
    content = {
        "x": value[:, order].astype(np.float32),
        "mask": variants.mask,
        "codes": codes,
        "tasks": np.array(_TASKS),
        "is_first": first[kept],
        "has_both": both[kept],
        "structures": np.array(json.dumps([_truth(scenario, one.effect)])),
    }
    asked = {name: content[name][first[kept]] for name in ("x", "mask", "codes")}
    return content | _designed(content | asked, networks, order)


def _truth(scenario: str, effect: float | None) -> dict[str, Any]:
    """Return the true structure: without an effect the outcome reads the confounder alone."""
    confounded = scenario in ("sequence", "both")
    word = "forward" if effect else "shared" if confounded else "none"
    kind = "directed" if effect else "nested" if confounded else "unrelated"
    return {"exposure": _TASKS[0], "outcome": _TASKS[1], "word": word, "kind": kind}


def read(
    path: Path, *, loci: Bool[np.ndarray, " locus"] | slice | None = None
) -> tuple[MemberEffects, list[dict[str, Any]]]:
    """Return a data set's effects at some loci, or all, and the true structure of its pairs.

    Args:
        path: As `gather` returns it.
        loci: Which loci.
    """
    with np.load(path) as content:
        return _members(content, loci)


def read_designed(path: Path) -> DesignedEvidence | None:
    """Return the designed sequences' evidence of a data set; None where none was measured."""
    with np.load(path) as content:
        if "designed_level" not in content:
            return None
        return DesignedEvidence(
            level=content["designed_level"],
            present=content["designed_present"],
            explained=content["designed_explained"],
        )


def _members(
    content: Mapping[str, np.ndarray], loci: Bool[np.ndarray, " locus"] | slice | None = None
) -> tuple[MemberEffects, list[dict[str, Any]]]:
    kept = slice(None) if loci is None else loci
    mask, codes = content["mask"][kept], content["codes"][kept]
    length = codes.shape[1]
    alternative = np.broadcast_to(np.arange(4), (*codes.shape, 4))
    alt = alternative[alternative != codes[..., None]].reshape(len(codes), 3 * length)
    members = MemberEffects(
        value=content["x"][kept].astype(np.float64),
        tasks=tuple(str(task) for task in content["tasks"]),
        offset=np.broadcast_to(np.repeat(np.arange(length), 3), mask.shape).copy(),
        ref=np.repeat(codes, 3, axis=1).astype(np.int64),
        alt=alt.astype(np.int64),
        mask=mask,
    )
    return members, json.loads(str(content["structures"]))
