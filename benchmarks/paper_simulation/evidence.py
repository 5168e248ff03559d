"""One round: simulate, train an ensemble, measure every substitution's effect; kept as a file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.anscombe import anscombe
from deepmr.data.simulation import SimulationSource
from deepmr.effects import MemberEffects
from deepmr.files import atomic_write, fingerprint

if TYPE_CHECKING:
    from deepmr.workflow.training import Training

__all__ = [
    "CONF",
    "NETWORKS",
    "SCENARIOS",
    "Evidence",
    "Round",
    "ensemble_effects",
    "ensemble_training",
    "gather",
    "read_members",
    "write_members",
]

SCENARIOS = ("none", "independent", "sequence", "both")
NETWORKS = {"published": ["experiment=paper"], "default": []}
"""What `train.py` is told, apart from seed and scenario."""

CONF = Path(__file__).resolve().parents[2] / "conf"
_TASKS = ("GATA1", "TAL1")
_FLOOR_DRAWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One simulated data set and one kind of network.

    Args:
        scenario: Confounding.
        seed: Of the data and the networks.
        network: Which recipe, a key of `NETWORKS`.
        effect: Strength of the cooperation; None draws it as the paper does.
        members: Networks of the ensemble.
        options: Further settings for `train.py`.
    """

    scenario: str
    seed: int
    network: str
    effect: float | None = None
    members: int = 5
    options: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """The network and what it was told besides."""
        return " ".join([self.network, *self.options])

    @property
    def name(self) -> str:
        """Name of the round's file."""
        strength = "drawn" if self.effect is None else f"{self.effect:g}"
        name = f"{self.scenario}-{strength}-{self.seed}-{self.network}-{self.members}"
        return "-".join([name, *(option.replace("=", "_") for option in self.options)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What inference needs of a round, and what the round is.

    Args:
        members: Effects of every substitution at the test loci with both motifs.
        truth: Their noiseless effects on both tasks.
        in_motif: Substitutions in the planted motif of either task.
        effect: r.
        validation_mse: Of each member and task, Anscombe scale.
        noise_floor: The same of the noiseless truth: no network does better.
        seconds: What training and mutagenesis took.
    """

    members: MemberEffects
    truth: Float64[np.ndarray, "locus task variant"]
    in_motif: Bool[np.ndarray, "locus task variant"]
    effect: float
    validation_mse: Float64[np.ndarray, "member task"]
    noise_floor: Float64[np.ndarray, " task"]
    seconds: float


def gather(one: Round, cache: Path) -> Evidence:
    """Return a round's evidence, from its file or made now.

    The ensemble is trained by the same code and configuration as `train.py`, and goes on where
    an interrupted one stopped.

    Args:
        one: The round.
        cache: Where evidence lies.
    """
    path = cache / f"{one.name}.npz"
    if not path.is_file():
        training = _make(one, cache, path)
        shutil.rmtree(training.folder.path)
    return _read(path)


_LONGEST = 80  # letters of a run's name


def ensemble_training(one: Round, cache: Path, name: str) -> Training:
    """Return what `train.py` does for a round's ensemble."""
    from hydra import compose, initialize_config_dir

    from deepmr.cli.train import build_training

    short = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{fingerprint(name)}"
    options = [f"name={short}", f"paths.output={cache}", "logger=csv"]
    options += ["trainer.enable_progress_bar=false"]
    options += [f"data.confounding={one.scenario}", f"seed={one.seed}"]
    options += [f"ensemble={one.members}"]
    if one.effect is not None:
        options.append(f"data.effect={one.effect}")
    options = [*NETWORKS[one.network], *options, *one.options]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=options)
    config.logger = None
    return build_training(config)


def ensemble_effects(training: Training) -> dict[str, np.ndarray]:
    """Mutate the loci with both motifs with every member of a finished training."""
    from deepmr.lightning.training import load_weights
    from deepmr.mutagenesis import build_engine, saturation

    source = training.source
    loci = source.candidate_loci("pair", exposure=_TASKS[0], outcome=_TASKS[1])
    variants = saturation(source.sequences(*loci))
    effects = []
    for k in range(training.n_members):
        network = load_weights(training.recipe.network(), training.member(k) / "best.ckpt")
        engine = build_engine(network, length=source.length)
        effects.append(engine(source.sequences(*loci), variants).difference)
    truth = source.true_effects(*loci)
    if truth is None:
        raise TypeError(f"the benchmark knows its data's effects, got data={source.name}")
    return {
        "value": np.stack(effects, axis=2).astype(np.float32),
        "offset": variants.offset,
        "ref": variants.ref,
        "alt": variants.alt,
        "mask": variants.mask,
        "truth": truth,
    }


def _make(one: Round, cache: Path, path: Path) -> Training:
    from deepmr.workflow.training import train

    start = time.perf_counter()
    training = ensemble_training(one, cache, one.name)
    if not (training.folder.path / "manifest.json").is_file():
        train(training)
    source = training.source
    if not isinstance(source, SimulationSource):
        raise TypeError(f"the benchmark simulates its data, got data={source.name}")
    folders = [training.member(k) for k in range(one.members)]
    loci = source.candidate_loci("pair", exposure=_TASKS[0], outcome=_TASKS[1])
    content = {
        **ensemble_effects(training),
        "in_motif": np.stack([source.motif_variants(t, *loci) for t in _TASKS], axis=1),
        "effect": np.asarray(source.dataset.grammar.effect),
        "validation_mse": np.stack([_validation(folder) for folder in folders]),
        "noise_floor": _floor(source),
        "seconds": np.asarray(time.perf_counter() - start),
    }
    write_members(path, content)
    return training


def write_members(path: Path, content: Mapping[str, np.ndarray]) -> None:
    """Write an ensemble's effects, and whatever else belongs to them, in one file."""
    with atomic_write(path, "wb") as stream:
        np.savez_compressed(stream, **content)


def read_members(path: Path) -> tuple[MemberEffects, Float64[np.ndarray, "locus task variant"]]:
    """Return an ensemble's effects and the true ones beside them."""
    with np.load(path) as content:
        members = MemberEffects(
            value=content["value"].astype(np.float64),
            tasks=_TASKS,
            offset=content["offset"],
            ref=content["ref"],
            alt=content["alt"],
            mask=content["mask"],
        )
        return members, content["truth"]


def _validation(folder: Path) -> Float64[np.ndarray, " task"]:
    from deepmr.lightning.training import read_history

    history = read_history(folder)
    best = min(history, key=lambda epoch: epoch["validation/loss"])
    return np.asarray([best[f"validation/mse/{task}"] for task in _TASKS])


def _floor(source: SimulationSource) -> Float64[np.ndarray, " task"]:
    """Return the mean squared distance of readings from their noiseless means."""
    data = source.dataset
    codes = data.sequences.codes[data.rows["validation"]]
    rng = np.random.default_rng(0)
    mean = data.grammar.noiseless(codes)
    draws = [
        anscombe(data.grammar.observe(rng, codes).astype(np.float64)) for _ in range(_FLOOR_DRAWS)
    ]
    return np.asarray(np.mean([(draw - mean) ** 2 for draw in draws], axis=(0, 1)))


def _read(path: Path) -> Evidence:
    members, truth = read_members(path)
    with np.load(path) as content:
        return Evidence(
            members=members,
            truth=truth,
            in_motif=content["in_motif"],
            effect=float(content["effect"]),
            validation_mse=content["validation_mse"],
            noise_floor=content["noise_floor"],
            seconds=float(content["seconds"]),
        )
