"""`deepmr interrogate effects=FILE`: a table of effects in the place of networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepmr.cli.job_record import JobValue
from deepmr.cli.parts import is_chosen, optional, run_folder, with_inference
from deepmr.cli.trust import Trust
from deepmr.data.effect_tables import ReadSettings
from deepmr.files import safe_name, sha256
from deepmr.inference.question import Question
from deepmr.interrogation import ask
from deepmr.workflow.effect_table import read_effects
from deepmr.workflow.measurement import Compute
from deepmr.workflow.pair_of_table import PairOfTable
from deepmr.workflow.run_identity import with_content
from deepmr.workflow.table_loci import TableLoci, places_of
from deepmr.workflow.table_measurement import open_table_store
from deepmr.workflow.variants import VariantChoice

__all__ = ["run_effects"]

_OWN = Trust(own=True)
_NEEDS_NETWORKS = ("run", "checkpoint")
_SUMMARY = {"_target_": "deepmr.inference.Summary"}


def run_effects(config: DictConfig, settings: dict[str, Any], question: Question) -> float:
    """Interrogate a table of effects.

    Args:
        config: The configuration.
        settings: The same as plain values.
        question: The question, as it was asked.

    Returns:
        The pooled effect of exposure on outcome by the first estimator, for a sweeper.

    Raises:
        ValueError: If a setting is wrong, or the table breaks a rule.
        LookupError: If a task is unknown.
        FileNotFoundError: If a file is missing.
    """
    for name in _NEEDS_NETWORKS:
        if settings.get(name) is not None:
            raise ValueError(f"effects= takes the place of networks; leave {name}= out")
    given = settings["effects"]
    table = read_effects(
        given["path"],
        format=given["format"],
        settings=_reading(given),
        loci=_loci(settings, given),
        genome=given["genome"] or settings["loci"].get("genome"),
        mismatch=given["mismatch"],
    )
    found = table.select(config.exposure, config.outcome)
    for role, task in zip(("exposure", "outcome"), found.pair, strict=True):
        print(f"{role}: {task.name}")
    print(f"effects: {found.description}; {len(found.loci)} loci, {len(found.members)} members")
    for note in found.notes:
        print(f"effects: {note}")
    question, changed = found.suited(question, chosen=is_chosen("inference"))
    if changed:
        settings = {**settings, "inference": _SUMMARY}
        print(f"inference: {changed[0]}")
    found.check(question)
    return _ask(config, settings, found, question, (*found.notes, *changed))


def _reading(given: Mapping[str, Any]) -> ReadSettings:
    windows = given["windows"]
    return ReadSettings(
        columns={name: one for name, one in given["columns"].items() if one is not None},
        names=tuple(str(name) for name in given["names"] or ()),
        statistic=given["statistic"],
        values=given["values"],
        one_based=given["one_based"],
        windows=places_of(windows) if windows else (),
        variants=given["variants"],
    )


def _loci(settings: Mapping[str, Any], given: Mapping[str, Any]) -> TableLoci:
    chosen = settings["loci"]
    by_bed = chosen.get("path") is not None
    return TableLoci(
        path=chosen["path"] if by_bed else None,
        gap=given["gap"],
        width=given["width"],
        n=chosen["n"] if by_bed else None,  # loci=test draws from data that a table has not
        seed=settings["seed"],
    )


def _ask(
    config: DictConfig,
    settings: Mapping[str, Any],
    found: PairOfTable,
    question: Question,
    notes: tuple[str, ...],
) -> float:
    genome = found.genome
    recorded = with_content(
        with_inference(settings, question),
        effects=list(found.digests),
        genome=None if genome is None else genome.sha256,
        motifs=sha256(Path(settings["motifs"])) if settings["motifs"] else None,
    )
    folder = run_folder(
        config,
        recorded,
        "interrogate",
        safe_name(found.name),
        label="-".join(safe_name(name) for name in found.names),
    )
    value = ask(
        found,
        found.pair,
        VariantChoice(loci=found.loci, variants=None),
        question,
        compute=Compute(loci_per_shard=found.loci_per_shard, dtype="float64"),
        store=open_table_store(folder.work, found),
        folder=folder,
        tracker=optional(settings["logger"], "logger", _OWN),
        notes=notes,
    )
    return JobValue(value, folder.path)
