"""Effects and estimates of a finished interrogation for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from deepmr.effect_shard import EffectShard
from deepmr.effects import MemberEffects
from deepmr.genome import Interval
from deepmr.inference.single_effects import honest_effects
from deepmr.io.manifest import is_finished, read_manifest
from deepmr.io.shard_format import read_header, read_scales
from deepmr.io.shard_store import ShardStore
from deepmr.io.tables import read_table
from deepmr.workflow.run_identity import read_config
from deepmr.workflow.table_measurement import read_alleles

__all__ = ["Exported", "VariantRows", "open_run", "variant_rows"]

STATUS = ("measured", "no_error", "no_effect", "missing")
"""What a row holds: an effect with its error; an effect whose error is unknown; an effect of
exactly 0 in every member, which is none; nothing."""

_LETTERS = np.asarray([*"ACGT", "N"], dtype=object)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A finished interrogation, open for export.

    Args:
        folder: Its folder.
        store: Its effects.
        tasks: Tasks to export.
        spread: Where members come from.
        error_ratios: See `deepmr.uncertainty.Members`.
        scale: Name of the effect scale.
        alleles: Alleles that are not single bases, by locus and place among its variants.
    """

    folder: Path
    store: ShardStore
    tasks: tuple[str, ...]
    spread: str
    error_ratios: tuple[float, ...]
    scale: str
    alleles: Mapping[tuple[int, int], tuple[str, str]]

    @property
    def pair(self) -> tuple[str, str]:
        """Exposure and outcome that were asked."""
        verdict = json.loads((self.folder / "verdict.json").read_text(encoding="utf-8"))
        return str(verdict["exposure"]), str(verdict["outcome"])

    @property
    def df(self) -> float:
        """Degrees of freedom of the errors."""
        members = self.store.n_members
        return float("inf") if members < 2 else members - 1.0

    @property
    def has_no_genome(self) -> bool:
        """Whether every locus is a sequence of its own, without a place on a genome."""
        chroms = {locus.chrom for locus in self.store.loci}
        starts = {locus.start for locus in self.store.loci}
        return starts == {0} and len(chroms) == len(self.store.loci)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRows:
    """Variants of a shard with their effects, mean over members, a row each.

    Args:
        locus: Position of each row's locus in the shard.
        variant: Its place among the variants of the locus.
        pos: First base of ``ref``, from 1.
        ref: Reference allele; ``N`` where it is unknown.
        alt: Alternative allele; ``N`` where the reference is unknown.
        exists: False for places without a variant: an unknown reference base, padding.
        effect: Alternative minus reference, a column a task; NaN where there is none.
        se: Standard errors, with what all members share; NaN where they are unknown.
        se_mean: Standard errors of the members' mean alone.
        status: One of `STATUS`, a column a task.
    """

    locus: Int64[np.ndarray, " row"]
    variant: Int64[np.ndarray, " row"]
    pos: Int64[np.ndarray, " row"]
    ref: Shaped[np.ndarray, " row"]
    alt: Shaped[np.ndarray, " row"]
    exists: Shaped[np.ndarray, " row"]
    effect: Float64[np.ndarray, "row task"]
    se: Float64[np.ndarray, "row task"]
    se_mean: Float64[np.ndarray, "row task"]
    status: Shaped[np.ndarray, "row task"]


def open_run(folder: Path, *, tasks: tuple[str, ...] = ()) -> Exported:
    """Open a finished interrogation.

    Args:
        folder: Its folder.
        tasks: Tasks to export; by default all whose effects were kept.

    Raises:
        FileNotFoundError: If the folder is no finished interrogation with effects.
        LookupError: If the effects of a task were not kept.
    """
    if not is_finished(folder):
        raise FileNotFoundError(
            f"{folder} is no finished run; name the folder of an interrogation "
            "(runs/interrogate/RUN/NAME)"
        )
    shards = sorted((folder / "effects").glob("shard-*.parquet"))
    if not shards or not (folder / "estimates.parquet").is_file():
        raise FileNotFoundError(
            f"{folder} holds no effects of variants: it is a training run, or was saved from "
            "memory; interrogate into a folder (deepmr interrogate) and export that"
        )
    manifest, header = read_manifest(folder), read_header(shards[0])
    unknown = [task for task in tasks if task not in header.tasks]
    if unknown:
        raise LookupError(
            f"{folder} keeps no effects on {unknown[0]}; it has {', '.join(header.tasks)}"
        )
    loci = read_table(folder / "loci.parquet", ["chrom", "start", "end"])
    members = manifest.get("members") or {}
    spread = str(manifest.get("uncertainty", ""))
    shared = members.get("shared", 0.0 if spread == "ensemble" else 1.0)
    store = ShardStore(
        folder / "effects",
        fingerprint=header.fingerprint,
        loci=_intervals(loci),
        loci_per_shard=header.n_loci,
        tasks=header.tasks,
        n_members=header.n_members,
        effect_scale=read_scales(shards[0]),
        shared=float(shared),
    )
    return Exported(
        folder=folder,
        store=store,
        tasks=tuple(tasks) or header.tasks,
        spread=spread,
        error_ratios=tuple(members.get("error_ratios", ())),
        scale=str(read_config(folder).get("scale", "")),
        alleles=read_alleles(store.folder) | _listed(folder, store),
    )


