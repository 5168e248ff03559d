"""The methods of an interrogation of all pairs in words with references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

import deepmr
from deepmr.report import Methods, unit_names
from deepmr.workflow.method_phrases import cited, effects_said, question_said, versions_said
from deepmr.workflow.pair_findings import PairFindings

__all__ = ["pair_methods", "pair_unit"]

_ORDER = ("effects", "instruments", "estimators", "weights", "errors", "pooling")


def pair_unit(findings: PairFindings) -> str:
    """Return the unit of the slopes; empty where tasks have several effect scales.

    Args:
        findings: Results on all pairs.
    """
    units = _units(findings)
    one, many = unit_names(units[0])
    return f"{many} per {one}" if len(units) == 1 else ""


def _units(findings: PairFindings) -> list[str]:
    units = findings.networks.scale.units()
    return sorted({units[name] for name in findings.answers.selection.tasks})


def pair_methods(findings: PairFindings, packages: Mapping[str, str]) -> Methods:
    """Describe instruments, weights, errors, pooling and the graph as they were used.

    Args:
        findings: Results on all pairs.
        packages: Versions of the packages used, by name.
    """
    names = findings.answers.selection.tasks
    units = _units(findings)
    unit = unit_names(units[0])[1] if len(units) == 1 else "units of the exposure's scale"
    # The slope over concordant instruments is not asked of all pairs.
    parts = question_said(replace(findings.question, concordant=False), unit)
    parts["effects"] = effects_said(findings.networks, findings.variants, tuple(names))
    told = {name: cited(said) for name, said in parts.items()}
    level = findings.settings.level
    sentences = (
        f"With Deep MR {deepmr.__version__} [malina2022] we asked for each of "
        f"{len(findings.answers.verdicts):,} ordered pairs of {len(names):,} tasks whether the one "
        "acts on the other in the networks.",
        told["effects"],
        f"Instruments of each exposure were {told['instruments']}.",
        *(told[name] for name in _ORDER[2:]),
        "Of several estimators, the one with the middle p-value speaks for a pair. A pair is an "
        "edge if its verdict, from dose-responses over all variants in both directions with "
        "intervals from resampling loci [efron1979], says that the exposure acts on the outcome, "
        f"and the false discovery rate of its slope is at most {level:g} [benjamini1995].",
        versions_said(packages),
    )
    keys = ["malina2022", *(key for name in _ORDER for key in parts[name][1])]
    return Methods(
        sentences=sentences,
        questions=_questions(findings, told),
        keys=tuple(dict.fromkeys([*keys, "efron1979", "benjamini1995"])),
    )


def _questions(findings: PairFindings, told: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    counts = np.asarray(findings.pairs()["n_instruments"], dtype=np.float64)
    median = f"{np.median(counts):.0f}" if counts.size else "0"
    return (
        (
            "Which instruments?",
            f"For each pair, judged by their effect on its exposure: {told['instruments']}; "
            f"{median} a pair (median). How many each pair has is in pairs.parquet; a pair asked "
            "alone lists every one.",
        ),
        ("Which weights?", told["weights"]),
        ("How were errors computed?", f"{told['errors']} {told['pooling']}"),
        (
            "What if the instrument threshold changes?",
            "It was not varied here. A pair asked alone shows its slope by threshold, and is "
            "measured already: the effects of this run are used again.",
        ),
        (
            "Where are the data?",
            "Beside this page: tables have links to their numbers, and “Data” lists the files of "
            "the run.",
        ),
    )
