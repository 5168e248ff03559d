"""Summary statistics of association studies: GWAS-SSF 1.0, and the columns of TwoSampleMR."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from deepmr.data.effect_tables.columns import Batch, batches
from deepmr.data.effect_tables.format import EffectFormat, Tasks, signal
from deepmr.data.effect_tables.head import Head
from deepmr.data.effect_tables.rows import EffectRows, ReadSettings
from deepmr.data.text import lines
from deepmr.tasks import Task

__all__ = ["GWAS_SSF", "TWO_SAMPLE_MR"]

_NUMBERED = {"23": "X", "24": "Y", "25": "MT"}
_RATIOS = ("odds_ratio", "hazard_ratio")


def _tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    return (signal(settings.task or _effect(head)),)


def _effect(head: Head) -> str:
    return next(name for name in ("beta", *_RATIOS) if head.has(name))


def _read(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:  # noqa: ARG001
    name = _effect(head)
    extra = ["ref_allele"] if head.has("ref_allele") else []
    columns = ["chromosome", "base_pair_location", "effect_allele", "other_allele", name]
    one_based = _one_based(head) if settings.one_based is None else settings.one_based
    for batch in batches(head, [*columns, "standard_error", *extra]):
        effect = batch.numbers(name)
        if name in _RATIOS:  # their standard error is that of the logarithm
            with np.errstate(divide="ignore", invalid="ignore"):
                effect = np.where(effect > 0, np.log(effect), np.nan)
        chrom = [_NUMBERED.get(one, one) for one in batch.text("chromosome").tolist()]
        rows = _rows(
            batch,
            {"chrom": np.asarray(chrom, dtype=object), "effect": effect},
            pos=batch.positions("base_pair_location", one_based=one_based),
            task=settings.task or name,
            se="standard_error",
        )
        yield rows.flipped(batch.text("ref_allele") == "EA") if extra else rows


def _rows(
    batch: Batch,
    columns: Mapping[str, np.ndarray],
    *,
    pos: np.ndarray,
    task: str | np.ndarray,
    se: str,
) -> EffectRows:
    return EffectRows.of(
        pos=pos,
        ref=batch.text("other_allele"),
        alt=batch.text("effect_allele"),
        task=task,
        se=batch.numbers(se),
        **columns,
    )


def _one_based(head: Head) -> bool:
    """Return the coordinate system that the file of metadata beside it names; 1-based if none."""
    beside = head.path.with_name(f"{head.path.name}-meta.yaml")
    if not beside.is_file():
        return True
    found = [re.match(r"coordinate_system:\s*(\S+)", line) for line in lines(beside)]
    return not any(match and match[1].startswith("0") for match in found)


GWAS_SSF = EffectFormat(
    name="gwas_ssf",
    recognises=lambda head: (
        head.has(
            "chromosome", "base_pair_location", "effect_allele", "other_allele", "standard_error"
        )
        and any(head.has(name) for name in ("beta", *_RATIOS))
    ),
    read=_read,
    tasks=_tasks,
    note="Effects of the effect allele; where the file says which allele is the genome's, turned "
    "to alternative minus reference.",
)


def _exposure_tasks(head: Head, settings: ReadSettings) -> tuple[Task, ...]:
    if not head.has("chr", "pos"):
        raise ValueError(
            f"{head.path} knows variants by rsid alone; add the columns chr and pos "
            "(format_data(chr_col=, pos_col=)): effects lie in loci"
        )
    if settings.task or not head.has("Phenotype"):
        return (signal(settings.task or "beta"),)
    seen: dict[str, None] = {}
    for batch in batches(head, ["Phenotype"]):
        seen.update(dict.fromkeys(batch.text("Phenotype").tolist()))
    return tuple(signal(name) for name in seen if name)


def _read_exposure(head: Head, settings: ReadSettings, wanted: Tasks) -> Iterator[EffectRows]:
    named = head.has("Phenotype") and not settings.task
    _exposure_tasks(head, settings)
    columns = ["chr", "pos", "effect_allele", "other_allele", "beta", "se"]
    for batch in batches(head, [*columns, *(["Phenotype"] if named else [])]):
        rows = _rows(
            batch,
            {"chrom": batch.text("chr"), "effect": batch.numbers("beta")},
            pos=batch.positions("pos", one_based=settings.one_based is not False),
            task=batch.text("Phenotype") if named else settings.task or "beta",
            se="se",
        )
        yield rows if wanted is None else rows.where(np.isin(rows.task, list(wanted)))


TWO_SAMPLE_MR = EffectFormat(
    name="two_sample_mr",
    recognises=lambda head: head.has("SNP", "beta", "se", "effect_allele", "other_allele"),
    read=_read_exposure,
    tasks=_exposure_tasks,
    note="Effects of the effect allele, which may be the genome's: effects.genome= turns them.",
)
