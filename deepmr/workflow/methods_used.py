"""The methods of an interrogation in words with references, from its settings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import deepmr
from deepmr.inference import GivenModel, OverMembers
from deepmr.report import Methods, unit_names
from deepmr.workflow.findings import Findings
from deepmr.workflow.method_phrases import (
    cited,
    effects_said,
    pooling_options,
    question_said,
    versions_said,
)

__all__ = ["methods_used", "pooling_weights"]

_ORDER = ("effects", "instruments", "estimators", "weights", "errors", "pooling")


def methods_used(findings: Findings, packages: Mapping[str, str]) -> Methods:
    """Describe instruments, weights, errors, pooling and versions as they were used.

    Args:
        findings: Results of the interrogation.
        packages: Versions of the packages used, by name.
    """
    exposure, outcome = findings.names
    unit = unit_names(findings.networks.scale.units()[exposure])[1]
    parts = question_said(findings.question, unit)
    parts["effects"] = effects_said(findings.networks, findings.variants, findings.names)
    told = {name: cited(said) for name, said in parts.items()}
    table = findings.variants.loci.split == "table"
    judged = findings.judgement
    sentences = (
        f"With Deep MR {deepmr.__version__} [malina2022] we asked whether {exposure} acts on "
        f"{outcome} in {'a table of effects' if table else 'the networks'}.",
        told["effects"],
        f"Instruments for the exposure were {told['instruments']}.",
        *(told[name] for name in _ORDER[2:]),
        "The verdict compares dose-responses over all variants in both directions, with intervals "
        f"from resampling loci [efron1979]{_repeated(len(judged.controls))}.",
        versions_said(packages),
    )
    keys = ["malina2022", *(key for name in _ORDER for key in parts[name][1]), "efron1979"]
    return Methods(
        sentences=tuple(filter(None, sentences)),
        questions=_questions(findings, told, unit),
        keys=tuple(dict.fromkeys(keys)),
    )


def _repeated(controls: int) -> str:
    if not controls:
        return ""
    return f", and was repeated on {controls} negative control{'' if controls == 1 else 's'}"


def _questions(
    findings: Findings, told: Mapping[str, str], unit: str
) -> tuple[tuple[str, str], ...]:
    first = findings.answers[0].local.estimate.n_instruments
    median = f"{np.median(first):g}" if len(first) else "0"
    return (
        (
            "Which instruments?",
            f"For each direction, judged by their effect on its exposure: {told['instruments']}; "
            f"{median} a locus (median). Each one, with position, alleles, effects and standard "
            "errors, is a row of instruments.parquet.",
        ),
        ("Which weights?", told["weights"]),
        ("How were errors computed?", f"{told['errors']} {told['pooling']}"),
        (
            "What if the instrument threshold changes?",
            f"{_threshold(findings, unit)}See the figure “Slope by instrument threshold” and the "
            "row “instrument threshold” under Assumptions.",
        ),
        (
            "Where are the data?",
            "Beside this page: every table and figure has a link to its numbers, and “Data” lists "
            "the files of the run.",
        ),
    )


def _threshold(findings: Findings, unit: str) -> str:
    """Say how the slope changes over instrument thresholds; empty where it was not computed."""
    curve = findings.judgement.curve
    if curve is None or not np.isfinite(curve.slope[0, :, 0]).any():
        return ""
    slope = curve.slope[0, :, 0]
    least, most = (
        f"{float(end):.3g}".replace("-", "\N{MINUS SIGN}")
        for end in (np.nanmin(slope), np.nanmax(slope))
    )
    *some, last = (f"{share:g}" for share in curve.threshold)
    where = f"is {least}" if least == most else f"lies between {least} and {most}"
    return (
        f"Over variants whose effect on the exposure is at least {', '.join(some)} or {last} of a "
        f"large one ({curve.scale[0]:.3g} {unit}), the slope over all loci together {where}. "
        "There a variant counts by its squared effect, so that the level may differ from that of "
        "the pooled slope, in which every locus counts alike; whether it changes is the answer. "
    )


def pooling_weights(findings: Findings) -> np.ndarray | None:
    """Return each locus's share in the first answer's pooled slope; None where it has none.

    Args:
        findings: Results of the interrogation.
    """
    first, inference = findings.answers[0], findings.question.inference
    effect = first.local.estimate.effect
    known = np.isfinite(effect.value) & np.isfinite(effect.se)
    if first.local.slopes is not None:  # pooling leaves out loci where a member has no slope
        known &= np.isfinite(first.local.slopes).all(axis=-1)
    if not known.any():
        return None
    equal = isinstance(inference, OverMembers) and inference.loci_weights == "equal"
    if equal or isinstance(inference, GivenModel):
        weight = known.astype(np.float64)
    elif pooling_options(findings.question.pooling)[0] in ("random_effects", "common_effect"):
        spread = effect.se**2 + float(np.nan_to_num(first.pooled.tau2))
        weight = np.where(known & (spread > 0), 1.0 / np.where(spread > 0, spread, 1.0), 0.0)
    else:
        return None
    total = weight.sum()
    return np.asarray(weight / total) if total > 0 else None