def _intervals(loci: Mapping[str, np.ndarray]) -> list[Interval]:
    columns = (loci["chrom"].tolist(), loci["start"].tolist(), loci["end"].tolist())
    return [Interval(*place) for place in zip(*columns, strict=True)]


def _listed(folder: Path, store: ShardStore) -> dict[tuple[int, int], tuple[str, str]]:
    """Return alleles of a VCF's run as the VCF spells them, by locus and place."""
    path = folder / "variants.parquet"
    if not path.is_file():
        return {}
    rows = read_table(path, ["chrom", "start", "end", "position", "ref", "alt", "task"])
    first = rows["task"] == rows["task"][0]
    spelled: dict[tuple[str, int, int], list[tuple[str, str]]] = {}
    columns = (rows[name][first].tolist() for name in ("chrom", "start", "end", "ref", "alt"))
    for chrom, start, end, ref, alt in zip(*columns, strict=True):
        spelled.setdefault((chrom, start, end), []).append((ref, alt))
    found: dict[tuple[int, int], tuple[str, str]] = {}
    for shard in store.read(store.tasks[:1]):
        for row, locus in enumerate(shard.loci):
            shown = np.flatnonzero(shard.effects.mask[row]).tolist()
            here = spelled.get((locus.chrom, locus.start, locus.end), [])
            number = shard.index * store.loci_per_shard + row
            found |= {(number, v): one for v, one in zip(shown, here, strict=False)}
    return found


def variant_rows(run: Exported) -> Iterator[tuple[EffectShard, VariantRows]]:
    """Yield the variants of each shard with mean effects and standard errors.

    Args:
        run: The interrogation.
    """
    for shard in run.store.read():
        yield shard, _rows(run, shard)


def _rows(run: Exported, shard: EffectShard) -> VariantRows:
    effects = shard.effects
    locus, variant = (one.reshape(-1) for one in np.indices(effects.mask.shape))
    known = effects.mask.reshape(-1)
    exists = known | (effects.ref.reshape(-1) >= 0)
    ref = _LETTERS[effects.ref.reshape(-1)]
    alt = _LETTERS[effects.alt.reshape(-1)]
    starts = shard.start[locus]
    first = shard.index * run.store.loci_per_shard
    for row in np.flatnonzero(effects.ref.reshape(-1) < 0).tolist():
        spelled = run.alleles.get((first + int(locus[row]), int(variant[row])))
        if spelled:
            ref[row], alt[row] = spelled
            exists[row] = True
    columns = [_summary(effects, task) for task in run.tasks]
    effect, se, se_mean = (
        np.stack([one[k].reshape(-1) for one in columns], axis=1) for k in range(3)
    )
    effect = np.where(known[:, None], effect, np.nan)
    se = np.where(np.isfinite(effect), se, np.nan)
    status = np.full(effect.shape, STATUS[0], dtype=object)
    status[np.isnan(se)] = STATUS[1]
    status[(effect == 0) & (se == 0)] = STATUS[2]
    status[np.isnan(effect)] = STATUS[3]
    return VariantRows(
        locus=locus,
        variant=variant,
        pos=starts + effects.offset.reshape(-1) + 1,
        ref=ref,
        alt=alt,
        exists=exists,
        effect=effect,
        se=np.where(status == STATUS[2], np.nan, se),
        se_mean=np.where(np.isfinite(se) & (status != STATUS[2]), se_mean, np.nan),
        status=status,
    )


def _summary(effects: MemberEffects, task: str) -> tuple[np.ndarray, ...]:
    """Return mean effects, their standard errors, and those of the members' mean alone.

    The errors are those of ``variants.parquet``; unknown ones of one member without any.
    """
    if effects.n_members < 2 and effects.se is None:
        value = effects.of(task)[:, 0]
        unknown = np.full_like(value, np.nan)
        return value, unknown, unknown
    found = effects.summarise(task, task)
    honest = honest_effects(effects, task, task)
    return found.beta_exposure, honest.se_exposure, found.se_exposure
