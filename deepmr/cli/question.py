"""From the configuration of ``interrogate.py`` to a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from deepmr.cli.plans import command, is_leader, optional, part, plain
from deepmr.cli.subject import Subject, foreign_subject, trained_subject
from deepmr.data.genome import EncodedGenome
from deepmr.files import fingerprint
from deepmr.mutagenesis import Augmentation
from deepmr.uncertainty import Members
from deepmr.workflow.estimation import Question
from deepmr.workflow.folder import run_hash
from deepmr.workflow.interrogate import InterrogationPlan
from deepmr.workflow.loci import Loci, region_loci, test_loci
from deepmr.workflow.runs import choose_pair
from deepmr.workflow.scale import EffectScale

__all__ = ["interrogation_plan"]


def interrogation_plan(config: DictConfig) -> InterrogationPlan:
    """Turn the configuration of ``interrogate.py`` into objects.

    Raises:
        ValueError: If a setting is wrong or missing.
        LookupError: If a task, run or part is unknown.
        FileNotFoundError: If a file is missing.
    """
    for name in ("exposure", "outcome"):
        if name not in config or config.get(name) is None:
            raise ValueError(f"{name}= must name a task, for example {name}=GATA1")
    settings = plain(config)
    subject = (trained_subject if config.checkpoint is None else foreign_subject)(config, settings)
    pair = choose_pair(subject.tasks, config.exposure, config.outcome)
    asked = zip(("exposure", "outcome"), pair, (config.exposure, config.outcome), strict=True)
    for role, task, query in asked:
        print(f"{role}: {task.name}" + ("" if task.name == query else f" (for {query})"))
    subject.calibrators.require_effects(*(task.name for task in pair))
    scale = EffectScale(
        tasks=subject.tasks,
        link=subject.link,
        calibrators=subject.calibrators,
        scale=config.scale,
    )
    engine = dict(settings["mutagenesis"])
    members = _members(settings, subject, engine)
    notes = [*subject.notes, *([members.note] if members.note else [])]
    if members.note:
        print(f"uncertainty: {members.note}")
    kept = settings["effects"]["keep"]
    if kept not in ("pair", "all"):
        raise ValueError(f"effects.keep is pair or all, got {kept!r}")
    settings["weights"] = subject.identity
    folder = Path(config.paths.output) / "interrogate" / subject.name
    identity = {
        "weights": subject.identity,
        "uncertainty": [members.spread, len(members), members.identity],
        "engine": {key: value for key, value in engine.items() if key != "chunk"},
    }
    asked_pair = (pair[0].name, pair[1].name)
    loci, genome = _loci(settings, subject, asked_pair, config.seed)
    wanted = settings["loci"]["n"]
    if wanted is not None and len(loci) < wanted:
        notes.append(f"{len(loci)} loci suit the question; {wanted} were asked for (loci.n).")
        print(notes[-1])
    choice = part(settings["variants"])(loci, genome=genome)
    if choice.listed is not None:
        settings["alleles"] = fingerprint(choice.asked.identity)  # a path says not what it holds
    for note in choice.notes:
        notes.append(note)
        print(f"variants: {note}")
    return InterrogationPlan(
        folder=folder / str(config.name or f"{pair[0].name}-{pair[1].name}-{run_hash(settings)}"),
        config=settings,
        command=command(),
        network=subject.description,
        members=members,
        scale=scale,
        pair=pair,
        kept=subject.tasks.names if kept == "all" else tuple(task.name for task in pair),
        loci=choice.loci,
        asked=choice.asked,
        listed=choice.listed,
        identity=identity,
        engine=part(engine),
        precision=engine.get("precision", "float32"),
        loci_per_shard=settings["effects"]["loci_per_shard"],
        dtype=settings["effects"]["dtype"],
        question=Question(
            rule=instantiate(settings["instruments"], _convert_="all"),
            estimators={name: part(one) for name, one in settings["estimator"].items()},
            inference=instantiate(settings["inference"], _convert_="all"),
            pooling=part(settings["meta"]),
        ),
        trainer=part(settings["trainer"]),
        tracker=optional(settings["logger"]),
        inputs=[*_inputs(settings, subject), *choice.inputs],
        metrics=subject.metrics,
        notes=notes,
        seed=config.seed,
        overwrite=config.overwrite,
        leader=is_leader(),
    )


def _members(settings: dict[str, Any], subject: Subject, engine: dict[str, Any]) -> Members:
    members: Members = instantiate(settings["uncertainty"], _convert_="all")(subject.trained)
    averaged = engine.get("strands", "forward") != "forward" or list(
        engine.get("shifts", (0,))
    ) != [0]
    if averaged and any(one.view != Augmentation() for one in members.readings):
        raise ValueError(
            "uncertainty=tta tells apart the strands and shifts that mutagenesis.strands and "
            "mutagenesis.shifts average; leave those as they are, or use uncertainty=ensemble"
        )
    return members


def _loci(
    settings: dict[str, Any], subject: Subject, pair: tuple[str, str], seed: int
) -> tuple[Loci, EncodedGenome | None]:
    chosen, source = settings["loci"], subject.source
    genome: EncodedGenome | None = getattr(source, "genome", None)
    if chosen["source"] == "test":
        if source is None:
            raise ValueError(
                "a network trained elsewhere has no test split here; name your regions "
                "(loci=bed loci.path=FILE loci.genome=FASTA), or its data (data=encode ...)"
            )
        return test_loci(source, *pair, n=chosen["n"], seed=seed), genome
    if chosen.get("genome"):
        genome = EncodedGenome.from_fasta(chosen["genome"])
    if genome is None:
        raise ValueError("loci=bed needs a genome; set loci.genome=FASTA")
    loci = region_loci(
        Path(chosen["path"]),
        genome,
        length=subject.length,
        source=source,
        allow_seen=chosen["allow_seen"],
        n=chosen["n"],
        seed=seed,
    )
    return loci, genome


def _inputs(settings: dict[str, Any], subject: Subject) -> list[Path]:
    named = (settings["loci"].get("path"), settings["loci"].get("genome"), settings["tasks"])
    return [*subject.weights, *(Path(path) for path in named if path)]
