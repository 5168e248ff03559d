"""Clauses of the methods paragraph with their references, one for each setting of a question."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import deepmr
from deepmr.inference import GivenModel, OverMembers
from deepmr.inference.question import Question
from deepmr.report import ESTIMATOR_KEYS, ESTIMATOR_TITLES, TAU2_KEYS, unit_names
from deepmr.workflow.variants import VariantChoice

__all__ = ["Said", "cited", "effects_said", "pooling_options", "question_said", "versions_said"]

Said = tuple[str, tuple[str, ...]]
"""A clause, and the keys of the references that it cites."""


def question_said(question: Question, unit: str) -> dict[str, Said]:
    """Return what a question's settings do, a clause for each part of the methods.

    Args:
        question: Statistical settings.
        unit: Name of several units of the exposure's effects.

    Returns:
        Clauses ``instruments``, ``estimators``, ``weights``, ``errors`` and ``pooling``.
    """
    return {
        "instruments": _rule(question.rule, unit, exact=isinstance(question.inference, GivenModel)),
        "estimators": _estimators(question),
        "weights": _weights(question),
        "errors": _errors(question),
        "pooling": _pooling(question),
    }


def cited(said: Said) -> str:
    """Put the references of a clause behind it, before a full stop.

    Args:
        said: The clause.

    Example:
        >>> cited(("Intervals come from a jackknife.", ("miller1974",)))
        'Intervals come from a jackknife [miller1974].'
    """
    text, keys = said
    if not keys:
        return text
    stop = "." if text.endswith(".") else ""
    return f"{text.removesuffix('.')} [{', '.join(keys)}]{stop}"


def versions_said(packages: Mapping[str, str]) -> str:
    """Return the versions of Deep MR and of what it computes with, as a sentence.

    Args:
        packages: Versions of the packages used, by name.
    """
    titles = {"python": "Python", "torch": "PyTorch", "numpy": "NumPy"}
    named = [f"{title} {packages[name]}" for name, title in titles.items() if name in packages]
    return f"Versions: {', '.join([f'Deep MR {deepmr.__version__}', *named])}."


def effects_said(networks: Any, variants: VariantChoice, names: tuple[str, ...]) -> Said:
    """Say which effects were measured, at which loci, by what.

    Args:
        networks: The networks, or the table of effects in their place.
        variants: The variants, with their loci.
        names: Tasks whose effects were used.
    """
    members, loci = networks.members, variants.loci
    kinds: dict[str, tuple[str, ...]] = {
        "ensemble": ("lakshminarayanan2017",),
        "dropout": ("gal2016",),
        "snapshots": ("huang2017",),
        "tta": ("wang2019",),
    }
    keys = next((keys for word, keys in kinds.items() if word in members.spread), ())
    units = {networks.scale.units()[name] for name in names}
    keys += ("anscombe1948",) if "anscombe" in units else ()
    what = "every single-base substitution" if variants.listed is None else "listed variants"
    scale = " and ".join(sorted(unit_names(unit)[1] for unit in units))
    if loci.split == "table":
        return (
            f"Effects of variants at {len(loci):,} loci, of {_members(members)}, came as a table, "
            f"as alternative minus reference in {scale}.",
            keys,
        )
    held_out = "held-out " if loci.split == "test" else ""
    return (
        f"Effects of {what} at {len(loci):,} {held_out}loci were predicted by "
        f"{_members(members)}, as alternative minus reference in {scale} after calibration.",
        keys,
    )


def _members(members: Any) -> str:
    number, spread = len(members), str(members.spread)
    if number == 1:
        return "one network" if spread == "given model" else f"one member ({spread})"
    return (
        f"an ensemble of {number} networks"
        if spread == "ensemble"
        else (f"{number} members ({spread})")
    )


def _rule(rule: Any, unit: str, *, exact: bool = False) -> Said:
    if exact and type(rule).__name__ == "ByModeratedZ":  # without errors its z is met by all
        return (f"variants with an absolute effect of at least {rule.min_effect:g} {unit}", ())
    describe = _RULES.get(type(rule).__name__)
    return (f"chosen by {rule!r}", ()) if describe is None else describe(rule, unit)


def _by_moderated_z(rule: Any, unit: str) -> Said:
    size = f" and an absolute effect of at least {rule.min_effect:g} {unit}"
    return (
        "variants with a moderated z-score (effect over its standard error, the variance between "
        f"networks shrunk towards that of the locus's variants) of at least {rule.min_z:g}"
        f"{size if rule.min_effect > 0 else ''}",
        ("smyth2004",),
    )


def _all_of(rule: Any, unit: str) -> Said:
    parts = [_rule(one, unit) for one in rule.rules]
    return " that are also ".join(text for text, _ in parts), sum((k for _, k in parts), ())


def _by_motif(rule: Any, unit: str) -> Said:
    which = "the exposure's own motif" if rule.motif == "exposure" else f"the motif {rule.motif}"
    text, keys = f"variants inside matches of {which} (p at most {rule.p:g})", ("grant2011",)
    if rule.also is None:
        return text, keys
    also, more = _rule(rule.also, unit)
    return f"{text} that are {also}", (*keys, *more)


_RULES: Mapping[str, Callable[[Any, str], Said]] = {
    "All": lambda _, __: ("all variants", ()),
    "ByZ": lambda rule, _: (f"variants with a z-score of at least {rule.min_z:g}", ()),
    "ByModeratedZ": _by_moderated_z,
    "TopK": lambda rule, _: (f"the {rule.k} strongest variants of each locus by {rule.by}", ()),
    "ByPosition": lambda rule, _: (f"variants at offsets {rule.start} to {rule.end - 1}", ()),
    "AllOf": _all_of,
    "ByMotif": _by_motif,
}


def _estimators(question: Question) -> Said:
    titles = [ESTIMATOR_TITLES.get(n, n.replace("_", " ")) for n in question.estimators]
    keys = tuple(key for name in question.estimators for key in ESTIMATOR_KEYS.get(name, ()))
    text = f"The slope of each locus was estimated by {titles[0]}"
    if question.concordant:
        text += ", over all instruments and over those on one dose-response (the concordant slope)"
    others = f"; by {' and '.join(titles[1:])} beside it" if titles[1:] else ""
    return (f"{text}{others}.", tuple(dict.fromkeys(keys)))


_INFERENCES: Mapping[str, Said] = {
    "per_member": (
        "Each network gives a slope; the estimate is their mean and its interval a t interval over "
        "the networks.",
        (),
    ),
    "jackknife": (
        "The slope of each locus is that of the networks' mean effects; its interval comes from a "
        "jackknife over the networks.",
        ("miller1974",),
    ),
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


def _errors(question: Question) -> Said:
    """Say how intervals were made, with the shared error variance."""
    inference = question.inference
    if isinstance(inference, GivenModel):
        return (
            "The model is taken as given and its effects as exact: the interval of a local slope "
            "comes from disagreement between the locus's positions, that of the pooled slope from "
            "the spread between loci (Student's t). What the networks get wrong is in neither.",
            ("liang1986",),
        )
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
    return (
        f"{text} Errors that all networks share do not show in their spread; for them the variance "
        f"of a slope also counts {error.words}. These factors are {error.source}.",
        keys,
    )


def _weights(question: Question) -> Said:
    weights = getattr(question.inference, "weights", None)
    words = {
        "equal": "All instruments of a locus had equal weights",
        "moderated": "Instruments were weighted by their inverse moderated variance",
        "ensemble": "Instruments were weighted by their inverse variance over the networks",
    }
    if isinstance(question.inference, GivenModel):
        return f"{words['equal']}; loci had equal weights in the pooled slope.", ()
    within = words.get(str(weights), "Instruments had the weights of the estimator")
    if not isinstance(question.inference, OverMembers):
        return f"{within}; loci those of the pooling.", ()
    across = {"equal": "equal weights", "random_effects": "weights 1 / (se² + τ²)"}
    return f"{within}; loci had {across[question.inference.loci_weights]} in the pooled slope.", ()


def pooling_options(pooling: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a meta-analysis and the options that it was given.

    Args:
        pooling: The function, or a `functools.partial` of it.

    Example:
        >>> from deepmr.meta import random_effects
        >>> pooling_options(functools.partial(random_effects, tau2="pm"))
        ('random_effects', {'tau2': 'pm'})
    """
    if isinstance(pooling, functools.partial):
        return pooling.func.__name__, dict(pooling.keywords)
    return getattr(pooling, "__name__", type(pooling).__name__), {}


