"""`deepmr interrogate`: from a configuration to the nouns of an interrogation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepmr.adapted import adapter_of
from deepmr.cli.effects import run_effects
from deepmr.cli.ignored_settings import check_no_setting_is_ignored, given_settings
from deepmr.cli.job_record import JobValue
from deepmr.cli.networks import load_checkpoints, networks_of_runs
from deepmr.cli.parts import (
    is_chosen,
    optional,
    part,
    plain,
    run_folder,
    short_name,
    with_inference,
    without_null,
)
from deepmr.cli.trust import Trust, build
from deepmr.files import fingerprint, safe_name, sha256
from deepmr.inference import GivenModel, OverMembers
from deepmr.inference.contract import check_pooling
from deepmr.inference.question import Question
from deepmr.interrogation import ask
from deepmr.motifs import read_motifs
from deepmr.mutagenesis import Augmentation
from deepmr.networks import Networks
from deepmr.tasks import Task
from deepmr.uncertainty import Auto, Given, Members
from deepmr.workflow.measurement import Compute, open_store
from deepmr.workflow.post_hoc import CALIBRATOR
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.run_identity import with_content
from deepmr.workflow.task_selection import is_many
from deepmr.workflow.trained_runs import find_runs, newest_run
from deepmr.workflow.variants import VariantChoice

__all__ = ["asks_many", "run_interrogation"]
_OWN = Trust(own=True)
"""Settings of an interrogation are the user's own word; those of the run it asks are not."""


def asks_many(config: DictConfig) -> bool:
    """Return whether several pairs are asked, once the settings are known to be read.

    Raises:
        ValueError: If exposure or outcome is missing, or a setting would be ignored.
    """
    for name in ("exposure", "outcome"):
        if name not in config or config.get(name) is None:
            raise ValueError(f"{name}= must name a task, for example {name}=GATA1")
    many = is_many(config.exposure) or is_many(config.outcome)
    check_no_setting_is_ignored(plain(config), given_settings(), many=many)
    return many


def run_interrogation(config: DictConfig) -> float:
    """Build networks, loci, variants and question, and interrogate.

    Returns:
        The pooled effect of exposure on outcome by the first estimator, for a sweeper.

    Raises:
        ValueError: If a setting is wrong or missing.
        LookupError: If a task, run or part is unknown.
        FileNotFoundError: If a file is missing.
    """
    settings = plain(config)
    question = _question(settings)
    if settings["effects"]["path"] is not None:
        return run_effects(config, settings, question)
    settings = {name: value for name, value in settings.items() if name != "effects"}
    networks = _networks(config, settings)
    pair = _pair(networks, config)
    question = question.for_members(len(networks.members), chosen=is_chosen("inference"))
    compute = _compute(settings, networks.members)
    kept = _kept_tasks(settings, networks, (pair[0].name, pair[1].name))
    variants = _variants(settings, networks, pair, config.seed)
    label = f"{safe_name(pair[0].name)}-{safe_name(pair[1].name)}"
    folder = _run_folder(config, settings, networks, question, variants, label)
    value = ask(
        networks,
        pair,
        variants,
        question,
        compute=compute,
        store=open_store(folder.work, networks, variants.loci, variants.variants, compute, kept),
        folder=folder,
        tracker=optional(settings["logger"], "logger", _OWN),
        notes=(*networks.notes, *variants.notes),
    )
    return JobValue(value, folder.path)


