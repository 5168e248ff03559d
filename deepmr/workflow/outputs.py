"""Write the results of an interrogation: tables, figures, terminal summary, report, tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from deepmr.files import atomic_write, fingerprint, write_json
from deepmr.inference import EffectZScores
from deepmr.inference.between_sites import SharedError
from deepmr.io.manifest import provenance
from deepmr.io.table_schemas import ESTIMATES, LOCI, META
from deepmr.io.tables import write_table
from deepmr.lightning.tracking import Tracker
from deepmr.report import (
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
from deepmr.workflow.effect_error_check import effect_errors
from deepmr.workflow.figures import draw_figures, threshold_columns
from deepmr.workflow.findings import Findings
from deepmr.workflow.gallery import draw_gallery
from deepmr.workflow.instruments_table import write_instruments
from deepmr.workflow.known_truth import known_structure
from deepmr.workflow.methods_used import methods_used
from deepmr.workflow.run_folder import RunFolder, run_hash
from deepmr.workflow.variants import write_variants

__all__ = [
    "log_findings",
    "log_lineage",
    "print_summary",
    "write_page",
    "write_run",
    "write_tables",
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
    made_by = {"command": folder.command, **provenance(), "settings": dict(folder.config)}
    page = write_page(findings, path / "report.html", made_by, figures=path / "figures")
    log_findings(findings, tracker, page[:-1])
    log_lineage(findings, tracker, folder)
    tracker.report(page[-1])
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
    """Write loci, estimates, meta, instruments, variants (of a VCF) and verdict.json.

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
    write_instruments(findings, folder / "instruments.parquet")
    write_table(folder / "estimates.parquet", findings.estimates(), ESTIMATES, metadata=metadata)
    write_table(folder / "meta.parquet", findings.meta(), META, metadata=metadata)
    write_json(folder / "verdict.json", findings.judgement.to_record())
    names = ["loci.parquet", "estimates.parquet", "meta.parquet", "instruments.parquet"]
    names.append("verdict.json")
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


def _errors_of_effects(findings: Findings) -> dict[str, EffectZScores]:
    """Compare the errors of single effects with the simulation's truth, where it is known."""
    shared = _shared_error(findings) if findings.effects.n_members > 1 else None
    return effect_errors(findings.effects, findings.loci, findings.names, shared=shared)


def print_summary(findings: Findings) -> None:
    """Print the verdict, the pooled effects and warnings on the terminal.

    Args:
        findings: Results of the interrogation.
    """
    truth = known_structure(findings.networks, *findings.names)
    judged = findings.judgement
    print(verdict_text(judged.verdict, judged.failed_controls, true_structure=truth))
    print(summary_table(findings.meta()))
    errors = _errors_of_effects(findings)
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
    exposure, outcome = findings.names
    units = findings.networks.scale.units()
    drawn = draw_figures(findings)
    written = []
    if figures is not None:
        for name, figure in drawn.items():
            written.append(figures / f"{name}.svg")
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
            provenance=_provenance(findings, provenance),
            notes=[*findings.notes, *findings.hints()],
            supplement=Supplement(
                gallery=draw_gallery(findings),
                n_loci=len(findings.loci),
                methods=methods_used(findings, provenance.get("packages", {})),
                files=() if figures is None else files_beside(path.parent),
                threshold=threshold_columns(findings),
                effect_errors=_errors_of_effects(findings),
            ),
        ),
    )
    return [*written, path]


def log_findings(findings: Findings, tracker: Tracker, figures: Sequence[Path]) -> None:
    """Send summary, tables and figures to the tracker, and what the answer was made from.

    Args:
        findings: Results of the interrogation.
        tracker: The experiment tracker.
        figures: PNG or SVG files.
    """
    tracker.summary(_summary(findings))
    tracker.table("meta", findings.meta())
    tracker.table("estimates", findings.estimates())
    for path in figures:
        tracker.figure(path.stem, path)


def log_lineage(findings: Findings, tracker: Tracker, folder: RunFolder) -> None:
    """Say at the tracker which weights gave which effects, and these which estimates.

    Args:
        findings: Results of the interrogation.
        tracker: The experiment tracker.
        folder: The run's folder, with its settings.
    """
    digests = list(findings.networks.digests)
    effects = getattr(findings.effects, "fingerprint", fingerprint(digests))
    pair = dict(zip(("exposure", "outcome"), findings.names, strict=True))
    if digests:
        tracker.used("model", fingerprint(digests), {"weights": digests})
    tracker.made("effects", effects, {"weights": digests, "loci": len(findings.loci)})
    tracker.made("estimates", run_hash(folder.config), {"effects": effects, **pair})


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
        "uncertainty": f"{len(members)} members ({members.spread})"
        if len(members) > 1
        else "one network, taken as given",
        "loci": f"{len(loci)} ({loci.split})",
        "variants": "substitutions" if findings.variants.listed is None else "listed in a file",
        **{key: value for key, value in given.items() if key != "command"},
    }
