"""Figures of an interrogation's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from deepmr.inference.estimation import Answer
from deepmr.plot import (
    baujat,
    directions,
    forest,
    funnel,
    leave_one_out,
    radial,
    threshold_curve,
    to_svg,
    true_versus_estimated,
)
from deepmr.report import Figure, choose_loci, slope_meaning, unit_names
from deepmr.verdict import ThresholdCurve
from deepmr.workflow.findings import Findings
from deepmr.workflow.methods_used import pooling_weights

__all__ = ["draw_figures", "scatter_arguments", "threshold_columns"]

_FEWEST_DIAGNOSED = 10
"""Loci below which funnel, radial, Baujat and leave-one-out plots say nothing."""
_NAMED = 40
"""Loci that a forest plot can name."""


def draw_figures(findings: Findings) -> dict[str, Figure]:
    """Draw the figures of the report, those of single loci left out.

    A figure that has nothing to show is left out: no slope, no forest.

    Args:
        findings: Results of the interrogation.

    Returns:
        Figures by the name of their file.
    """
    first = findings.answers[0]
    estimated = int(np.isfinite(first.local.estimate.effect.value).sum())
    figures: dict[str, Figure] = {}
    if estimated:
        figures |= _forests(findings, estimated)
    if np.isfinite(first.true_local).any() and estimated:
        figures["truth"] = _truth(findings)
    if np.isfinite([answer.pooled.pooled.value for answer in findings.answers]).any():
        figures["directions"] = _directions(findings)
    curve = findings.judgement.curve
    if curve is not None and np.isfinite(curve.slope[..., 0]).any():
        figures["threshold"] = _threshold(findings, curve)
    effect = first.local.estimate.effect  # an error of 0 has no precision to draw
    drawable = np.isfinite(effect.value) & np.isfinite(effect.se) & (effect.se > 0)
    if int(drawable.sum()) >= _FEWEST_DIAGNOSED:
        figures |= _diagnostics(findings)
    return figures


def slope_unit(findings: Findings, answer: Answer) -> str:
    """Return the unit of a direction's slopes: ``TAL1 per GATA1`` where both have one scale.

    Args:
        findings: Results of the interrogation.
        answer: The direction.
    """
    units = findings.networks.scale.units()
    if units[answer.outcome] == units[answer.exposure]:
        return f"{answer.outcome} per {answer.exposure}"
    many, one = unit_names(units[answer.outcome])[1], unit_names(units[answer.exposure])[0]
    return f"{many} per {one}"


def _one_unit(findings: Findings) -> str:
    """Return the unit of slopes in both directions; empty where they have two."""
    units = [findings.networks.scale.units()[name] for name in findings.names]
    one, many = unit_names(units[0])
    return f"{many} per {one}" if len(set(units)) == 1 else ""


def _forests(findings: Findings, estimated: int) -> dict[str, Figure]:
    """Draw every locus; where they are too many to name, also those of the gallery by name."""
    first = findings.answers[0]
    effect, names = first.local.estimate.effect, findings.loci.names()
    se = np.where(np.isfinite(effect.value), np.nan_to_num(effect.se), np.nan)  # a bare point
    weights, unit = pooling_weights(findings), slope_unit(findings, first)
    method = first.method.replace("_", " ")
    ends = effect.interval()
    drawn = {
        "forest": Figure(
            name="Slopes of single loci and their mean",
            caption=f"Slope of {first.outcome} on {first.exposure} at each locus "
            f"(method: {method}) with its 95 % interval, sorted; the pooled slope "
            "(diamond) and the prediction interval for a single locus (PI).",
            content=to_svg(
                forest(
                    *(effect.value, se, first.pooled),
                    names=names,
                    weights=weights,
                    ends=ends,
                    unit=unit,
                    max_rows=_NAMED,
                )
            ),
            alt=f"Forest plot: slopes of {estimated} loci with intervals, and the pooled slope",
        )
    }
    if estimated <= _NAMED:
        return drawn
    rows = np.array([row for row, _ in choose_loci(effect.value, se)])
    drawn["forest-gallery"] = Figure(
        name="Slopes of the gallery's loci",
        caption="The loci shown below, by name, with their weight in the pooled slope of all "
        f"{estimated:,} loci.",
        content=to_svg(
            forest(
                *(effect.value[rows], se[rows], first.pooled),
                names=[names[row] for row in rows],
                weights=None if weights is None else weights[rows],
                ends=(ends[0][rows], ends[1][rows]),
                unit=unit,
                max_rows=_NAMED,
            )
        ),
        alt=f"Forest plot of {len(rows)} named loci with weights, and the pooled slope",
    )
    return drawn


def _truth(findings: Findings) -> Figure:
    first = findings.answers[0]
    axes = true_versus_estimated(
        first.local.estimate.effect,
        first.true_local,
        method=first.method,
        unit=slope_unit(findings, first),
    )
    return Figure(
        name="Estimates beside noiseless slopes",
        caption="Each locus's estimate against the slope of the simulation's noiseless effects "
        "over the same variants. That slope is what flawless networks would give; whether the "
        "simulation has a causal effect is another question.",
        content=to_svg(axes),
        alt="Scatter of estimated against noiseless slopes of the loci, with the diagonal",
    )


def _directions(findings: Findings) -> Figure:
    pair = findings.names
    axes = directions(
        findings.meta(),
        exposure=pair[0],
        outcome=pair[1],
        unit=_one_unit(findings),
        notes=(_meaning(findings, *pair), _meaning(findings, *pair[::-1])),
    )
    return Figure(
        name="Both directions",
        caption="Pooled slope by each method, as asked and the other way round. Slopes alone "
        "do not show which task acts on which: variants that both share give one either way. "
        "The verdict says which slope is an effect.",
        content=to_svg(axes),
        alt=f"Pooled slopes of {pair[0]} to {pair[1]} and back by each method, with intervals",
        section="direction",
        data="meta",
    )


def _threshold(findings: Findings, curve: ThresholdCurve) -> Figure:
    pair = findings.names
    asked = getattr(findings.question.rule, "min_effect", None)
    share = None
    if asked and curve.scale[0] > 0 and asked / curve.scale[0] <= 1.0:
        share = float(asked / curve.scale[0])
    slopes = {f"{a} → {b}": curve.slope[k] for k, (a, b) in enumerate((pair, pair[::-1]))}
    axes = threshold_curve(
        *(curve.threshold, slopes),
        asked=share,
        unit="share of a large effect",
        slope_unit=_one_unit(findings),
    )
    units = findings.networks.scale.units()
    scales = " and ".join(
        f"{large:.3g} {unit_names(units[name])[1]} for {name}"
        for name, large in zip(pair, curve.scale, strict=True)
    )
    return Figure(
        name="Slope by instrument threshold",
        caption="Slope over all variants whose effect on the exposure exceeds the threshold, over "
        "all loci together, with 95 % intervals from resampling loci. A flat line: the answer "
        "does not depend on the threshold. Every variant counts by its squared effect here, every "
        "locus alike in the pooled slope: the levels of the two may differ. A large effect is "
        f"{scales}.",
        content=to_svg(axes),
        alt="Slope in both directions against the least effect of an instrument",
        section="assumptions",
        data="threshold",
    )


def threshold_columns(findings: Findings) -> dict[str, np.ndarray]:
    """Return the slope by instrument threshold as columns; empty where it was not computed.

    Args:
        findings: Results of the interrogation.
    """
    curve, pair = findings.judgement.curve, findings.names
    if curve is None:
        return {}
    n = len(curve.threshold)
    both = (pair, pair[::-1])
    return {
        "exposure": np.repeat(np.array([a for a, _ in both], dtype=object), n),
        "outcome": np.repeat(np.array([b for _, b in both], dtype=object), n),
        "threshold_share": np.tile(curve.threshold, 2),
        "threshold": np.concatenate([curve.threshold * scale for scale in curve.scale]),
        **{
            name: curve.slope[..., k].reshape(-1)
            for k, name in enumerate(("slope", "ci_lower", "ci_upper"))
        },
    }


def _diagnostics(findings: Findings) -> Mapping[str, Figure]:
    """Draw what a meta-analysis is diagnosed by."""
    first = findings.answers[0]
    effect, names = first.local.estimate.effect, findings.loci.names()
    unit, weights = slope_unit(findings, first), pooling_weights(findings)
    loci = (effect.value, effect.se, first.pooled)
    drawn = {
        "funnel": Figure(
            name="Funnel plot",
            caption="Slopes against standard errors, precise loci on top. A lopsided funnel says "
            "that imprecise loci have other slopes than precise ones.",
            content=to_svg(funnel(*loci, unit=unit)),
            alt="Funnel plot: slopes of the loci against their standard errors",
            section="diagnostics",
        ),
        "radial": Figure(
            name="Radial plot",
            caption="Slope times precision against precision: a locus's slope is that of the line "
            "from the origin to it. 95 % of loci lie in the band if they differ no more than τ "
            "and their errors allow.",
            content=to_svg(radial(*loci)),
            alt="Radial plot of the loci with the band of the pooled slope",
            section="diagnostics",
        ),
    }
    if float(np.nan_to_num(first.pooled.tau2)) > 0:
        drawn["baujat"] = Figure(
            name="Baujat plot",
            caption="Each locus's part in the heterogeneity against its pull on a pooled slope "
            "weighted by precision; loci in the upper right do both.",
            content=to_svg(baujat(*loci, names=names)),
            alt="Baujat plot: contribution to heterogeneity against influence, extremes named",
            section="diagnostics",
        )
    if weights is not None:
        lower, upper = first.pooled.pooled.interval()
        interval = (float(lower), float(upper))
        drawn["leave-one-out"] = Figure(
            name="Leave-one-out plot",
            caption="The pooled slope without each of the loci that change it most.",
            content=to_svg(leave_one_out(effect.value, weights, interval, names=names, unit=unit)),
            alt="Pooled slope without each of the most influential loci, by name",
            section="diagnostics",
        )
    return drawn


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
    row = int(np.argmax(first.local.estimate.n_instruments)) if locus is None else locus
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
        "units": tuple(unit_names(units[task])[1] for task in (first.exposure, first.outcome)),
        "tried": effects.mask,
        "true_value": truth if np.isfinite(truth) else None,
        "title": findings.loci.names()[row],
    }
    return (replace(summary, mask=used), slopes), options
