"""Train ensembles on simulated tasks with a known causal graph and keep their effects.

`python -m benchmarks.structures_networks --out DIR fifteen-0 chains-0 random-3 fifteen-0-peaks`
writes one file per data set and leaves those that are there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmr.data.structures import StructuresSource, structures_source
from deepmr.files import atomic_write

if TYPE_CHECKING:
    from torch import nn

__all__ = ["SETTINGS", "dataset", "effects", "read_effects", "trained", "write_effects"]

CONF = Path(__file__).resolve().parents[1] / "conf"
SETTINGS: dict[str, dict[str, Any]] = {
    "peaks": {"targets": "peaks"},
    "small": {"n_train": 2_000, "n_variants": 500},
    "long": {"length": 300, "copies": 2},
}
"""Settings of the data by the word that stands behind graph and seed, such as fifteen-0-peaks."""


def dataset(name: str) -> StructuresSource:
    """Build the data set of a name: graph, seed and where wanted a word of `SETTINGS`.

    Args:
        name: Such as ``fifteen-0``, ``random-3`` or ``fifteen-0-peaks``.
    """
    graph, seed, *words = name.split("-")
    settings: dict[str, Any] = {}
    for word in words:
        settings |= SETTINGS[word]
    return structures_source(seed=int(seed), graph=graph, **settings)


def trained(
    source: Any, seed: int, *, members: int = 5, options: Sequence[str] = ()
) -> list[nn.Module]:
    """Train an ensemble by the code and settings of `train.py`; nothing is kept on disk.

    Args:
        source: The data.
        seed: Of the networks.
        members: Number of networks.
        options: Further settings of `train.py`, such as ``model=paper``.

    Returns:
        The networks, in evaluation mode.
    """
    from hydra import compose, initialize_config_dir

    from deepmr.cli.parts import build_loss, build_network, plain
    from deepmr.cli.train import build_training
    from deepmr.lightning.training import load_weights
    from deepmr.workflow.training import train

    with tempfile.TemporaryDirectory() as folder:
        overrides = ["data=structures", "data.n_train=100", f"seed={seed}", f"ensemble={members}"]
        overrides += ["logger=csv", "name=ensemble", f"paths.output={folder}"]
        overrides += ["trainer.enable_progress_bar=false", *options]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", overrides=overrides)
        config.logger = None
        training = build_training(config)
        shape = {
            "names": source.tasks.names,
            "exposures": source.exposures,
            "outcomes": source.outcomes,
            "length": source.length,
        }
        settings = plain(config)
        recipe = replace(
            training.recipe,
            network=build_network(settings, shape),
            loss=build_loss(settings, source),
        )
        training = replace(training, source=source, recipe=recipe)
        train(training)
        files = [training.member(k) / "best.ckpt" for k in range(members)]
        return [load_weights(recipe.network(), file).eval() for file in files]


def effects(networks: Sequence[nn.Module], source: Any) -> dict[str, np.ndarray]:
    """Return every member's effect of every substitution at all test loci, and the truth.

    Args:
        networks: Trained on the source.
        source: The data.

    Returns:
        x (locus, task, member, variant), mask (locus, variant), codes (locus, base), tasks, truth
        (locus, task, variant), pearson (task: ensemble's mean prediction with the observed
        targets of the test split) and, of every unordered pair of tasks, structures as JSON.
    """
    import torch

    from deepmr.mutagenesis import build_engine, saturation

    loci = source.candidate_loci("all")
    codes = source.sequences(*loci)
    variants = saturation(codes)
    x = np.stack(
        [
            build_engine(network, length=source.length)(codes, variants).difference
            for network in networks
        ],
        axis=2,
    )
    one_hot = torch.from_numpy(np.eye(4, dtype=np.float32)[codes].transpose(0, 2, 1).copy())
    with torch.inference_mode():
        predicted = np.mean([network(one_hot).numpy() for network in networks], axis=0)
    _, target, _ = source.split("test").gather(np.arange(len(codes)))
    pearson = [np.corrcoef(a, b)[0, 1] for a, b in zip(predicted.T, target.T, strict=True)]
    return {
        "x": x.astype(np.float32),
        "mask": variants.mask,
        "codes": codes,
        "tasks": np.array(source.tasks.names),
        "truth": source.true_effects(*loci).astype(np.float32),
        "pearson": np.array(pearson),
        "structures": np.array(json.dumps(source.structures())),
    }


def write_effects(name: str, folder: Path, *, members: int = 5) -> Path:
    """Train on the data set of a name and write its effects, unless they are there.

    Args:
        name: As for `dataset`; its seed is the networks' seed, too.
        folder: Where the file goes, NAME.npz.
        members: Number of networks.
    """
    path = folder / f"{name}.npz"
    if not path.is_file():
        start = time.perf_counter()
        source = dataset(name)
        networks = trained(source, int(name.split("-")[1]), members=members)
        content = effects(networks, source)
        content["seconds"] = np.array(time.perf_counter() - start)
        with atomic_write(path, "wb") as stream:
            np.savez_compressed(stream, **content)
        print(
            f"{name}: {content['seconds']:.0f} s, test Pearson {content['pearson'].min():.3f} "
            f"to {content['pearson'].max():.3f}",
            flush=True,
        )
    return path


def read_effects(path: Path) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the arrays of a file of effects, and its table of structures.

    Args:
        path: As `write_effects` returns it.
    """
    with np.load(path) as content:
        arrays = {key: content[key] for key in content.files if key != "structures"}
        return arrays, json.loads(str(content["structures"]))


def main() -> None:
    """Write the effects of the named data sets, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="+", help="GRAPH-SEED or GRAPH-SEED-WORD")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--members", type=int, default=5)
    options = parser.parse_args()
    for name in options.name:
        write_effects(name, options.out, members=options.members)


if __name__ == "__main__":
    main()
