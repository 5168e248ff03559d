"""Tell an interrogation's answers: tables, figures, terminal, page, tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from deepmr.effects import MemberEffects
from deepmr.files import atomic_write
from deepmr.genome import Interval
from deepmr.io.manifest import provenance
from deepmr.io.rows import estimates_rows, meta_rows
from deepmr.io.schema import ESTIMATES, META
from deepmr.io.shards import ShardStore
from deepmr.io.tables import concatenate, write_table
from deepmr.lightning.tracking import Tracker
from deepmr.plot import (
    busiest_window,
    directions,
    effect_map,
    mr_scatter,
    to_png,
    true_versus_estimated,
)
from deepmr.plot.forest import forest
from deepmr.report import (
    Figure,
    ReportContent,
    effect_error_sentence,
    summary_table,
    write_report,
)
from deepmr.workflow.estimation import Answer
from deepmr.workflow.known_truth import effect_errors

if TYPE_CHECKING:
    from deepmr.workflow.interrogate import InterrogationPlan

__all__ = ["answer_tables", "tell"]

Columns = Mapping[str, np.ndarray]


def answer_tables(
    answers: Sequence[Answer], places: Sequence[tuple[str, int, int]]
) -> tuple[Columns, Columns]:
    """Return the columns of ``estimates.parquet`` and ``meta.parquet``."""
    chrom, start, end = (list(column) for column in zip(*places, strict=True))
    estimates = [
        estimates_rows(
            chrom,
            start,
            end,
            exposure=answer.exposure,
            outcome=answer.outcome,
            estimate=answer.local.estimate,
            true_value=answer.true_local,
        )
        for answer in answers
    ]
    pooled = [
        meta_rows(
            exposure=answer.exposure,
            outcome=answer.outcome,
            method=answer.method,
            result=answer.pooled,
            true_value=answer.true_pooled,
        )
        for answer in answers
    ]
    return concatenate(estimates), concatenate(pooled)


def tell(
    plan: InterrogationPlan, store: ShardStore, answers: Sequence[Answer], tracker: Tracker
) -> list[Path]:
    """Write tables, figures and the report; print the pooled table; log it all.

    Returns:
        What was written, for the manifest.
    """
    folder = plan.folder
    estimates, meta = answer_tables(answers, plan.loci.places())
    metadata = {"effect_scale": plan.scale.scale, "uncertainty": plan.members.spread}
    write_table(folder / "estimates.parquet", estimates, ESTIMATES, metadata=metadata)
    write_table(folder / "meta.parquet", meta, META, metadata=metadata)
    print(summary_table(meta))
    hints = _hints(answers[0])
    errors = effect_errors(store, plan.loci, [task.name for task in plan.pair])
    for hint in [*hints, effect_error_sentence(errors)]:
        if hint:
            print(hint)
    figures = _figures(plan, store, answers, meta)
    for name, figure in figures.items():
        with atomic_write(folder / "figures" / f"{name}.png", "wb") as stream:
            stream.write(figure.content)
    units = plan.scale.units()
    write_report(
        folder / "report.html",
        ReportContent(
            exposure=plan.pair[0].name,
            outcome=plan.pair[1].name,
            exposure_unit=units[plan.pair[0].name],
            outcome_unit=units[plan.pair[1].name],
            meta=meta,
            estimates=estimates,
            figures=list(figures.values()),
            metrics=plan.metrics,
            effect_errors=errors,
            provenance=_provenance(plan),
            notes=[*plan.notes, *hints],
        ),
    )
    tracker.table("meta", meta)
    tracker.table("estimates", estimates)
    for name in figures:
        tracker.figure(name, folder / "figures" / f"{name}.png")
    names = ["config.yaml", "loci.parquet", "effects", "estimates.parquet", "meta.parquet"]
    names += [] if plan.listed is None else ["variants.parquet"]
    return [folder / name for name in (*names, "figures", "report.html")]


def _hints(answer: Answer) -> list[str]:
    """Say what to do where most loci have no instrument."""
    counts = answer.local.estimate.n_instruments
    empty = int(np.sum(counts == 0))
    if 2 * empty <= len(counts):
        return []
    return [
        f"{empty} of {len(counts)} loci have no instrument: no effect on {answer.exposure} is both "
        "precise and large enough; networks with small effects need a lower "
        "instruments.min_effect (0.05, say) or instruments.min_z."
    ]


def _provenance(plan: InterrogationPlan) -> dict[str, Any]:
    return {
        "network": plan.network,
        "command": plan.command,
        "uncertainty": f"{len(plan.members)} members ({plan.members.spread})",
        "loci": f"{len(plan.loci)} ({plan.loci.split})",
        "variants": "substitutions" if plan.listed is None else "listed in a file",
        **provenance(),
        "settings": dict(plan.config),
    }


def _most_telling(answer: Answer) -> int:
    """Return the locus with the most instruments: a picture of many points tells most."""
    return int(np.argmax(answer.local.estimate.n_instruments))


def _locus(store: ShardStore, locus: int, tasks: Sequence[str]) -> MemberEffects:
    number, row = divmod(locus, store.loci_per_shard)
    return store.read_one(number, tasks).effects.at(row)


def _figures(
    plan: InterrogationPlan, store: ShardStore, answers: Sequence[Answer], meta: Columns
) -> dict[str, Figure]:
    first = answers[0]
    pair, unit = (first.exposure, first.outcome), plan.scale.units()
    shown = _most_telling(first)
    name = plan.loci.names()[shown]
    effects = _locus(store, shown, pair)
    figures = {
        "directions": Figure(
            name="Both directions",
            caption="Pooled effect by each method, as asked and the other way round. A clear "
            "effect one way and none the other speaks for that direction; two clear effects say "
            "little.",
            content=to_png(directions(meta, exposure=pair[0], outcome=pair[1])),
        )
    }
    if np.isfinite(first.true_local).any():
        figures["truth"] = Figure(
            name="Truth beside estimate",
            caption="Each locus's estimate against the true slope over the same variants.",
            content=to_png(
                true_versus_estimated(
                    first.local.estimate.effect, first.true_local, method=first.method
                )
            ),
        )
    figures["forest"] = Figure(
        name="The loci and their mean",
        caption=f"Effect of {pair[0]} on {pair[1]} at each locus by {first.method}, and pooled.",
        content=to_png(
            forest(
                first.local.estimate.effect.value,
                first.local.estimate.effect.se,
                first.pooled,
                names=plan.loci.names(),
            )
        ),
    )
    figures["scatter"] = Figure(
        name="One locus",
        caption=f"Effects of the variants at {name}, the locus with the most instruments, "
        "and the slope that each method puts through them.",
        content=to_png(_scatter(effects, answers, shown, name, unit)),
    )
    if bool((effects.mask & (effects.alt >= 0)).any()):
        figures["effects"] = Figure(
            name="Where its effects lie",
            caption=f"Mean effect over the members of each substitution at {name}.",
            content=to_png(
                effect_map(
                    effects,
                    pair,
                    locus=Interval(*plan.loci.places()[shown]),
                    units=[unit[task] for task in pair],
                    window=busiest_window(effects, pair),
                )[0]
            ),
        )
    return figures


def _scatter(
    effects: MemberEffects,
    answers: Sequence[Answer],
    row: int,
    name: str,
    unit: Mapping[str, str],
) -> Axes:
    first = answers[0]
    summary = effects.summarise(first.exposure, first.outcome)
    used = first.local.instruments[row, : summary.mask.shape[-1]]
    truth = float(first.true_local[row])
    return mr_scatter(
        replace(summary, mask=used),
        [
            answer.local.estimate.at(row)
            for answer in answers
            if (answer.exposure, answer.outcome) == (first.exposure, first.outcome)
        ],
        exposure=first.exposure,
        outcome=first.outcome,
        unit=unit[first.exposure] if unit[first.exposure] == unit[first.outcome] else "",
        tried=effects.mask,
        true_value=truth if np.isfinite(truth) else None,
        title=name,
    )
