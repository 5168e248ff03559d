"""Figures of an interrogation's report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from deepmr.genome import Interval
from deepmr.inference.estimation import Answer
from deepmr.plot import (
    busiest_window,
    directions,
    effect_map,
    forest,
    mr_scatter,
    to_png,
    true_versus_estimated,
)
from deepmr.report import Figure, slope_meaning
from deepmr.workflow.findings import Findings

__all__ = ["draw_figures", "scatter_arguments"]


def draw_figures(findings: Findings) -> dict[str, Figure]:
    """Draw the figures of the report.

    Args:
        findings: Results of the interrogation.

    Returns:
        Figures by the name of their file.
    """
    first = findings.answers[0]
    pair, unit = findings.names, findings.networks.scale.units()
    shown = _busiest(first)
    arguments, options = scatter_arguments(findings, shown)
    name = findings.loci.names()[shown]
    effects = findings.effects.locus(shown, pair)
    figures = {
        "directions": Figure(
            name="Both directions",
            caption="Pooled slope by each method, as asked and the other way round. Slopes alone "
            "do not show which task acts on which: variants that both share give one either way. "
            "The verdict says which slope is an effect.",
            content=to_png(
                directions(
                    findings.meta(),
                    exposure=pair[0],
                    outcome=pair[1],
                    notes=(_meaning(findings, *pair), _meaning(findings, *pair[::-1])),
                )
            ),
        )
    }
    if np.isfinite(first.true_local).any():
        figures["truth"] = Figure(
            name="Estimates beside noiseless slopes",
            caption="Each locus's estimate against the slope of the simulation's noiseless effects "
            "over the same variants.",
            content=to_png(
                true_versus_estimated(
                    first.local.estimate.effect, first.true_local, method=first.method
                )
            ),
        )
    if np.isfinite(first.local.estimate.effect.value).any():
        figures["forest"] = _forest_figure(findings)
    figures["scatter"] = Figure(
        name="Variants of one locus",
        caption=f"Effects of the variants at {name}, the locus with the most instruments, "
        "and the slope that each method puts through them."
        if first.local.instruments.any()
        else f"No locus has an instrument; effects of the variants at {name}, the first one.",
        content=to_png(mr_scatter(*arguments, **options)),
    )
    if bool((effects.mask & (effects.alt >= 0)).any()):
        figures["effects"] = Figure(
            name="Effects of substitutions along this locus",
            caption=f"Mean effect over the members of each substitution at {name}.",
            content=to_png(
                effect_map(
                    effects,
                    pair,
                    locus=Interval(*findings.loci.places()[shown]),
                    units=[unit[task] for task in pair],
                    window=busiest_window(effects, pair),
                )[0]
            ),
        )
    return figures


def _forest_figure(findings: Findings) -> Figure:
    first = findings.answers[0]
    effect = first.local.estimate.effect
    se = np.where(np.isfinite(effect.value), np.nan_to_num(effect.se), np.nan)  # a bare point
    return Figure(
        name="Slopes of single loci and their mean",
        caption=f"Slope of {first.outcome} on {first.exposure} at each locus by {first.method} "
        "with its 95 % interval, and pooled.",
        content=to_png(forest(effect.value, se, first.pooled, names=findings.loci.names())),
    )


def _meaning(findings: Findings, exposure: str, outcome: str) -> str:
    """Return what a direction's slope stands for where it is there and no effect."""
    asked = (exposure, outcome)
    slopes = [a.pooled.pooled.value for a in findings.answers if (a.exposure, a.outcome) == asked]
    if not np.isfinite(slopes).any():
        return ""
    structure = findings.judgement.structure_of(exposure, outcome)
    return slope_meaning(structure, exposure, outcome)


def scatter_arguments(
    findings: Findings, locus: int | None = None
) -> tuple[tuple[Any, Any], dict[str, Any]]:
    """Return the arguments of `deepmr.plot.mr_scatter` for one locus.

    Args:
        findings: Results of the interrogation.
        locus: Position among the loci; by default the one with most instruments.

    Returns:
        Positional and keyword arguments.
    """
    first = findings.answers[0]
    row = _busiest(first) if locus is None else locus
    effects = findings.effects.locus(row, findings.names)
    describe = effects.summarise if effects.n_members > 1 else effects.exact
    summary = describe(first.exposure, first.outcome)
    used = first.local.instruments[row, : summary.mask.shape[-1]]
    truth = float(first.true_local[row])
    units = findings.networks.scale.units()
    slopes = [
        answer.local.estimate.at(row)
        for answer in findings.answers
        if (answer.exposure, answer.outcome) == (first.exposure, first.outcome)
    ]
    options = {
        "exposure": first.exposure,
        "outcome": first.outcome,
        "unit": units[first.exposure] if units[first.exposure] == units[first.outcome] else "",
        "tried": effects.mask,
        "true_value": truth if np.isfinite(truth) else None,
        "title": findings.loci.names()[row],
    }
    return (replace(summary, mask=used), slopes), options


def _busiest(answer: Answer) -> int:
    """Return the locus with the most instruments."""
    return int(np.argmax(answer.local.estimate.n_instruments))
