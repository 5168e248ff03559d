"""Write the results of an interrogation: tables, figures, terminal summary, report, tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write, write_json
from deepmr.inference.between_sites import SharedError
from deepmr.io.manifest import provenance
from deepmr.io.table_schemas import ESTIMATES, LOCI, META
from deepmr.io.tables import write_table
from deepmr.lightning.tracking import Tracker
from deepmr.report import (
    ReportContent,
    ReportedPair,
    ReportedVerdict,
    effect_error_sentence,
    summary_table,
    verdict_text,
    write_report,
)
from deepmr.workflow.effect_error_check import effect_errors
from deepmr.workflow.figures import draw_figures
from deepmr.workflow.findings import Findings
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.variants import write_variants

__all__ = ["log_findings", "print_summary", "write_page", "write_run", "write_tables"]


def write_run(
    findings: Findings,
    folder: RunFolder,
    tracker: Tracker,
    *,
    device: str,
    started: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write tables, summary, report and tracker; the manifest last.

    Args:
        findings: Results of the interrogation.
        folder: The run's folder, open.
        tracker: The experiment tracker.
        device: Where effects were computed, such as ``cpu``.
        started: When the interrogation began.
        facts: Further entries of the manifest; none by default.
    """
    path = folder.work
    tables = write_tables(findings, path)
    print_summary(findings)
    made_by = {"command": folder.command, **provenance(), "settings": dict(folder.config)}
    page = write_page(findings, path / "report.html", made_by, figures=path / "figures")
    log_findings(findings, tracker, page[:-1])
    folder.finish(
        device=device,
        started=started,
        inputs=[*findings.networks.files, *findings.variants.files],
        outputs=[*tables, *([path / "effects"] if (path / "effects").is_dir() else []), *page],
        value=float(findings.answers[0].pooled.pooled.value),
        facts={
            "network": findings.networks.description,
            "uncertainty": findings.networks.members.spread,
            **(facts or {}),
        },
    )
    tracker.artifact(f"{path.parent.name}-{folder.path.name}", path, by_reference=["effects"])


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
            shared=_shared_error(findings),
        )
    return [folder / name for name in names]


def _shared_error(findings: Findings) -> float:
    """Return the shared error variance of single effects: the question's, else the networks'."""
    said = findings.question.shared_error
    if said is not None:
        return float(said["shared"])
    return SharedError.estimated(list(findings.networks.members.error_ratios)).shared


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
    drawn = draw_figures(findings)
    written = []
    if figures is not None:
        for name, figure in drawn.items():
            written.append(figures / f"{name}.png")
            with atomic_write(written[-1], "wb") as stream:
                stream.write(figure.content)
    write_report(
        path,
        ReportContent(
            pair=ReportedPair(
                exposure=exposure,
                outcome=outcome,
                exposure_unit=units[exposure],
                outcome_unit=units[outcome],
            ),
            judged=ReportedVerdict(
                verdict=findings.judgement.verdict,
                controls=findings.judgement.controls,
                controls_not_run=findings.judgement.not_run,
                panel=findings.judgement.panel,
            ),
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
