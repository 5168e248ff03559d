"""`deepmr interrogate exposure=all`: from a configuration to a question about many pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from deepmr.causal_graph import KnownRelation
from deepmr.cli.interrogate import (
    _compute,
    _kept_tasks,
    _networks,
    _question,
    _run_folder,
    _variants,
)
from deepmr.cli.job_record import JobValue
from deepmr.cli.parts import is_chosen, optional, plain
from deepmr.cli.trust import Trust
from deepmr.files import sha256
from deepmr.interrogation_all import ask_all
from deepmr.workflow.all_pairs import PairSettings
from deepmr.workflow.known_relations import read_relations
from deepmr.workflow.measurement import open_store
from deepmr.workflow.task_selection import PairSelection, select_pairs

__all__ = ["run_all_pairs"]
_OWN = Trust(own=True)


def run_all_pairs(config: DictConfig) -> float:
    """Build networks, loci, variants and question, and ask every pair that is meant.

    Returns:
        The number of edges of the graph, for a sweeper.

    Raises:
        ValueError: If a setting is wrong or missing, or no pair is left.
        LookupError: If a task, run or part is unknown.
        FileNotFoundError: If a file is missing.
    """
    settings = plain(config)
    pairs = _pair_settings(settings)
    _refuse_settings_of_one_pair(settings)
    question = _question(settings)
    networks = _networks(config, settings)
    selection = select_pairs(networks.tasks, settings["exposure"], settings["outcome"])
    print(f"pairs: {selection.words}")
    print(
        "pairs: negative controls, the concordant slope and motifs are not asked here; ask an edge "
        "again by exposure=X outcome=Y"
    )
    networks.scale.calibrators.require_effects(*selection.tasks)
    known = read_relations(settings["known"], networks.tasks) if settings["known"] else ()
    selection.check_given(pairs.given or ())
    _check_known(selection, known)
    question = question.for_members(len(networks.members), chosen=is_chosen("inference"))
    compute = _compute(settings, networks.members)
    tasks = {task.name: task for task in networks.tasks}
    first, second = selection.ordered[0]
    variants = _variants(settings, networks, (tasks[first], tasks[second]), config.seed)
    relations = sha256(Path(settings["known"])) if settings["known"] else None
    folder = _run_folder(
        config, settings, networks, question, variants, "all-pairs", known=relations
    )
    kept = _kept_tasks(settings, networks, selection.tasks)
    value = ask_all(
        networks,
        selection,
        variants,
        question,
        compute=compute,
        store=open_store(folder.work, networks, variants.loci, variants.variants, compute, kept),
        folder=folder,
        settings=pairs,
        known=known,
        tracker=optional(settings["logger"], "logger", _OWN),
        notes=(*networks.notes, *variants.notes),
    )
    return JobValue(value, folder.path)


def _pair_settings(settings: Mapping[str, Any]) -> PairSettings:
    given = settings["pairs"]
    direct = given["direct"]
    return PairSettings(
        level=float(given["level"]), direct=direct if isinstance(direct, str) else tuple(direct)
    )


def _refuse_settings_of_one_pair(settings: Mapping[str, Any]) -> None:
    """Refuse what only a question about one pair can follow.

    Raises:
        ValueError: If such a setting is set.
    """
    if settings["loci"].get("rule") == "pair":
        raise ValueError(
            "loci.rule=pair depends on one pair; use any_positive or all where exposure= or "
            "outcome= names several tasks"
        )


def _check_known(selection: PairSelection, known: Sequence[KnownRelation]) -> None:
    """Refuse known relations that no measured pair answers.

    Raises:
        LookupError: If there is one.
    """
    asked = set(selection.ordered)
    for one in known:
        if (one.exposure, one.outcome) not in asked:
            raise LookupError(
                f"the known relation {one.exposure} -> {one.outcome} is not among the pairs "
                "asked; widen exposure= and outcome=, or take it out"
            )
