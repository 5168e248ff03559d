"""Tables of an interrogation as files: loci, estimates, pooled effects, instruments, verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepmr.effects import MemberEffects
from deepmr.files import write_json
from deepmr.genome import Interval
from deepmr.inference.concordant import CONCORDANT
from deepmr.inference.estimation import Answer
from deepmr.io.table_schemas import ESTIMATES, INSTRUMENTS, LOCI, META
from deepmr.io.tables import concatenate, write_table
from deepmr.workflow.findings import Findings
from deepmr.workflow.pair_findings import PairFindings
from deepmr.workflow.variants import write_variants

__all__ = ["metadata_of", "write_tables"]

_LETTERS = np.array([*"ACGTN"], dtype=object)


def metadata_of(findings: Findings | PairFindings) -> dict[str, str]:
    """Return what every table of a run says of its effects: their scale and their errors.

    Args:
        findings: Results of the interrogation.
    """
    networks = findings.networks
    return {"effect_scale": networks.scale.scale, "uncertainty": networks.members.spread}


def write_tables(findings: Findings, folder: Path) -> list[Path]:
    """Write loci, estimates, meta, instruments, variants (of a VCF) and verdict.json.

    Args:
        findings: Results of the interrogation.
        folder: The run's folder.

    Returns:
        Paths of the files.
    """
    metadata = metadata_of(findings)
    _write_loci(findings, folder / "loci.parquet")
    _write_instruments(findings, folder / "instruments.parquet")
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
        )
    return [folder / name for name in names]


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


def _write_instruments(findings: Findings, path: Path) -> None:
    """Write the instruments of both directions with their effects, as MR's programs read them.

    They are those of the instrument rule (under cross-fitting, those that any member used); a
    column says which of them lie on the dose-response, and carry the concordant slope.
    """
    answers = _first_answers(findings)
    kinds = {"string": object, "int64": np.int64, "double": np.float64, "bool": np.bool_}
    none = {field.name: np.empty(0, kinds[str(field.type)]) for field in INSTRUMENTS}
    parts, row = [none], 0
    for shard in findings.effects.read(findings.names):
        for inside, locus in enumerate(shard.loci):
            for first, by_rule in answers:
                carries = first.local.instruments[row]
                parts += _rows(findings, by_rule, shard.effects.at(inside), locus, row, carries)
            row += 1
    units = findings.networks.scale.units()
    metadata = {
        "exposure_unit": units[findings.names[0]],
        "outcome_unit": units[findings.names[1]],
        "shared": repr(float(findings.networks.members.shared)),
    }
    write_table(path, concatenate(parts), INSTRUMENTS, metadata=metadata)


def _first_answers(findings: Findings) -> list[tuple[Answer, Answer]]:
    """Return each direction's first answer, and its first one over all instruments of the rule."""
    found: dict[tuple[str, str], list[Answer]] = {}
    for answer in findings.answers:
        found.setdefault((answer.exposure, answer.outcome), []).append(answer)
    return [
        (one[0], next((answer for answer in one if answer.method != CONCORDANT), one[0]))
        for one in found.values()
    ]


def _rows(
    findings: Findings,
    answer: Answer,
    effects: MemberEffects,
    locus: Interval,
    row: int,
    carries: np.ndarray,
) -> list[dict[str, np.ndarray]]:
    """Return the rows of a locus in one direction; none without instruments."""
    used = np.flatnonzero(answer.local.instruments[row, : effects.mask.shape[-1]])
    if not used.size:
        return []
    position, ref, alt = _alleles(findings, effects, locus, row, used)
    describe = effects.summarise if effects.n_members > 1 else effects.exact
    found = describe(answer.exposure, answer.outcome)
    same = {
        "chrom": np.full(used.size, locus.chrom, dtype=object),
        "start": np.full(used.size, locus.start),
        "end": np.full(used.size, locus.end),
        "exposure": np.full(used.size, answer.exposure, dtype=object),
        "outcome": np.full(used.size, answer.outcome, dtype=object),
    }
    names = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
    numbers = {name: getattr(found, name)[used] for name in names}
    alleles = {
        "variant": used,
        "concordant": carries[used],
        "position": position,
        "ref": ref,
        "alt": alt,
    }
    return [{**same, **alleles, **numbers}]


def _alleles(
    findings: Findings, effects: MemberEffects, locus: Interval, row: int, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return position, reference and alternative allele of some variants, as a VCF lists them."""
    listed = None if findings.variants.listed is None else findings.variants.listed[row]
    if listed is None:
        position = locus.start + effects.offset[used].astype(np.int64)
        return position, _LETTERS[effects.ref[used]], _LETTERS[effects.alt[used]]
    shown = [listed[k] for k in used]
    return (
        np.array([one.position for one in shown], dtype=np.int64),
        np.array([one.ref for one in shown], dtype=object),
        np.array([one.alt for one in shown], dtype=object),
    )
