"""Write the results of an interrogation: tables, figures, terminal summary, report, tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.effect_shard import Effects
from deepmr.files import atomic_write, write_json
from deepmr.genome import Interval
from deepmr.inference.estimation import Answer, Question
from deepmr.io.result_rows import estimates_rows, meta_rows
from deepmr.io.table_schemas import ESTIMATES, LOCI, META
from deepmr.io.tables import ResultTable, concatenate, write_table
from deepmr.lightning.tracking import Tracker
from deepmr.loci import Loci
from deepmr.networks import Networks
from deepmr.plot import (
    busiest_window,
    directions,
    effect_map,
    forest,
    mr_scatter,
    to_png,
    true_versus_estimated,
)
from deepmr.report import (
    Figure,
    ReportContent,
    effect_error_sentence,
    summary_table,
    verdict_text,
    write_report,
)
from deepmr.tasks import Task
from deepmr.workflow.effect_error_check import effect_errors
from deepmr.workflow.judgement import Judgement
from deepmr.workflow.variants import VariantChoice, write_variants

__all__ = [
    "Findings",
    "log_findings",
    "print_summary",
    "scatter_arguments",
    "write_page",
    "write_tables",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Results of an interrogation, with the networks, variants and settings behind them.

    Args:
        networks: The networks.
        pair: Tasks of exposure and outcome.
        variants: The variants, with their loci.
        effects: Variant effects, in memory or on disk.
        question: Statistical settings.
        answers: Causal effects by direction and estimator, exposure on outcome first.
        judgement: Verdict on the pair, with negative controls.
        notes: Sentences for the report; none by default.
    """

    networks: Networks
    pair: tuple[Task, Task]
    variants: VariantChoice
    effects: Effects
    question: Question
    answers: tuple[Answer, ...]
    judgement: Judgement
    notes: tuple[str, ...] = ()

    @property
    def loci(self) -> Loci:
        """The loci."""
        return self.variants.loci

    @property
    def names(self) -> tuple[str, str]:
        """Names of exposure and outcome."""
        return self.pair[0].name, self.pair[1].name

    def estimates(self) -> ResultTable:
        """Return the table of local effects: a row per locus, direction and method."""
        chrom, start, end = (list(c) for c in zip(*self.loci.places(), strict=True))
        rows = [
            estimates_rows(
                chrom,
                start,
                end,
                exposure=answer.exposure,
                outcome=answer.outcome,
                estimate=answer.local.estimate,
                true_value=answer.true_local,
            )
            for answer in self.answers
        ]
        return ResultTable(concatenate(rows))

    def meta(self) -> ResultTable:
        """Return the table of pooled effects: a row per direction and method."""
        rows = [
            meta_rows(
                exposure=answer.exposure,
                outcome=answer.outcome,
                method=answer.method,
                result=answer.pooled,
                true_value=answer.true_pooled,
                structure=self.judgement.structure_of(answer.exposure, answer.outcome),
            )
            for answer in self.answers
        ]
        return ResultTable(concatenate(rows))

    def hints(self) -> list[str]:
        """Return advice on the settings if most loci have no instrument."""
        first = self.answers[0]
        counts = first.local.estimate.n_instruments
        empty = int(np.sum(counts == 0))
        if 2 * empty <= len(counts):
            return []
        return [
            f"{empty} of {len(counts)} loci have no instrument: no effect on {first.exposure} is "
            "both precise and large enough; networks with small effects need a lower "
            "instruments.min_effect (0.05, say) or instruments.min_z."
        ]


def write_tables(findings: Findings, folder: Path) -> list[Path]:
    """Write the tables ``loci``, ``estimates``, ``meta``, ``variants`` (of a VCF), verdict.json.

    Args:
        findings: Results of the interrogation.
        folder: The run's folder.

    Returns:
        Paths of the files.
    """
    metadata = {
        "effect_scale": findings.networks.scale.scale,
        "uncertainty": findings.networks.members.spread,
    }
    _write_loci(findings, folder / "loci.parquet")
    write_table(folder / "estimates.parquet", findings.estimates(), ESTIMATES, metadata=metadata)
    write_table(folder / "meta.parquet", findings.meta(), META, metadata=metadata)
    write_json(folder / "verdict.json", findings.judgement.to_record())
    names = ["loci.parquet", "estimates.parquet", "meta.parquet", "verdict.json"]
    if findings.variants.listed is not None:
        names.append("variants.parquet")
        write_variants(
            folder / names[-1],
            findings.effects.read(findings.names),
            findings.loci,
            findings.variants.listed,
            scale=findings.networks.scale.scale,
        )
    return [folder / name for name in names]


def print_summary(findings: Findings) -> None:
    """Print the verdict, the pooled effects and warnings on the terminal.

    Args:
        findings: Results of the interrogation.
    """
    print(verdict_text(findings.judgement.verdict, findings.judgement.failed_controls))
    print(summary_table(findings.meta()))
    errors = effect_errors(findings.effects, findings.loci, findings.names)
    for sentence in [*findings.hints(), effect_error_sentence(errors)]:
        if sentence:
            print(sentence)