def _run_folder(
    config: DictConfig,
    settings: Mapping[str, Any],
    networks: Networks,
    question: Question,
    variants: VariantChoice,
    label: str,
    **content: Any,
) -> RunFolder:
    """Return the run's folder; its name is by default a label and the hash of what is asked.

    Raises:
        ValueError: If the networks that are asked lie there.
    """
    listed = variants.listed is not None
    fitted = _calibrator_file(settings)
    recorded = with_content(
        with_inference(settings, question),
        weights=list(networks.digests),
        variants=fingerprint(variants.variants.identity) if listed else None,
        calibrators=sha256(fitted) if fitted else None,
        motifs=sha256(Path(settings["motifs"])) if settings["motifs"] else None,
        **content,
    )
    folder = run_folder(config, recorded, "interrogate", networks.name, label=label)
    for file in networks.files:
        if file.resolve().is_relative_to(folder.path.resolve()):
            raise ValueError(
                f"{folder.path} holds {file}, which is being asked; choose another name= or "
                "paths.output="
            )
    return folder


def _calibrator_file(settings: Mapping[str, Any]) -> Path | None:
    """Return the file that ``calibrator=PATH`` names, by itself or by its folder."""
    if settings.get("calibrators") is None:
        return None
    path = Path(settings["calibrators"])
    return path / CALIBRATOR if path.is_dir() else path


def _networks(config: DictConfig, settings: Mapping[str, Any]) -> Networks:
    uncertainty = build(settings["uncertainty"], "uncertainty", _OWN)
    inference = build(settings["inference"], "inference", _OWN)
    if isinstance(inference, GivenModel) and isinstance(uncertainty, Auto):
        uncertainty = Given()  # the model as it is, not draws from it
    if config.checkpoint is not None:
        name = short_name(config, "model") if settings.get("model") else ""
        networks = load_checkpoints(
            settings, name=name, scale=config.scale, uncertainty=uncertainty
        )
    else:
        if config.run is None:
            folder = Path(config.paths.output) / "train"
            runs = [newest_run(folder, config.exposure, config.outcome)]
            print(f"run: {runs[0].folder} (the newest that predicts both; run= names another)")
        else:
            runs = find_runs(settings["run"])
            print(f"run: {', '.join(str(run.folder) for run in runs)}")
        networks = networks_of_runs(
            runs, scale=config.scale, uncertainty=uncertainty, settings=settings
        )
    if networks.members.note:
        print(f"uncertainty: {networks.members.note}")
    return networks


def _pair(networks: Networks, config: DictConfig) -> tuple[Task, Task]:
    pair = networks.pair(config.exposure, config.outcome)
    queries = (config.exposure, config.outcome)
    for role, task, query in zip(("exposure", "outcome"), pair, queries, strict=True):
        print(f"{role}: {task.name}" + ("" if task.name == query else f" (for {query})"))
    networks.scale.calibrators.require_effects(*(task.name for task in pair))
    return pair


