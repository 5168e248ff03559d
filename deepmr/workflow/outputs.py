"""Write the results of an interrogation: tables, figures, terminal summary, report, tracker."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write, fingerprint
from deepmr.io.manifest import provenance
from deepmr.lightning.tracking import Tracker
from deepmr.report import (
    Figure,
    ReportContent,
    ReportedPair,
    ReportedVerdict,
    Supplement,
    effect_error_sentence,
    files_beside,
    summary_table,
    verdict_text,
    write_report,
)
from deepmr.workflow.findings import Findings, effect_errors, known_structure
from deepmr.workflow.methods_used import methods_used
from deepmr.workflow.pair_findings import PairFindings
from deepmr.workflow.result_tables import write_tables
from deepmr.workflow.run_folder import RunFolder
from deepmr.workflow.run_identity import run_hash

__all__ = [
    "finish_run",
    "made_by",
    "print_summary",
    "write_figures",
    "write_page",
    "write_run",
]


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
    page = write_page(findings, path / "report.html", made_by(folder), figures=path / "figures")
    _track(findings, tracker, folder, page)
    finish_run(
        findings,
        folder,
        tracker,
        device=device,
        started=started,
        outputs=[*tables, *page],
        value=float(findings.answers[0].pooled.pooled.value),
        facts=facts,
    )


def made_by(folder: RunFolder) -> dict[str, Any]:
    """Return command, versions and settings behind a run, for its report.

    Args:
        folder: The run's folder.
    """
    return {"command": folder.command, **provenance(), "settings": dict(folder.config)}


def finish_run(
    findings: Findings | PairFindings,
    folder: RunFolder,
    tracker: Tracker,
    *,
    device: str,
    started: datetime,
    outputs: Sequence[Path],
    facts: Mapping[str, Any] | None,
    value: float = math.nan,
) -> None:
    """Write the manifest, which makes a run finished, and hand its folder to the tracker.

    Args:
        findings: Results of the interrogation, of one pair or of all.
        folder: The run's folder, open.
        tracker: The experiment tracker.
        device: Where effects were computed, such as ``cpu``.
        started: When the interrogation began.
        outputs: Tables and pages that were written; the effects are added.
        facts: Further entries of the manifest; None for none.
        value: What the run returns to a sweeper; NaN by default.
    """
    path, networks = folder.work, findings.networks
    effects = [path / "effects"] if (path / "effects").is_dir() else []
    folder.finish(
        device=device,
        started=started,
        inputs=[*networks.files, *findings.variants.files],
        outputs=[*outputs, *effects],
        value=value,
        facts={
            "network": networks.description,
            "uncertainty": networks.members.spread,
            **(facts or {}),
        },
    )
    tracker.artifact(f"{path.parent.name}-{folder.path.name}", path, by_reference=["effects"])


def write_figures(drawn: Mapping[str, Figure], folder: Path | None) -> list[Path]:
    """Write a report's figures as SVG or PNG files, and return their paths.

    Args:
        drawn: Figures by the name of their file.
        folder: Where they go; None writes none.
    """
    written: list[Path] = []
    if folder is None:
        return written
    for name, figure in drawn.items():
        written.append(folder / f"{name}{Path(figure.file_name).suffix}")
        with atomic_write(written[-1], "wb") as stream:
            stream.write(figure.content)
    return written


def print_summary(findings: Findings) -> None:
    """Print the verdict, the pooled effects and warnings on the terminal.

    Args:
        findings: Results of the interrogation.
    """
    truth = known_structure(findings.networks, *findings.names)
    judged = findings.judgement
    print(verdict_text(judged.verdict, judged.failed_controls, true_structure=truth))
    print(summary_table(findings.meta()))
    errors = effect_errors(findings.effects, findings.loci, findings.names, honest=True)
    for sentence in [*findings.hints(), effect_error_sentence(errors)]:
        if sentence:
            print(sentence)


def write_page(
    findings: Findings, path: Path, provenance: Mapping[str, Any], *, figures: Path | None = None
) -> list[Path]:
    """Write the report as one HTML file, and its figures as SVG files.

    Args:
        findings: Results of the interrogation.
        path: The HTML file.
        provenance: Command, commit, versions and settings behind the result.
        figures: Folder for SVG files, in the run's folder, whose files the page then links to; by
            default (None) figures are in the page alone.

    Returns:
        Paths of the files.
    """
    from deepmr.workflow.figures import draw_figures, threshold_columns  # late: matplotlib
    from deepmr.workflow.locus_view import draw_gallery

    exposure, outcome = findings.names
    units = findings.networks.scale.units()
    drawn = draw_figures(findings)
    written = write_figures(drawn, figures)
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
            provenance=_provenance(findings, provenance),
            notes=[*findings.notes, *findings.hints()],
            supplement=Supplement(
                gallery=draw_gallery(findings),
                n_loci=len(findings.loci),
                methods=methods_used(findings, provenance.get("packages", {})),
                files=() if figures is None else files_beside(path.parent),
                threshold=threshold_columns(findings),
                effect_errors=effect_errors(
                    findings.effects, findings.loci, findings.names, honest=True
                ),
            ),
        ),
    )
    return [*written, path]


def _track(findings: Findings, tracker: Tracker, folder: RunFolder, page: Sequence[Path]) -> None:
    """Send summary, tables, figures and report to the tracker, and which weights gave them."""
    tracker.summary(_summary(findings))
    tracker.table("meta", findings.meta())
    tracker.table("estimates", findings.estimates())
    for path in page[:-1]:
        tracker.figure(path.stem, path)
    digests = list(findings.networks.digests)
    effects = getattr(findings.effects, "fingerprint", fingerprint(digests))
    pair = dict(zip(("exposure", "outcome"), findings.names, strict=True))
    if digests:
        tracker.used("model", fingerprint(digests), {"weights": digests})
    tracker.made("effects", effects, {"weights": digests, "loci": len(findings.loci)})
    tracker.made("estimates", run_hash(folder.config), {"effects": effects, **pair})
    tracker.report(page[-1])


def _summary(findings: Findings) -> dict[str, Any]:
    """Return verdict, pooled effects and calibration error as plain values, for a tracker."""
    first, judged = findings.answers[0].pooled, findings.judgement
    lower, upper = first.pooled.interval()
    numbers: dict[str, Any] = {"effect": first.pooled.value, "ci_lower": lower, "ci_upper": upper}
    numbers |= {"tau2": first.tau2, "i2": first.i2, "n_loci": first.n_loci}
    for answer in findings.answers:
        if (answer.exposure, answer.outcome) == findings.names[::-1]:
            numbers["effect_reverse"] = answer.pooled.pooled.value
            break
    for check in judged.panel:
        if check.name == "calibration":
            numbers["calibration_error"] = check.number.value
    truth = known_structure(findings.networks, *findings.names)
    return {
        "verdict": judged.verdict.structure,
        "controls_failed": len(judged.failed_controls),
        **({"true_structure": truth} if truth else {}),
        **{name: float(value) for name, value in numbers.items() if np.isfinite(value)},
    }


def _provenance(findings: Findings, given: Mapping[str, Any]) -> dict[str, Any]:
    members, loci = findings.networks.members, findings.loci
    return {
        "network": findings.networks.description,
        "command": given.get("command", ""),
        "uncertainty": f"{len(members)} members ({members.spread})"
        if len(members) > 1
        else "one network, taken as given",
        "loci": f"{len(loci)} ({loci.split})",
        "variants": "substitutions" if findings.variants.listed is None else "listed in a file",
        **{key: value for key, value in given.items() if key != "command"},
    }