def write_page(
    findings: Findings, path: Path, provenance: Mapping[str, Any], *, figures: Path | None = None
) -> list[Path]:
    """Write the report as one HTML file, and its figures as PNG files.

    Args:
        findings: Results of the interrogation.
        path: The HTML file.
        provenance: Command, commit, versions and settings behind the result.
        figures: Folder for PNG files; by default (None) figures are in the page alone.

    Returns:
        Paths of the files.
    """
    exposure, outcome = findings.names
    units = findings.networks.scale.units()
    drawn = _figures(findings)
    written = []
    if figures is not None:
        for name, figure in drawn.items():
            written.append(figures / f"{name}.png")
            with atomic_write(written[-1], "wb") as stream:
                stream.write(figure.content)
    write_report(
        path,
        ReportContent(
            exposure=exposure,
            outcome=outcome,
            exposure_unit=units[exposure],
            outcome_unit=units[outcome],
            verdict=findings.judgement.verdict,
            controls=findings.judgement.controls,
            controls_not_run=findings.judgement.not_run,
            meta=findings.meta(),
            estimates=findings.estimates(),
            figures=list(drawn.values()),
            metrics=findings.networks.metrics,
            effect_errors=effect_errors(findings.effects, findings.loci, findings.names),
            provenance=_provenance(findings, provenance),
            notes=[*findings.notes, *findings.hints()],
        ),
    )
    return [*written, path]


def log_findings(findings: Findings, tracker: Tracker, figures: Sequence[Path]) -> None:
    """Send tables and figures to the tracker.

    Args:
        findings: Results of the interrogation.
        tracker: The experiment tracker.
        figures: PNG files.
    """
    tracker.summary(_summary(findings))
    tracker.table("meta", findings.meta())
    tracker.table("estimates", findings.estimates())
    for path in figures:
        tracker.figure(path.stem, path)


def _summary(findings: Findings) -> dict[str, Any]:
    """Return verdict and pooled effect as plain values, for a tracker."""
    first = findings.answers[0].pooled.pooled
    lower, upper = first.interval()
    numbers = {"effect": first.value, "ci_lower": lower, "ci_upper": upper}
    return {
        "verdict": findings.judgement.verdict.structure,
        **{name: float(value) for name, value in numbers.items() if np.isfinite(value)},
    }


def _write_loci(findings: Findings, path: Path) -> None:
    loci, forward = findings.loci, findings.answers[0]
    references, n_variants = [], []
    for shard in findings.effects.read(findings.names):
        references.append(shard.reference.mean(axis=-1))
        n_variants.append(shard.effects.mask.sum(axis=-1))
    reference = np.concatenate(references)
    write_table(
        path,
        {
            "chrom": loci.chrom,
            "start": loci.start,
            "end": loci.end,
            "split": np.full(len(loci), loci.split, dtype=object),
            "n_variants": np.concatenate(n_variants),
            "n_instruments": forward.local.instruments.sum(axis=-1),
            "reference_exposure": reference[:, 0],
            "reference_outcome": reference[:, 1],
        },
        LOCI,
    )


def _provenance(findings: Findings, given: Mapping[str, Any]) -> dict[str, Any]:
    members, loci = findings.networks.members, findings.loci
    return {
        "network": findings.networks.description,
        "command": given.get("command", ""),
        "uncertainty": f"{len(members)} members ({members.spread})",
        "loci": f"{len(loci)} ({loci.split})",
        "variants": "substitutions" if findings.variants.listed is None else "listed in a file",
        **{key: value for key, value in given.items() if key != "command"},
    }


def _figures(findings: Findings) -> dict[str, Figure]:
    first = findings.answers[0]
    pair, unit = findings.names, findings.networks.scale.units()
    shown = _busiest(first)
    arguments, options = scatter_arguments(findings, shown)
    name = findings.loci.names()[shown]
    effects = findings.effects.locus(shown, pair)
    figures = {
        "directions": Figure(
            name="Both directions",
            caption="Pooled effect by each estimator in both directions. An effect in one "
            "direction alone supports that direction; effects in both do not distinguish them.",
            content=to_png(directions(findings.meta(), exposure=pair[0], outcome=pair[1])),
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
                names=findings.loci.names(),
            )
        ),
    )
    figures["scatter"] = Figure(
        name="One locus",
        caption=f"Effects of the variants at {name}, the locus with the most instruments, "
        "and the slope that each method puts through them.",
        content=to_png(mr_scatter(*arguments, **options)),
    )
    if bool((effects.mask & (effects.alt >= 0)).any()):
        figures["effects"] = Figure(
            name="Where its effects lie",
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
    summary = effects.summarise(first.exposure, first.outcome)
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