def _pooling(question: Question) -> Said:
    name, options = pooling_options(question.pooling)
    over = isinstance(question.inference, OverMembers)
    shared: tuple[str, ...] = ("searle1992", "satterthwaite1946") if over else ()
    counted = "; the error that loci share through the networks is counted once" if over else ""
    if name == "random_effects":
        tau2 = str(options.get("tau2", "reml"))
        keys: tuple[str, ...] = (TAU2_KEYS.get(tau2, "viechtbauer2005"), "higgins2002")
        adjusted = not over and options.get("adjustment", "hartung_knapp") != "none"
        if adjusted and not isinstance(question.inference, GivenModel):
            keys += ("hartung2001",)
        text = f"Loci were pooled by random effects (between-locus variance by {tau2.upper()})"
        return f"{text}{counted}.", (*keys, "higgins2009", *shared)
    others: Mapping[str, Said] = {
        "t_effects": ("Loci were pooled by t-distributed random effects", ("baker2008",)),
        "median_effect": ("The pooled slope is the median over loci", ("woodruff1952",)),
        "trimmed_mean": ("The pooled slope is a trimmed mean over loci", ("yuen1974",)),
        "common_effect": ("Loci were pooled by inverse variance, as one common effect", ()),
    }
    text, keys = others.get(name, (f"Loci were pooled by {name.replace('_', ' ')}", ()))
    return f"{text}{counted}.", (*keys, *shared)
