"""The methods of an interrogation in words with references, from its settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import deepmr
from deepmr.inference import OverMembers
from deepmr.inference.estimation import Question
from deepmr.report import ESTIMATOR_KEYS, TAU2_KEYS, Methods, unit_names
from deepmr.workflow.findings import Findings

__all__ = ["methods_used", "pooling_weights"]

_Said = tuple[str, tuple[str, ...]]
"""A clause, and the keys of the references that it cites."""


def methods_used(findings: Findings, packages: Mapping[str, str]) -> Methods:
    """Describe instruments, weights, errors, pooling and versions as they were used.

    Args:
        findings: Results of the interrogation.
        packages: Versions of the packages used, by name.
    """
    question = findings.question
    unit = unit_names(findings.networks.scale.units()[findings.names[0]])[1]
    parts: dict[str, _Said] = {
        "instruments": _rule(question.rule, unit),
        "weights": _weights(question),
        "errors": _errors(findings),
        "pooling": _pooling(question),
        "estimators": _estimators(question),
        "effects": _effects(findings),
    }
    told = {name: _cited(said) for name, said in parts.items()}
    exposure, outcome = findings.names
    sentences = (
        f"We asked whether {exposure} acts on {outcome} in the networks by Deep MR "
        f"{deepmr.__version__} [malina2022].",
        told["effects"],
        f"Instruments for the exposure were {told['instruments']}.",
        told["estimators"],
        told["weights"],
        told["errors"],
        told["pooling"],
        "The verdict compares dose-responses over all variants in both directions, with intervals "
        "from resampling loci [efron1979], and was repeated on negative controls.",
        _versions(packages),
    )
    order = ("effects", "instruments", "estimators", "weights", "errors", "pooling")
    keys = ["malina2022", *(key for name in order for key in parts[name][1]), "efron1979"]
    return Methods(
        sentences=tuple(filter(None, sentences)),
        questions=_questions(findings, told),
        keys=tuple(dict.fromkeys(keys)),
    )


def _cited(said: _Said) -> str:
    """Put the references of a clause behind it, before a full stop."""
    text, keys = said
    if not keys:
        return text
    stop = "." if text.endswith(".") else ""
    return f"{text.removesuffix('.')} [{', '.join(keys)}]{stop}"


def _versions(packages: Mapping[str, str]) -> str:
    named = [
        f"{name} {packages[name]}" for name in ("python", "torch", "numpy") if name in packages
    ]
    return f"Versions: {', '.join([f'Deep MR {deepmr.__version__}', *named])}."


def _effects(findings: Findings) -> _Said:
    members, loci = findings.networks.members, findings.loci
    kinds: dict[str, tuple[str, ...]] = {
        "ensemble": ("lakshminarayanan2017",),
        "dropout": ("gal2016",),
        "snapshots": ("huang2017",),
        "tta": ("wang2019",),
    }
    keys = next((keys for word, keys in kinds.items() if word in members.spread), ())
    units = {findings.networks.scale.units()[name] for name in findings.names}
    keys += ("anscombe1948",) if "anscombe" in units else ()
    what = (
        "every single-base substitution" if findings.variants.listed is None else "listed variants"
    )
    scale = " and ".join(sorted(unit_names(unit)[1] for unit in units))
    return (
        f"Effects of {what} at {len(loci):,} held-out loci were predicted by {len(members)} "
        f"members ({members.spread}), as alternative minus reference in {scale} after calibration.",
        keys,
    )


def _rule(rule: Any, unit: str) -> _Said:
    describe = _RULES.get(type(rule).__name__)
    return (f"chosen by {rule!r}", ()) if describe is None else describe(rule, unit)


def _by_moderated_z(rule: Any, unit: str) -> _Said:
    size = f" and an absolute effect of at least {rule.min_effect:g} {unit}"
    return (
        f"variants with a moderated z-score of at least {rule.min_z:g}"
        f"{size if rule.min_effect > 0 else ''}",
        ("smyth2004",),
    )


def _all_of(rule: Any, unit: str) -> _Said:
    parts = [_rule(one, unit) for one in rule.rules]
    return " that are also ".join(text for text, _ in parts), sum((k for _, k in parts), ())


def _by_motif(rule: Any, unit: str) -> _Said:
    which = "the exposure's own motif" if rule.motif == "exposure" else f"the motif {rule.motif}"
    text, keys = f"variants inside matches of {which} (p at most {rule.p:g})", ("grant2011",)
    if rule.also is None:
        return text, keys
    also, more = _rule(rule.also, unit)
    return f"{text} that are {also}", (*keys, *more)


_RULES: Mapping[str, Callable[[Any, str], _Said]] = {
    "All": lambda _, __: ("all variants", ()),
    "ByZ": lambda rule, _: (f"variants with a z-score of at least {rule.min_z:g}", ()),
    "ByModeratedZ": _by_moderated_z,
    "TopK": lambda rule, _: (f"the {rule.k} strongest variants of each locus by {rule.by}", ()),
    "ByPosition": lambda rule, _: (f"variants at offsets {rule.start} to {rule.end - 1}", ()),
    "AllOf": _all_of,
    "ByMotif": _by_motif,
}


def _estimators(question: Question) -> _Said:
    names = [name.replace("_", " ") for name in question.estimators]
    keys = tuple(key for name in question.estimators for key in ESTIMATOR_KEYS.get(name, ()))
    if question.concordant:
        names[0] += (
            " (and over the instruments that lie on one dose-response, the concordant slope)"
        )
    others = f"; {' and '.join(names[1:])} beside it" if names[1:] else ""
    return (
        f"The slope of each locus was estimated by {names[0]}{others}.",
        tuple(dict.fromkeys(keys)),
    )


_INFERENCES: Mapping[str, _Said] = {
    "per_member": (
        "Each network gives a slope; the estimate is their mean and its interval a t interval over "
        "the networks.",
        (),
    ),
    "jackknife": ("Intervals come from a jackknife over the networks.", ("miller1974",)),
    "cross_fitted": (
        "Each network gives a slope over instruments that the other networks chose; the interval "
        "is a t interval over the networks.",
        (),
    ),
    "errors_in_variables": (
        "Slopes are ratios of products of different networks, free of attenuation.",
        ("fuller1987",),
    ),
    "correlated": (
        "Slopes are generalised least squares with the covariance of the networks' errors.",
        ("burgess2016", "ledoit2004"),
    ),
}


def _errors(findings: Findings) -> _Said:
    """Say how intervals were made, with the shared error variance."""
    inference = findings.question.inference
    if not isinstance(inference, OverMembers):
        return (
            "Standard errors are those of the mean over members, variants and loci taken as "
            "independent.",
            (),
        )
    text, keys = _INFERENCES.get(inference.name, (f"Intervals by {inference.name}.", ()))
    error = inference.error
    if error.between_sites > 0:
        keys = (*keys, "liang1986")
    return (f"{text} Errors that all networks share count as {error.words} ({error.source}).", keys)


def _weights(question: Question) -> _Said:
    weights = getattr(question.inference, "weights", None)
    words = {
        "equal": "All instruments of a locus had equal weights",
        "moderated": "Instruments were weighted by their inverse moderated variance",
        "ensemble": "Instruments were weighted by their inverse variance over the networks",
    }
    within = words.get(str(weights), "Instruments had the weights of the estimator")
    if not isinstance(question.inference, OverMembers):
        return f"{within}; loci those of the pooling.", ()
    across = {"equal": "equal weights", "random_effects": "weights 1 / (se² + τ²)"}
    return f"{within}; loci had {across[question.inference.loci_weights]} in the pooled slope.", ()


def _options(pooling: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(pooling, functools.partial):
        return pooling.func.__name__, dict(pooling.keywords)
    return getattr(pooling, "__name__", type(pooling).__name__), {}


def _pooling(question: Question) -> _Said:
    name, options = _options(question.pooling)
    over = isinstance(question.inference, OverMembers)
    shared: tuple[str, ...] = ("searle1992", "satterthwaite1946") if over else ()
    counted = "; the error that loci share through the networks is counted once" if over else ""
    if name == "random_effects":
        tau2 = str(options.get("tau2", "reml"))
        keys: tuple[str, ...] = (TAU2_KEYS.get(tau2, "viechtbauer2005"), "higgins2002")
        if not over and options.get("adjustment", "hartung_knapp") != "none":
            keys += ("hartung2001",)
        text = f"Loci were pooled by random effects (between-locus variance by {tau2.upper()})"
        return f"{text}{counted}.", (*keys, "higgins2009", *shared)
    others: Mapping[str, _Said] = {
        "t_effects": ("Loci were pooled by t-distributed random effects", ("baker2008",)),
        "median_effect": ("The pooled slope is the median over loci", ("woodruff1952",)),
        "trimmed_mean": ("The pooled slope is a trimmed mean over loci", ("yuen1974",)),
        "common_effect": ("Loci were pooled by inverse variance, as one common effect", ()),
    }
    text, keys = others.get(name, (f"Loci were pooled by {name.replace('_', ' ')}", ()))
    return f"{text}{counted}.", (*keys, *shared)


def _questions(findings: Findings, told: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    first = findings.answers[0].local.estimate.n_instruments
    median = f"{np.median(first):g}" if len(first) else "0"
    return (
        (
            "Which instruments?",
            f"For each direction {told['instruments']}; {median} a locus (median). Each one, with "
            "position, alleles, effects and standard errors, is a row of instruments.parquet.",
        ),
        ("Which weights?", told["weights"]),
        ("How were errors computed?", f"{told['errors']} {told['pooling']}"),
        (
            "What if the instrument threshold changes?",
            f"{_threshold(findings)}See the figure “Slope by instrument threshold” and the row "
            "“instrument threshold” under Assumptions.",
        ),
        (
            "Where are the data?",
            "Beside this page: every table and figure has a link to its numbers, and “Data” lists "
            "the files of the run.",
        ),
    )


def _threshold(findings: Findings) -> str:
    """Say how the slope changes over instrument thresholds; empty where it was not computed."""
    curve = findings.judgement.curve
    if curve is None or not np.isfinite(curve.slope[0, :, 0]).any():
        return ""
    slope = curve.slope[0, :, 0]
    least, most = float(np.nanmin(slope)), float(np.nanmax(slope))
    limits = ", ".join(f"{share:g}" for share in curve.threshold)
    return (
        f"Over variants whose effect is at least {limits} of a large one ({curve.scale[0]:.3g}), "
        f"all loci together, the slope lies between {least:.3g} and {most:.3g}. "
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
    if isinstance(inference, OverMembers) and inference.loci_weights == "equal":
        weight = known.astype(np.float64)
    elif _options(findings.question.pooling)[0] in ("random_effects", "common_effect"):
        spread = effect.se**2 + float(np.nan_to_num(first.pooled.tau2))
        weight = np.where(known & (spread > 0), 1.0 / np.where(spread > 0, spread, 1.0), 0.0)
    else:
        return None
    total = weight.sum()
    return np.asarray(weight / total) if total > 0 else None