def _kept_tasks(
    settings: Mapping[str, Any], networks: Networks, asked: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the tasks whose effects are stored: those that are asked, or all."""
    kept = settings["store"]["keep"]
    if kept not in ("pair", "all"):
        raise ValueError(f"store.keep is pair or all, got {kept!r}")
    return networks.tasks.names if kept == "all" else asked


def _variants(
    settings: Mapping[str, Any], networks: Networks, pair: tuple[Task, Task], seed: int
) -> VariantChoice:
    names = (pair[0].name, pair[1].name)
    loci, genome = part(settings["loci"], "loci", _OWN)(networks, names, seed)
    choice: VariantChoice = part(settings["variants"], "variants", _OWN)(loci, genome=genome)
    for note in choice.notes:
        print(f"variants: {note}")
    notes, wanted = choice.notes, settings["loci"]["n"]
    if wanted is not None and len(loci) < wanted:
        few = f"{len(loci)} loci suit the question; {wanted} were asked for (loci.n)."
        print(few)
        notes = (few, *notes)
    named = (
        *(settings["loci"].get(key) for key in ("path", "genome")),
        *(settings[key] for key in ("tasks", "motifs")),
        _calibrator_file(settings),
    )
    files = (*(Path(path) for path in named if path), *choice.files)
    return replace(choice, notes=notes, files=files)


def _compute(settings: Mapping[str, Any], members: Members) -> Compute:
    dtype = settings["store"]["dtype"]
    if dtype not in ("float32", "float16"):
        raise ValueError(f"store.dtype: effects are kept as float32 or float16, got {dtype!r}")
    engine = dict(settings["mutagenesis"])
    shifts = list(engine.get("shifts", (0,)))
    averaged = engine.get("strands", "forward") != "forward" or shifts != [0]
    adapter = adapter_of(members.networks)
    if averaged and adapter is not None and adapter.format.strand == "both":
        raise ValueError(
            "model.input.strand=both averages the strands in the adapter, which does not go with "
            "mutagenesis.strands and mutagenesis.shifts; set model.input.strand=forward "
            "mutagenesis.strands=both, which averages the same two readings and goes with shifts"
        )
    if averaged and adapter is not None and adapter.reads_apart:
        raise ValueError(
            "mutagenesis.strands and mutagenesis.shifts average readings of one place on one "
            f"strand, which model.input.strand={adapter.format.strand}"
            f"{' with places of BED lines' if adapter.per_locus else ''} does not have; leave "
            "them as they are, or change the model's strand and positions"
        )
    if averaged and any(one.augmentation != Augmentation() for one in members.passes):
        raise ValueError(
            "uncertainty=tta tells apart the strands and shifts that mutagenesis.strands and "
            "mutagenesis.shifts average; leave those as they are, or use uncertainty=ensemble"
        )
    return Compute(
        engine=part(engine, "mutagenesis", _OWN),
        settings={key: value for key, value in engine.items() if key != "chunk"},
        trainer=part(settings["trainer"], "trainer", _OWN),
        progress=bool(settings["trainer"]["enable_progress_bar"]),
        dtype=dtype,
        loci_per_shard=settings["store"]["loci_per_shard"],
    )


def _question(settings: Mapping[str, Any]) -> Question:
    inference = build(settings["inference"], "inference", _OWN)
    own = isinstance(inference, OverMembers | GivenModel)
    ignored = inference.ignored if own else frozenset()
    chosen = "inference=" + str(settings["inference"]["_target_"]).rsplit(".", 1)[-1]
    estimators = {
        name: without_null(one) for name, one in (settings.get("estimator") or {}).items()
    }
    if not estimators:
        raise ValueError("estimator= must name at least one, for example estimator=[slope,egger]")
    weighted = [name for name, one in estimators.items() if "weights" in one]
    if weighted and "weights" in ignored:
        raise ValueError(
            f"estimator.{weighted[0]}.weights has no effect where inference.weights=equal gives "
            "every variant the same error; leave it out, or set inference.weights=ensemble"
        )
    if "estimator" in ignored and len(estimators) > 1:
        print(f"estimators: {chosen} is a regression of its own and is reported once")
        estimators = dict([next(iter(estimators.items()))])
    meta = without_null(settings["meta"])
    if "adjustment" in meta and "adjustment" in ignored:
        raise ValueError(
            f"meta.adjustment={meta['adjustment']} has no effect under {chosen}, which counts the "
            "error that loci share by itself; leave it out, or use inference=summary"
        )
    if "motifs" in settings["instruments"] and settings["motifs"] is None:
        raise ValueError(
            "instruments=motif needs motifs=FILE, a file of motifs (MEME, JASPAR, TRANSFAC)"
        )
    pooling = part(meta, "meta", _OWN)
    if own:
        check_pooling(pooling, getattr(inference, "name", "given_model"))
    return Question(
        rule=build(settings["instruments"], "instruments", _OWN),
        estimators={name: part(one, "estimator", _OWN) for name, one in estimators.items()},
        inference=inference,
        pooling=pooling,
        controls=str(settings["controls"]),
        designed=str(settings["verdict"]["designed"]),
        concordant=bool(settings["concordant"]),
        smallest_slope=float(settings["smallest_slope"]),
        motifs=read_motifs(settings["motifs"]) if settings["motifs"] else None,
    )
